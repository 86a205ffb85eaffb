// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A vault that pays for somebody's streams
/// @notice A payer whose stake many put together, for a set of streams of one owner, until an epoch. What was sponsored is shares of what
/// is left: it pays the pool's fee like any stake, and is billed for what the owner's keys sign beyond its quota, like any payer.
/// It is withdrawable after the pool's unbonding.
interface ISponsorVault {
    event VaultCreated(address indexed streamOwner, bytes32 indexed streams, uint64 endEpoch);
    event Sponsored(address indexed sponsor, uint256 amountWei, uint256 shares);
    /// @notice What lay here is staked: quota from the next epoch on.
    event Staked(uint256 amountWei);
    event WithdrawRequested(address indexed sponsor, uint64 indexed requestId, uint256 shares, uint256 amountWei);
    event Withdrawn(address indexed sponsor, uint64 indexed requestId, address recipient, uint256 amountWei);
    /// @notice The end epoch has begun, and the whole stake was asked back.
    event Ended(uint256 amountWei);
    /// @notice Overage took of what was leaving, noticed now: all that was asked for by then is worth less.
    event LossNoticed(uint256 lossWei);
    /// @notice Nothing was left of what the shares stood for: they are void, and the next sponsor gets the first of new ones.
    event BegunAnew(uint256 voidShares);

    /// @notice Thrown when somebody but the factory sets a vault up.
    error CallerNotFactory(address caller);
    /// @notice Thrown when a call is for the streams' owner only.
    error CallerNotStreamOwner(address caller);
    /// @notice Thrown when a contract other than the token calls `onTokenTransfer`.
    error CallerNotToken(address caller);
    /// @notice Thrown when ERC-677 data is neither empty nor 20 bytes.
    error BeneficiaryMalformed();
    /// @notice Thrown when shares are for the zero address, or a payment for it or the vault itself.
    error RecipientInvalid(address recipient);
    /// @notice Thrown when somebody sponsors less than the smallest amount.
    error AmountBelowMinimum(uint256 amountWei, uint256 minimumWei);
    /// @notice Thrown when a sponsor would get fewer shares than it would take.
    error SharesBelowMinimum(uint256 shares, uint256 minShares);
    /// @notice Thrown when a share is worth so much that a sponsor would lose more than a millionth by rounding.
    error SharesTooCoarse();
    /// @notice Thrown when the end epoch has begun.
    error VaultEnded(uint64 endEpoch);
    /// @notice Thrown when the end epoch has not begun.
    error VaultGoesOn(uint64 endEpoch);
    /// @notice Thrown when nothing is asked for, or more than the caller has.
    error SharesTooFew(uint256 shares, uint256 needed);
    /// @notice Thrown when the shares that are asked for are worth nothing.
    error RequestEmpty();
    /// @notice Thrown when the caller asked for nothing in that epoch, or has withdrawn it.
    error RequestUnknown(uint64 requestId);
    /// @notice Thrown when the pool did not give back yet what a request stands for.
    error RequestPending(uint64 earliestEpoch);
    /// @notice Thrown when a request can be paid, but not of what is here now.
    error NotFreeYet(uint256 neededWei, uint256 hereWei);
    /// @notice Thrown when there is nothing to stake.
    error NothingToStake();

    /// @notice Sets a clone up. The factory only, once.
    function initialize(address streamOwner, bytes32 streams, uint64 endEpoch) external;
    /// @notice Sponsors `amountWei` of the caller's tokens, approved before. They are staked by `stake`.
    /// @param minSharesOut The fewest shares that the caller takes for it.
    function sponsor(uint256 amountWei, uint256 minSharesOut) external returns (uint256 shares);
    /// @notice As `sponsor`, with an EIP-2612 permit in place of the approval. One that was used already does no harm.
    function sponsorWithPermit(uint256 amountWei, uint256 minSharesOut, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 shares);
    /// @notice ERC-677 hook: empty `data` sponsors for `sender`; 20 bytes name who gets the shares.
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data) external;
    /// @notice Stakes what lies here for it. Anyone may, until the end.
    function stake() external;
    /// @notice Asks for what the caller's `shares` stand for (all of them, for `type(uint256).max`); what of it is staked pays the running
    /// epoch's fee.
    /// @return requestId The running epoch. What is asked for in one epoch is one request.
    function requestWithdraw(uint256 shares) external returns (uint64 requestId);
    /// @notice Pays what the caller asked for in the epoch `requestId`, as soon as the pool gave it back.
    function withdraw(uint64 requestId, address recipient) external returns (uint256 amountWei);
    /// @notice Has the pool give back what is due. Anyone may; `withdraw` and `stake` do it where they need it.
    function bringIn() external;
    /// @notice From the end epoch on: asks for the whole stake back. Anyone may.
    function end() external;

    /// @notice The streams' owner only: lets `key` sign receipts that the vault pays for, as `StakePool.authorizeSessionKey` does.
    function authorizeSessionKey(address key, bytes calldata signature) external;
    /// @notice The streams' owner only: the key may sign up to the running epoch, and no later ones.
    function revokeSessionKey(address key) external;

    function streamOwner() external view returns (address);
    /// @notice What is sponsored: a stream's key, or the hash of a set of them, as the owner reads it.
    function streams() external view returns (bytes32);
    /// @notice The first epoch in which nothing is sponsored or staked any more.
    function endEpoch() external view returns (uint64);
    function totalShares() external view returns (uint256);
    function sharesOf(address account) external view returns (uint256);
    /// @notice What all shares stand for: the stake, and what is here or on its way back for them.
    function totalWei() external view returns (uint256);
    /// @notice What an account's shares stand for.
    function worthOf(address account) external view returns (uint256);
    /// @notice Where it is: `idleWei` lies here to be staked, `restWei` was asked back from the pool for the shares, and `owedWei` is what
    /// sponsors asked for and have not withdrawn.
    function holdings() external view returns (uint256 stakedWei, uint256 idleWei, uint256 restWei, uint256 owedWei);
    /// @notice What a request of somebody's is worth, and whether the pool gave it back.
    function requestOf(address account, uint64 requestId) external view returns (uint256 amountWei, bool isHere);
}

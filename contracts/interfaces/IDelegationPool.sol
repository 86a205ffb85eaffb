// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title A pool of delegators behind one operator
/// @notice Owns the operator's bond and is its payout address. Who delegates holds shares of what is in it, which carry what the operator
/// earns and what it is slashed for. Shares are an ERC-20 with 9 decimals; the views are ERC-4626's, requests are ERC-7540's, with the epoch
/// as the request's id. Only `redeem` differs from that: it names the request.
/// @dev Amounts inside are whole nano (1e-9 DATA), as in distributions.
interface IDelegationPool is IERC1271 {
    /// @notice The pool as it stands, an unnoticed slash included. Amounts in wei of DATA.
    struct Status {
        address owner;
        uint32 operatorId;
        /// What the shares stand for.
        uint256 activeWei;
        uint256 shares;
        uint256 ownShares;
        /// Income that is not released yet, and when all of it will be.
        uint256 unreleasedWei;
        uint64 releaseEnds;
        /// What was requested and is not redeemed yet.
        uint256 leavingWei;
        /// Income that came in and was not collected yet; a share of it is the owner's cut.
        uint256 uncollectedWei;
        /// The operator's bond, and what was taken out of it and is not back yet.
        uint256 bondWei;
        uint256 releasingWei;
        uint256 balanceWei;
        uint16 cutBps;
        /// The cut from `nextCutFrom` on; the same as `cutBps` if no rise is announced.
        uint16 nextCutBps;
        uint64 nextCutFrom;
        /// Whether the operator has asked to leave for good.
        bool retired;
    }

    event PoolCreated(uint32 indexed operatorId, address indexed owner, uint256 ownShares, uint16 cutBps);
    /// @notice ERC-4626: `assets` came in for `shares`.
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    /// @notice ERC-7540: `shares` stopped earning and are redeemed after the unbonding.
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    /// @notice ERC-4626: `assets` were paid out for `shares` that had been requested.
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    /// @param incomeWei What came in since the last time.
    /// @param cutWei The owner's part of it, for which it got `cutShares`.
    event Collected(uint256 incomeWei, uint256 cutWei, uint256 cutShares);
    /// @notice The bond was slashed, noticed now.
    /// @param byLeavingWei The part that those bear who have asked to leave.
    event LossNoticed(uint256 lossWei, uint256 byLeavingWei);
    /// @notice Somebody else added to the bond: it is the shares' now.
    event GiftNoticed(uint256 amountWei);
    event CutLowered(uint16 cutBps);
    event CutRiseAnnounced(uint16 cutBps, uint64 fromEpoch);
    event OwnerOffered(address indexed candidate);
    event OwnerChanged(address indexed owner);

    /// @notice Thrown when somebody but the factory sets a pool up.
    error CallerNotFactory(address caller);
    /// @notice Thrown when a call is for the pool's owner only.
    error CallerNotOwner(address caller);
    /// @notice Thrown when an offered ownership is taken by somebody else.
    error CallerNotOffered(address caller);
    /// @notice Thrown when an amount is below the smallest delegation.
    error DelegationBelowMinimum(uint256 amountWei, uint256 minimumWei);
    /// @notice Thrown when a delegation would get fewer shares than its sender would take.
    error SharesBelowMinimum(uint256 shares, uint256 minShares);
    /// @notice Thrown when a share is worth so much that a delegation would lose more than a millionth by rounding.
    error SharesTooCoarse();
    /// @notice Thrown when the owner would hold less than a twentieth of all shares.
    error OwnStakeTooSmall(uint256 ownShares, uint256 leastShares);
    /// @notice Thrown when the operator has asked to leave for good and somebody would still delegate.
    error PoolRetired();
    /// @notice Thrown when nothing is requested, or shares that are worth nothing.
    error RequestEmpty();
    /// @notice Thrown when more shares are moved or requested than there are.
    error SharesTooFew(address account, uint256 shares, uint256 needed);
    /// @notice Thrown when somebody moves or requests another's shares without an allowance for them.
    error AllowanceTooSmall(address spender, uint256 allowance, uint256 needed);
    /// @notice Thrown when shares, a request or a payment is for the zero address or the pool itself.
    error RecipientInvalid(address recipient);
    /// @notice Thrown when a request is redeemed before its unbonding is over.
    error RequestPending(uint64 redeemableFromEpoch);
    /// @notice Thrown when the caller has no such request, or redeemed it already.
    error RequestUnknown(uint64 requestId);
    /// @notice Thrown when the money of a request is still in the bond: `rebalance` takes it out.
    error NotFreeYet(uint256 neededWei, uint256 balanceWei);
    /// @notice Thrown when the books would hold more than 2^64 nano, or later than the year 2106.
    error BooksFull();
    /// @notice Thrown when a cut is above the most there may be.
    error CutTooLarge(uint16 cutBps, uint16 mostBps);
    /// @notice Thrown when a cut would rise too much at once.
    error CutRiseTooLarge(uint16 riseBps, uint16 mostBps);

    /// @notice Sets a clone up. The factory only, once: the operator must have been offered to this pool.
    function initialize(uint32 operatorId, address owner, uint16 cutBps) external;

    /// @notice Delegates `amountWei` of the caller's tokens, approved before; what is not a whole nano stays with the caller.
    /// @param minSharesOut The fewest shares that the caller takes for it.
    function delegate(uint256 amountWei, uint256 minSharesOut) external returns (uint256 shares);
    /// @notice Asks for what `shares` stand for now (all of the owner's, for `type(uint256).max`). They stop earning at once; what they stood
    /// for still answers for the operator, and is redeemed after `unbondingEpochs`.
    /// @param controller Who redeems it.
    /// @param owner Whose shares: the caller's, or another's with an allowance.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);
    /// @notice Pays out a request of the caller's, whole.
    /// @param requestId The epoch of the request.
    function redeem(uint64 requestId, address receiver) external returns (uint256 assetsWei);

    /// @notice Takes in what the operator was paid: the owner's cut at once, as shares; the rest is released over 14 epochs. Anyone may.
    function collect() external returns (uint256 incomeWei);
    /// @notice Moves what was delegated into the bond, what was requested out of it, and what is free of it here. Anyone may.
    function rebalance() external;

    /// @notice Owner only. Lowers the cut at once, or announces a rise for the epoch after the next `unbondingEpochs`; a new word
    /// replaces an announced rise.
    function setCut(uint16 cutBps) external;
    /// @notice Owner only. Offers the pool, with the operator, to somebody who has to accept.
    function offerOwner(address candidate) external;
    /// @notice The caller has to hold a twentieth of all shares itself.
    function acceptOwner() external;

    // What the registry's functions of the same names do, for the pool's owner.
    function addNode(uint32 operatorId, bytes32 node) external;
    function removeNode(uint32 operatorId, bytes32 node) external;
    function declareCapacity(uint32 operatorId, uint64 capacityBytes) external;
    function setMetadata(uint32 operatorId, string calldata metadata) external;
    /// @notice The operator leaves for good. Nobody can delegate from then on, and everybody can ask for what is theirs, the owner too.
    function requestExit(uint32 operatorId) external;

    function status() external view returns (Status memory);
    function operatorId() external view returns (uint32);
    function owner() external view returns (address);
    /// @notice Epochs between a request and its redemption: as long as a bond answers.
    function unbondingEpochs() external view returns (uint64);

    /// @notice ERC-4626. The token.
    function asset() external view returns (address);
    /// @notice ERC-4626. What all shares stand for; without what was requested, and without income that is not released yet.
    function totalAssets() external view returns (uint256 assetsWei);
    function convertToShares(uint256 assetsWei) external view returns (uint256 shares);
    function convertToAssets(uint256 shares) external view returns (uint256 assetsWei);
    /// @notice What `delegate` would give for `assetsWei` now.
    function previewDeposit(uint256 assetsWei) external view returns (uint256 shares);
    /// @notice The most that anybody but the owner can delegate now, given what the owner holds.
    function maxDeposit(address receiver) external view returns (uint256 assetsWei);
    /// @notice ERC-7540. Shares of a request whose unbonding is not over.
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    /// @notice ERC-7540. Shares of a request whose unbonding is over.
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    /// @notice What a request is worth now.
    function requestWorthWei(uint256 requestId, address controller) external view returns (uint256 assetsWei);
}

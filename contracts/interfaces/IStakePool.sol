// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stake pool
/// @notice Holds publishers' and subscribers' DATA stakes. A stake is a traffic quota; each epoch a small
/// percentage of every stake is taken as a fee, whose sum (the pot) is sent to the distributor.
interface IStakePool {
    event Staked(address indexed user, uint256 amountWei, uint256 shares);
    event UnstakeRequested(address indexed user, uint256 amountWei, uint256 shares, uint64 withdrawableEpoch);
    event Withdrawn(address indexed user, uint256 amountWei);
    event SessionKeyAuthorized(address indexed payer, address indexed key, uint64 fromEpoch);
    /// @param lastEpoch The last epoch for which the key may still sign receipts.
    event SessionKeyRevoked(address indexed payer, address indexed key, uint64 lastEpoch);
    /// @param potWei Sum of the fees taken for `epoch`.
    /// @param totalWei Sum of all stakes after the fee.
    event EpochClosed(uint64 indexed epoch, uint256 potWei, uint256 totalWei, uint256 feeRatePpb);

    function stake(uint256 amountWei) external;
    function stakeFor(address user, uint256 amountWei) external;
    function stakeWithPermit(uint256 amountWei, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    /// @notice ERC-677 hook: empty `data` stakes for `sender`; 20 or 32 bytes name the beneficiary.
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data) external;
    /// @notice Takes `amountWei` (or everything, for `type(uint256).max`) out of the caller's quota from the next epoch
    /// on; it pays the running epoch's fee and can be withdrawn from `withdrawableEpoch`.
    function requestUnstake(uint256 amountWei) external;
    function withdraw() external;

    /// @notice Closes every epoch that has ended and was not closed yet. Anyone may call.
    function closeEpochs() external;

    /// @param signature `key`'s EIP-712 signature over `SessionKeyAuthorization(address payer,address key)`.
    function authorizeSessionKey(address key, bytes calldata signature) external;
    function revokeSessionKey(address key) external;
    /// @notice True if `key` may sign receipts of `epoch` for `payer`; a payer may always sign for itself.
    function isAuthorized(address payer, address key, uint64 epoch) external view returns (bool);

    function genesis() external view returns (uint64 timestamp);
    function epochLength() external view returns (uint64 seconds_);
    function unbondingEpochs() external view returns (uint64);
    function minimumStakeWei() external view returns (uint256);
    function currentEpoch() external view returns (uint64);
    /// @notice Number of closed epochs: epochs `0 .. closedEpochs() - 1` are history and never change.
    function closedEpochs() external view returns (uint64);
    function stakeOf(address user) external view returns (uint256 amountWei);
    function totalStakedWei() external view returns (uint256);
    /// @notice What the pool took from `user`'s stake for a closed `epoch`.
    function feeOf(address user, uint64 epoch) external view returns (uint256 feeWei);
    /// @notice Payload bytes `user` may have carried in `epoch` (current or past): its stake at the epoch's start times
    /// `quotaBytesPerData`.
    function quotaOf(address user, uint64 epoch) external view returns (uint256 quotaBytes);
    function quotaBytesPerData() external view returns (uint256);
    function potOf(uint64 epoch) external view returns (uint256 potWei);
    /// @notice Sum of the pots of epochs `0 ..= epoch`.
    function fundedThroughWei(uint64 epoch) external view returns (uint256);
    function feeRatePpb() external view returns (uint256);
    /// @notice The EIP-712 domain separator of receipts (name "Tatum", version "1", this contract).
    function receiptDomainSeparator() external view returns (bytes32);
}

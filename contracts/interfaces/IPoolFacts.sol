// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a distribution is judged by, as the stake pool has it
/// @notice Every fact is about an epoch, and none changes once the epoch is closed: a proposal that was right when it was made
/// cannot become wrong. The settlement contracts read nothing else of the pool.
interface IPoolFacts {
    function genesis() external view returns (uint64 timestamp);
    function epochLength() external view returns (uint64 seconds_);
    /// @notice The EIP-712 domain separator of receipts.
    function receiptDomainSeparator() external view returns (bytes32);
    /// @notice What the pool took from `user`'s stake for a closed `epoch`.
    function feeOf(address user, uint64 epoch) external view returns (uint256 feeWei);
    /// @notice Payload bytes that `user` may have carried in `epoch`.
    function quotaOf(address user, uint64 epoch) external view returns (uint256 quotaBytes);
    /// @notice Whether `key` may sign receipts of `epoch` for `payer`.
    function isAuthorized(address payer, address key, uint64 epoch) external view returns (bool);
    /// @notice Sum of the fees taken for a closed `epoch`.
    function potOf(uint64 epoch) external view returns (uint256 potWei);
    /// @notice Sum of the pots of the closed epochs `0 ..= epoch`; fails for one that is not closed.
    function fundedThroughWei(uint64 epoch) external view returns (uint256);
    /// @notice The part of every fee that goes to the operators' common pool.
    function poolBps() external view returns (uint16);
    /// @notice The most that an operator gets of the common pool, as a share of what it is paid for its work; zero: no limit.
    function poolLimitBps() external view returns (uint16);
}

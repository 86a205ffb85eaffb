// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a distribution is judged by, as the operator registry has it
/// @notice Every fact is about an epoch, and none changes once the epoch has ended. The settlement contracts read nothing else of
/// the registry.
interface IOperatorFacts {
    /// @notice How many operators had registered before `epoch` began: those whose ids are below.
    function operatorCount(uint64 epoch) external view returns (uint32);
    /// @notice The bond that counts in `epoch`.
    function bondAt(uint32 operatorId, uint64 epoch) external view returns (uint256 bondWei);
    /// @notice The sum of `bondAt` over all operators.
    function totalBondAt(uint64 epoch) external view returns (uint256 bondWei);
    /// @notice The capacity that counts in `epoch`.
    function capacityAt(uint32 operatorId, uint64 epoch) external view returns (uint256 capacityBytes);
    /// @notice The sum of `capacityAt` over all operators.
    function totalCapacityAt(uint64 epoch) external view returns (uint256 capacityBytes);
    /// @notice Where the operator is paid for `epoch`.
    function payoutAt(uint32 operatorId, uint64 epoch) external view returns (address payout);
    /// @notice Whether `node` was the operator's at any time of `epoch`.
    function nodeOf(uint32 operatorId, bytes32 node, uint64 epoch) external view returns (bool);
}

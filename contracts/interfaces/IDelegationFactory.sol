// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Makes pools of delegators
/// @notice One for each operator, at an address that follows from its id.
interface IDelegationFactory {
    /// @notice Thrown when somebody makes a pool for another's operator.
    error CallerNotOperatorOwner(address caller);

    /// @notice Makes the pool of the caller's operator, which has been offered to `poolOf(operatorId)`. The bond becomes the caller's
    /// shares of it. What the operator was promised before and has not claimed is paid to the pool too: claim it first.
    function create(uint32 operatorId, uint16 cutBps) external returns (address pool);
    /// @notice Where the operator's pool is, or would be.
    function poolOf(uint32 operatorId) external view returns (address pool);
    /// @notice Whether the operator has its pool here.
    function isCreated(uint32 operatorId) external view returns (bool);
}

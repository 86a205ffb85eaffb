// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Operator registry
/// @notice Gives bonded operators a dense, append-only id and binds node keys to them.
interface IOperatorRegistry {
    struct Operator {
        address owner;
        address payout;
        uint128 bondWei;
        /// First epoch the operator is bonded for in full.
        uint64 bondedFromEpoch;
        /// First epoch the operator is no longer eligible for; `type(uint64).max` while it has not asked to leave.
        uint64 exitEpoch;
    }

    event OperatorRegistered(uint32 indexed operatorId, address indexed owner, address payout, uint256 bondWei, string metadata);
    event BondAdded(uint32 indexed operatorId, uint256 amountWei);
    event PayoutChanged(uint32 indexed operatorId, address payout);
    event MetadataChanged(uint32 indexed operatorId, string metadata);
    event NodeAdded(uint32 indexed operatorId, bytes32 indexed node);
    event NodeRemoved(uint32 indexed operatorId, bytes32 indexed node);
    event ExitRequested(uint32 indexed operatorId, uint64 exitEpoch);
    event BondWithdrawn(uint32 indexed operatorId, uint256 amountWei);
    event Slashed(uint32 indexed operatorId, uint256 amountWei, address indexed beneficiary);

    function register(address payout, uint128 bondWei, string calldata metadata) external returns (uint32 operatorId);
    function addBond(uint32 operatorId, uint128 amountWei) external;
    function setPayout(uint32 operatorId, address payout) external;
    function setMetadata(uint32 operatorId, string calldata metadata) external;
    /// @param node ed25519 public key of the node; unique across operators; small-order points are refused.
    function addNode(uint32 operatorId, bytes32 node) external;
    function removeNode(uint32 operatorId, bytes32 node) external;
    function requestExit(uint32 operatorId) external;
    function withdrawBond(uint32 operatorId) external;

    function minimumBondWei() external view returns (uint256);
    function operatorCount() external view returns (uint32);
    function operatorAt(uint32 operatorId) external view returns (Operator memory);
    /// @return registered False for an unknown node.
    function operatorOfNode(bytes32 node) external view returns (bool registered, uint32 operatorId);
    /// @notice True if the operator was bonded for the whole of `epoch`.
    function isEligible(uint32 operatorId, uint64 epoch) external view returns (bool);
}

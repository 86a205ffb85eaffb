// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Operator registry
/// @notice Gives bonded operators a dense, append-only id and binds node keys to them.
interface IOperatorRegistry {
    struct Operator {
        address owner;
        /// First epoch it can have worked: the one after its registration.
        uint64 firstEpoch;
        address payout;
        uint128 bondWei;
        /// First epoch the operator is bonded for in full.
        uint64 bondedFromEpoch;
        /// First epoch the operator is no longer eligible for; `type(uint64).max` while it has not asked to leave.
        uint64 exitEpoch;
    }

    event OperatorRegistered(
        uint32 indexed operatorId, address indexed owner, address payout, uint256 bondWei, string metadata
    );
    event BondAdded(uint32 indexed operatorId, uint256 amountWei);
    event PayoutChanged(uint32 indexed operatorId, address payout);
    event MetadataChanged(uint32 indexed operatorId, string metadata);
    event NodeAdded(uint32 indexed operatorId, bytes32 indexed node);
    event NodeRemoved(uint32 indexed operatorId, bytes32 indexed node);
    event ExitRequested(uint32 indexed operatorId, uint64 exitEpoch);
    event BondWithdrawn(uint32 indexed operatorId, uint256 amountWei);
    event Slashed(uint32 indexed operatorId, uint256 amountWei, address indexed beneficiary);
    event OperatorOwnerOffered(uint32 indexed operatorId, address indexed candidate);
    event OperatorOwnerChanged(uint32 indexed operatorId, address indexed owner);
    /// @notice `slasher` may slash from `activeEpoch` on; whoever does not trust it can have left with its bond by then.
    event SlasherNamed(address indexed slasher, uint64 activeEpoch);
    event SlasherRemoved(address indexed slasher);

    /// @notice Thrown when a deployment parameter is out of its range.
    error RegistryParameterInvalid();
    /// @notice Thrown when a call is for the operator's owner only.
    error CallerNotOperatorOwner(address caller);
    /// @notice Thrown when an offered ownership is taken by somebody else.
    error CallerNotCandidate(address caller);
    /// @notice Thrown when no operator has this id.
    error OperatorUnknown(uint32 operatorId);
    /// @notice Thrown when a registration's bond is below the minimum.
    error BondBelowMinimum(uint256 bondWei, uint256 minimumWei);
    /// @notice Thrown when a payout address is zero.
    error PayoutZero();
    /// @notice Thrown when a key is no canonical ed25519 encoding of a point of large order.
    error NodeKeyWeak(bytes32 node);
    /// @notice Thrown when a node key is, or once was, another operator's, or is this operator's already.
    error NodeTaken(bytes32 node, uint32 operatorId);
    /// @notice Thrown when a node is not the operator's.
    error NodeNotOurs(bytes32 node);
    /// @notice Thrown when an operator that has asked to leave does what only a staying one can.
    error OperatorLeaving(uint32 operatorId);
    /// @notice Thrown when a bond is withdrawn while it may still have to answer for an epoch, or there is none.
    error BondLocked(uint64 freeFromEpoch);
    /// @notice Thrown when a caller is no active slasher.
    error CallerNotSlasher(address caller);
    /// @notice Thrown when a slash is for an epoch that the operator did not work, or that its bond no longer answers for.
    error EpochNotAnswerable(uint64 epoch);

    /// @notice Gives the caller the next id, against a bond. Eligible for the common pool from the next epoch on.
    function register(address payout, uint128 bondWei, string calldata metadata) external returns (uint32 operatorId);
    /// @notice Anyone may add to a bond that stays. One that was slashed below the minimum counts again from the next epoch.
    function addBond(uint32 operatorId, uint128 amountWei) external;
    /// @notice Names where the operator is paid, from the next distribution on.
    function setPayout(uint32 operatorId, address payout) external;
    /// @notice Offers the operator to a new owner, who has to accept.
    function offerOperator(uint32 operatorId, address candidate) external;
    function acceptOperator(uint32 operatorId) external;
    function setMetadata(uint32 operatorId, string calldata metadata) external;
    /// @param node ed25519 public key of the node; unique across operators; small-order points are refused.
    function addNode(uint32 operatorId, bytes32 node) external;
    function removeNode(uint32 operatorId, bytes32 node) external;
    /// @notice Ends the operator's eligibility with the running epoch. It keeps its id and can not come back under it.
    function requestExit(uint32 operatorId) external;
    /// @notice Returns the bond to the owner, once it has no epoch left to answer for.
    function withdrawBond(uint32 operatorId) external;

    /// @notice Takes up to `amountWei` of the bond for something the operator did in `epoch`. Active slashers only, and only
    /// for an epoch the operator worked in and its bond still answers for: `epoch + answerEpochs >= current epoch`.
    /// @return takenWei What was left of the bond, if that is less.
    function slash(uint32 operatorId, uint256 amountWei, address beneficiary, uint64 epoch)
        external
        returns (uint256 takenWei);
    /// @notice Owner only. Active after `answerEpochs + 2` epochs, so that every operator can have left with its bond before.
    function nameSlasher(address slasher) external;
    /// @notice Owner only; at once.
    function removeSlasher(address slasher) external;

    /// @notice First epoch in which the slasher may slash; zero if it is not named.
    function slasherActiveFrom(address slasher) external view returns (uint64 epoch);
    /// @notice Epochs for which a bond answers after their end.
    function answerEpochs() external view returns (uint64);
    /// @notice Whether a distribution of `epoch` may pay the operator at `payout`: it can have worked in that epoch, and the
    /// address was its payout address at any moment since the epoch began.
    function canBePaid(uint32 operatorId, address payout, uint64 epoch) external view returns (bool);
    /// @notice Whether there is such an operator, registered before `epoch` began.
    function canHaveWorked(uint32 operatorId, uint64 epoch) external view returns (bool);
    function minimumBondWei() external view returns (uint256);
    function operatorCount() external view returns (uint32);
    function operatorAt(uint32 operatorId) external view returns (Operator memory);
    /// @return registered False for an unknown node.
    function operatorOfNode(bytes32 node) external view returns (bool registered, uint32 operatorId);
    /// @notice True if the operator was bonded for the whole of `epoch`.
    function isEligible(uint32 operatorId, uint64 epoch) external view returns (bool);
}

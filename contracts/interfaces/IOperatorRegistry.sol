// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Operator registry
/// @notice Gives bonded operators a dense, append-only id and binds node keys to them.
interface IOperatorRegistry {
    /// @notice An operator as it stands now. What counts of it in an epoch is told by the views that name one.
    struct Operator {
        address owner;
        /// First epoch it can have worked: the one after its registration.
        uint64 firstEpoch;
        address payout;
        uint128 bondWei;
        /// What it declared that its nodes carry in an epoch.
        uint64 capacityBytes;
        /// First epoch it is no longer bonded for; `type(uint64).max` while it has not asked to leave.
        uint64 exitEpoch;
    }

    event OperatorRegistered(
        uint32 indexed operatorId, address indexed owner, address payout, uint256 bondWei, string metadata
    );
    event BondAdded(uint32 indexed operatorId, uint256 amountWei);
    /// @param freeFromEpoch The first epoch in which it can be withdrawn; until then it answers as the rest of the bond does.
    event BondReduced(uint32 indexed operatorId, uint256 amountWei, uint64 freeFromEpoch);
    event ReleasedWithdrawn(uint32 indexed operatorId, uint256 amountWei);
    event CapacityDeclared(uint32 indexed operatorId, uint64 capacityBytes);
    /// @notice From `fromEpoch` on, this much of the operator's bond and capacity counts.
    event CapacityCounts(uint32 indexed operatorId, uint64 fromEpoch, uint256 bondWei, uint256 capacityBytes);
    event PayoutChanged(uint32 indexed operatorId, address payout);
    event MetadataChanged(uint32 indexed operatorId, string metadata);
    event NodeAdded(uint32 indexed operatorId, bytes32 indexed node, uint64 fromEpoch);
    /// @param lastEpoch The last epoch in which the node was the operator's.
    event NodeRemoved(uint32 indexed operatorId, bytes32 indexed node, uint64 lastEpoch);
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
    /// @notice Thrown when a node to add is the operator's already.
    error NodeOurs(bytes32 node);
    /// @notice Thrown when a node to remove is not the operator's.
    error NodeNotOurs(bytes32 node);
    /// @notice Thrown when an operator that has asked to leave does what only a staying one can.
    error OperatorLeaving(uint32 operatorId);
    /// @notice Thrown when a bond is withdrawn while it may still have to answer for an epoch, or there is none.
    error BondLocked(uint64 freeFromEpoch);
    /// @notice Thrown when nothing is to be taken out of a bond, or more than there is.
    error BondTooSmall(uint256 amountWei, uint256 bondWei);
    /// @notice Thrown when nothing that was taken out of a bond is free yet.
    error NothingReleased();
    /// @notice Thrown when a caller is no active slasher.
    error CallerNotSlasher(address caller);
    /// @notice Thrown when a slash is for an epoch that the operator did not work, or that its bond no longer answers for.
    error EpochNotAnswerable(uint64 epoch);

    /// @notice Gives the caller the next id, against a bond. It counts from the next epoch on.
    /// @param capacityBytes What its nodes will carry in an epoch; `type(uint64).max` for all that the bond backs.
    function register(address payout, uint128 bondWei, uint64 capacityBytes, string calldata metadata)
        external
        returns (uint32 operatorId);
    /// @notice Anyone may add to a bond that stays. Like every change of a bond or a capacity, it first closes epochs that have
    /// ended, and counts from the next epoch on; one that was slashed below the minimum counts again when it is enough.
    function addBond(uint32 operatorId, uint128 amountWei) external;
    /// @notice Takes a part out of a bond that stays, down to nothing. It counts no longer from the next epoch on (below the minimum
    /// nothing does), and is free after as many epochs as a whole bond after an exit; until then a slash takes it too.
    function reduceBond(uint32 operatorId, uint128 amountWei) external;
    /// @notice Pays the owner what was taken out of the bond and has no epoch left to answer for.
    function withdrawReleased(uint32 operatorId) external;
    /// @notice Declares what the operator's nodes carry in an epoch, which bounds what it can earn. It counts from the next epoch
    /// on, up to what the bond backs.
    function declareCapacity(uint32 operatorId, uint64 capacityBytes) external;
    /// @notice Names where the operator is paid, for the running epoch and later ones.
    function setPayout(uint32 operatorId, address payout) external;
    /// @notice Offers the operator to a new owner, who has to accept.
    function offerOperator(uint32 operatorId, address candidate) external;
    function acceptOperator(uint32 operatorId) external;
    function setMetadata(uint32 operatorId, string calldata metadata) external;
    /// @notice Names a node of the operator's, from the running epoch on. Another operator may name the same key: that takes nothing
    /// from this one, because a receipt is paid to the operator that it names, if the node is that operator's.
    /// @param node ed25519 public key of the node; small-order points are refused.
    function addNode(uint32 operatorId, bytes32 node) external;
    /// @notice The node is no longer the operator's from the next epoch on.
    function removeNode(uint32 operatorId, bytes32 node) external;
    /// @notice Bond and capacity no longer count from the next epoch on. It keeps its id and can not come back under it.
    function requestExit(uint32 operatorId) external;
    /// @notice Returns the bond to the owner, once it has no epoch left to answer for.
    function withdrawBond(uint32 operatorId) external;

    /// @notice Takes up to `amountWei` of the bond, and then of what was taken out of it and not withdrawn yet, for something the operator did in `epoch`. Active slashers only, and only
    /// for an epoch the operator worked in and its bond still answers for: `epoch + answerEpochs >= current epoch`.
    /// @return takenWei What was left of both, if that is less.
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
    function minimumBondWei() external view returns (uint256);
    function operatorAt(uint32 operatorId) external view returns (Operator memory);
    /// @notice What is held for the operator: its bond, and what was taken out of it and not withdrawn yet; and its exit's epoch.
    /// All zero if there is no such operator.
    function holdingOf(uint32 operatorId)
        external
        view
        returns (uint256 bondWei, uint256 releasingWei, uint64 exitEpoch);
    /// @notice The part of what was taken out of the bond that can be withdrawn now.
    function releasedOf(uint32 operatorId) external view returns (uint256 amountWei);

    /// @notice How many operators had registered before `epoch` began: those whose ids are below.
    function operatorCount(uint64 epoch) external view returns (uint32);
    /// @notice The bond that counts in `epoch`: what there was when it began; zero if it was below the minimum, or leaving.
    function bondAt(uint32 operatorId, uint64 epoch) external view returns (uint256 bondWei);
    /// @notice The sum of `bondAt` over all operators.
    function totalBondAt(uint64 epoch) external view returns (uint256 bondWei);
    /// @notice The capacity that counts in `epoch`: what was declared when it began, up to what the bond that counts backs.
    function capacityAt(uint32 operatorId, uint64 epoch) external view returns (uint256 capacityBytes);
    /// @notice The sum of `capacityAt` over all operators.
    function totalCapacityAt(uint64 epoch) external view returns (uint256 capacityBytes);
    /// @notice Where the operator is paid for `epoch`: the address it had named last when the epoch ended. Zero before it registered.
    function payoutAt(uint32 operatorId, uint64 epoch) external view returns (address payout);
    /// @notice Whether `node` was the operator's at any time of `epoch`.
    function nodeOf(uint32 operatorId, bytes32 node, uint64 epoch) external view returns (bool);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {NodeKey} from "../libraries/NodeKey.sol";

/// @title Operator registry
/// @notice See IOperatorRegistry.
/// @dev The owner (a timelock, or nobody) can do nothing but name and remove slashers.
contract OperatorRegistry is IOperatorRegistry, Ownable {
    using SafeERC20 for IERC20;

    struct Node {
        bool known;
        bool active;
        uint32 operatorId;
    }

    /// @dev A bond that nobody could ever withdraw would deter the honest first.
    uint64 private constant LONGEST_ANSWER = 1000;

    /// @notice The token that bonds are in.
    IERC20 public immutable token;
    /// @notice The pool whose epochs count.
    IStakePool public immutable stakePool;
    /// @inheritdoc IOperatorRegistry
    uint256 public immutable minimumBondWei;
    /// @inheritdoc IOperatorRegistry
    uint64 public immutable answerEpochs;

    Operator[] private _operators;
    mapping(uint32 operatorId => address) private _candidates;
    /// @dev The last epoch in which the address was the operator's payout and was replaced, plus one.
    mapping(uint32 operatorId => mapping(address payout => uint64)) private _replacedBefore;
    mapping(bytes32 node => Node) private _nodes;
    mapping(address slasher => uint64) private _slashers;

    modifier onlyOperatorOwner(uint32 operatorId) {
        if (_operator(operatorId).owner != msg.sender) revert CallerNotOperatorOwner(msg.sender);
        _;
    }

    /// @param owner_ A timelock; the zero address means that nobody ever names a slasher beyond `slashers`.
    /// @param slashers Contracts that may slash from the start.
    constructor(
        IERC20 token_,
        IStakePool stakePool_,
        uint256 minimumBondWei_,
        uint64 answerEpochs_,
        address owner_,
        address[] memory slashers
    ) Ownable(address(this)) {
        if (
            minimumBondWei_ == 0 || answerEpochs_ == 0 || answerEpochs_ > LONGEST_ANSWER
                || address(token_) == address(0) || address(stakePool_) == address(0)
        ) {
            revert RegistryParameterInvalid();
        }
        token = token_;
        stakePool = stakePool_;
        minimumBondWei = minimumBondWei_;
        answerEpochs = answerEpochs_;
        for (uint256 i = 0; i < slashers.length; ++i) {
            _nameSlasher(slashers[i], 1);
        }
        _transferOwnership(owner_);
    }

    /// @inheritdoc IOperatorRegistry
    function register(address payout, uint128 bondWei, string calldata metadata) external returns (uint32 operatorId) {
        // Check: somewhere to pay, and enough of a bond.
        if (payout == address(0)) revert PayoutZero();
        if (bondWei < minimumBondWei) revert BondBelowMinimum(bondWei, minimumBondWei);

        // Effect: the next id, eligible from the next epoch on.
        uint64 epoch = stakePool.currentEpoch();
        operatorId = uint32(_operators.length);
        _operators.push(Operator(msg.sender, epoch + 1, payout, bondWei, epoch + 1, type(uint64).max));
        emit OperatorRegistered(operatorId, msg.sender, payout, bondWei, metadata);

        // Interaction: the bond comes in.
        token.safeTransferFrom(msg.sender, address(this), bondWei);
    }

    /// @inheritdoc IOperatorRegistry
    function addBond(uint32 operatorId, uint128 amountWei) external {
        Operator storage operator = _operator(operatorId);
        if (operator.exitEpoch != type(uint64).max) revert OperatorLeaving(operatorId);

        // Effect: more bond; a slashed operator counts again from the next epoch.
        operator.bondWei += amountWei;
        if (operator.bondedFromEpoch == type(uint64).max && operator.bondWei >= minimumBondWei) {
            operator.bondedFromEpoch = stakePool.currentEpoch() + 1;
        }
        emit BondAdded(operatorId, amountWei);

        // Interaction: it comes in.
        token.safeTransferFrom(msg.sender, address(this), amountWei);
    }

    /// @inheritdoc IOperatorRegistry
    function setPayout(uint32 operatorId, address payout) external onlyOperatorOwner(operatorId) {
        if (payout == address(0)) revert PayoutZero();
        Operator storage operator = _operator(operatorId);
        _replacedBefore[operatorId][operator.payout] = stakePool.currentEpoch() + 1;
        operator.payout = payout;
        emit PayoutChanged(operatorId, payout);
    }

    /// @inheritdoc IOperatorRegistry
    function setMetadata(uint32 operatorId, string calldata metadata) external onlyOperatorOwner(operatorId) {
        emit MetadataChanged(operatorId, metadata);
    }

    /// @inheritdoc IOperatorRegistry
    function offerOperator(uint32 operatorId, address candidate) external onlyOperatorOwner(operatorId) {
        _candidates[operatorId] = candidate;
        emit OperatorOwnerOffered(operatorId, candidate);
    }

    /// @inheritdoc IOperatorRegistry
    function acceptOperator(uint32 operatorId) external {
        if (_candidates[operatorId] != msg.sender) revert CallerNotCandidate(msg.sender);
        delete _candidates[operatorId];
        _operator(operatorId).owner = msg.sender;
        emit OperatorOwnerChanged(operatorId, msg.sender);
    }

    /// @inheritdoc IOperatorRegistry
    function addNode(uint32 operatorId, bytes32 node) external onlyOperatorOwner(operatorId) {
        // Check: a sound key that is nobody else's; an operator can take back a key it removed.
        if (NodeKey.isWeak(node)) revert NodeKeyWeak(node);
        Node memory found = _nodes[node];
        if (found.known && (found.active || found.operatorId != operatorId)) revert NodeTaken(node, found.operatorId);

        // Effect: the node is this operator's.
        _nodes[node] = Node(true, true, operatorId);
        emit NodeAdded(operatorId, node);
    }

    /// @inheritdoc IOperatorRegistry
    function removeNode(uint32 operatorId, bytes32 node) external onlyOperatorOwner(operatorId) {
        Node memory found = _nodes[node];
        if (!found.active || found.operatorId != operatorId) revert NodeNotOurs(node);
        _nodes[node].active = false;
        emit NodeRemoved(operatorId, node);
    }

    /// @inheritdoc IOperatorRegistry
    function requestExit(uint32 operatorId) external onlyOperatorOwner(operatorId) {
        Operator storage operator = _operator(operatorId);
        if (operator.exitEpoch != type(uint64).max) revert OperatorLeaving(operatorId);
        uint64 exitEpoch = stakePool.currentEpoch() + 1;
        operator.exitEpoch = exitEpoch;
        emit ExitRequested(operatorId, exitEpoch);
    }

    /// @inheritdoc IOperatorRegistry
    function withdrawBond(uint32 operatorId) external onlyOperatorOwner(operatorId) {
        // Check: the last epoch it worked (exitEpoch − 1) is out of reach of every slasher.
        Operator storage operator = _operator(operatorId);
        uint64 freeFrom = operator.exitEpoch == type(uint64).max ? type(uint64).max : operator.exitEpoch + answerEpochs;
        uint256 bondWei = operator.bondWei;
        if (bondWei == 0 || stakePool.currentEpoch() < freeFrom) revert BondLocked(freeFrom);

        // Effect: no bond is left.
        operator.bondWei = 0;
        emit BondWithdrawn(operatorId, bondWei);

        // Interaction: pay it out.
        token.safeTransfer(msg.sender, bondWei);
    }

    /// @inheritdoc IOperatorRegistry
    function slash(uint32 operatorId, uint256 amountWei, address beneficiary, uint64 epoch)
        external
        returns (uint256 takenWei)
    {
        // Check: by an active slasher, for an epoch that it worked and that the bond answers for.
        uint64 current = stakePool.currentEpoch();
        uint64 activeFrom = _slashers[msg.sender];
        if (activeFrom == 0 || current < activeFrom) revert CallerNotSlasher(msg.sender);
        Operator storage operator = _operator(operatorId);
        bool worked = epoch >= operator.firstEpoch && epoch < operator.exitEpoch;
        if (!worked || epoch > current || epoch + answerEpochs < current) revert EpochNotAnswerable(epoch);

        // Effect: the bond shrinks; below the minimum, it no longer makes the operator eligible.
        takenWei = amountWei < operator.bondWei ? amountWei : operator.bondWei;
        operator.bondWei -= uint128(takenWei);
        if (operator.bondWei < minimumBondWei) operator.bondedFromEpoch = type(uint64).max;
        emit Slashed(operatorId, takenWei, beneficiary);

        // Interaction: pay the beneficiary.
        token.safeTransfer(beneficiary, takenWei);
    }

    /// @inheritdoc IOperatorRegistry
    function nameSlasher(address slasher) external onlyOwner {
        _nameSlasher(slasher, stakePool.currentEpoch() + answerEpochs + 2);
    }

    /// @inheritdoc IOperatorRegistry
    function removeSlasher(address slasher) external onlyOwner {
        delete _slashers[slasher];
        emit SlasherRemoved(slasher);
    }

    /// @inheritdoc IOperatorRegistry
    function slasherActiveFrom(address slasher) external view returns (uint64) {
        return _slashers[slasher];
    }

    /// @inheritdoc IOperatorRegistry
    function operatorCount() external view returns (uint32) {
        return uint32(_operators.length);
    }

    /// @inheritdoc IOperatorRegistry
    function operatorAt(uint32 operatorId) external view returns (Operator memory) {
        return _operator(operatorId);
    }

    /// @inheritdoc IOperatorRegistry
    function operatorOfNode(bytes32 node) external view returns (bool registered, uint32 operatorId) {
        Node memory found = _nodes[node];
        return (found.active, found.operatorId);
    }

    /// @inheritdoc IOperatorRegistry
    function isEligible(uint32 operatorId, uint64 epoch) external view returns (bool) {
        Operator storage operator = _operator(operatorId);
        return operator.bondedFromEpoch <= epoch && epoch < operator.exitEpoch;
    }

    /// @inheritdoc IOperatorRegistry
    function canBePaid(uint32 operatorId, address payout, uint64 epoch) external view returns (bool) {
        if (operatorId >= _operators.length) return false;
        Operator storage operator = _operators[operatorId];
        return
            operator.firstEpoch <= epoch && (operator.payout == payout || _replacedBefore[operatorId][payout] > epoch);
    }

    /// @inheritdoc IOperatorRegistry
    function canHaveWorked(uint32 operatorId, uint64 epoch) external view returns (bool) {
        return operatorId < _operators.length && _operators[operatorId].firstEpoch <= epoch;
    }

    function _nameSlasher(address slasher, uint64 activeEpoch) private {
        _slashers[slasher] = activeEpoch;
        emit SlasherNamed(slasher, activeEpoch);
    }

    function _operator(uint32 operatorId) private view returns (Operator storage) {
        if (operatorId >= _operators.length) revert OperatorUnknown(operatorId);
        return _operators[operatorId];
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {NodeKey} from "../libraries/NodeKey.sol";
import {OperatorFacts} from "./OperatorFacts.sol";

/// @title Operator registry
/// @notice See IOperatorRegistry. What operators do; OperatorFacts keeps what was true in which epoch.
/// @dev The owner (a timelock, or nobody) can do nothing but name and remove slashers.
contract OperatorRegistry is OperatorFacts, Ownable {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev The second slot is what a pool of delegators looks at each time somebody comes or goes.
    struct Record {
        address owner;
        uint32 firstEpoch;
        uint64 capacityBytes;
        uint96 bondWei;
        uint96 releasingWei;
        uint64 exitEpoch;
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

    mapping(uint32 operatorId => Record) private _operators;
    /// @dev What was ever taken out of a bond, by the first epoch in which it is free. What is gone of it, withdrawn or slashed, is its
    /// newest value less what is still releasing; what is slashed counts as the oldest, so it lets nothing out early.
    mapping(uint32 operatorId => Checkpoints.Trace208) private _releases;
    mapping(uint32 operatorId => address) private _candidates;
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
    function register(address payout, uint128 bondWei, uint64 capacityBytes, string calldata metadata)
        external
        returns (uint32 operatorId)
    {
        // Check: somewhere to pay, and enough of a bond.
        if (payout == address(0)) revert PayoutZero();
        if (bondWei < minimumBondWei) revert BondBelowMinimum(bondWei, minimumBondWei);

        // Effect: the next id; it counts from the next epoch on.
        uint64 epoch = _closeEpochs();
        operatorId = operatorCount(type(uint64).max);
        uint32 firstEpoch = uint256(epoch + 1).toUint32();
        _operators[operatorId] =
            Record(msg.sender, firstEpoch, capacityBytes, uint256(bondWei).toUint96(), 0, type(uint64).max);
        _count(epoch, uint256(operatorId) + 1);
        _payAt(operatorId, epoch, payout);
        _weigh(operatorId, epoch, bondWei, capacityBytes);
        emit OperatorRegistered(operatorId, msg.sender, payout, bondWei, metadata);
        emit CapacityDeclared(operatorId, capacityBytes);

        // Interaction: the bond comes in.
        token.safeTransferFrom(msg.sender, address(this), bondWei);
    }

    /// @inheritdoc IOperatorRegistry
    function addBond(uint32 operatorId, uint128 amountWei) external {
        Record storage operator = _staying(operatorId);

        // Effect: more bond, from the next epoch on.
        operator.bondWei += uint256(amountWei).toUint96();
        _recount(operatorId, operator);
        emit BondAdded(operatorId, amountWei);

        // Interaction: it comes in.
        token.safeTransferFrom(msg.sender, address(this), amountWei);
    }

    /// @inheritdoc IOperatorRegistry
    function reduceBond(uint32 operatorId, uint128 amountWei) external onlyOperatorOwner(operatorId) {
        // Check: the bond has it.
        Record storage operator = _staying(operatorId);
        uint256 bondWei = operator.bondWei;
        if (amountWei == 0 || amountWei > bondWei) revert BondTooSmall(amountWei, bondWei);

        // Effect: it counts no longer from the next epoch on, and answers for this one as long as the rest does.
        operator.bondWei = uint96(bondWei - amountWei);
        operator.releasingWei += uint96(amountWei);
        _recount(operatorId, operator);
        uint64 freeFrom = stakePool.currentEpoch() + 1 + answerEpochs;
        Checkpoints.Trace208 storage releases = _releases[operatorId];
        releases.push(uint48(freeFrom), releases.latest() + amountWei);
        emit BondReduced(operatorId, amountWei, freeFrom);
    }

    /// @inheritdoc IOperatorRegistry
    function withdrawReleased(uint32 operatorId) external onlyOperatorOwner(operatorId) {
        // Check: something is free.
        uint256 amountWei = releasedOf(operatorId);
        if (amountWei == 0) revert NothingReleased();

        // Effect: it is gone.
        _operators[operatorId].releasingWei -= uint96(amountWei);
        emit ReleasedWithdrawn(operatorId, amountWei);

        // Interaction: pay it out.
        token.safeTransfer(msg.sender, amountWei);
    }

    /// @inheritdoc IOperatorRegistry
    function declareCapacity(uint32 operatorId, uint64 capacityBytes) external onlyOperatorOwner(operatorId) {
        Record storage operator = _staying(operatorId);
        operator.capacityBytes = capacityBytes;
        _recount(operatorId, operator);
        emit CapacityDeclared(operatorId, capacityBytes);
    }

    /// @inheritdoc IOperatorRegistry
    function setPayout(uint32 operatorId, address payout) external onlyOperatorOwner(operatorId) {
        if (payout == address(0)) revert PayoutZero();
        _payAt(operatorId, stakePool.currentEpoch(), payout);
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
        if (NodeKey.isWeak(node)) revert NodeKeyWeak(node);
        uint64 epoch = stakePool.currentEpoch();
        if (!_openNode(operatorId, node, epoch)) revert NodeOurs(node);
        emit NodeAdded(operatorId, node, epoch);
    }

    /// @inheritdoc IOperatorRegistry
    function removeNode(uint32 operatorId, bytes32 node) external onlyOperatorOwner(operatorId) {
        uint64 epoch = stakePool.currentEpoch();
        if (!_closeNode(operatorId, node, epoch)) revert NodeNotOurs(node);
        emit NodeRemoved(operatorId, node, epoch);
    }

    /// @inheritdoc IOperatorRegistry
    function requestExit(uint32 operatorId) external onlyOperatorOwner(operatorId) {
        Record storage operator = _staying(operatorId);
        uint64 exitEpoch = stakePool.currentEpoch() + 1;
        operator.exitEpoch = exitEpoch;
        _recount(operatorId, operator);
        emit ExitRequested(operatorId, exitEpoch);
    }

    /// @inheritdoc IOperatorRegistry
    function withdrawBond(uint32 operatorId) external onlyOperatorOwner(operatorId) {
        // Check: the last epoch it worked (exitEpoch − 1) is out of reach of every slasher.
        Record storage operator = _operator(operatorId);
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
        Record storage operator = _operator(operatorId);
        bool worked = epoch >= operator.firstEpoch && epoch < operator.exitEpoch;
        if (!worked || epoch > current || epoch + answerEpochs < current) revert EpochNotAnswerable(epoch);

        // Effect: the bond shrinks; from the next epoch on, what is left counts, or nothing if that is below the minimum.
        (uint256 bondWei, uint256 releasingWei) = (operator.bondWei, operator.releasingWei);
        takenWei = amountWei < bondWei + releasingWei ? amountWei : bondWei + releasingWei;
        uint256 ofBondWei = takenWei < bondWei ? takenWei : bondWei;
        operator.bondWei = uint96(bondWei - ofBondWei);
        operator.releasingWei = uint96(releasingWei - (takenWei - ofBondWei));
        _recount(operatorId, operator);
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
    function holdingOf(uint32 operatorId)
        external
        view
        returns (uint256 bondWei, uint256 releasingWei, uint64 exitEpoch)
    {
        Record storage operator = _operators[operatorId];
        return (operator.bondWei, operator.releasingWei, operator.exitEpoch);
    }

    /// @inheritdoc IOperatorRegistry
    function releasedOf(uint32 operatorId) public view returns (uint256) {
        Checkpoints.Trace208 storage releases = _releases[operatorId];
        uint256 goneWei = releases.latest() - _operators[operatorId].releasingWei;
        uint256 freedWei = releases.upperLookupRecent(uint48(stakePool.currentEpoch()));
        return freedWei > goneWei ? freedWei - goneWei : 0;
    }

    /// @inheritdoc IOperatorRegistry
    function operatorAt(uint32 operatorId) external view returns (Operator memory) {
        Record memory operator = _operator(operatorId);
        return Operator(
            operator.owner,
            operator.firstEpoch,
            _payout(operatorId),
            operator.bondWei,
            operator.capacityBytes,
            operator.exitEpoch
        );
    }

    function _nameSlasher(address slasher, uint64 activeEpoch) private {
        _slashers[slasher] = activeEpoch;
        emit SlasherNamed(slasher, activeEpoch);
    }

    /// @dev A stretch of missed epochs has one sum of bonds and capacities, so nothing changes before the last of them is closed.
    function _closeEpochs() private returns (uint64 epoch) {
        stakePool.closeEpochs();
        return stakePool.currentEpoch();
    }

    /// @dev Writes down what counts of the operator from the next epoch on.
    function _recount(uint32 operatorId, Record storage operator) private {
        bool counts = operator.exitEpoch == type(uint64).max && operator.bondWei >= minimumBondWei;
        _weigh(operatorId, _closeEpochs(), counts ? operator.bondWei : 0, operator.capacityBytes);
    }

    function _staying(uint32 operatorId) private view returns (Record storage operator) {
        operator = _operator(operatorId);
        if (operator.exitEpoch != type(uint64).max) revert OperatorLeaving(operatorId);
    }

    function _operator(uint32 operatorId) private view returns (Record storage operator) {
        operator = _operators[operatorId];
        if (operator.owner == address(0)) revert OperatorUnknown(operatorId);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDelegationPool} from "../interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {DelegationShares} from "./DelegationShares.sol";

/// @title A pool in the seat of an operator's owner
/// @notice What the pool's owner may have the operator do, the cut, and the bond. The owner reaches neither the payout address nor the bond
/// nor the registry's ownership: there is no function for any of them.
abstract contract OperatorSeat is DelegationShares {
    /// @dev The most that an owner's cut may be, and may rise at once.
    uint16 private constant MOST_CUT_BPS = 5000;
    uint16 private constant MOST_RISE_BPS = 500;

    IERC20 internal immutable TOKEN;
    IOperatorRegistry internal immutable REGISTRY;
    address private immutable FACTORY;
    uint64 private immutable GENESIS;
    uint64 internal immutable EPOCH_LENGTH;
    uint64 internal immutable UNBONDING_EPOCHS;

    /// @dev What the registry held for the operator when we looked last, and who owns this pool.
    struct Seat {
        uint96 heldWei;
        address owner;
    }

    struct Cut {
        uint16 bps;
        uint16 nextBps;
        /// Zero if no rise is announced.
        uint64 nextFrom;
        address candidate;
    }

    Seat internal _seat;
    Cut private _cut;

    modifier onlyOwner() {
        if (msg.sender != _seat.owner) revert CallerNotOwner(msg.sender);
        _;
    }

    constructor(IERC20 token, IOperatorRegistry registry, IStakePool stakePool) {
        (TOKEN, REGISTRY, FACTORY) = (token, registry, msg.sender);
        (GENESIS, EPOCH_LENGTH) = (stakePool.genesis(), stakePool.epochLength());
        // What was in the bond in the epoch of a request answers for that epoch as long as the rest does.
        UNBONDING_EPOCHS = registry.answerEpochs() + 1;
    }

    /// @inheritdoc IDelegationPool
    function initialize(uint32 operatorId_, address owner_, uint16 cutBps) external {
        // Check: by the factory, which makes each pool once.
        if (msg.sender != FACTORY) revert CallerNotFactory(msg.sender);
        if (cutBps > MOST_CUT_BPS) revert CutTooLarge(cutBps, MOST_CUT_BPS);
        (uint256 bondWei, uint256 releasingWei, uint64 exitEpoch) = REGISTRY.holdingOf(operatorId_);
        if (exitEpoch != type(uint64).max) revert PoolRetired();

        // Effect: what is held for the operator is the owner's shares.
        uint256 nano = (bondWei + releasingWei) / WEI_PER_NANO;
        _saveActive(Active(nano, nano, 0, block.timestamp));
        _saveLeaving(Leaving(0, 0, 0, 0, 0, operatorId_));
        _saveAccount(owner_, nano, 0, true);
        _seat = Seat(uint96(bondWei + releasingWei), owner_);
        _cut.bps = cutBps;
        emit Transfer(address(0), owner_, nano);
        emit PoolCreated(operatorId_, owner_, nano, cutBps);

        // Interaction: the operator is this pool's, and is paid here.
        REGISTRY.acceptOperator(operatorId_);
        REGISTRY.setPayout(operatorId_, address(this));
        // The registry takes tokens from nobody but who calls it.
        TOKEN.approve(address(REGISTRY), type(uint256).max);
    }

    /// @inheritdoc IDelegationPool
    function setCut(uint16 cutBps) external onlyOwner {
        // What came in before the word is cut as before.
        _collect();
        uint16 before = _cutBps();
        if (cutBps <= before) {
            (_cut.bps, _cut.nextFrom) = (cutBps, 0);
            emit CutLowered(cutBps);
            return;
        }
        if (cutBps > MOST_CUT_BPS) revert CutTooLarge(cutBps, MOST_CUT_BPS);
        if (cutBps - before > MOST_RISE_BPS) revert CutRiseTooLarge(cutBps - before, MOST_RISE_BPS);
        // This epoch is not whole any more.
        uint64 fromEpoch = _currentEpoch() + UNBONDING_EPOCHS + 1;
        (_cut.bps, _cut.nextBps, _cut.nextFrom) = (before, cutBps, fromEpoch);
        emit CutRiseAnnounced(cutBps, fromEpoch);
    }

    /// @inheritdoc IDelegationPool
    function offerOwner(address candidate) external onlyOwner {
        _cut.candidate = candidate;
        emit OwnerOffered(candidate);
    }

    /// @inheritdoc IDelegationPool
    function acceptOwner() external {
        if (msg.sender != _cut.candidate) revert CallerNotOffered(msg.sender);
        _cut.candidate = address(0);
        uint256 scale = _loadLeaving().activeScale;
        _saveAccount(_seat.owner, _balanceOf(_seat.owner, scale), scale, false);
        uint256 shares = _balanceOf(msg.sender, scale);
        _saveAccount(msg.sender, shares, scale, true);
        _seat.owner = msg.sender;
        _checkOwnStake(shares, _loadActive().shares);
        emit OwnerChanged(msg.sender);
    }

    /// @inheritdoc IDelegationPool
    function addNode(uint32 operatorId_, bytes32 node) external onlyOwner {
        REGISTRY.addNode(operatorId_, node);
    }

    /// @inheritdoc IDelegationPool
    function removeNode(uint32 operatorId_, bytes32 node) external onlyOwner {
        REGISTRY.removeNode(operatorId_, node);
    }

    /// @inheritdoc IDelegationPool
    function declareCapacity(uint32 operatorId_, uint64 capacityBytes) external onlyOwner {
        REGISTRY.declareCapacity(operatorId_, capacityBytes);
    }

    /// @inheritdoc IDelegationPool
    function setMetadata(uint32 operatorId_, string calldata metadata) external onlyOwner {
        REGISTRY.setMetadata(operatorId_, metadata);
    }

    /// @inheritdoc IDelegationPool
    function requestExit(uint32 operatorId_) external onlyOwner {
        REGISTRY.requestExit(operatorId_);
    }

    /// @inheritdoc IERC1271
    /// @dev The word of the pool's owner is the pool's: so an operator that has a pool assents to lists of receipts. Nothing but assents takes a contract's word here. DATA's permits do not, so no signature reaches what the pool holds.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bool isOwners = SignatureChecker.isValidSignatureNow(_seat.owner, hash, signature);
        return isOwners ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @inheritdoc IDelegationPool
    function owner() external view returns (address) {
        return _seat.owner;
    }

    /// @inheritdoc IDelegationPool
    function operatorId() external view returns (uint32) {
        return _operatorId();
    }

    /// @inheritdoc IDelegationPool
    function unbondingEpochs() external view returns (uint64) {
        return UNBONDING_EPOCHS;
    }

    function _operatorId() internal view returns (uint32) {
        return uint32(_loadLeaving().operatorId);
    }

    function _collect() internal virtual returns (uint256 incomeWei);

    function _cutBps() internal view returns (uint16) {
        return _cut.nextFrom != 0 && _currentEpoch() >= _cut.nextFrom ? _cut.nextBps : _cut.bps;
    }

    /// @dev The cut now, and what it will be from which epoch on, if a rise is still to come.
    function _cuts() internal view returns (uint16 bps, uint16 nextBps, uint64 nextFrom) {
        bps = _cutBps();
        if (_currentEpoch() < _cut.nextFrom) return (bps, _cut.nextBps, _cut.nextFrom);
        return (bps, bps, 0);
    }

    function _isRetired() internal view override returns (bool) {
        (,, uint64 exitEpoch) = REGISTRY.holdingOf(_operatorId());
        return exitEpoch != type(uint64).max;
    }

    /// @dev As the stake pool counts them.
    function _currentEpoch() internal view returns (uint64) {
        if (block.timestamp <= GENESIS) return 0;
        unchecked {
            return uint64((block.timestamp - GENESIS) / EPOCH_LENGTH);
        }
    }

    /// @dev Looks whether the bond was slashed, or somebody else added to it.
    function _syncBond() internal returns (bool retired) {
        (uint256 bondWei, uint256 releasingWei, uint64 exitEpoch) = REGISTRY.holdingOf(_operatorId());
        uint256 beforeWei = _seat.heldWei;
        if (bondWei + releasingWei != beforeWei) _bookChange(beforeWei, bondWei + releasingWei);
        return exitEpoch != type(uint64).max;
    }

    /// @dev What changed in the registry without our doing.
    function _bookChange(uint256 beforeWei, uint256 heldWei) private {
        Active memory active = _loadActive();
        Leaving memory leaving = _loadLeaving();
        _release(active, leaving.releaseEnds);
        uint256 byLeaving = _change(active, leaving, beforeWei, heldWei);
        _saveActive(active);
        _saveLeaving(leaving);
        _seat.heldWei = uint96(heldWei);
        if (heldWei > beforeWei) emit GiftNoticed(heldWei - beforeWei);
        else emit LossNoticed(beforeWei - heldWei, byLeaving * WEI_PER_NANO);
    }

    /// @dev The same for what a view holds in memory.
    function _change(Active memory active, Leaving memory leaving, uint256 beforeWei, uint256 heldWei)
        internal
        pure
        returns (uint256 byLeaving)
    {
        if (heldWei > beforeWei) {
            active.nano += (heldWei - beforeWei) / WEI_PER_NANO;
            return 0;
        }
        return _lose(active, leaving, Math.ceilDiv(beforeWei - heldWei, WEI_PER_NANO));
    }

    /// @dev Brings here what the registry gives back, and notes what it holds then.
    function _bringIn() internal {
        uint32 id = _operatorId();
        if (REGISTRY.releasedOf(id) != 0) REGISTRY.withdrawReleased(id);
        (uint256 bondWei,, uint64 exitEpoch) = REGISTRY.holdingOf(id);
        bool isFree = exitEpoch != type(uint64).max && _currentEpoch() >= exitEpoch + UNBONDING_EPOCHS - 1;
        if (bondWei != 0 && isFree) REGISTRY.withdrawBond(id);
        _noteHolding(id);
    }

    /// @dev After what this pool itself did with the bond.
    function _noteHolding(uint32 id) internal {
        (uint256 bondWei, uint256 releasingWei,) = REGISTRY.holdingOf(id);
        _seat.heldWei = uint96(bondWei + releasingWei);
    }
}

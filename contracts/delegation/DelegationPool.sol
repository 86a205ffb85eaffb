// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDelegationPool} from "../interfaces/IDelegationPool.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {OperatorSeat} from "./OperatorSeat.sol";

/// @title A pool of delegators behind one operator
/// @notice See IDelegationPool. The ways in and out; DelegationBooks keeps the books, DelegationShares the shares, OperatorSeat what the
/// operator does. What is here and what the registry holds is never less than what the books say.
/// @dev The token calls nobody back, and nothing is done after it was called but what its answer does not change.
contract DelegationPool is OperatorSeat {
    using SafeERC20 for IERC20;

    /// @dev The smallest delegation.
    uint256 private constant LEAST_NANO = 1e9;
    /// @dev One part of so many is the most that a delegation loses by rounding.
    uint256 private constant COARSE_PARTS = 1e6;

    constructor(IERC20 token, IOperatorRegistry registry, IStakePool stakePool)
        OperatorSeat(token, registry, stakePool)
    {}

    /// @inheritdoc IDelegationPool
    function delegate(uint256 amountWei, uint256 minSharesOut) external returns (uint256 shares) {
        // Check: the pool goes on, and slashes are known before a share has a price.
        uint256 nano = amountWei / WEI_PER_NANO;
        if (nano < LEAST_NANO) revert DelegationBelowMinimum(amountWei, LEAST_NANO * WEI_PER_NANO);
        if (_syncBond()) revert PoolRetired();
        Active memory active = _loadActive();
        Leaving memory leaving = _loadLeaving();
        _resume(active, leaving);
        _release(active, leaving.releaseEnds);
        shares = _buy(active, nano);
        if (shares < minSharesOut) revert SharesBelowMinimum(shares, minSharesOut);

        // Effect: both grow, and the owner still has its part.
        _saveActive(active);
        _give(msg.sender, shares, leaving.activeScale);
        _checkOwnStake(_balanceOf(_seat.owner, leaving.activeScale), active.shares);
        emit Transfer(address(0), msg.sender, shares);
        emit Deposit(msg.sender, msg.sender, nano * WEI_PER_NANO, shares);

        // Interaction: the tokens come in, or all is undone. `rebalance` puts them into the bond.
        TOKEN.safeTransferFrom(msg.sender, address(this), nano * WEI_PER_NANO);
    }

    /// @inheritdoc IDelegationPool
    function requestRedeem(uint256 shares, address controller, address owner_) external returns (uint256 requestId) {
        // Check: they are the caller's to request. A slash that is not known yet falls on both books alike.
        if (controller == address(0)) revert RecipientInvalid(controller);
        Active memory active = _loadActive();
        Leaving memory leaving = _loadLeaving();
        if (shares == type(uint256).max) shares = _balanceOf(owner_, leaving.activeScale);
        if (owner_ != msg.sender) _spendAllowance(owner_, shares);
        (uint256 left, bool wasOwner) = _take(owner_, shares, leaving.activeScale);

        // Effect: what they stand for goes over to the leaving book.
        _release(active, leaving.releaseEnds);
        uint256 leavingShares = _leave(active, leaving, shares);
        _saveActive(active);
        _saveLeaving(leaving);
        requestId = _currentEpoch();
        _addToRequest(controller, requestId, leavingShares, shares, leaving.scale);
        if (wasOwner) _checkOwnStake(left, active.shares);
        emit Transfer(owner_, address(0), shares);
        emit RedeemRequest(controller, owner_, requestId, msg.sender, shares);
    }

    /// @inheritdoc IDelegationPool
    function redeem(uint64 requestId, address receiver) external returns (uint256 assetsWei) {
        // Check: the unbonding is over, and slashes are known.
        if (receiver == address(0) || receiver == address(this)) revert RecipientInvalid(receiver);
        if (requestId + UNBONDING_EPOCHS > _currentEpoch()) revert RequestPending(requestId + UNBONDING_EPOCHS);
        _syncBond();
        Leaving memory leaving = _loadLeaving();
        (uint256 part, uint256 shares) = _loadRequest(msg.sender, requestId, leaving.scale);
        if (shares == 0) revert RequestUnknown(requestId);

        // Effect: it is redeemed, whatever is left of it.
        uint256 nano = _worth(part, leaving.shares, leaving.nano);
        _deleteRequest(msg.sender, requestId);
        leaving.nano -= nano;
        leaving.shares -= part;
        _saveLeaving(leaving);
        assetsWei = nano * WEI_PER_NANO;
        emit Withdraw(msg.sender, receiver, msg.sender, assetsWei, shares);

        // Interaction: pay.
        _fetch(assetsWei);
        TOKEN.safeTransfer(receiver, assetsWei);
    }

    /// @inheritdoc IDelegationPool
    function collect() external returns (uint256 incomeWei) {
        return _collect();
    }

    /// @inheritdoc IDelegationPool
    function rebalance() external {
        _collect();
        _bringIn();
        uint32 id = _operatorId();
        (uint256 bondWei,, uint64 exitEpoch) = REGISTRY.holdingOf(id);
        // After an exit the whole bond is on its way.
        if (exitEpoch != type(uint64).max) return;
        uint256 activeWei = _loadActive().nano * WEI_PER_NANO;
        if (bondWei > activeWei) {
            REGISTRY.reduceBond(id, uint128(bondWei - activeWei));
        } else {
            // No more than the bond lacks: what was requested and is not on its way out of it stays here, by the books.
            uint256 amountWei = Math.min(activeWei - bondWei, TOKEN.balanceOf(address(this)));
            if (amountWei != 0) REGISTRY.addBond(id, uint128(amountWei));
        }
        _noteHolding(id);
    }

    /// @inheritdoc IDelegationPool
    function status() external view returns (Status memory now_) {
        (Active memory active, Leaving memory leaving) = _current();
        (now_.owner, now_.operatorId) = (_seat.owner, uint32(leaving.operatorId));
        (now_.activeWei, now_.shares) = (active.nano * WEI_PER_NANO, active.shares);
        now_.ownShares = _balanceOf(_seat.owner, leaving.activeScale);
        (now_.unreleasedWei, now_.releaseEnds) = (active.unreleasedNano * WEI_PER_NANO, uint64(leaving.releaseEnds));
        now_.leavingWei = leaving.nano * WEI_PER_NANO;
        now_.balanceWei = TOKEN.balanceOf(address(this));
        uint64 exitEpoch;
        (now_.bondWei, now_.releasingWei, exitEpoch) = REGISTRY.holdingOf(uint32(leaving.operatorId));
        now_.uncollectedWei = _incomeNano(active, leaving, now_.bondWei + now_.releasingWei) * WEI_PER_NANO;
        (now_.cutBps, now_.nextCutBps, now_.nextCutFrom) = _cuts();
        now_.retired = exitEpoch != type(uint64).max;
    }

    /// @inheritdoc IDelegationPool
    function asset() external view returns (address) {
        return address(TOKEN);
    }

    /// @inheritdoc IDelegationPool
    function totalAssets() external view returns (uint256) {
        (Active memory active,) = _current();
        return active.nano * WEI_PER_NANO;
    }

    /// @inheritdoc IDelegationPool
    function convertToShares(uint256 assetsWei) external view returns (uint256) {
        return _sharesForWei(assetsWei);
    }

    /// @inheritdoc IDelegationPool
    function previewDeposit(uint256 assetsWei) external view returns (uint256) {
        return _sharesForWei(assetsWei);
    }

    /// @inheritdoc IDelegationPool
    function convertToAssets(uint256 shares) external view returns (uint256) {
        (Active memory active,) = _current();
        return _worth(shares, active.shares, active.nano) * WEI_PER_NANO;
    }

    /// @inheritdoc IDelegationPool
    function maxDeposit(address) external view returns (uint256) {
        (Active memory active, Leaving memory leaving) = _current();
        uint256 most = _balanceOf(_seat.owner, leaving.activeScale) * OWN_STAKE_PARTS;
        if (most <= active.shares || _isRetired()) return 0;
        return _worth(most - active.shares, active.shares, active.nano) * WEI_PER_NANO;
    }

    /// @inheritdoc IDelegationPool
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return requestId + UNBONDING_EPOCHS > _currentEpoch() ? _requestedShares(controller, requestId) : 0;
    }

    /// @inheritdoc IDelegationPool
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return requestId + UNBONDING_EPOCHS > _currentEpoch() ? 0 : _requestedShares(controller, requestId);
    }

    /// @inheritdoc IDelegationPool
    function requestWorthWei(uint256 requestId, address controller) external view returns (uint256) {
        (, Leaving memory leaving) = _current();
        (uint256 part,) = _loadRequest(controller, requestId, leaving.scale);
        return _worth(part, leaving.shares, leaving.nano) * WEI_PER_NANO;
    }

    /// @dev Time stood still for income while there was no share; now it goes on.
    function _resume(Active memory active, Leaving memory leaving) private {
        if (active.shares != 0 || active.unreleasedNano == 0) return;
        leaving.releaseEnds = block.timestamp + leaving.releaseEnds - active.releasedAt;
        active.releasedAt = block.timestamp;
        _saveLeaving(leaving);
    }

    /// @dev Shares of the active book for `nano` that come in, which may not lose more than a part of it by rounding.
    function _buy(Active memory active, uint256 nano) private pure returns (uint256 shares) {
        shares = _sharesFor(nano, active.shares, active.nano);
        active.nano += nano;
        active.shares += shares;
        if (_worth(shares, active.shares, active.nano) + nano / COARSE_PARTS < nano) revert SharesTooCoarse();
    }

    /// @dev Moves what `shares` stand for from one book to the other; returns the shares that it gets there.
    function _leave(Active memory active, Leaving memory leaving, uint256 shares)
        private
        pure
        returns (uint256 leavingShares)
    {
        uint256 nano = _worth(shares, active.shares, active.nano);
        leavingShares = _sharesFor(nano, leaving.shares, leaving.nano);
        if (leavingShares == 0) revert RequestEmpty();
        // No more than there is goes out of the one, and neither sum for the other has more than 162 bits.
        unchecked {
            active.nano -= nano;
            active.shares -= shares;
            leaving.nano += nano;
            leaving.shares += leavingShares;
        }
    }

    function _collect() internal override returns (uint256 incomeWei) {
        // Check: what came in beyond what the books know.
        _syncBond();
        Active memory active = _loadActive();
        Leaving memory leaving = _loadLeaving();
        _release(active, leaving.releaseEnds);
        uint256 nano = _incomeNano(active, leaving, _seat.heldWei);
        if (nano == 0) return 0;

        // Effect: the cut becomes shares of the owner, at the price without this income; the rest waits for its time.
        uint256 cutNano = nano * _cutBps() / 10_000;
        uint256 shares = _sharesFor(cutNano, active.shares, active.nano);
        active.nano += cutNano;
        active.shares += shares;
        _earn(active, leaving, nano - cutNano, RELEASE_EPOCHS * EPOCH_LENGTH);
        _saveActive(active);
        _saveLeaving(leaving);
        address owner_ = _seat.owner;
        _give(owner_, shares, leaving.activeScale);
        emit Transfer(address(0), owner_, shares);
        emit Collected(nano * WEI_PER_NANO, cutNano * WEI_PER_NANO, shares);
        return nano * WEI_PER_NANO;
    }

    /// @dev Makes sure that so much is here.
    function _fetch(uint256 amountWei) private {
        if (TOKEN.balanceOf(address(this)) >= amountWei) return;
        _bringIn();
        uint256 balanceWei = TOKEN.balanceOf(address(this));
        if (balanceWei < amountWei) revert NotFreeYet(amountWei, balanceWei);
    }

    /// @dev The books as they would stand after a look at the registry.
    function _current() private view returns (Active memory active, Leaving memory leaving) {
        (active, leaving) = (_loadActive(), _loadLeaving());
        _release(active, leaving.releaseEnds);
        (uint256 bondWei, uint256 releasingWei,) = REGISTRY.holdingOf(uint32(leaving.operatorId));
        _change(active, leaving, _seat.heldWei, bondWei + releasingWei);
    }

    function _sharesForWei(uint256 assetsWei) private view returns (uint256) {
        (Active memory active,) = _current();
        return _sharesFor(assetsWei / WEI_PER_NANO, active.shares, active.nano);
    }

    /// @dev What is here and in the registry beyond what the books know.
    function _incomeNano(Active memory active, Leaving memory leaving, uint256 heldWei) private view returns (uint256) {
        uint256 bookedNano = active.nano + leaving.nano + active.unreleasedNano;
        return (TOKEN.balanceOf(address(this)) + heldWei - bookedNano * WEI_PER_NANO) / WEI_PER_NANO;
    }
}

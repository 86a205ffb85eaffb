// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IStakePool} from "../interfaces/IStakePool.sol";
import {Timeline} from "../libraries/Timeline.sol";
import {PoolLedger} from "./PoolLedger.sol";

/// @title Exits of the stake pool
/// @notice When stakes that were asked out can be withdrawn, and what overage takes of them.
///
/// An exit of epoch x is due at `x + unbonding`, but not before an epoch begins with x final: so there is always the rest of an epoch in
/// which a payer's overage can be filed and its stake is still here. An outage of the settlement must not keep stakes for
/// ever, so at `x + 3 · unbonding` it is due all the same.
///
/// What overage takes of exits is a debt that the next withdrawals pay; the money is in the pot at once. A debt is never more than
/// the exits that stand against it, each counted after its fee, so what is withdrawn never falls below zero.
abstract contract ExitLedger is PoolLedger {
    using Timeline for Timeline.Line;

    /// @dev The epoch in which somebody asks counts, however little is left of it: two make sure of a whole one.
    uint64 private constant SHORTEST_UNBONDING = 2;
    uint64 private constant LONGEST_UNBONDING = 1000;
    /// @dev Nobody waits longer for a distribution that does not become final.
    uint256 private constant LONGEST_WAIT = 3;
    /// @dev Exits, newest first, that one charge looks at. Each is an epoch's, so settlement would have to be that far behind.
    uint256 private constant EXITS_PER_CHARGE = 50;

    uint64 internal immutable UNBONDING_EPOCHS;

    /// @dev What overage took of the user's exits that are not settled.
    mapping(address user => uint256) private _debtWei;

    constructor(uint64 unbonding) {
        if (unbonding < SHORTEST_UNBONDING || unbonding > LONGEST_UNBONDING) revert PoolParameterInvalid();
        UNBONDING_EPOCHS = unbonding;
    }

    /// @inheritdoc IStakePool
    function unbondingEpochs() external view returns (uint64) {
        return UNBONDING_EPOCHS;
    }

    /// @inheritdoc IStakePool
    function withdrawalsOf(address user) external view returns (uint256 withdrawableWei, uint256 unbondingWei) {
        uint256 settled;
        (withdrawableWei, settled) = _due(user, currentEpoch(), type(uint256).max);
        uint256 end = _exits[user].head.archived;
        for (uint256 index = settled; index <= end; ++index) {
            unbondingWei += _exitWorth(user, index);
        }
        uint256 debtWei = _debtWei[user];
        uint256 nowWei = Math.min(debtWei, withdrawableWei);
        (withdrawableWei, unbondingWei) = (withdrawableWei - nowWei, unbondingWei - (debtWei - nowWei));
    }

    /// @dev Works off exits from the oldest unsettled one. `settled` counts the exits that need no more work.
    function _due(address user, uint256 epoch, uint256 limit)
        internal
        view
        returns (uint256 amountWei, uint256 settled)
    {
        Timeline.Head storage head = _exits[user].head;
        settled = head.settled;
        if (head.sum == 0) return (0, settled);
        uint256 newest = head.archived;
        while (limit > 0 && settled <= newest) {
            if (!_isDue(_exits[user].mark(settled).epoch, epoch)) break;
            amountWei += _exitWorth(user, settled);
            ++settled;
            --limit;
        }
    }

    /// @dev What of a withdrawal pays the user's debt.
    function _payDebt(address user, uint256 amountWei) internal returns (uint256 paidWei) {
        uint256 debtWei = _debtWei[user];
        if (debtWei == 0) return 0;
        paidWei = Math.min(debtWei, amountWei);
        unchecked {
            _debtWei[user] = debtWei - paidWei;
        }
    }

    /// @dev Takes up to `billWei` of the user's stake, and what is missing of its exits of epochs from `epoch` on.
    function _charge(address user, uint64 epoch, uint256 running, uint256 billWei)
        internal
        returns (uint256 chargedWei)
    {
        (uint256 stakeWei, uint256 shares) = _takeStake(user, running, billWei);
        uint256 leavingWei = billWei == stakeWei ? 0 : _takeLeaving(user, epoch, running, billWei - stakeWei);
        emit OverageCharged(user, uint64(running), stakeWei, shares, leavingWei);
        return stakeWei + leavingWei;
    }

    /// @dev The shares are gone at once, from the running epoch's totals and from the user's line alike, so that the fees of all users
    /// stay the pot. Their price does not fall by it.
    function _takeStake(address user, uint256 running, uint256 billWei)
        private
        returns (uint256 takenWei, uint256 shares)
    {
        Totals memory totals = _recordOf(running);
        shares = _heldNow(user, totals.scale);
        takenWei = _worth(shares, totals);
        if (billWei < takenWei) (takenWei, shares) = (billWei, _sharesFor(billWei, totals));
        // A user's shares are some of the total, and so is their worth.
        unchecked {
            totals.totalWei -= uint96(takenWei);
            totals.totalShares -= uint128(shares);
        }
        _keep(running, totals);
        _added[user].remove(running, totals.scale, shares, Math.Rounding.Floor);
    }

    function _takeLeaving(address user, uint64 epoch, uint256 running, uint256 missingWei)
        private
        returns (uint256 takenWei)
    {
        uint256 debtWei = _debtWei[user];
        uint256 leavingWei = _leavingWei(user, epoch, running);
        if (leavingWei <= debtWei) return 0;
        unchecked {
            takenWei = Math.min(missingWei, leavingWei - debtWei);
            _debtWei[user] = debtWei + takenWei;
        }
    }

    /// @dev What the user's unsettled exits of epochs from `epoch` on will be worth at least.
    function _leavingWei(address user, uint64 epoch, uint256 running) private view returns (uint256 worthWei) {
        Timeline.Head storage head = _exits[user].head;
        if (head.sum == 0) return 0;
        // Indices have 32 bits and worths 96: nothing wraps.
        unchecked {
            uint256 settled = head.settled;
            uint256 index = uint256(head.archived) + 1;
            for (uint256 left = EXITS_PER_CHARGE; left != 0 && index > settled; --left) {
                --index;
                uint256 asked = _exits[user].mark(index).epoch;
                if (asked < epoch) break;
                uint256 exitWei = _exitWorth(user, index);
                // The running epoch's fee is still to be paid of it, and no exit pays more than the rate.
                worthWei += asked == running ? exitWei * (PPB - FEE_RATE_PPB) / PPB : exitWei;
            }
        }
    }

    function _isDue(uint256 asked, uint256 epoch) private view returns (bool) {
        if (epoch < asked + UNBONDING_EPOCHS) return false;
        return _wasFinal(asked) || epoch >= asked + LONGEST_WAIT * UNBONDING_EPOCHS;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IStakePool} from "../interfaces/IStakePool.sol";
import {FeeMath} from "../libraries/FeeMath.sol";
import {Timeline} from "../libraries/Timeline.sol";
import {EpochClock} from "./EpochClock.sol";

/// @title Books of the stake pool
/// @notice Shares against a stored total: `stake = shares · totalWei / totalShares`, floored. Closing an epoch lowers the
/// total, so it costs the same for any number of stakers; the shares' price only falls (but for flooring in the
/// stakers' favour, less than 1 wei in all per addition or exit), so there is nothing to gain from donations.
///
/// One record (one slot) per epoch holds the totals that paid its fee; it is the live book while the epoch runs and history
/// afterwards. A stretch of missed epochs has one record at its start: nothing was added to or left it, so every epoch inside
/// follows from the formula of FeeMath.
/// @dev Shares grow against the stakes that they stand for. When an epoch opens with more than 2^32 of them to a wei, 32 bits are cut
/// off (the record's *scale* rises by one), off the total and, when they are read, off every user's: a user loses less than a wei by it.
/// So the shares of the whole supply stay below 2^123, and the books never end.
abstract contract PoolLedger is EpochClock {
    using SafeCast for uint256;
    using Timeline for Timeline.Line;
    using Timeline for Timeline.Mark;

    /// @dev Totals at an epoch's fee.
    struct Totals {
        uint96 totalWei;
        uint128 totalShares;
        /// How often 32 bits were cut off all shares by then.
        uint16 scale;
        /// Zero without a record, `RECORDED`, or `CHARGED` if overage was charged while the epoch ran.
        uint8 record;
    }

    struct Book {
        uint32 closedEpochs;
        /// Shares that leave at the end of epoch `closedEpochs`.
        uint128 exitingShares;
        /// Sum of the pots of all closed epochs.
        uint96 fundedWei;
    }

    /// @dev What was sent to the distributor, and how far its distributions are final. One slot.
    struct Sent {
        /// Pots of closed epochs that went to the distributor.
        uint96 sentWei;
        /// The epoch in which a distribution became final last.
        uint32 finalIn;
        /// How many epochs were final when that began, and how many are now.
        uint32 finalBefore;
        uint32 finalEpochs;
    }

    /// @dev Missed epochs `first .. end` (exclusive) that were closed at once; only `first` has a record.
    struct Stretch {
        uint32 first;
        uint32 end;
    }

    /// @notice Missed epochs for which a catch-up still emits one `EpochClosed` each.
    uint256 public constant CATCH_UP_EVENTS = 32;

    /// @dev The fee of every epoch, in parts per billion of every stake: 1 %, for ever.
    uint256 internal constant FEE_RATE_PPB = 10_000_000;
    uint256 internal constant PPB = 1e9;

    /// @notice The smallest dust floor: with it, the rounding of FeeMath stays far below one epoch's fee.
    uint256 public constant MIN_DUST_FLOOR_WEI = 1e12;

    uint8 private constant RECORDED = 1;
    uint8 private constant CHARGED = 2;

    uint256 private immutable DUST_FLOOR_WEI;

    mapping(uint256 epoch => Totals) private _totals;
    Book internal _book;
    Sent private _sent;
    Stretch[] private _stretches;
    /// @dev `epoch (32 bits) ‖ funded wei (96 bits)`, ascending, one per finalized distribution.
    uint128[] private _fundingMarks;
    /// @dev Shares a user ever got, and ever asked to take out. `_added.through(e) − _exits.through(e − 1)` pay the fee of epoch e.
    mapping(address user => Timeline.Line) internal _added;
    /// @dev What overage added to the pot of the epoch that ran when it was charged; read only where the record says so.
    mapping(uint256 epoch => uint256) private _chargedWei;
    mapping(address user => Timeline.Line) internal _exits;

    constructor(uint64 genesis_, uint64 epochLength_, uint256 dustFloorWei_) EpochClock(genesis_, epochLength_) {
        if (dustFloorWei_ < MIN_DUST_FLOOR_WEI) revert PoolParameterInvalid();
        DUST_FLOOR_WEI = dustFloorWei_;
        _totals[0].record = RECORDED;
    }

    /// @inheritdoc IStakePool
    function closedEpochs() external view returns (uint64) {
        return _book.closedEpochs;
    }

    /// @inheritdoc IStakePool
    function stakeOf(address user) external view returns (uint256) {
        Totals memory totals = _runningTotals();
        return _worth(_heldNow(user, totals.scale), totals);
    }

    /// @inheritdoc IStakePool
    function totalStakedWei() external view returns (uint256) {
        return _runningTotals().totalWei;
    }

    /// @inheritdoc IStakePool
    function feeRatePpb() external pure returns (uint256) {
        return FEE_RATE_PPB;
    }

    /// @inheritdoc IStakePool
    function feeOf(address user, uint64 epoch) external view returns (uint256) {
        (Totals memory totals, uint256 leftWei) = _closedTotalsAt(epoch);
        if (totals.totalShares == 0) return 0;
        uint256 gone = epoch == 0 ? 0 : _exitedThrough(user, epoch - 1, totals.scale);
        return _less(_addedThrough(user, epoch, totals.scale), gone) * (totals.totalWei - leftWei) / totals.totalShares;
    }

    /// @inheritdoc IStakePool
    function potOf(uint64 epoch) external view returns (uint256) {
        (Totals memory totals, uint256 leftWei) = _closedTotalsAt(epoch);
        return totals.totalWei - leftWei;
    }

    /// @inheritdoc IStakePool
    function fundedThroughWei(uint64 epoch) external view returns (uint256) {
        return _fundedThrough(epoch);
    }

    /// @inheritdoc IStakePool
    function unsentPotsWei() public view returns (uint256) {
        return _book.fundedWei - _sent.sentWei;
    }

    /// @inheritdoc IStakePool
    function overageWei(uint64 epoch) external view returns (uint256) {
        return _chargedWei[epoch];
    }

    /// @dev Closes all epochs that have ended; returns the running one, whose record is then the live book.
    function _closeEpochs() internal returns (uint256 epoch) {
        epoch = currentEpoch();
        Book memory book = _book;
        uint256 closing = book.closedEpochs;
        if (closing == epoch) return epoch;

        // The oldest open epoch: its fee, then those who leave.
        Totals memory totals = _recordOf(closing);
        Totals memory opened = _openedAfter(totals, book.exitingShares);
        uint256 potWei = _potOf(totals);
        emit EpochClosed(uint64(closing), potWei, opened.totalWei);
        if (totals.record == CHARGED) potWei += _chargedWei[closing];

        // The missed epochs after it: nothing but fees.
        uint256 first = closing + 1;
        if (first < epoch) {
            _keep(first, opened);
            _opens(closing, first, opened.totalWei);
            if (epoch - first > 1) _stretches.push(Stretch(uint32(first), epoch.toUint32()));
            potWei += _closeStretch(first, epoch, opened);
        }

        _rescale(opened);
        _keep(epoch, opened);
        _opens(closing, epoch, opened.totalWei);
        // Distributions count in 64-bit nano, which end at 18 times the whole supply. Should the pots ever reach the far larger
        // bound of 96-bit wei, the sum stands still there; leaving the pool must always work.
        uint256 fundedWei = book.fundedWei + potWei;
        if (fundedWei > type(uint96).max) fundedWei = type(uint96).max;
        _book = Book(epoch.toUint32(), 0, uint96(fundedWei));
    }

    /// @dev Marks all pots as sent; returns how much the caller must now send.
    function _takeUnsentPots() internal returns (uint256 amountWei) {
        amountWei = unsentPotsWei();
        _sent.sentWei += uint96(amountWei);
    }

    /// @dev Takes back `_takeUnsentPots` after a transfer that did not happen.
    function _returnUnsentPots(uint256 amountWei) internal {
        _sent.sentWei -= uint96(amountWei);
    }

    /// @dev The record of an epoch, if it has one.
    function _recordOf(uint256 epoch) internal view returns (Totals memory) {
        return _totals[epoch];
    }

    function _keep(uint256 epoch, Totals memory totals) internal {
        _totals[epoch] = totals;
    }

    /// @dev Adds to the pot of the running epoch, which is open.
    function _addToPot(uint256 epoch, uint256 amountWei) internal {
        _totals[epoch].record = CHARGED;
        _chargedWei[epoch] += amountWei;
    }

    /// @dev Whether the distribution of `epoch` was final when the running epoch began.
    function _wasFinal(uint256 epoch) internal view returns (bool) {
        return epoch < (_sent.finalIn == currentEpoch() ? _sent.finalBefore : _sent.finalEpochs);
    }

    /// @dev Called for every new record, in order: `epoch` begins with `openWei`. Those that one closing makes follow on `closing`.
    function _opens(uint256 closing, uint256 epoch, uint256 openWei) internal virtual;

    /// @dev Epochs must come in ascending order, which finalized distributions do.
    function _markFunding(uint64 epoch) internal {
        _fundingMarks.push(uint128(uint256(epoch) << 96 | _fundedThrough(epoch)));
        uint32 running = uint32(currentEpoch());
        uint32 finalEpochs = _sent.finalEpochs;
        if (_sent.finalIn != running) (_sent.finalIn, _sent.finalBefore) = (running, finalEpochs);
        _sent.finalEpochs = uint32(epoch + 1);
    }

    /// @dev As few shares as are worth `amountWei`.
    function _sharesFor(uint256 amountWei, Totals memory totals) internal pure returns (uint256) {
        return (amountWei * totals.totalShares + totals.totalWei - 1) / totals.totalWei;
    }

    /// @dev What shares are worth at the totals' price.
    function _worth(uint256 shares, Totals memory totals) internal pure returns (uint256) {
        return totals.totalShares == 0 ? 0 : shares * totals.totalWei / totals.totalShares;
    }

    /// @dev What the user's exit with this index gets: its worth after the fee of its epoch (before it, while that runs).
    function _exitWorth(address user, uint256 index) internal view returns (uint256) {
        Timeline.Mark memory exit = _exits[user].mark(index);
        uint256 before = index == 0 ? 0 : _exits[user].mark(index - 1).sumIn(exit.scale, Math.Rounding.Ceil);
        (Totals memory totals, uint256 leftWei) = _totalsAt(exit.epoch);
        if (exit.epoch < currentEpoch()) totals.totalWei = uint96(leftWei);
        return _worth(exit.sum - before, totals);
    }

    /// @dev Worth of the shares that were there before the epoch began and had not asked to leave by then.
    function _stakeAtStartOf(address user, uint64 epoch) internal view returns (uint256) {
        if (epoch == 0) return 0;
        (Totals memory totals, uint256 leftWei) = _totalsAt(epoch - 1);
        totals.totalWei = uint96(leftWei);
        uint256 gone = _exitedThrough(user, epoch - 1, totals.scale);
        return _worth(_less(_addedThrough(user, epoch - 1, totals.scale), gone), totals);
    }

    /// @dev The user's shares, without those that it asked to take out.
    function _heldNow(address user, uint256 scale) internal view returns (uint256) {
        return _less(_addedThrough(user, type(uint256).max, scale), _exitedThrough(user, type(uint256).max, scale));
    }

    function _addedThrough(address user, uint256 epoch, uint256 scale) private view returns (uint256) {
        return _added[user].through(epoch).sumIn(scale, Math.Rounding.Floor);
    }

    function _exitedThrough(address user, uint256 epoch, uint256 scale) private view returns (uint256) {
        return _exits[user].through(epoch).sumIn(scale, Math.Rounding.Ceil);
    }

    /// @dev Shares that came in are rounded down and those that left up, so that all users' are never more than the total; of nothing
    /// that leaves one too few.
    function _less(uint256 added, uint256 gone) private pure returns (uint256) {
        return added > gone ? added - gone : 0;
    }

    /// @dev Totals that pay the fee of `epoch`, at most the running one, and what the fee leaves; ended epochs count as closed.
    function _totalsAt(uint256 epoch) internal view returns (Totals memory totals, uint256 leftWei) {
        totals = _recordOf(epoch);
        if (totals.record != 0) return (totals, _remaining(totals, 1));
        Book memory book = _book;
        uint256 first;
        if (epoch > book.closedEpochs) {
            first = book.closedEpochs + 1;
            totals = _openedAfter(_recordOf(book.closedEpochs), book.exitingShares);
        } else {
            first = _stretchAt(epoch).first;
            totals = _recordOf(first);
        }
        leftWei = _remaining(totals, epoch + 1 - first);
        totals.totalWei = uint96(_remaining(totals, epoch - first));
    }

    function _runningTotals() private view returns (Totals memory totals) {
        (totals,) = _totalsAt(currentEpoch());
    }

    function _closedTotalsAt(uint64 epoch) private view returns (Totals memory, uint256) {
        if (epoch >= _book.closedEpochs) revert EpochNotClosed(epoch);
        return _totalsAt(epoch);
    }

    /// @dev The totals that the epoch after `totals` opens with.
    function _openedAfter(Totals memory totals, uint256 exitingShares) private view returns (Totals memory opened) {
        uint256 leftWei = _remaining(totals, 1);
        if (exitingShares != 0) leftWei -= exitingShares * leftWei / totals.totalShares;
        opened.totalWei = uint96(leftWei);
        opened.totalShares = totals.totalShares - uint128(exitingShares);
        (opened.scale, opened.record) = (totals.scale, RECORDED);
        _rescale(opened);
    }

    /// @dev Cuts bits off the shares until there are at most 2^32 of them to a wei.
    function _rescale(Totals memory opened) private pure {
        while (opened.totalShares > uint256(opened.totalWei) << Timeline.SCALE_BITS) {
            opened.totalShares >>= Timeline.SCALE_BITS;
            ++opened.scale;
        }
    }

    /// @dev Emits for epochs `first .. end` (exclusive), takes their fees from `opened` and returns the sum of their pots.
    function _closeStretch(uint256 first, uint256 end, Totals memory opened) private returns (uint256 potWei) {
        uint256 beforeWei = opened.totalWei;
        if (end - first <= CATCH_UP_EVENTS) {
            uint256 openWei = beforeWei;
            for (uint256 epoch = first; epoch < end; ++epoch) {
                uint256 leftWei = _remaining(opened, epoch + 1 - first);
                emit EpochClosed(uint64(epoch), openWei - leftWei, leftWei);
                openWei = leftWei;
            }
            potWei = beforeWei - openWei;
        } else {
            potWei = beforeWei - _remaining(opened, end - first);
            emit EpochsClosed(uint64(first), uint64(end - 1), potWei, beforeWei - potWei);
        }
        opened.totalWei = uint96(beforeWei - potWei);
    }

    /// @dev Sum of the pots of epochs `from ..= to`, all closed. Walks records; a stretch is one step.
    function _potsBetween(uint256 from, uint256 to) private view returns (uint256 potWei) {
        while (from <= to) {
            Totals memory totals = _recordOf(from);
            if (totals.record != 0 && _totals[from + 1].record != 0) {
                potWei += _potOf(totals);
                if (totals.record == CHARGED) potWei += _chargedWei[from];
                ++from;
            } else {
                Stretch memory stretch = _stretchAt(from);
                uint256 end = stretch.end <= to ? stretch.end : to + 1;
                totals = _recordOf(stretch.first);
                potWei += _remaining(totals, from - stretch.first) - _remaining(totals, end - stretch.first);
                from = end;
            }
        }
    }

    /// @dev Counts from the nearest epoch whose sum is stored: a finalized one, or the newest closed.
    function _fundedThrough(uint64 epoch) private view returns (uint256 fundedWei) {
        Book memory book = _book;
        if (epoch >= book.closedEpochs) revert EpochNotClosed(epoch);
        uint256 newest = book.closedEpochs - 1;
        // What proposals ask for, mostly: no mark need be looked for.
        if (epoch == newest) return book.fundedWei;
        (uint256 unmarked, uint256 markedWei) = _fundingMarkAt(epoch);
        if (newest - epoch <= epoch + 1 - unmarked) return book.fundedWei - _potsBetween(epoch + 1, newest);
        return markedWei + _potsBetween(unmarked, epoch);
    }

    /// @dev The newest mark at or before `epoch`: the first epoch that it does not cover, and the sum up to there.
    function _fundingMarkAt(uint256 epoch) private view returns (uint256 unmarked, uint256 fundedWei) {
        uint256 low = 0;
        uint256 high = _fundingMarks.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_fundingMarks[middle] >> 96 <= epoch) low = middle + 1;
            else high = middle;
        }
        if (low == 0) return (0, 0);
        uint128 mark = _fundingMarks[low - 1];
        return ((mark >> 96) + 1, uint96(mark));
    }

    /// @dev The newest stretch that begins at or before `epoch`.
    function _stretchAt(uint256 epoch) internal view returns (Stretch memory) {
        uint256 low = 0;
        uint256 high = _stretches.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_stretches[middle].first <= epoch) low = middle + 1;
            else high = middle;
        }
        return _stretches[low - 1];
    }

    function _potOf(Totals memory totals) private view returns (uint256) {
        return totals.totalWei - _remaining(totals, 1);
    }

    function _remaining(Totals memory totals, uint256 epochs) private view returns (uint256) {
        return FeeMath.remaining(totals.totalWei, FEE_RATE_PPB, epochs, DUST_FLOOR_WEI);
    }
}

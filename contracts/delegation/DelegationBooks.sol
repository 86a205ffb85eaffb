// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDelegationPool} from "../interfaces/IDelegationPool.sol";

/// @title Books of a pool of delegators
/// @notice Two books of shares against nano: the *active* one, whose shares earn, and the *leaving* one, whose shares were requested. Both
/// answer for the operator: a loss falls on both in proportion, so nobody escapes one by asking to leave, and the order in which losses and
/// requests are noticed does not matter.
///
///     worth = shares · nano / all shares of the book, floored; what flooring leaves is the others'
///
/// Income is *unreleased* first and moves to the active book linearly. Of several incomes the mean of their ends counts, weighted by what is
/// left of each: `(a + b)² / (a·s + b·t) ≤ a/s + b/t`, so no income makes the pool earn faster than if each had its own time, a nano waits as
/// long on average, all is out when the last one's own time is over, and a donation of dust holds nothing up.
/// @dev A loss can leave many shares to a nano. With more than 2^32 of them 32 bits are cut off all shares of the book (its *scale* rises by
/// one): a holder loses less than a nano by it. Nothing left cuts all off: the book begins anew, and can be filled again.
abstract contract DelegationBooks is IDelegationPool {
    uint256 internal constant WEI_PER_NANO = 1e9;
    /// @dev Epochs over which an income is released.
    uint256 internal constant RELEASE_EPOCHS = 14;
    /// @dev Bits that a scale stands for.
    uint256 private constant SCALE_BITS = 32;

    /// @dev All that a delegation changes; 64, 96, 64 and 32 bits of a slot.
    struct Active {
        uint256 nano;
        uint256 shares;
        uint256 unreleasedNano;
        /// Up to when income was released, in seconds of chain time. Without shares the time stands still.
        uint256 releasedAt;
    }

    /// @dev All that a redemption changes; 64, 96, 16, 16, 32 and 32 bits of a slot.
    struct Leaving {
        uint256 nano;
        uint256 shares;
        uint256 scale;
        /// Of the active book.
        uint256 activeScale;
        /// When all income will have been released.
        uint256 releaseEnds;
        uint256 operatorId;
    }

    /// @dev A place to read and then write at, so that it is looked up once.
    struct Slot {
        uint256 word;
    }

    // Packed by hand: the compiler would read and write each slot once for each field, which is 4 000 gas a request.
    // Sums that are bounded by what a slot can hold are not checked again: 1 000 more.
    uint256 private _activeWord;
    uint256 private _leavingWord;
    /// @dev Shares, their scale and whether it is the owner's: 96, 16 and 1 bits.
    mapping(address account => uint256) private _accountWords;
    /// @dev Shares of the leaving book, their scale, and what was requested, for ERC-7540's views: 96, 16 and 96 bits.
    mapping(address controller => mapping(uint256 epoch => Slot)) private _requests;

    function _loadActive() internal view returns (Active memory active) {
        uint256 word = _activeWord;
        (active.nano, active.shares) = (uint64(word), uint96(word >> 64));
        (active.unreleasedNano, active.releasedAt) = (uint64(word >> 160), word >> 224);
    }

    function _saveActive(Active memory active) internal {
        (uint256 nano, uint256 shares, uint256 unreleased) = (active.nano, active.shares, active.unreleasedNano);
        if (nano >> 64 | shares >> 96 | unreleased >> 64 | active.releasedAt >> 32 != 0) revert BooksFull();
        _activeWord = active.releasedAt << 224 | unreleased << 160 | shares << 64 | nano;
    }

    function _loadLeaving() internal view returns (Leaving memory leaving) {
        uint256 word = _leavingWord;
        (leaving.nano, leaving.shares, leaving.scale) = (uint64(word), uint96(word >> 64), uint16(word >> 160));
        (leaving.activeScale, leaving.releaseEnds) = (uint16(word >> 176), uint32(word >> 192));
        leaving.operatorId = word >> 224;
    }

    function _saveLeaving(Leaving memory leaving) internal {
        (uint256 scale, uint256 activeScale, uint256 ends) = (leaving.scale, leaving.activeScale, leaving.releaseEnds);
        uint256 beyond = leaving.nano >> 64 | leaving.shares >> 96 | scale >> 16 | activeScale >> 16 | ends >> 32;
        if (beyond != 0) revert BooksFull();
        _leavingWord = leaving.operatorId << 224 | ends << 192 | activeScale << 176 | scale << 160 | leaving.shares
            << 64 | leaving.nano;
    }

    /// @dev The shares that an account has at the active book's scale.
    function _loadAccount(address who, uint256 activeScale) internal view returns (uint256 shares, bool isOwner) {
        uint256 word = _accountWords[who];
        return (_rescaled(uint96(word), uint16(word >> 96), activeScale), word >> 112 != 0);
    }

    /// @dev Its shares are some of the active book's, and the scale is the book's.
    function _saveAccount(address who, uint256 shares, uint256 activeScale, bool isOwner) internal {
        _accountWords[who] = uint256(isOwner ? 1 : 0) << 112 | activeScale << 96 | shares;
    }

    /// @dev A request's part of the leaving book at its scale, and what was requested.
    function _loadRequest(address controller, uint256 epoch, uint256 scale)
        internal
        view
        returns (uint256 leavingShares, uint256 shares)
    {
        return _unpackRequest(_requests[controller][epoch].word, scale);
    }

    /// @dev What was requested, whatever is left of it.
    function _requestedShares(address controller, uint256 epoch) internal view returns (uint256) {
        return _requests[controller][epoch].word >> 112;
    }

    /// @dev Adds to a request; its shares are some of the leaving book's. What was requested in all is told up to 96 bits.
    function _addToRequest(address controller, uint256 epoch, uint256 leavingShares, uint256 shares, uint256 scale)
        internal
    {
        Slot storage slot = _requests[controller][epoch];
        (uint256 leavingBefore, uint256 before) = _unpackRequest(slot.word, scale);
        // The parts of the leaving book are together no more than the book, which is saved already.
        unchecked {
            shares = Math.min(before + shares, type(uint96).max);
            slot.word = shares << 112 | scale << 96 | leavingBefore + leavingShares;
        }
    }

    function _deleteRequest(address controller, uint256 epoch) internal {
        delete _requests[controller][epoch];
    }

    function _balanceOf(address who, uint256 activeScale) internal view returns (uint256 shares) {
        (shares,) = _loadAccount(who, activeScale);
    }

    /// @dev Moves what was released up to now into the active book.
    function _release(Active memory active, uint256 releaseEnds) internal view {
        if (active.shares == 0) return;
        uint256 released = active.unreleasedNano;
        // Time has not gone back, and of a book as it was saved neither product nor sum has more than 96 bits.
        unchecked {
            if (block.timestamp < releaseEnds) {
                released = released * (block.timestamp - active.releasedAt) / (releaseEnds - active.releasedAt);
            }
            active.nano += released;
            active.unreleasedNano -= released;
        }
        active.releasedAt = block.timestamp;
    }

    /// @dev Takes in an income (not nothing), after `_release`.
    function _earn(Active memory active, Leaving memory leaving, uint256 nano, uint256 windowSeconds) internal view {
        uint256 before = active.unreleasedNano;
        uint256 left = leaving.releaseEnds > active.releasedAt ? leaving.releaseEnds - active.releasedAt : 0;
        uint256 mean = Math.ceilDiv(before * left + nano * windowSeconds, before + nano);
        active.unreleasedNano = before + nano;
        active.releasedAt = block.timestamp;
        leaving.releaseEnds = block.timestamp + mean;
    }

    /// @dev Takes a loss, after `_release`: from both books in proportion, and from what is not released only what those do not cover.
    function _lose(Active memory active, Leaving memory leaving, uint256 lossNano)
        internal
        pure
        returns (uint256 byLeaving)
    {
        uint256 sum = active.nano + leaving.nano;
        uint256 borne = Math.min(lossNano, sum);
        if (borne != 0) byLeaving = borne * leaving.nano / sum;
        active.unreleasedNano -= Math.min(lossNano - borne, active.unreleasedNano);
        active.nano -= borne - byLeaving;
        leaving.nano -= byLeaving;
        (active.shares, leaving.activeScale) = _cutOff(active.shares, active.nano, leaving.activeScale);
        (leaving.shares, leaving.scale) = _cutOff(leaving.shares, leaving.nano, leaving.scale);
    }

    /// @dev Shares for so much, in a book of `shares` against `nano`.
    function _sharesFor(uint256 nano, uint256 shares, uint256 bookNano) internal pure returns (uint256) {
        return shares == 0 ? nano : nano * shares / bookNano;
    }

    function _worth(uint256 part, uint256 shares, uint256 bookNano) internal pure returns (uint256) {
        return shares == 0 ? 0 : part * bookNano / shares;
    }

    function _unpackRequest(uint256 word, uint256 scale) private pure returns (uint256 leavingShares, uint256 shares) {
        return (_rescaled(uint96(word), uint16(word >> 96), scale), word >> 112);
    }

    /// @dev Shares of scale `from` in the scale `to`, which is not before it.
    function _rescaled(uint256 shares, uint256 from, uint256 to) private pure returns (uint256) {
        // Scales only rise, and have 16 bits.
        unchecked {
            return shares >> (SCALE_BITS * (to - from));
        }
    }

    /// @dev Cuts bits off until there are at most 2^32 shares to a nano.
    function _cutOff(uint256 shares, uint256 nano, uint256 scale) private pure returns (uint256, uint256) {
        while (shares > nano << SCALE_BITS) {
            shares >>= SCALE_BITS;
            ++scale;
        }
        return (shares, scale);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDelegationPool} from "../interfaces/IDelegationPool.sol";

/// @title Books of a pool of delegators
/// @notice Two books of shares against nano: the *active* one, whose shares earn, and the *leaving* one, whose shares were requested. Both
/// answer for the operator: a loss falls on both in proportion, so nobody escapes one by asking to leave, and the order in which losses and
/// requests are noticed does not matter.
///
///     worth = shares · nano / all shares of the book, floored; what flooring leaves is the others'
///
/// Income is *unreleased* first and moves to the active book linearly. Of several incomes the mean of their ends counts, weighted by what is
/// left of each: `(a + b)² / (a·s + b·t) ≤ a/s + b/t`, so it is never released faster than if each had its own time, half of it is out on
/// average as early, and a donation of dust holds nothing up.
/// @dev A loss can leave many shares to a nano. With more than 2^32 of them 32 bits are cut off all shares of the book (its *scale* rises by
/// one): a holder loses less than a nano by it. Nothing left cuts all off: the book begins anew, and can be filled again.
abstract contract DelegationBooks is IDelegationPool {
    using SafeCast for uint256;

    uint256 internal constant WEI_PER_NANO = 1e9;
    /// @dev Epochs over which an income is released.
    uint256 internal constant RELEASE_EPOCHS = 14;
    /// @dev Bits that a scale stands for.
    uint256 private constant SCALE_BITS = 32;

    /// @dev One slot; all that a delegation changes.
    struct Active {
        uint64 nano;
        uint96 shares;
        uint64 unreleasedNano;
        /// Up to when income was released, in seconds of chain time. Without shares the time stands still.
        uint32 releasedAt;
    }

    /// @dev One slot; all that a redemption changes.
    struct Leaving {
        uint64 nano;
        uint96 shares;
        uint16 scale;
        /// Of the active book.
        uint16 activeScale;
        /// When all income will have been released.
        uint32 releaseEnds;
        uint32 operatorId;
    }

    struct Account {
        uint96 shares;
        uint16 scale;
        bool isOwner;
    }

    struct Request {
        /// Of the leaving book, at `scale`.
        uint96 leavingShares;
        uint16 scale;
        /// What was requested, for ERC-7540's views.
        uint96 shares;
    }

    Active internal _active;
    Leaving internal _leaving;
    mapping(address account => Account) internal _accounts;
    mapping(address controller => mapping(uint256 epoch => Request)) internal _requests;

    /// @dev Moves what was released up to now into the active book.
    function _release(Active memory active, uint256 releaseEnds) internal view {
        if (active.shares == 0) return;
        uint256 released = active.unreleasedNano;
        if (block.timestamp < releaseEnds) {
            released = released * (block.timestamp - active.releasedAt) / (releaseEnds - active.releasedAt);
        }
        active.nano += uint64(released);
        active.unreleasedNano -= uint64(released);
        active.releasedAt = uint32(block.timestamp);
    }

    /// @dev Takes in an income (not nothing), after `_release`.
    function _earn(Active memory active, Leaving memory leaving, uint256 nano, uint256 windowSeconds) internal view {
        uint256 before = active.unreleasedNano;
        uint256 left = leaving.releaseEnds > active.releasedAt ? leaving.releaseEnds - active.releasedAt : 0;
        uint256 mean = Math.ceilDiv(before * left + nano * windowSeconds, before + nano);
        active.unreleasedNano = (before + nano).toUint64();
        active.releasedAt = uint32(block.timestamp);
        leaving.releaseEnds = (block.timestamp + mean).toUint32();
    }

    /// @dev Takes a loss, after `_release`: from both books in proportion, and from what is not released only what those do not cover.
    function _lose(Active memory active, Leaving memory leaving, uint256 lossNano)
        internal
        pure
        returns (uint256 byLeaving)
    {
        uint256 sum = uint256(active.nano) + leaving.nano;
        uint256 borne = Math.min(lossNano, sum);
        if (borne != 0) byLeaving = borne * leaving.nano / sum;
        active.unreleasedNano -= uint64(Math.min(lossNano - borne, active.unreleasedNano));
        active.nano -= uint64(borne - byLeaving);
        leaving.nano -= uint64(byLeaving);
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

    /// @dev Shares of scale `from` in the scale `to`, which is not before it.
    function _rescaled(uint256 shares, uint256 from, uint256 to) internal pure returns (uint256) {
        return shares >> (SCALE_BITS * (to - from));
    }

    function _sharesOf(Account memory account, uint256 scale) internal pure returns (uint256) {
        return _rescaled(account.shares, account.scale, scale);
    }

    /// @dev Cuts bits off until there are at most 2^32 shares to a nano.
    function _cutOff(uint256 shares, uint256 nano, uint256 scale) private pure returns (uint96, uint16) {
        while (shares > nano << SCALE_BITS) {
            shares >>= SCALE_BITS;
            ++scale;
        }
        return (uint96(shares), scale.toUint16());
    }
}

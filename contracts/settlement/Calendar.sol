// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";

/// @title When each part of an epoch's settlement begins and ends
///
///     end of e     + grace      + force            + settle        + challenge
///     | assents    | forcing    | (the chain settles) | proposals … | final
///
/// @dev Forcing may begin earlier: what is forced before the end counts as well.
abstract contract Calendar {
    /// @dev No window is longer.
    uint256 private constant LONGEST = 30 days;

    uint64 private immutable GENESIS;
    uint64 private immutable EPOCH_LENGTH;
    uint64 private immutable GRACE;
    uint64 private immutable FORCE;
    uint64 private immutable SETTLE;

    constructor(IPoolFacts pool, ISettlement.Windows memory windows) {
        if (
            windows.grace > LONGEST || windows.force > LONGEST || windows.settle > LONGEST || windows.challenge == 0
                || windows.challenge > LONGEST || windows.answer == 0 || windows.answer > LONGEST
                || windows.follow > LONGEST
        ) revert ISettlement.SettlementParameterInvalid();
        GENESIS = pool.genesis();
        EPOCH_LENGTH = pool.epochLength();
        GRACE = windows.grace;
        FORCE = windows.force;
        SETTLE = windows.settle;
    }

    /// @dev The first moment after `epoch`. Epochs beyond the end of time revert.
    function _endOf(uint64 epoch) internal view returns (uint256) {
        return GENESIS + (uint256(epoch) + 1) * EPOCH_LENGTH;
    }

    function _assentsUntil(uint64 epoch) internal view returns (uint256) {
        return _endOf(epoch) + GRACE;
    }

    function _forcedUntil(uint64 epoch) internal view returns (uint256) {
        return _assentsUntil(epoch) + FORCE;
    }

    /// @dev All windows, with those that the calendar has not.
    function _windows(uint64 challenge, uint64 answer, uint64 follow)
        internal
        view
        returns (ISettlement.Windows memory)
    {
        return ISettlement.Windows(GRACE, FORCE, SETTLE, challenge, answer, follow);
    }

    function _proposableAt(uint64 epoch) internal view returns (uint256) {
        return _forcedUntil(epoch) + SETTLE;
    }
}

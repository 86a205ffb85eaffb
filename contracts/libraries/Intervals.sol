// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Intervals of epochs
/// @notice A list of closed intervals that only grows, in ascending order and apart from each other. What it says of an epoch
/// that is over never changes again, because every change is made with the running epoch: an interval begins with it, or
/// ends with it and includes it.
/// @dev `testFuzz_IntervalsRememberWhatWasOpen` compares it with a plain list of days. Epochs must not go back.
library Intervals {
    struct Interval {
        uint64 from;
        /// The last epoch inside; `type(uint64).max` while the interval is open.
        uint64 through;
    }

    /// @notice Begins an interval with `epoch`; one that was closed in the same epoch goes on.
    /// @return opened False if one was open already.
    function open(Interval[] storage self, uint64 epoch) internal returns (bool opened) {
        uint256 count = self.length;
        if (count != 0) {
            Interval storage last = self[count - 1];
            if (last.through == type(uint64).max) return false;
            if (last.through == epoch) {
                last.through = type(uint64).max;
                return true;
            }
        }
        self.push(Interval(epoch, type(uint64).max));
        return true;
    }

    /// @notice Ends the open interval with `epoch`.
    /// @return closed False if none was open.
    function close(Interval[] storage self, uint64 epoch) internal returns (bool closed) {
        uint256 count = self.length;
        if (count == 0 || self[count - 1].through != type(uint64).max) return false;
        self[count - 1].through = epoch;
        return true;
    }

    /// @notice Whether `epoch` lies inside one of them.
    function covers(Interval[] storage self, uint64 epoch) internal view returns (bool) {
        uint256 low = 0;
        uint256 high = self.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self[middle].from <= epoch) low = middle + 1;
            else high = middle;
        }
        return low != 0 && epoch <= self[low - 1].through;
    }
}

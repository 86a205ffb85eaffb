// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Timeline
/// @notice A sum that only grows, with its value at the end of every past epoch.
/// @dev The newest mark lives in one slot (a first addition costs one fresh slot, more of them in the same epoch none);
/// it moves to the archive when a later epoch adds to it. Epochs must not go back.
library Timeline {
    struct Head {
        /// Epoch of the newest addition.
        uint32 epoch;
        /// Marks in the archive.
        uint32 archived;
        /// Marks that were settled, for users that work them off in order; the library never reads it.
        uint32 settled;
        /// Sum of all additions.
        uint160 sum;
    }

    struct Mark {
        uint32 epoch;
        /// Sum at the end of `epoch`.
        uint160 sum;
    }

    struct Line {
        Head head;
        mapping(uint256 index => Mark) archive;
    }

    /// @notice Adds `amount` in `epoch`.
    function add(Line storage self, uint256 epoch, uint256 amount) internal {
        Head memory head = self.head;
        if (head.epoch != epoch) {
            if (head.sum != 0) {
                self.archive[head.archived] = Mark(head.epoch, head.sum);
                ++head.archived;
            }
            head.epoch = uint32(epoch);
        }
        head.sum += uint160(amount);
        self.head = head;
    }

    /// @notice Sum of all additions so far.
    function total(Line storage self) internal view returns (uint256) {
        return self.head.sum;
    }

    /// @notice Sum of the additions of epochs `0 ..= epoch`.
    function through(Line storage self, uint256 epoch) internal view returns (uint256) {
        Head memory head = self.head;
        if (head.epoch <= epoch) return head.sum;
        uint256 low = 0;
        uint256 high = head.archived;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self.archive[middle].epoch <= epoch) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : self.archive[low - 1].sum;
    }

    /// @notice The mark with this index, oldest first; the newest has the index `archived`.
    function mark(Line storage self, uint256 index) internal view returns (Mark memory) {
        Head memory head = self.head;
        return index < head.archived ? self.archive[index] : Mark(head.epoch, head.sum);
    }
}

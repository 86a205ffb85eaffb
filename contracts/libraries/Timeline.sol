// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Timeline
/// @notice A sum with its value at the end of every past epoch. Amounts are counted in a unit that may become
/// 2^32 times larger from one epoch to the next (the *scale* rises by one): what was there before is then divided by 2^32.
/// @dev The newest mark lives in one slot (a first addition costs one fresh slot, more of them in the same epoch none);
/// it moves to the archive when a later epoch adds to it. Epochs and scales must not go back, and an epoch has one scale.
library Timeline {
    struct Head {
        /// Epoch of the newest addition.
        uint32 epoch;
        /// Marks in the archive.
        uint32 archived;
        /// Marks that were settled, for users that work them off in order; the library never reads it.
        uint32 settled;
        /// The scale of `epoch`, in which `sum` is counted.
        uint16 scale;
        /// Sum of all additions, less what was taken off.
        uint144 sum;
    }

    struct Mark {
        uint32 epoch;
        uint16 scale;
        /// Sum at the end of `epoch`, in its scale.
        uint144 sum;
    }

    struct Line {
        Head head;
        mapping(uint256 index => Mark) archive;
    }

    /// @dev Bits that a scale stands for.
    uint256 internal constant SCALE_BITS = 32;

    /// @notice Adds `amount` in `epoch`, which has this scale; what was there before is brought to it by `rounding`.
    function add(Line storage self, uint256 epoch, uint256 scale, uint256 amount, Math.Rounding rounding) internal {
        _change(self, epoch, scale, SafeCast.toUint144(amount), 0, rounding);
    }

    /// @notice Takes `amount`, at most the sum, off it from `epoch` on. Marks of epochs before keep theirs.
    function remove(Line storage self, uint256 epoch, uint256 scale, uint256 amount, Math.Rounding rounding) internal {
        _change(self, epoch, scale, 0, SafeCast.toUint144(amount), rounding);
    }

    /// @notice The mark of the newest addition of epochs `0 ..= epoch`; all zero if there is none.
    function through(Line storage self, uint256 epoch) internal view returns (Mark memory) {
        Head memory head = self.head;
        if (head.epoch <= epoch) return Mark(head.epoch, head.scale, head.sum);
        // One of the last epochs is what is asked for, mostly: back in growing steps, then between the last two.
        uint256 high = head.archived;
        uint256 low = high;
        for (uint256 step = 1; low != 0; step *= 2) {
            low = low > step ? low - step : 0;
            if (self.archive[low].epoch <= epoch) break;
            high = low;
        }
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self.archive[middle].epoch <= epoch) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? Mark(0, 0, 0) : self.archive[low - 1];
    }

    /// @notice The mark with this index, oldest first; the newest has the index `archived`.
    function mark(Line storage self, uint256 index) internal view returns (Mark memory) {
        Head memory head = self.head;
        return index < head.archived ? self.archive[index] : Mark(head.epoch, head.scale, head.sum);
    }

    /// @notice A mark's sum in a later scale.
    function sumIn(Mark memory self, uint256 scale, Math.Rounding rounding) internal pure returns (uint256) {
        return rescaled(self.sum, self.scale, scale, rounding);
    }

    /// @notice An amount of scale `from` in the scale `to`, which is not before it.
    function rescaled(uint256 amount, uint256 from, uint256 to, Math.Rounding rounding)
        internal
        pure
        returns (uint256 result)
    {
        uint256 bits = SCALE_BITS * (to - from);
        result = amount >> bits;
        if (rounding == Math.Rounding.Ceil && result << bits != amount) ++result;
    }

    /// @dev The head becomes a mark of `epoch`; the one of an earlier epoch moves to the archive.
    function _change(
        Line storage self,
        uint256 epoch,
        uint256 scale,
        uint144 added,
        uint144 removed,
        Math.Rounding rounding
    ) private {
        Head memory head = self.head;
        if (head.epoch != epoch) {
            // A sum of zero is history too, once there was another before it.
            if (head.sum != 0 || head.archived != 0) {
                self.archive[head.archived] = Mark(head.epoch, head.scale, head.sum);
                ++head.archived;
            }
            head.sum = uint144(rescaled(head.sum, head.scale, scale, rounding));
            head.epoch = uint32(epoch);
            head.scale = uint16(scale);
        }
        head.sum = head.sum + added - removed;
        self.head = head;
    }
}

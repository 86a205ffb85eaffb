// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Lists with running totals
/// @notice Opens a list that was committed to as its top word and its length. The leaves stand in order, `n < 2^32` of them.
///
///     level 0    keccak256(leaf)
///     parent     keccak256(left ‖ right); a word without a right neighbour goes up unchanged
///     top        the one word that is left; zero if there is no leaf
///
/// There is no padding: the length fixes the shape, so the top is unique, and every place is known to be a leaf's. A place's path
/// has a known length, so no inner word can pass for a leaf. The same in Rust is `crates/merkle`; both read
/// `tests/vectors/lists.json`.
/// @dev Allocates nothing.
library RunningList {
    /// @notice Whether `word` stands at `index` of a level of `count` words below `top`. The path holds the neighbours that a
    /// word is joined with on its way up; levels at which it goes up unchanged have none.
    function opens(bytes32 top, uint256 count, uint256 index, bytes32 word, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        if (index >= count) return false;
        (uint256 next, uint256 end) = _bounds(path);
        unchecked {
            for (uint256 last = count - 1; last != 0; last >>= 1) {
                // The last of an odd number of words has no right neighbour.
                if (index != last || last & 1 == 1) {
                    if (next == end) return false;
                    assembly ("memory-safe") {
                        // An odd place's word stands right.
                        let slot := shl(5, and(index, 1))
                        mstore(slot, word)
                        mstore(xor(slot, 32), calldataload(next))
                        word := keccak256(0, 64)
                    }
                    next += 32;
                }
                index >>= 1;
            }
        }
        return next == end && word == top;
    }

    /// @dev Where the words begin and end in calldata.
    function _bounds(bytes32[] calldata path) private pure returns (uint256 start, uint256 end) {
        assembly ("memory-safe") {
            start := path.offset
            end := add(start, shl(5, path.length))
        }
    }

    /// @notice How many words a list of `n` leaves has at `level`.
    function countAt(uint256 n, uint256 level) internal pure returns (uint256) {
        return (n + (1 << level) - 1) >> level;
    }

    /// @notice The word above `words`, which stand side by side, `2^levels` of them, or fewer if they end their level.
    function fold(bytes32[] memory words) internal pure returns (bytes32) {
        uint256 count = words.length;
        for (; count > 1; count = (count + 1) / 2) {
            for (uint256 i = 0; i < count; i += 2) {
                words[i / 2] = i + 1 == count ? words[i] : join(words[i], words[i + 1]);
            }
        }
        return words[0];
    }

    /// @notice The parent of two words.
    function join(bytes32 left, bytes32 right) internal pure returns (bytes32 parent) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            parent := keccak256(0, 64)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Merkle sum tree
/// @notice Verifies entries of a distribution. Every word of the tree is 24 bytes of keccak, then an 8-byte sum:
///
///     entry = operatorId (4 bytes) ‖ payout (20) ‖ cumulative nano (8)
///     leaf  = keccak256(entry)[0:24] ‖ nano                               32-byte preimage
///     inner = keccak256(left ‖ right)[0:24] ‖ (left.sum + right.sum)      64-byte preimage
///     root  = keccak256(top ‖ uint8(depth))[0:24] ‖ top.sum               33-byte preimage
///
/// The array of leaves is dense by operator id and padded with zero words to `2^depth`. The root binds the depth, so a
/// proof of length `depth` is the only kind that verifies and an operator has exactly one place. A sum is part of the
/// preimage of the word above it and never wraps, so all entries that verify against a root promise at most its sum.
/// The same implementation in Rust is `crates/merkle`; both read `tests/vectors/sum_trees.json`.
/// @dev Allocates nothing: one path uses the scratch space, a range the memory beyond the free pointer.
library MerkleSum {
    /// @notice Thrown when two sums of a proof do not fit 64 bits together.
    error SumOverflow();

    /// @notice Thrown when a range's entries are not neighbours in order of id, or there are none.
    error EntriesNotNeighbours();

    /// @notice Thrown when a range's boundary has more or fewer words than the range needs.
    error BoundaryLengthWrong();

    /// @notice The deepest tree: 32-bit ids need no more.
    uint256 internal constant MAX_DEPTH = 32;

    /// @dev The two parts of a word; literals, so that assembly can name them.
    uint256 private constant SUM_MASK = 0xffffffffffffffff;
    uint256 private constant HASH_MASK = 0xffffffffffffffffffffffffffffffffffffffffffffffff0000000000000000;

    /// @notice The operator an entry belongs to; also its place in the array of leaves.
    function operatorIdOf(bytes32 entry) internal pure returns (uint32) {
        return uint32(uint256(entry) >> 224);
    }

    /// @notice Where an entry is paid.
    function payoutOf(bytes32 entry) internal pure returns (address) {
        return address(uint160(uint256(entry) >> 64));
    }

    /// @notice The amount of an entry, or the sum of a word of the tree.
    function nanoOf(bytes32 entryOrWord) internal pure returns (uint64) {
        return uint64(uint256(entryOrWord));
    }

    /// @notice The leaf of an entry.
    function leafOf(bytes32 entry) internal pure returns (bytes32 word) {
        assembly ("memory-safe") {
            mstore(0, entry)
            word := or(and(keccak256(0, 32), HASH_MASK), and(entry, SUM_MASK))
        }
    }

    /// @notice The root over a top word. `depth` must be at most `MAX_DEPTH`.
    function rootOf(bytes32 top, uint256 depth) internal pure returns (bytes32 root) {
        assembly ("memory-safe") {
            mstore(0, top)
            mstore8(32, depth)
            root := or(and(keccak256(0, 33), HASH_MASK), and(top, SUM_MASK))
        }
    }

    /// @notice Whether `entry` stands at its operator's place of the tree with this root.
    function verify(bytes32 root, bytes32 entry, bytes32[] calldata proof) internal pure returns (bool) {
        return verifyWord(root, leafOf(entry), operatorIdOf(entry), proof);
    }

    /// @notice Whether the leaf at `place` of the tree with this root is `word`; false if the tree has no such place.
    function verifyWord(bytes32 root, bytes32 word, uint256 place, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        uint256 depth = proof.length;
        if (depth > MAX_DEPTH || place >> depth != 0) return false;
        return rootOf(climb(word, place, proof), depth) == root;
    }

    /// @notice The top word above `word` at `place`, whose siblings from the leaf up are `proof`. Bit k of the place says
    /// whether the k-th sibling stands left.
    function climb(bytes32 word, uint256 place, bytes32[] calldata proof) internal pure returns (bytes32 top) {
        // On the stack, a mask costs half of what the optimizer makes of the constant in a loop.
        uint256 sumMask = SUM_MASK;
        uint256 hashMask = HASH_MASK;
        // Sums only grow on the way up, so if the last one fits 64 bits, all did; a wider one spoils the word and is refused.
        uint256 sum = uint256(word) & SUM_MASK;
        assembly ("memory-safe") {
            if proof.length {
                let next := proof.offset
                let end := add(next, shl(5, proof.length))
                // The condition stands at the end: one jump less for each level.
                for {} 1 {} {
                    let sibling := calldataload(next)
                    let slot := shl(5, and(place, 1))
                    mstore(slot, word)
                    mstore(xor(slot, 32), sibling)
                    sum := add(sum, and(sibling, sumMask))
                    word := or(and(keccak256(0, 64), hashMask), sum)
                    place := shr(1, place)
                    next := add(next, 32)
                    if eq(next, end) { break }
                }
            }
            top := word
        }
        if (sum > SUM_MASK) revert SumOverflow();
    }

    /// @notice Whether `entries` stand side by side in the tree with this root.
    /// @param boundary Sibling words left and right of the run, bottom level first, left before right.
    function verifyRange(bytes32 root, bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth)
        internal
        pure
        returns (bool)
    {
        if (entries.length == 0) revert EntriesNotNeighbours();
        uint256 first = operatorIdOf(entries[0]);
        if (depth > MAX_DEPTH || (first + entries.length - 1) >> depth != 0) return false;
        return rootOf(_rangeTop(entries, first, boundary, depth), depth) == root;
    }

    function _rangeTop(bytes32[] calldata entries, uint256 first, bytes32[] calldata boundary, uint256 depth)
        private
        pure
        returns (bytes32 top)
    {
        uint256 base = _writeLeaves(entries, first);
        uint256 used;
        (top, used) = _fold(base, first, first + entries.length - 1, boundary, depth);
        if (used != boundary.length) revert BoundaryLengthWrong();
    }

    /// @dev Writes the run's leaves to free memory from `base` on, and leaves one word free before them for a left sibling.
    function _writeLeaves(bytes32[] calldata entries, uint256 first) private pure returns (uint256 base) {
        uint256 misplaced;
        uint256 sumMask = SUM_MASK;
        uint256 hashMask = HASH_MASK;
        assembly ("memory-safe") {
            base := add(mload(0x40), 32)
            let to := base
            let id := first
            let beyond := add(first, entries.length)
            // No loop of a range is ever empty, so the conditions stand at the ends: one jump less each time.
            for { let next := entries.offset } 1 { next := add(next, 32) } {
                let entry := calldataload(next)
                misplaced := or(misplaced, xor(shr(224, entry), id))
                mstore(0, entry)
                mstore(to, or(and(keccak256(0, 32), hashMask), and(entry, sumMask)))
                to := add(to, 32)
                id := add(id, 1)
                if eq(id, beyond) { break }
            }
        }
        if (misplaced != 0) revert EntriesNotNeighbours();
    }

    /// @dev Joins the words of places `first ..= last`, which lie from `base` on, level by level. A level's pairs are read from
    /// `from` and their parents written from `base`; a parent is never written past the pair it was read from.
    function _fold(uint256 base, uint256 first, uint256 last, bytes32[] calldata boundary, uint256 depth)
        private
        pure
        returns (bytes32 top, uint256 used)
    {
        uint256 widest;
        uint256 hashMask = HASH_MASK;
        assembly ("memory-safe") {
            let end := add(base, shl(5, add(sub(last, first), 1)))
            for {} depth { depth := sub(depth, 1) } {
                let from := base
                if and(first, 1) {
                    from := sub(base, 32)
                    mstore(from, calldataload(add(boundary.offset, used)))
                    used := add(used, 32)
                }
                if iszero(and(last, 1)) {
                    mstore(end, calldataload(add(boundary.offset, used)))
                    end := add(end, 32)
                    used := add(used, 32)
                }
                let to := base
                for {} 1 {} {
                    let sum := add(and(mload(from), SUM_MASK), and(mload(add(from, 32)), SUM_MASK))
                    widest := or(widest, sum)
                    mstore(to, or(and(keccak256(from, 64), hashMask), sum))
                    to := add(to, 32)
                    from := add(from, 64)
                    if eq(from, end) { break }
                }
                end := to
                first := shr(1, first)
                last := shr(1, last)
            }
            used := shr(5, used)
            top := mload(base)
        }
        if (widest > SUM_MASK) revert SumOverflow();
    }
}

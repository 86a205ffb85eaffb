// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Sum trees for tests
/// @notice Builds trees and proofs the plain way, sharing no code with the library under test.
library SumTree {
    struct Tree {
        uint256 depth;
        bytes32 root;
        /// levels[0] are the leaves, padded to a power of two.
        bytes32[][] levels;
    }

    function entry(uint256 id, address payout, uint256 nano) internal pure returns (bytes32) {
        return bytes32(abi.encodePacked(uint32(id), payout, uint64(nano)));
    }

    function leaf(bytes32 entry_) internal pure returns (bytes32) {
        return word(keccak256(abi.encode(entry_)), uint64(uint256(entry_)));
    }

    function word(bytes32 digest, uint256 sum) internal pure returns (bytes32) {
        return bytes32(abi.encodePacked(bytes24(digest), uint64(sum)));
    }

    function join(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return word(keccak256(abi.encodePacked(left, right)), uint256(uint64(uint256(left))) + uint64(uint256(right)));
    }

    function seal(bytes32 top, uint256 depth) internal pure returns (bytes32) {
        return word(keccak256(abi.encodePacked(top, uint8(depth))), uint64(uint256(top)));
    }

    function build(bytes32[] memory entries) internal pure returns (Tree memory tree) {
        bytes32[] memory leaves = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            leaves[i] = leaf(entries[i]);
        }
        return ofLeaves(leaves);
    }

    function ofLeaves(bytes32[] memory leaves) internal pure returns (Tree memory tree) {
        while (1 << tree.depth < leaves.length) ++tree.depth;
        tree.levels = new bytes32[][](tree.depth + 1);
        tree.levels[0] = new bytes32[](1 << tree.depth);
        for (uint256 i = 0; i < leaves.length; ++i) {
            tree.levels[0][i] = leaves[i];
        }
        for (uint256 level = 0; level < tree.depth; ++level) {
            bytes32[] memory below = tree.levels[level];
            bytes32[] memory above = new bytes32[](below.length / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                above[i] = join(below[2 * i], below[2 * i + 1]);
            }
            tree.levels[level + 1] = above;
        }
        tree.root = seal(tree.levels[tree.depth][0], tree.depth);
    }

    function proof(Tree memory tree, uint256 place) internal pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](tree.depth);
        for (uint256 level = 0; level < tree.depth; ++level) {
            siblings[level] = tree.levels[level][(place >> level) ^ 1];
        }
    }

    function boundary(Tree memory tree, uint256 first, uint256 last) internal pure returns (bytes32[] memory words) {
        bytes32[] memory found = new bytes32[](2 * tree.depth);
        uint256 count;
        for (uint256 level = 0; level < tree.depth; ++level) {
            uint256 low = first >> level;
            uint256 high = last >> level;
            if (low & 1 == 1) found[count++] = tree.levels[level][low - 1];
            if (high & 1 == 0) found[count++] = tree.levels[level][high + 1];
        }
        words = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            words[i] = found[i];
        }
    }
}

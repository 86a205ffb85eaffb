// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Lists with running totals for tests
/// @notice Builds lists and paths the plain way, level by level, sharing no code with the library under test.
library PlainList {
    struct List {
        bytes[] leaves;
        /// levels[0] are the leaves' hashes; the last level is the top.
        bytes32[][] levels;
    }

    function build(bytes[] memory leaves) internal pure returns (List memory list) {
        list.leaves = leaves;
        list.levels = new bytes32[][](34);
        list.levels[0] = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            list.levels[0][i] = keccak256(leaves[i]);
        }
        for (uint256 level = 0; list.levels[level].length > 1; ++level) {
            bytes32[] memory below = list.levels[level];
            bytes32[] memory above = new bytes32[]((below.length + 1) / 2);
            for (uint256 i = 0; i < below.length; ++i) {
                if (i % 2 == 1) above[i / 2] = keccak256(abi.encodePacked(below[i - 1], below[i]));
                else if (i + 1 == below.length) above[i / 2] = below[i];
            }
            list.levels[level + 1] = above;
        }
    }

    function top(List memory list) internal pure returns (bytes32) {
        if (list.leaves.length == 0) return 0;
        return list.levels[height(list)][0];
    }

    /// @notice Levels above the leaves.
    function height(List memory list) internal pure returns (uint256 level) {
        while (list.levels[level].length > 1) ++level;
    }

    function path(List memory list, uint256 index) internal pure returns (bytes32[] memory) {
        return pathFrom(list, 0, index);
    }

    function pathFrom(List memory list, uint256 from, uint256 index) internal pure returns (bytes32[] memory words) {
        bytes32[] memory found = new bytes32[](33);
        uint256 count;
        for (uint256 level = from; level < 33 && list.levels[level].length > 1; ++level) {
            uint256 neighbour = index % 2 == 0 ? index + 1 : index - 1;
            if (neighbour < list.levels[level].length) found[count++] = list.levels[level][neighbour];
            index /= 2;
        }
        words = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            words[i] = found[i];
        }
    }
}

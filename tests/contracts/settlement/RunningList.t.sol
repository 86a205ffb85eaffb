// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RunningList} from "../../../contracts/settlement/RunningList.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {PlainList} from "./support/PlainList.sol";

/// @title Lists, against a plain implementation
contract RunningListTest {
    using PlainList for PlainList.List;

    function opens(bytes32 top, uint256 count, uint256 index, bytes32 word, bytes32[] calldata path)
        external
        pure
        returns (bool)
    {
        return RunningList.opens(top, count, index, word, path);
    }

    function test_EveryLeafOpensAtItsPlaceAndNoOther() external view {
        uint256[11] memory sizes = [uint256(1), 2, 3, 4, 5, 7, 8, 9, 15, 16, 17];
        for (uint256 i = 0; i < sizes.length; ++i) {
            PlainList.List memory list = _list(sizes[i]);
            for (uint256 k = 0; k < sizes[i]; ++k) {
                for (uint256 place = 0; place <= sizes[i]; ++place) {
                    bool there = this.opens(list.top(), sizes[i], place, list.levels[0][k], list.path(k));
                    vm.assertTrue(there == (place == k));
                }
            }
        }
    }

    function test_AnEmptyListOpensNowhere() external view {
        vm.assertFalse(this.opens(0, 0, 0, 0, new bytes32[](0)));
    }

    /// The number of leaves is part of the commitment: with another one the same path leads elsewhere, or nowhere.
    function test_AnotherCountOpensNothingAtTheEnd() external view {
        PlainList.List memory list = _list(5);
        vm.assertTrue(this.opens(list.top(), 5, 4, list.levels[0][4], list.path(4)));
        for (uint256 count = 6; count < 9; ++count) {
            vm.assertFalse(this.opens(list.top(), count, 4, list.levels[0][4], list.path(4)));
        }
        vm.assertFalse(this.opens(list.top(), 4, 4, list.levels[0][4], list.path(4)));
    }

    function test_APathOfAnotherLengthOpensNothing() external view {
        PlainList.List memory list = _list(5);
        for (uint256 k = 0; k < 5; ++k) {
            bytes32[] memory path = list.path(k);
            bytes32[] memory long = new bytes32[](path.length + 1);
            bytes32[] memory short = new bytes32[](path.length - 1);
            for (uint256 i = 0; i < path.length; ++i) {
                long[i] = path[i];
                if (i < short.length) short[i] = path[i];
            }
            vm.assertFalse(this.opens(list.top(), 5, k, list.levels[0][k], long));
            vm.assertFalse(this.opens(list.top(), 5, k, list.levels[0][k], short));
        }
    }

    /// The second-preimage attack on Merkle trees: 64 bytes of two words, offered as a leaf.
    function test_AnInnerWordIsNoLeaf() external view {
        PlainList.List memory list = _list(8);
        bytes32 inner = keccak256(abi.encodePacked(list.levels[0][0], list.levels[0][1]));
        vm.assertEq(inner, list.levels[1][0]);
        vm.assertFalse(this.opens(list.top(), 8, 0, inner, list.pathFrom(1, 0)));
        // It is a word of the level above, and only that.
        vm.assertTrue(this.opens(list.top(), RunningList.countAt(8, 1), 0, inner, list.pathFrom(1, 0)));
    }

    function testFuzz_WordsOfEveryLevelOpenAndFold(uint256 size, uint256 level, uint256 steps) external view {
        size = 1 + size % 40;
        PlainList.List memory list = _list(size);
        level = level % (list.height() + 1);
        uint256 count = list.levels[level].length;
        vm.assertEq(RunningList.countAt(size, level), count);
        steps = steps % (level + 1);
        for (uint256 index = 0; index < count; ++index) {
            bytes32 word = list.levels[level][index];
            vm.assertTrue(this.opens(list.top(), count, index, word, list.pathFrom(level, index)));
            vm.assertEq(RunningList.fold(_below(list, level - steps, index << steps, 1 << steps)), word);
        }
    }

    function _below(PlainList.List memory list, uint256 level, uint256 start, uint256 most)
        private
        pure
        returns (bytes32[] memory words)
    {
        bytes32[] memory all = list.levels[level];
        words = new bytes32[](all.length - start < most ? all.length - start : most);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = all[start + i];
        }
    }

    function _list(uint256 size) private pure returns (PlainList.List memory) {
        bytes[] memory leaves = new bytes[](size);
        for (uint256 i = 0; i < size; ++i) {
            leaves[i] = abi.encodePacked("leaf", uint32(i));
        }
        return PlainList.build(leaves);
    }
}

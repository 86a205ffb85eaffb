// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Intervals} from "../../../contracts/libraries/Intervals.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract IntervalsTest {
    using Intervals for Intervals.Interval[];

    Intervals.Interval[] private intervals;

    function test_NothingIsCoveredAtFirst() external {
        vm.assertFalse(intervals.covers(0));
        vm.assertFalse(intervals.close(0));
    }

    function test_AnIntervalIncludesBothItsEnds() external {
        vm.assertTrue(intervals.open(3));
        vm.assertFalse(intervals.open(4));
        vm.assertTrue(intervals.covers(type(uint64).max - 1));
        vm.assertTrue(intervals.close(5));
        vm.assertFalse(intervals.close(5));
        vm.assertFalse(intervals.covers(2));
        vm.assertTrue(intervals.covers(3));
        vm.assertTrue(intervals.covers(5));
        vm.assertFalse(intervals.covers(6));
    }

    function test_OneThatWasClosedInTheSameEpochGoesOn() external {
        intervals.open(3);
        intervals.close(5);
        vm.assertTrue(intervals.open(5));
        vm.assertEq(intervals.length, 1);
        vm.assertTrue(intervals.covers(6));
    }

    function testFuzz_IntervalsRememberWhatWasOpen(uint8[40] memory moves) external {
        bool[] memory was = new bool[](120);
        bool isOpen;
        uint64 epoch = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            // Epochs pass, in which nothing is done.
            for (uint256 passed = moves[i] % 3; passed > 0; --passed) {
                was[++epoch] = isOpen;
            }
            bool opens = moves[i] & 4 != 0;
            bool changed = opens ? intervals.open(epoch) : intervals.close(epoch);
            vm.assertTrue(changed == (opens != isOpen));
            isOpen = opens;
            was[epoch] = was[epoch] || opens;
        }
        for (uint64 at = 0; at <= epoch; ++at) {
            vm.assertTrue(intervals.covers(at) == was[at]);
        }
        vm.assertTrue(intervals.covers(epoch + 1) == isOpen);
    }
}

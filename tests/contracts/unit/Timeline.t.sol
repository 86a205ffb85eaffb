// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Timeline} from "../../../contracts/libraries/Timeline.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract TimelineTest {
    using Timeline for Timeline.Line;
    using Timeline for Timeline.Mark;

    Math.Rounding private constant DOWN = Math.Rounding.Floor;
    Math.Rounding private constant UP = Math.Rounding.Ceil;

    Timeline.Line private line;

    function test_StartsEmpty() external view {
        vm.assertEq(line.through(0).sum, 0);
        vm.assertEq(line.through(1000).sum, 0);
        vm.assertEq(line.mark(0).sum, 0);
    }

    function test_AdditionsOfAnEpochShareAMark() external {
        line.add(3, 0, 10, DOWN);
        line.add(3, 0, 5, DOWN);
        vm.assertEq(line.head.archived, 0);
        vm.assertEq(line.through(2).sum, 0);
        vm.assertEq(line.through(3).sum, 15);
        vm.assertEq(line.through(4).sum, 15);
    }

    function test_PastEpochsKeepTheirSum() external {
        line.add(0, 0, 1, DOWN);
        line.add(4, 0, 2, DOWN);
        line.add(9, 0, 4, DOWN);
        vm.assertEq(line.head.archived, 2);
        vm.assertEq(line.through(0).sum, 1);
        vm.assertEq(line.through(3).sum, 1);
        vm.assertEq(line.through(4).sum, 3);
        vm.assertEq(line.through(8).sum, 3);
        vm.assertEq(line.through(9).sum, 7);
        vm.assertEq(line.mark(0).epoch, 0);
        vm.assertEq(line.mark(1).sum, 3);
        vm.assertEq(line.mark(2).epoch, 9);
        vm.assertEq(line.mark(2).sum, 7);
    }

    function test_ALaterScaleDividesWhatWasThereBefore() external {
        line.add(1, 0, (7 << 32) + 1, DOWN);
        line.add(5, 1, 3, DOWN);
        vm.assertEq(line.through(1).sum, (7 << 32) + 1);
        vm.assertEq(line.through(1).scale, 0);
        vm.assertEq(line.through(5).sum, 10);
        vm.assertEq(line.through(5).scale, 1);
        vm.assertEq(line.through(1).sumIn(1, DOWN), 7);
        vm.assertEq(line.through(1).sumIn(1, UP), 8);
        vm.assertEq(line.through(5).sumIn(2, DOWN), 0);
        vm.assertEq(line.through(5).sumIn(2, UP), 1);
        vm.assertEq(line.through(5).sumIn(1, UP), 10);
    }

    function test_RoundedUpNothingThatWasThereGoesLost() external {
        line.add(1, 0, 1, UP);
        line.add(5, 3, 3, UP);
        vm.assertEq(line.through(5).sum, 4);
        // Beyond every sum's bits.
        line.add(9, 3 + 5, 1, UP);
        vm.assertEq(line.through(9).sum, 2);
        line.add(10, 65_535, 1, DOWN);
        vm.assertEq(line.through(10).sum, 1);
        vm.assertEq(line.head.archived, 3);
    }

    function test_WhatIsTakenOffStaysInThePast() external {
        line.add(1, 0, 10, DOWN);
        line.remove(4, 0, 10, DOWN);
        line.add(6, 0, 3, DOWN);
        vm.assertEq(line.through(3).sum, 10);
        vm.assertEq(line.through(4).sum, 0);
        vm.assertEq(line.through(5).sum, 0);
        vm.assertEq(line.through(6).sum, 3);
        line.remove(6, 0, 2, DOWN);
        vm.assertEq(line.through(6).sum, 1);
        vm.assertEq(line.head.archived, 2);
    }

    function test_RevertWhen_MoreIsTakenOffThanThereIs() external {
        line.add(1, 0, 10, DOWN);
        vm.expectRevert();
        this.remove(4, 11);
    }

    function remove(uint256 epoch, uint256 amount) external {
        line.remove(epoch, 0, amount, DOWN);
    }

    function test_WhatIsTakenOffIsOfTheLaterScale() external {
        line.add(1, 0, (7 << 32) + 5, DOWN);
        line.remove(5, 1, 3, DOWN);
        vm.assertEq(line.through(5).sum, 4);
        vm.assertEq(line.through(4).sum, (7 << 32) + 5);
    }

    function testFuzz_EqualsAListOfAdditions(uint8[20] memory steps, uint64[20] memory amounts) external {
        uint256 epoch = 0;
        uint256[] memory epochs = new uint256[](20);
        for (uint256 i = 0; i < 20; ++i) {
            epoch += steps[i] % 4;
            epochs[i] = epoch;
            line.add(epoch, 0, amounts[i], DOWN);
        }
        for (uint256 at_ = 0; at_ <= epoch + 1; ++at_) {
            uint256 sum = 0;
            for (uint256 i = 0; i < 20; ++i) {
                if (epochs[i] <= at_) sum += amounts[i];
            }
            vm.assertEq(line.through(at_).sum, sum);
        }
    }

    /// Step by step or at once, rounded the same way, comes to the same.
    function testFuzz_ScalesCompose(uint144 amount, uint8 first, uint8 second) external pure {
        for (uint256 i = 0; i < 2; ++i) {
            Math.Rounding rounding = i == 0 ? DOWN : UP;
            uint256 halfway = Timeline.rescaled(amount, 0, first % 6, rounding);
            uint256 twice = Timeline.rescaled(halfway, first % 6, first % 6 + second % 6, rounding);
            vm.assertEq(twice, Timeline.rescaled(amount, 0, first % 6 + second % 6, rounding));
        }
    }
}

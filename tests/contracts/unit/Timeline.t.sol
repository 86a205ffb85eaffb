// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Timeline} from "../../../contracts/libraries/Timeline.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract TimelineTest {
    using Timeline for Timeline.Line;

    Timeline.Line private line;

    function test_StartsEmpty() external view {
        vm.assertEq(line.total(), 0);
        vm.assertEq(line.through(0), 0);
        vm.assertEq(line.through(1000), 0);
        vm.assertEq(line.mark(0).sum, 0);
    }

    function test_AdditionsOfAnEpochShareAMark() external {
        line.add(3, 10);
        line.add(3, 5);
        vm.assertEq(line.head.archived, 0);
        vm.assertEq(line.through(2), 0);
        vm.assertEq(line.through(3), 15);
        vm.assertEq(line.through(4), 15);
    }

    function test_PastEpochsKeepTheirSum() external {
        line.add(0, 1);
        line.add(4, 2);
        line.add(9, 4);
        vm.assertEq(line.head.archived, 2);
        vm.assertEq(line.through(0), 1);
        vm.assertEq(line.through(3), 1);
        vm.assertEq(line.through(4), 3);
        vm.assertEq(line.through(8), 3);
        vm.assertEq(line.through(9), 7);
        vm.assertEq(line.total(), 7);
        vm.assertEq(line.mark(0).epoch, 0);
        vm.assertEq(line.mark(1).sum, 3);
        vm.assertEq(line.mark(2).epoch, 9);
        vm.assertEq(line.mark(2).sum, 7);
    }

    function testFuzz_EqualsAListOfAdditions(uint8[20] memory steps, uint64[20] memory amounts) external {
        uint256 epoch = 0;
        uint256[] memory epochs = new uint256[](20);
        for (uint256 i = 0; i < 20; ++i) {
            epoch += steps[i] % 4;
            epochs[i] = epoch;
            line.add(epoch, amounts[i]);
        }
        for (uint256 at = 0; at <= epoch + 1; ++at) {
            uint256 sum = 0;
            for (uint256 i = 0; i < 20; ++i) {
                if (epochs[i] <= at) sum += amounts[i];
            }
            vm.assertEq(line.through(at), sum);
        }
    }
}

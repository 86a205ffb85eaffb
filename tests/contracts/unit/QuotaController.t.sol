// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {QuotaController} from "../../../contracts/libraries/QuotaController.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract QuotaControllerTest {
    uint256 private constant Q0 = 354_334_794;
    uint256 private constant LEAST = 3543;
    uint256 private constant MOST = Q0 * 10_000;

    function test_Vectors() external pure {
        _check(Q0, 1e24, 5e14, 354_334_794, 7086, 353_826_915);
        _check(Q0, 1e24, 2e14, 354_334_794, 10_000, 336_618_055);
        _check(Q0, 1e24, 4e14, 354_334_794, 8858, 343_362_227);
        _check(Q0, 1e24, 1e13, 40_000_000, 10_000, 336_618_055);
        _check(Q0, 0, 1e13, 354_334_794, 7000, 354_334_794);
        _check(Q0, 1e24, 0, 0, 7000, 354_334_794);
        _check(Q0, 3e18, 1e17, 354_334_794, 0, 372_051_533);
    }

    function test_TheBoundsAreReachedAndKept() external pure {
        vm.assertEq(QuotaController.clamp(0, Q0), LEAST);
        vm.assertEq(QuotaController.next(LEAST, 10_000, Q0), LEAST);
        vm.assertEq(QuotaController.next(MOST, 0, Q0), MOST);
        (uint256 up, uint256 down) = (Q0, Q0);
        for (uint256 i = 0; i < 188; ++i) {
            up = QuotaController.next(up, 0, Q0);
        }
        vm.assertLt(up, MOST);
        vm.assertEq(QuotaController.next(up, 0, Q0), MOST);
        for (uint256 i = 0; i < 224; ++i) {
            down = QuotaController.next(down, 10_000, Q0);
        }
        vm.assertGt(down, LEAST);
        vm.assertEq(QuotaController.next(down, 10_000, Q0), LEAST);
    }

    /// The smallest quota of the smallest deployment is not stuck.
    function test_TheSmallestQuotaStillMoves() external pure {
        uint256 q0 = QuotaController.MIN_INITIAL_QUOTA;
        vm.assertEq(QuotaController.next(q0 / 100_000, 0, q0), q0 / 100_000 * 21 / 20);
    }

    function testFuzz_AStepIsBoundedAndTheRightWay(uint256 quota, uint256 soldBps) external pure {
        (quota, soldBps) = (LEAST + quota % (MOST - LEAST + 1), soldBps % 10_001);
        uint256 next = QuotaController.next(quota, soldBps, Q0);
        vm.assertTrue(next >= LEAST && next <= MOST);
        vm.assertTrue(19 * quota <= 20 * next && 20 * next <= 21 * quota);
        if (soldBps > 7000) vm.assertLe(next, quota);
        if (soldBps < 7000) vm.assertGe(next, quota);
        if (soldBps == 7000) vm.assertEq(next, quota);
    }

    function testFuzz_TheNextQuotaRisesWithTheQuotaAndFallsWithWhatIsSold(uint256 quota, uint256 more, uint256 soldBps)
        external
        pure
    {
        (quota, soldBps) = (LEAST + quota % (MOST - LEAST + 1), soldBps % 10_000);
        more = quota + more % (MOST - quota + 1);
        vm.assertLe(QuotaController.next(quota, soldBps, Q0), QuotaController.next(more, soldBps, Q0));
        vm.assertGe(QuotaController.next(quota, soldBps, Q0), QuotaController.next(quota, soldBps + 1, Q0));
    }

    function testFuzz_NoMoreThanFourTimesTheCapacityIsSold(uint256 quota, uint96 openWei, uint64 capacityBytes)
        external
        pure
    {
        quota = LEAST + quota % (MOST - LEAST + 1);
        (uint256 bytesPerData, uint256 soldBps) = QuotaController.inForce(quota, openWei, capacityBytes);
        vm.assertLe(bytesPerData, quota);
        vm.assertLe(uint256(openWei) * bytesPerData / 1e18, 4 * uint256(capacityBytes));
        vm.assertLe(soldBps, 10_000);
        if (bytesPerData < quota && capacityBytes != 0) vm.assertEq(soldBps, 10_000);
    }

    /// Stakes that do not move, capacity that does not: from wherever it starts, the quota settles where 70 % is sold, or at the bound
    /// that lies before it. Where that is follows from stakes and capacity alone.
    function testFuzz_SettlesAtTheTarget(uint64 openData, uint64 capacityGib, uint256 start) external pure {
        uint256 openWei = 1e22 + uint256(openData) % 1e8 * 1e18;
        uint256 capacityBytes = (100 + uint256(capacityGib) % 1_000_000) << 30;
        uint256 quota = LEAST + start % (MOST - LEAST + 1);
        uint256 soldBps;
        for (uint256 i = 0; i < 1200; ++i) {
            (, soldBps) = QuotaController.inForce(quota, openWei, capacityBytes);
            quota = QuotaController.next(quota, soldBps, Q0);
        }
        uint256 target = capacityBytes * 7 / 10 * 1e18 / openWei;
        target = target < LEAST ? LEAST : target > MOST ? MOST : target;
        // A step is whole bytes: a smaller one than a byte is none.
        vm.assertApproxEqAbs(quota, target, 30 + target / 200);
    }

    function _check(
        uint256 quota,
        uint256 openWei,
        uint256 capacityBytes,
        uint256 bytesPerData,
        uint256 soldBps,
        uint256 nextQuota
    ) private pure {
        (uint256 gotBytes, uint256 gotBps) = QuotaController.inForce(quota, openWei, capacityBytes);
        vm.assertEq(gotBytes, bytesPerData);
        vm.assertEq(gotBps, soldBps);
        vm.assertEq(QuotaController.next(quota, gotBps, Q0), nextQuota);
    }
}

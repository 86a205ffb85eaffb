// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FeeMath} from "../../../contracts/libraries/FeeMath.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract FeeMathTest {
    uint256 private constant UNIT = 1e27;

    function test_APowerIsRepeatedMultiplication() external pure {
        vm.assertEq(FeeMath.power(UNIT / 2, 0), UNIT);
        vm.assertEq(FeeMath.power(UNIT / 2, 1), UNIT / 2);
        vm.assertEq(FeeMath.power(UNIT / 2, 10), UNIT / 1024);
        vm.assertEq(FeeMath.power(UNIT, 12_345), UNIT);
        vm.assertEq(FeeMath.power(0, 3), 0);
    }

    function test_OneEpochIsExact() external pure {
        vm.assertEq(FeeMath.remaining(1000, 100_000_000, 1, 1), 900);
        vm.assertEq(FeeMath.remaining(1001, 100_000_000, 1, 1), 901);
        vm.assertEq(FeeMath.remaining(1009, 100_000_000, 1, 1), 909);
        vm.assertEq(FeeMath.remaining(1010, 100_000_000, 1, 1), 909);
    }

    function test_TheFloorHolds() external pure {
        vm.assertEq(FeeMath.remaining(1000, 100_000_000, 1, 950), 950);
        vm.assertEq(FeeMath.remaining(950, 100_000_000, 1, 950), 950);
        vm.assertEq(FeeMath.remaining(949, 100_000_000, 1, 950), 949);
        vm.assertEq(FeeMath.remaining(0, 100_000_000, 9, 950), 0);
        vm.assertEq(FeeMath.remaining(951, 1, 1, 950), 951);
    }

    function testFuzz_OneEpochTakesTheFlooredFee(uint96 totalWei, uint32 ratePpb) external pure {
        ratePpb = 1000 + ratePpb % 99_999_001;
        uint256 feeWei = uint256(totalWei) * ratePpb / 1e9;
        vm.assertEq(FeeMath.remaining(totalWei, ratePpb, 1, 0), totalWei - feeWei);
    }

    function testFuzz_RemainingNeverRises(uint96 totalWei, uint32 ratePpb, uint32 epochs) external pure {
        ratePpb = 1000 + ratePpb % 99_999_001;
        uint256 now_ = FeeMath.remaining(totalWei, ratePpb, epochs, 1e12);
        vm.assertLe(FeeMath.remaining(totalWei, ratePpb, uint256(epochs) + 1, 1e12), now_);
        vm.assertLe(now_, totalWei);
    }

    /// Near the floor the power has lost most of its digits; one epoch's step must still outweigh the rounding.
    function testFuzz_RemainingNeverRisesNearTheFloor(uint32 ratePpb, uint16 offset) external pure {
        ratePpb = 1000 + ratePpb % 99_999_001;
        uint256 totalWei = type(uint96).max;
        uint256 low = 0;
        uint256 high = 2 ** 40;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (FeeMath.remaining(totalWei, ratePpb, middle, 1e12) == 1e12) high = middle;
            else low = middle + 1;
        }
        uint256 epochs = low > offset ? low - offset : 0;
        uint256 leftWei = FeeMath.remaining(totalWei, ratePpb, epochs, 1e12);
        for (uint256 i = 1; i < 20; ++i) {
            uint256 nextWei = FeeMath.remaining(totalWei, ratePpb, epochs + i, 1e12);
            vm.assertLe(nextWei, leftWei);
            leftWei = nextWei;
        }
    }

    function testFuzz_AStretchMayBeCutAnywhere(uint96 totalWei, uint16 first, uint16 second) external pure {
        uint256 once = FeeMath.remaining(totalWei, 10_000_000, uint256(first) + second, 1e12);
        uint256 twice =
            FeeMath.remaining(FeeMath.remaining(totalWei, 10_000_000, first, 1e12), 10_000_000, second, 1e12);
        // Each cut may round up a wei; the power is low by at most two units of the 27th place an epoch.
        uint256 bound = 2 + 2 * (uint256(first) + second) * totalWei / 1e27;
        vm.assertApproxEqAbs(once, twice, bound);
    }
}

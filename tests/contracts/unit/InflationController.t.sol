// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {InflationController} from "../../../contracts/libraries/InflationController.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract InflationControllerTest {
    using InflationController for InflationController.Parameters;

    function test_AtTheTargetTheRateStays() external pure {
        vm.assertEq(InflationController.next(5_000_000, 7000, _parameters()), 5_000_000);
    }

    function test_AboveTheTargetTheRateRises() external pure {
        vm.assertEq(InflationController.next(5_000_000, 10_000, _parameters()), 5_500_000);
        vm.assertEq(InflationController.next(5_000_000, 8500, _parameters()), 5_250_000);
        vm.assertEq(InflationController.next(5_000_000, 65_535, _parameters()), 5_500_000);
    }

    function test_BelowTheTargetTheRateFalls() external pure {
        vm.assertEq(InflationController.next(5_000_000, 0, _parameters()), 4_500_000);
        vm.assertEq(InflationController.next(5_000_000, 3500, _parameters()), 4_750_000);
    }

    function test_TheSmallestStepIsOne() external pure {
        InflationController.Parameters memory parameters = _parameters();
        parameters.floorPpb = 1000;
        vm.assertEq(InflationController.next(2000, 7001, parameters), 2001);
        vm.assertEq(InflationController.next(2000, 6999, parameters), 1999);
    }

    function test_TheBoundsHold() external pure {
        vm.assertEq(InflationController.next(49_999_999, 10_000, _parameters()), 50_000_000);
        vm.assertEq(InflationController.next(1_000_001, 0, _parameters()), 1_000_000);
        vm.assertEq(InflationController.next(0, 0, _parameters()), 1_000_000);
        vm.assertEq(InflationController.clamp(0, _parameters()), 1_000_000);
        vm.assertEq(InflationController.clamp(1e9, _parameters()), 50_000_000);
        vm.assertEq(InflationController.clamp(7_000_000, _parameters()), 7_000_000);
    }

    function test_RevertWhen_ParametersContradict() external {
        InflationController.check(_parameters());
        InflationController.Parameters memory bad = _parameters();
        bad.floorPpb = 999;
        _expectInvalid(bad);
        bad = _parameters();
        bad.floorPpb = bad.ceilingPpb + 1;
        _expectInvalid(bad);
        bad = _parameters();
        bad.ceilingPpb = 100_000_001;
        _expectInvalid(bad);
        bad = _parameters();
        bad.targetBps = 0;
        _expectInvalid(bad);
        bad = _parameters();
        bad.targetBps = 10_000;
        _expectInvalid(bad);
        bad = _parameters();
        bad.maxStepBps = 0;
        _expectInvalid(bad);
        bad = _parameters();
        bad.maxStepBps = 5001;
        _expectInvalid(bad);
        bad = _parameters();
        (bad.floorPpb, bad.ceilingPpb) = (1000, 1000);
        InflationController.check(bad);
        (bad.floorPpb, bad.ceilingPpb) = (100_000_000, 100_000_000);
        bad.maxStepBps = 5000;
        InflationController.check(bad);
    }

    function testFuzz_NeverLeavesItsBounds(uint256 ratePpb, uint16 utilisationBps) external pure {
        InflationController.Parameters memory parameters = _parameters();
        ratePpb = parameters.floorPpb + ratePpb % (parameters.ceilingPpb - parameters.floorPpb + 1);
        uint256 nextPpb = InflationController.next(ratePpb, utilisationBps, parameters);
        vm.assertGe(nextPpb, parameters.floorPpb);
        vm.assertLe(nextPpb, parameters.ceilingPpb);
        uint256 step = nextPpb > ratePpb ? nextPpb - ratePpb : ratePpb - nextPpb;
        vm.assertLe(step, ratePpb * parameters.maxStepBps / 10_000);
    }

    /// Demand that falls with the price: utilisation = demand / rate. From any start the rate comes within 1 % of the rate at
    /// which utilisation meets the target (or to the bound nearest to it) and stays there.
    function testFuzz_ConvergesFromAnyStart(uint256 ratePpb, uint256 demand) external pure {
        InflationController.Parameters memory parameters = _parameters();
        ratePpb = parameters.floorPpb + ratePpb % (parameters.ceilingPpb - parameters.floorPpb + 1);
        // The equilibrium lies anywhere from below the floor to above the ceiling.
        demand = 1e9 + demand % 1e12;
        uint256 meetsTarget = InflationController.clamp(demand / parameters.targetBps, parameters);
        for (uint256 i = 0; i < 200; ++i) {
            ratePpb = InflationController.next(ratePpb, demand / ratePpb, parameters);
        }
        for (uint256 i = 0; i < 20; ++i) {
            ratePpb = InflationController.next(ratePpb, demand / ratePpb, parameters);
            vm.assertApproxEqAbs(ratePpb, meetsTarget, meetsTarget / 100, "it settled elsewhere");
        }
    }

    function testFuzz_ConstantPressureReachesTheBound(uint256 ratePpb, bool high) external pure {
        InflationController.Parameters memory parameters = _parameters();
        ratePpb = parameters.floorPpb + ratePpb % (parameters.ceilingPpb - parameters.floorPpb + 1);
        for (uint256 i = 0; i < 60; ++i) {
            ratePpb = InflationController.next(ratePpb, high ? 10_000 : 0, parameters);
        }
        vm.assertEq(ratePpb, high ? parameters.ceilingPpb : parameters.floorPpb);
    }

    function _expectInvalid(InflationController.Parameters memory bad) private {
        vm.expectRevert(InflationController.ParametersInvalid.selector);
        InflationController.check(bad);
    }

    function _parameters() private pure returns (InflationController.Parameters memory) {
        return InflationController.Parameters({
            floorPpb: 1_000_000, ceilingPpb: 50_000_000, targetBps: 7000, maxStepBps: 1000
        });
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {QuotaController} from "../../../contracts/libraries/QuotaController.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Proofs about the quota per DATA
/// @notice For every quota within its bounds, every share sold (at most all of it) and every quota per DATA that a deployment
/// may begin with.
contract QuotaProofs {
    function check_TheNextQuotaIsWithinItsBounds(uint256 quota, uint256 soldBps, uint256 initial) external pure {
        _assumeBounds(quota, soldBps, initial);
        uint256 next = QuotaController.next(quota, soldBps, initial);
        assert(next >= initial / 100_000 && next <= initial * 10_000);
    }

    // A step, in three parts, because no solver takes it in one: a product is at most what its larger factor makes of it; with
    // that, a quota that no bound holds back moves by a twentieth at most; and a bound only ever holds back.

    function check_AProductRisesWithItsFactor(uint64 quota, uint16 factor, uint16 most) external pure {
        vm.assume(factor <= most);
        assert(uint256(factor) * quota <= uint256(most) * quota);
    }

    function check_AStepDownIsAtMostATwentieth(uint64 quota, uint16 above) external pure {
        vm.assume(above >= 1 && above <= 3000);
        vm.assume(uint256(above) * (500 * uint256(quota)) <= 1_500_000 * uint256(quota));
        uint256 next = _unheld(quota, QuotaController.TARGET_BPS + above);
        assert(next <= quota && 19 * uint256(quota) <= 20 * next);
    }

    function check_AStepUpIsAtMostATwentieth(uint64 quota, uint16 below) external pure {
        vm.assume(below >= 1 && below <= 7000);
        vm.assume(uint256(below) * (500 * uint256(quota)) <= 3_500_000 * uint256(quota));
        uint256 next = _unheld(quota, QuotaController.TARGET_BPS - below);
        assert(next >= quota && 20 * next <= 21 * uint256(quota));
    }

    /// Wherever a step leads from a quota within the bounds: the clamped one lies between both.
    function check_ABoundOnlyHoldsBack(uint256 quota, uint256 moved, uint256 initial) external pure {
        _assumeBounds(quota, 0, initial);
        uint256 next = QuotaController.clamp(moved, initial);
        if (moved <= quota) assert(moved <= next && next <= quota);
        if (moved >= quota) assert(quota <= next && next <= moved);
    }

    function check_OnTargetNothingMoves(uint256 quota, uint256 initial) external pure {
        _assumeBounds(quota, 0, initial);
        assert(QuotaController.next(quota, QuotaController.TARGET_BPS, initial) == quota);
    }

    /// Whatever comes in, the bounds hold: also for a quota that left them.
    function check_AClampedQuotaIsTheNearestWithinTheBounds(uint256 quota, uint256 initial) external pure {
        vm.assume(initial >= QuotaController.MIN_INITIAL_QUOTA && initial <= QuotaController.MAX_INITIAL_QUOTA);
        uint256 clamped = QuotaController.clamp(quota, initial);
        uint256 least = initial / 100_000;
        uint256 most = initial * 10_000;
        assert(clamped == (quota < least ? least : quota > most ? most : quota));
    }

    /// What is in force is never more than what was fixed, and never more than all is said to be sold.
    function check_InForceIsAtMostWhatWasFixed(uint256 quota, uint96 openWei, uint96 capacity) external pure {
        vm.assume(quota <= QuotaController.MAX_INITIAL_QUOTA * 10_000);
        (uint256 inForce, uint256 soldBps) = QuotaController.inForce(quota, openWei, capacity);
        assert(inForce <= quota && soldBps <= 10_000);
        assert(capacity != 0 || inForce == 0);
    }

    /// All that is staked buys at most four times what is bonded.
    function check_AtMostFourTimesTheCapacityIsSold(uint256 quota, uint96 openWei, uint96 capacity) external pure {
        vm.assume(quota <= QuotaController.MAX_INITIAL_QUOTA * 10_000);
        (uint256 inForce,) = QuotaController.inForce(quota, openWei, capacity);
        assert(uint256(openWei) * inForce <= 4 * uint256(capacity) * 1e18 || openWei == 0);
    }

    /// @dev The next quota between bounds so far apart that they hold nothing back: they are no part of how far a step goes.
    function _unheld(uint256 quota, uint256 soldBps) private pure returns (uint256) {
        vm.assume(quota <= QuotaController.MAX_INITIAL_QUOTA * 10_000);
        return QuotaController.next(quota, soldBps, quota);
    }

    function _assumeBounds(uint256 quota, uint256 soldBps, uint256 initial) private pure {
        vm.assume(initial >= QuotaController.MIN_INITIAL_QUOTA && initial <= QuotaController.MAX_INITIAL_QUOTA);
        vm.assume(quota >= initial / 100_000 && quota <= initial * 10_000);
        vm.assume(soldBps <= 10_000);
    }
}

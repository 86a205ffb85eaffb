// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

/// @title A century of fees
/// @notice Shares grow against what they stand for; the books cut bits off them and go on.
contract PoolScaleTest is Fixture {
    function test_HistoryFromBeforeTheCutStays() external {
        _stake(ALICE, 5_000_000e18);
        _endEpoch();
        (uint256 feeWei, uint256 potWei) = (pool.feeOf(ALICE, 0), pool.potOf(0));
        _decay();
        _stake(BOB, 5_000_000e18);
        _decay();
        // 5e6 · 5e6 shares stand for a wei: more than 2^32, so the next epoch opens with fewer.
        _stake(CAROL, 5_000_000e18);
        vm.assertEq(pool.feeOf(ALICE, 0), feeWei);
        vm.assertEq(pool.potOf(0), potWei);
        vm.assertEq(feeWei, 50_000e18);
        vm.assertEq(pool.stakeOf(CAROL), 5_000_000e18);
        _assertNobodyHasTooMuch();
        _endEpoch();
        vm.assertEq(pool.feeOf(CAROL, pool.closedEpochs() - 1), 50_000e18);
    }

    function test_EverybodyLeavesAfterManyCuts() external {
        address[4] memory users = [ALICE, BOB, CAROL, MALLORY];
        uint256 inWei;
        for (uint256 round = 0; round < 12; ++round) {
            address user = users[round % 4];
            _stake(user, 1_000_000e18 + round);
            inWei += 1_000_000e18 + round;
            _endEpoch();
            if (round % 3 == 1) {
                uint256 thirdWei = pool.stakeOf(user) / 3;
                vm.prank(user);
                pool.requestUnstake(thirdWei);
            }
            _decay();
            _assertNobodyHasTooMuch();
        }
        for (uint256 i = 0; i < 4; ++i) {
            uint256 stakeWei = pool.stakeOf(users[i]);
            if (stakeWei == 0) continue;
            vm.prank(users[i]);
            pool.requestUnstake(type(uint256).max);
            vm.assertEq(pool.stakeOf(users[i]), 0);
        }
        _skipEpochs(UNBONDING + 1);
        _settle();
        uint256 outWei;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 before = token.balanceOf(users[i]);
            vm.prank(users[i]);
            pool.withdraw();
            outWei += token.balanceOf(users[i]) - before;
        }
        pool.sendPots();
        uint256 potsWei = token.balanceOf(address(distributor));
        vm.assertLe(token.balanceOf(address(pool)), 40, "a wei a movement");
        vm.assertEq(outWei + potsWei + token.balanceOf(address(pool)), inWei);
    }

    /// 36 525 epochs at 1 %, with somebody who tops up each year: fees, stakes and what left are all that came in, to the wei.
    function test_ACenturyConserves() external {
        uint256 inWei;
        for (uint256 year = 0; year < 100; ++year) {
            address user = year % 2 == 0 ? ALICE : BOB;
            _stake(user, 50_000e18 + year);
            inWei += 50_000e18 + year;
            _skipEpochs(365);
        }
        _skipEpochs(25);
        pool.closeEpochs();
        vm.assertEq(pool.currentEpoch(), 36_525);
        vm.assertEq(pool.totalStakedWei() + pool.fundedThroughWei(36_524), inWei);
        _assertNobodyHasTooMuch();
        uint256 heldWei = pool.stakeOf(ALICE) + pool.stakeOf(BOB);
        vm.assertLe(pool.totalStakedWei() - heldWei, 4, "a wei a staker and cut");
        // The whole supply still fits.
        _stake(CAROL, 9_000_000e18);
        vm.assertApproxEqAbs(pool.stakeOf(CAROL), 9_000_000e18, 1);
    }

    function test_AUserThatIsAwayForManyCutsIsLeftWithNothing() external {
        _stake(ALICE, MINIMUM);
        for (uint256 round = 0; round < 40; ++round) {
            _stake(BOB, 200_000e18);
            _decay();
        }
        vm.assertEq(pool.stakeOf(ALICE), 0);
        vm.assertEq(pool.feeOf(ALICE, 0), MINIMUM / 100);
        _stake(ALICE, 3e18);
        vm.assertApproxEqAbs(pool.stakeOf(ALICE), 3e18, 1);
    }

    /// What came in is rounded down by a cut and what left up: of everything that left one share too many.
    function test_WhoLeftBeforeTheCutHasNothingAndMayComeAgain() external {
        _stake(ALICE, MINIMUM + 1);
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        for (uint256 round = 0; round < 3; ++round) {
            _stake(BOB, 1_000_000e18);
            _decay();
        }
        vm.assertEq(pool.stakeOf(ALICE), 0);
        vm.assertEq(pool.quotaOf(ALICE, pool.currentEpoch()), 0);
        _stake(ALICE, 3e18);
        vm.assertApproxEqAbs(pool.stakeOf(ALICE), 3e18, 1);
    }

    /// Of what left, a cut leaves a share too many rather than one too few: nobody asks for more shares than there are.
    function test_TheOnlyStakerLeavesAfterACut() external {
        for (uint256 round = 0; round < 4; ++round) {
            _stake(ALICE, 700_000e18 + round);
            uint256 thirdWei = pool.stakeOf(ALICE) / 3;
            vm.prank(ALICE);
            pool.requestUnstake(thirdWei);
            _decay();
            _stake(ALICE, 700_000e18);
            _decay();
            vm.prank(ALICE);
            pool.requestUnstake(type(uint256).max);
            _skipEpochs(UNBONDING + 1);
            _settle();
            vm.prank(ALICE);
            pool.withdraw();
            vm.assertEq(pool.stakeOf(ALICE), 0);
            vm.assertLe(pool.totalStakedWei(), 1 + round, "a wei a cut");
        }
    }

    /// @dev Until fees have taken all but the dust floor.
    function _decay() private {
        _skipEpochs(1600);
        pool.closeEpochs();
    }

    function _assertNobodyHasTooMuch() private view {
        uint256 heldWei = pool.stakeOf(ALICE) + pool.stakeOf(BOB) + pool.stakeOf(CAROL) + pool.stakeOf(MALLORY);
        vm.assertLe(heldWei, pool.totalStakedWei());
    }
}

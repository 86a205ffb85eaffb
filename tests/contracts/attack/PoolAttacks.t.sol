// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";

/// @title Attacks on the stake pool, each named after where it happened
contract PoolAttacksTest is Fixture {
    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    /// Compound-style snapshots: be in for the reward (here the quota), out for the cost.
    function test_FeeDodge_UnstakingJustBeforeTheBoundary() external {
        _stake(ALICE, 100e18);
        _stake(MALLORY, 100e18);
        _endEpoch();
        vm.warp(GENESIS + 2 * EPOCH - 1);
        vm.prank(MALLORY);
        pool.requestUnstake(type(uint256).max);
        vm.warp(GENESIS + 2 * EPOCH);
        pool.closeEpochs();
        vm.assertEq(pool.feeOf(MALLORY, 1), pool.feeOf(ALICE, 1));
        vm.assertEq(pool.quotaOf(MALLORY, 2), 0);
        vm.prank(MALLORY);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
    }

    function test_FeeDodge_InAndOutWithinAnEpochGivesNoQuotaAndCostsAFee() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        _stake(MALLORY, 100e18);
        vm.prank(MALLORY);
        pool.requestUnstake(type(uint256).max);
        _endEpoch();
        vm.assertApproxEqAbs(pool.feeOf(MALLORY, 1), 1e18, 1);
        vm.assertEq(pool.quotaOf(MALLORY, 1), 0);
        vm.assertEq(pool.quotaOf(MALLORY, 2), 0);
        _endEpoch();
        _settle();
        vm.prank(MALLORY);
        pool.withdraw();
        vm.assertApproxEqAbs(token.balanceOf(MALLORY), 10_000_000e18 - 1e18, 2);
    }

    /// A keeper that is paid late (or never) must not make the epochs it missed free.
    function test_FeeDodge_LeavingWhileNobodyClosesEpochs() external {
        _stake(ALICE, 100e18);
        _stake(MALLORY, 100e18);
        _skipEpochs(10);
        vm.prank(MALLORY);
        pool.requestUnstake(type(uint256).max);
        _skipEpochs(UNBONDING);
        _settle();
        vm.prank(MALLORY);
        pool.withdraw();
        uint256 paid = 10_000_000e18 - token.balanceOf(MALLORY);
        uint256 expected = 100e18;
        for (uint256 i = 0; i < 11; ++i) {
            expected -= expected / 100;
        }
        vm.assertApproxEqAbs(paid, 100e18 - expected, 20);
    }

    /// Cream Finance 2021, Euler 2023: tokens sent straight to the pool change nobody's share price.
    function test_Donation_ChangesNoStake() external {
        _stake(ALICE, 100e18);
        vm.prank(MALLORY);
        token.transfer(address(pool), 1_000_000e18);
        vm.assertEq(pool.stakeOf(ALICE), 100e18);
        vm.assertEq(pool.totalStakedWei(), 100e18);
        _endEpoch();
        vm.assertEq(pool.potOf(0), 1e18);
        _stake(BOB, 99e18);
        vm.assertEq(pool.stakeOf(BOB), 99e18);
    }

    /// Hundred Finance 2023, the ERC-4626 inflation attack: the first depositor makes the second's shares round to nothing.
    function test_FirstDepositor_CannotMakeTheNextLose() external {
        _stake(MALLORY, MINIMUM);
        vm.startPrank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.RemainderBelowMinimum.selector, 1, MINIMUM));
        pool.requestUnstake(MINIMUM - 1);
        token.transfer(address(pool), 1_000_000e18);
        vm.stopPrank();
        _stake(ALICE, MINIMUM);
        vm.assertEq(pool.stakeOf(ALICE), MINIMUM);
    }

    function test_FirstDepositor_AfterFeesTheNextStillLosesAtMostAWei() external {
        _stake(MALLORY, MINIMUM + 1);
        _skipEpochs(500);
        _stake(ALICE, 7e18 + 12_345);
        vm.assertGe(pool.stakeOf(ALICE), 7e18 + 12_344);
    }

    /// Balancer 2025: many tiny operations whose roundings all fall the attacker's way.
    function test_RoundingDrain_ManyTinyStakesGainNothing() external {
        _stake(ALICE, 777e18);
        _stake(MALLORY, MINIMUM);
        _skipEpochs(33);
        pool.closeEpochs();
        uint256 aliceWei = pool.stakeOf(ALICE);
        _stake(MALLORY, MINIMUM);
        uint256 before = pool.stakeOf(MALLORY) + token.balanceOf(MALLORY);
        for (uint256 i = 1; i <= 200; ++i) {
            _stake(MALLORY, i);
        }
        vm.assertLe(pool.stakeOf(MALLORY) + token.balanceOf(MALLORY), before);
        vm.assertGe(pool.stakeOf(ALICE), aliceWei);
        vm.assertLe(pool.stakeOf(ALICE) - aliceWei, 200, "at most a wei of MALLORY's each time");
    }

    function test_RoundingDrain_ManyTinyUnstakesGainNothing() external {
        _stake(ALICE, 777e18);
        _stake(MALLORY, 100e18);
        _skipEpochs(33);
        pool.closeEpochs();
        uint256 aliceWei = pool.stakeOf(ALICE);
        uint256 before = pool.stakeOf(MALLORY);
        for (uint256 i = 1; i <= 100; ++i) {
            vm.prank(MALLORY);
            pool.requestUnstake(i);
        }
        (, uint256 leavingWei) = pool.withdrawalsOf(MALLORY);
        vm.assertLe(pool.stakeOf(MALLORY) + leavingWei, before);
        vm.assertGe(pool.stakeOf(ALICE), aliceWei);
    }

    /// The DAO 2016, imBTC 2020: the token calls back into the pool in the middle of a transfer.
    function test_Reentrancy_AWithdrawalCannotBeTakenTwice() external {
        _stake(ALICE, 100e18);
        HostileToken hostile = HostileToken(address(token));
        Reenterer attacker = new Reenterer(pool);
        vm.prank(MALLORY);
        token.transfer(address(attacker), 100e18);
        attacker.stakeAndLeave(address(token), 100e18);
        _skipEpochs(UNBONDING);
        _settle();
        hostile.callBack(address(attacker), abi.encodeCall(Reenterer.withdraw, ()));
        attacker.withdraw();
        vm.assertEq(hostile.calls(), 1);
        vm.assertFalse(hostile.callSucceeded());
        vm.assertEq(token.balanceOf(address(attacker)), 99e18);
    }

    function test_Reentrancy_PotsAreSentOnce() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        HostileToken hostile = HostileToken(address(token));
        hostile.callBack(address(pool), abi.encodeCall(IStakePool.sendPots, ()));
        pool.sendPots();
        vm.assertTrue(hostile.callSucceeded());
        vm.assertEq(token.balanceOf(address(distributor)), 1e18);
        vm.assertEq(token.balanceOf(address(pool)), 99e18);
    }

    function test_Reentrancy_AStakeWithoutItsTokensIsUndone() external {
        HostileToken(address(token)).refuse(address(pool), true);
        vm.expectRevert("refused");
        _stake(MALLORY, 100e18);
        vm.assertEq(pool.stakeOf(MALLORY), 0);
        vm.assertEq(pool.totalStakedWei(), 0);
    }

    /// Tether's blacklist: a token that refuses one user harms only that user, and only until it relents.
    function test_RefusingToken_HoldsUpOneWithdrawalOnly() external {
        _stake(ALICE, 100e18);
        _stake(MALLORY, 100e18);
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        vm.prank(MALLORY);
        pool.requestUnstake(type(uint256).max);
        _skipEpochs(UNBONDING);
        _settle();
        HostileToken(address(token)).refuse(MALLORY, true);
        vm.prank(MALLORY);
        vm.expectRevert("refused");
        pool.withdraw();
        vm.prank(ALICE);
        pool.withdraw();
        HostileToken(address(token)).refuse(MALLORY, false);
        vm.prank(MALLORY);
        pool.withdraw();
        vm.assertEq(token.balanceOf(MALLORY), 10_000_000e18 - 1e18);
    }

    /// A paused token (USDC can be) must not stop epochs from being closed: history would have a hole.
    function test_PausedToken_EpochsAreStillClosed() external {
        _stake(ALICE, 100e18);
        HostileToken(address(token)).pause(true);
        _endEpoch();
        vm.assertEq(pool.potOf(0), 1e18);
        vm.expectRevert("refused");
        pool.sendPots();
    }

    function test_PausedToken_PotsThatCouldNotBeSentStayOwed() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        HostileToken(address(token)).pause(true);
        vm.prank(address(distributor));
        pool.distributionFinalized(0);
        vm.assertEq(pool.unsentPotsWei(), 1e18);
        HostileToken(address(token)).pause(false);
        pool.sendPots();
        vm.assertEq(token.balanceOf(address(distributor)), 1e18);
    }

    /// Ronin 2022's cousin for keys: nobody can attach another's key, nor move one that is attached.
    function test_StolenKey_ASignatureForOnePayerAttachesToNoOther() external {
        bytes32 typehash = keccak256("SessionKeyAuthorization(address payer,address key)");
        bytes32 hash = keccak256(abi.encode(typehash, ALICE, vm.addr(5)));
        bytes memory signature = _sign(5, keccak256(abi.encodePacked(hex"1901", pool.receiptDomainSeparator(), hash)));
        vm.prank(MALLORY);
        vm.expectRevert(IStakePool.SessionKeySignatureInvalid.selector);
        pool.authorizeSessionKey(vm.addr(5), signature);
    }
}

contract Reenterer {
    IStakePool private immutable POOL;

    constructor(IStakePool pool) {
        POOL = pool;
    }

    function stakeAndLeave(address token, uint256 amountWei) external {
        HostileToken(token).transferAndCall(address(POOL), amountWei, "");
        POOL.requestUnstake(type(uint256).max);
    }

    function withdraw() external {
        POOL.withdraw();
    }
}

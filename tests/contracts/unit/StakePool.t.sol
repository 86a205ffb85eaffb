// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

/// @title Ways into and out of the stake pool
contract StakePoolTest is Fixture {
    function test_TellsItsParameters() external view {
        vm.assertEq(pool.genesis(), GENESIS);
        vm.assertEq(pool.epochLength(), EPOCH);
        vm.assertEq(pool.unbondingEpochs(), UNBONDING);
        vm.assertEq(pool.minimumStakeWei(), MINIMUM);
        vm.assertEq(pool.initialQuotaBytesPerData(), QUOTA);
        vm.assertEq(pool.operatorRegistry(), address(registry));
        vm.assertEq(pool.poolBps(), 1000);
        vm.assertEq(pool.poolLimitBps(), 5000);
        vm.assertEq(pool.token(), address(token));
        vm.assertEq(pool.distributor(), address(distributor));
        vm.assertEq(pool.overage(), address(overage));
        vm.assertEq(pool.feeRatePpb(), RATE);
        vm.assertEq(pool.currentEpoch(), 0);
        vm.assertEq(pool.closedEpochs(), 0);
    }

    function test_BeforeGenesisTheFirstEpochRuns() external {
        vm.warp(GENESIS - 1000);
        vm.assertEq(pool.currentEpoch(), 0);
        vm.warp(GENESIS + EPOCH - 1);
        vm.assertEq(pool.currentEpoch(), 0);
        vm.warp(GENESIS + EPOCH);
        vm.assertEq(pool.currentEpoch(), 1);
    }

    function test_RevertWhen_AParameterIsOutOfRange() external {
        StakePool.Parameters memory good = _poolParameters(address(distributor), address(registry), address(overage));
        StakePool.Parameters memory bad = _copy(good);
        bad.token = address(0);
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.distributor = address(0);
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.overage = address(0);
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.unbondingEpochs = 1;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.unbondingEpochs = 1001;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.initialQuotaBytesPerData = 10_000_000 - 1;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.initialQuotaBytesPerData = 1_000_000_000_000_001;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.operatorRegistry = address(0);
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.poolBps = 10_001;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.poolLimitBps = 10_001;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.epochLength = 366 days + 1;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.genesis = uint64(block.timestamp) + 366 days + 1;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.minimumStakeWei = 0;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.epochLength = 0;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        bad = _copy(good);
        bad.dustFloorWei = 1e12 - 1;
        _expectInvalid(bad, IStakePool.PoolParameterInvalid.selector);
        (good.dustFloorWei, good.poolBps, good.poolLimitBps) = (1e12, 10_000, 10_000);
        new StakePool(good);
    }

    // Ways in.

    function test_StakeTakesTheTokensAndMintsShares() external {
        vm.expectEmit(address(pool));
        emit IStakePool.Staked(ALICE, 5e18, 5e18);
        _stake(ALICE, 5e18);
        vm.assertEq(pool.stakeOf(ALICE), 5e18);
        vm.assertEq(pool.totalStakedWei(), 5e18);
        vm.assertEq(token.balanceOf(address(pool)), 5e18);
    }

    function test_StakeForCreditsTheOther() external {
        vm.prank(ALICE);
        pool.stakeFor(BOB, 5e18);
        vm.assertEq(pool.stakeOf(BOB), 5e18);
        vm.assertEq(pool.stakeOf(ALICE), 0);
        vm.assertEq(token.balanceOf(ALICE), 10_000_000e18 - 5e18);
    }

    function test_LaterSharesCostTheFallenPrice() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        // One share is worth 0.99 wei now.
        vm.expectEmit(address(pool));
        emit IStakePool.Staked(BOB, 99e18, 100e18);
        _stake(BOB, 99e18);
        vm.assertEq(pool.stakeOf(ALICE), 99e18);
        vm.assertEq(pool.stakeOf(BOB), 99e18);
    }

    function test_ASmallAmountMayTopUp() external {
        _stake(ALICE, MINIMUM);
        _stake(ALICE, 1);
        vm.assertEq(pool.stakeOf(ALICE), MINIMUM + 1);
    }

    function test_RevertWhen_TheStakeIsBelowTheMinimum() external {
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeBelowMinimum.selector, MINIMUM - 1, MINIMUM));
        _stake(ALICE, MINIMUM - 1);
    }

    function test_RevertWhen_ATopUpLeavesLessThanTheMinimum() external {
        _stake(ALICE, MINIMUM);
        _stake(BOB, 100e18);
        _endEpoch();
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeBelowMinimum.selector, 0.99e18 + 1e15, MINIMUM));
        _stake(ALICE, 1e15);
        _stake(ALICE, 1e16);
        vm.assertApproxEqAbs(pool.stakeOf(ALICE), MINIMUM, 1);
    }

    function test_RevertWhen_WhatLeavesWouldCountForTheMinimum() external {
        _stake(ALICE, 5e18);
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeBelowMinimum.selector, 1, MINIMUM));
        _stake(ALICE, 1);
    }

    function test_RevertWhen_TheStakeIsForNobody() external {
        vm.prank(ALICE);
        vm.expectRevert(IStakePool.BeneficiaryZero.selector);
        pool.stakeFor(address(0), 5e18);
    }

    function test_RevertWhen_NothingIsStaked() external {
        vm.expectRevert(IStakePool.NothingMinted.selector);
        _stake(ALICE, 0);
    }

    function test_RevertWhen_TheTokensAreMissing() external {
        vm.prank(ALICE);
        token.approve(address(pool), 1);
        vm.expectRevert();
        _stake(ALICE, 5e18);
    }

    function test_RevertWhen_TheTotalsOverflow() external {
        _stake(ALICE, 5e18);
        vm.prank(address(token));
        vm.expectRevert();
        pool.onTokenTransfer(ALICE, type(uint96).max, "");
    }

    function test_PermitStandsInForTheApproval() external {
        address user = vm.addr(77);
        token.transfer(user, 5e18);
        (uint8 v, bytes32 r, bytes32 s) = _permit(77, 5e18);
        vm.prank(user);
        pool.stakeWithPermit(5e18, block.timestamp, v, r, s);
        vm.assertEq(pool.stakeOf(user), 5e18);
    }

    function test_WhenAPermitWasUsedByAnother_TheStakeStillWorks() external {
        address user = vm.addr(77);
        token.transfer(user, 5e18);
        (uint8 v, bytes32 r, bytes32 s) = _permit(77, 5e18);
        token.permit(user, address(pool), 5e18, block.timestamp, v, r, s);
        vm.prank(user);
        pool.stakeWithPermit(5e18, block.timestamp, v, r, s);
        vm.assertEq(pool.stakeOf(user), 5e18);
    }

    function test_RevertWhen_ThePermitIsForAnotherAmount() external {
        address user = vm.addr(77);
        token.transfer(user, 5e18);
        (uint8 v, bytes32 r, bytes32 s) = _permit(77, 4e18);
        vm.prank(user);
        vm.expectRevert();
        pool.stakeWithPermit(5e18, block.timestamp, v, r, s);
    }

    function test_TokenTransferWithoutDataStakesForTheSender() external {
        vm.prank(ALICE);
        token.transferAndCall(address(pool), 5e18, "");
        vm.assertEq(pool.stakeOf(ALICE), 5e18);
    }

    function test_TokenTransferWith20BytesNamesTheBeneficiary() external {
        vm.prank(ALICE);
        token.transferAndCall(address(pool), 5e18, abi.encodePacked(BOB));
        vm.assertEq(pool.stakeOf(BOB), 5e18);
        vm.assertEq(pool.stakeOf(ALICE), 0);
    }

    function test_TokenTransferWith32BytesNamesTheBeneficiary() external {
        vm.prank(ALICE);
        token.transferAndCall(address(pool), 5e18, abi.encode(BOB));
        vm.assertEq(pool.stakeOf(BOB), 5e18);
        vm.assertEq(pool.stakeOf(ALICE), 0);
    }

    function test_RevertWhen_TokenDataNamesNobody() external {
        vm.startPrank(ALICE);
        vm.expectRevert(IStakePool.BeneficiaryMalformed.selector);
        token.transferAndCall(address(pool), 5e18, hex"01");
        vm.expectRevert(IStakePool.BeneficiaryMalformed.selector);
        token.transferAndCall(address(pool), 5e18, abi.encode(uint256(uint160(BOB)) | 1 << 160));
        vm.expectRevert(IStakePool.BeneficiaryMalformed.selector);
        token.transferAndCall(address(pool), 5e18, abi.encode(BOB, BOB));
        vm.expectRevert(IStakePool.BeneficiaryZero.selector);
        token.transferAndCall(address(pool), 5e18, abi.encode(address(0)));
        vm.stopPrank();
    }

    function test_RevertWhen_AnotherContractClaimsATransfer() external {
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.CallerNotToken.selector, MALLORY));
        pool.onTokenTransfer(MALLORY, 5e18, "");
    }

    // Ways out.

    function test_UnstakeLeavesTheQuotaAtOnceAndThePoolAfterTheFee() external {
        _register(CAROL, CAROL);
        _stake(ALICE, 100e18);
        _stake(BOB, 300e18);
        _endEpoch();
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        vm.expectEmit(address(pool));
        emit IStakePool.UnstakeRequested(ALICE, 49.5e18, 50e18, 1 + UNBONDING);
        vm.prank(ALICE);
        pool.requestUnstake(49.5e18);
        vm.assertEq(pool.stakeOf(ALICE), 49.5e18);
        vm.assertEq(pool.quotaOf(ALICE, 1), 99 * QUOTA);
        _assertWithdrawals(ALICE, 0, 49.5e18);
        _endEpoch();
        vm.assertEq(pool.feeOf(ALICE, 1), 0.99e18);
        vm.assertEq(pool.quotaOf(ALICE, 2), _quotaFor(49.005e18, 2));
        _assertWithdrawals(ALICE, 0, 49.005e18);
        vm.prank(ALICE);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
        _endEpoch();
        _settle();
        _assertWithdrawals(ALICE, 49.005e18, 0);
        vm.assertEq(pool.feeOf(ALICE, 2), 0.49005e18);
        uint256 before = token.balanceOf(ALICE);
        vm.expectEmit(address(pool));
        emit IStakePool.Withdrawn(ALICE, 49.005e18);
        vm.prank(ALICE);
        pool.withdraw();
        vm.assertEq(token.balanceOf(ALICE) - before, 49.005e18);
        _assertWithdrawals(ALICE, 0, 0);
        vm.prank(ALICE);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
    }

    function test_WhoNeverUnstakedHasNothingToWithdraw() external {
        _stake(ALICE, 100e18);
        // As long as anything waits, whatever becomes final.
        _skipEpochs(3 * UNBONDING + 1);
        _assertWithdrawals(ALICE, 0, 0);
        vm.prank(ALICE);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
    }

    function test_RequestsOfOneEpochAddUp() external {
        _stake(ALICE, 100e18);
        vm.startPrank(ALICE);
        pool.requestUnstake(10e18);
        pool.requestUnstake(20e18);
        vm.stopPrank();
        vm.assertEq(pool.stakeOf(ALICE), 70e18);
        _skipEpochs(UNBONDING);
        _settle();
        _assertWithdrawals(ALICE, 29.7e18, 0);
        vm.prank(ALICE);
        pool.withdraw();
        vm.assertEq(token.balanceOf(ALICE), 10_000_000e18 - 100e18 + 29.7e18);
    }

    function test_RequestsOfManyEpochsAreWorkedOffInOrder() external {
        _stake(ALICE, 1000e18);
        uint256 count = pool.WITHDRAWALS_PER_CALL() + 7;
        for (uint256 i = 0; i < count; ++i) {
            vm.prank(ALICE);
            pool.requestUnstake(5e18);
            _endEpoch();
        }
        _endEpoch();
        _settle();
        (uint256 dueWei,) = pool.withdrawalsOf(ALICE);
        uint256 before = token.balanceOf(ALICE);
        vm.startPrank(ALICE);
        pool.withdraw();
        (uint256 restWei,) = pool.withdrawalsOf(ALICE);
        vm.assertEq(token.balanceOf(ALICE) - before + restWei, dueWei);
        vm.assertEq(restWei, 7 * 4.95e18);
        pool.withdraw();
        vm.assertEq(token.balanceOf(ALICE) - before, dueWei);
        vm.expectRevert(IStakePool.NothingToWithdraw.selector);
        pool.withdraw();
        vm.stopPrank();
    }

    function test_WhenSomeAreStillUnbonding_OnlyTheOthersArePaid() external {
        _stake(ALICE, 1000e18);
        vm.prank(ALICE);
        pool.requestUnstake(100e18);
        _endEpoch();
        vm.prank(ALICE);
        pool.requestUnstake(200e18);
        _endEpoch();
        _settle();
        _assertWithdrawals(ALICE, 99e18, 198e18);
        vm.prank(ALICE);
        pool.withdraw();
        _assertWithdrawals(ALICE, 0, 198e18);
        _endEpoch();
        _assertWithdrawals(ALICE, 198e18, 0);
    }

    function test_WhenEverybodyLeaves_ThePoolStartsAfresh() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        _endEpoch();
        vm.assertEq(pool.totalStakedWei(), 0);
        vm.assertEq(pool.stakeOf(ALICE), 0);
        _endEpoch();
        vm.assertEq(pool.potOf(2), 0);
        vm.assertEq(pool.feeOf(ALICE, 2), 0);
        vm.assertEq(pool.quotaOf(ALICE, 3), 0);
        vm.expectEmit(address(pool));
        emit IStakePool.Staked(BOB, 7e18, 7e18);
        _stake(BOB, 7e18);
    }

    function test_RevertWhen_NothingIsUnstaked() external {
        _stake(ALICE, 5e18);
        vm.startPrank(ALICE);
        vm.expectRevert(IStakePool.AmountZero.selector);
        pool.requestUnstake(0);
        vm.stopPrank();
        vm.prank(BOB);
        vm.expectRevert(IStakePool.AmountZero.selector);
        pool.requestUnstake(type(uint256).max);
    }

    function test_RevertWhen_MoreIsUnstakedThanStaked() external {
        _stake(ALICE, 5e18);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeTooSmall.selector, 5e18 + 1, 5e18));
        pool.requestUnstake(5e18 + 1);
    }

    function test_RevertWhen_TheRestIsBelowTheMinimum() external {
        _stake(ALICE, 5e18);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.RemainderBelowMinimum.selector, MINIMUM - 1, MINIMUM));
        pool.requestUnstake(4e18 + 1);
        pool.requestUnstake(4e18);
        vm.stopPrank();
        vm.assertEq(pool.stakeOf(ALICE), MINIMUM);
    }

    function test_WhenTheRestWouldBeNothing_AllSharesGo() external {
        _stake(BOB, 333e18);
        _stake(ALICE, 100e18);
        _skipEpochs(7);
        uint256 all = pool.stakeOf(ALICE);
        vm.prank(ALICE);
        vm.expectEmit(address(pool));
        emit IStakePool.UnstakeRequested(ALICE, all, 100e18, 7 + UNBONDING);
        pool.requestUnstake(all);
        vm.assertEq(pool.stakeOf(ALICE), 0);
    }

    // Pots.

    function test_PotsStayUntilSomebodySendsThem() external {
        _stake(ALICE, 100e18);
        _endEpoch();
        vm.assertEq(pool.unsentPotsWei(), 1e18);
        vm.assertEq(token.balanceOf(address(pool)), 100e18);
        vm.expectEmit(address(pool));
        emit IStakePool.PotsSent(1e18);
        pool.sendPots();
        vm.assertEq(pool.unsentPotsWei(), 0);
        vm.assertEq(token.balanceOf(address(distributor)), 1e18);
        pool.sendPots();
        vm.assertEq(token.balanceOf(address(distributor)), 1e18);
    }

    function test_RevertWhen_AnotherReportsADistribution() external {
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.CallerNotDistributor.selector, MALLORY));
        pool.distributionFinalized(0);
    }

    function _expectInvalid(StakePool.Parameters memory bad, bytes4 selector) private {
        vm.expectRevert(selector);
        new StakePool(bad);
    }

    function _copy(StakePool.Parameters memory from) private pure returns (StakePool.Parameters memory) {
        return abi.decode(abi.encode(from), (StakePool.Parameters));
    }

    function _permit(uint256 key, uint256 amountWei) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 hash = keccak256(abi.encode(typehash, vm.addr(key), address(pool), amountWei, 0, block.timestamp));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash)));
    }

    function _assertWithdrawals(address user, uint256 dueWei, uint256 unbondingWei) private view {
        (uint256 due, uint256 unbonding) = pool.withdrawalsOf(user);
        vm.assertEq(due, dueWei);
        vm.assertEq(unbonding, unbondingWei);
    }
}

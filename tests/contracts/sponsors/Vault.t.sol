// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISponsorFactory} from "../../../contracts/interfaces/ISponsorFactory.sol";
import {ISponsorVault} from "../../../contracts/interfaces/ISponsorVault.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SponsorFixture} from "./support/SponsorFixture.sol";

/// @title Sponsoring somebody's streams
contract SponsorVaultTest is SponsorFixture {
    function test_AVaultIsForAnOwnersStreamsUntilAnEpoch() external {
        vm.assertEq(vault.streamOwner(), CAROL);
        vm.assertEq(vault.streams(), STREAMS);
        vm.assertEq(vault.endEpoch(), END);
        vm.assertEq(address(vault), factory.vaultOf(CAROL, STREAMS, END));
        vm.assertTrue(factory.isCreated(CAROL, STREAMS, END));
        vm.assertFalse(factory.isCreated(CAROL, STREAMS, END + 1));
        vm.expectEmit(factory.vaultOf(BOB, STREAMS, 1001));
        emit ISponsorVault.VaultCreated(BOB, STREAMS, 1001);
        vm.prank(ALICE);
        factory.create(BOB, STREAMS, 1001);
        vm.expectRevert();
        factory.create(BOB, STREAMS, 1001);
    }

    function test_RevertWhen_AVaultIsForNobodyOrForNoTime() external {
        vm.expectRevert(ISponsorFactory.StreamOwnerZero.selector);
        factory.create(address(0), STREAMS, END);
        vm.expectRevert(abi.encodeWithSelector(ISponsorFactory.EndEpochInvalid.selector, 1, 2, 1001));
        factory.create(CAROL, STREAMS, 1);
        vm.expectRevert(abi.encodeWithSelector(ISponsorFactory.EndEpochInvalid.selector, 1002, 2, 1001));
        factory.create(CAROL, STREAMS, 1002);
        factory.create(CAROL, STREAMS, 2);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.CallerNotFactory.selector, address(this)));
        vault.initialize(MALLORY, STREAMS, END);
    }

    function test_ItStakesAndPaysTheFeeAndHasAQuota() external {
        _sponsor(ALICE, 100e18);
        vm.expectEmit(address(vault));
        emit ISponsorVault.Sponsored(BOB, 300e18, 300e18 * PER_WEI);
        _sponsor(BOB, 300e18);
        vm.assertEq(vault.totalWei(), 400e18);
        vm.expectEmit(address(vault));
        emit ISponsorVault.Staked(400e18);
        vault.stake();
        vm.expectRevert(ISponsorVault.NothingToStake.selector);
        vault.stake();
        _endEpoch();
        vm.assertEq(pool.stakeOf(address(vault)), 396e18);
        vm.assertEq(pool.quotaOf(address(vault), 2), _quotaFor(396e18, 2));
        vm.assertEq(vault.worthOf(ALICE), 99e18);
        // Whoever comes later pays no fee that was before.
        _sponsor(MALLORY, 99e18);
        vm.assertApproxEqAbs(vault.worthOf(MALLORY), 99e18, 2);
        vm.assertEq(vault.worthOf(ALICE), 99e18);
        vm.assertEq(vault.totalShares(), vault.sharesOf(ALICE) + vault.sharesOf(BOB) + vault.sharesOf(MALLORY));
    }

    function test_ThereIsAWayInForApprovalsPermitsAndTransfers() external {
        address user = vm.addr(77);
        token.transfer(user, 50e18);
        (uint8 v, bytes32 r, bytes32 s) = _permit(77, 20e18);
        vm.startPrank(user);
        vault.sponsorWithPermit(20e18, 20e18 * PER_WEI, block.timestamp, v, r, s);
        token.transferAndCall(address(vault), 10e18, "");
        token.transferAndCall(address(vault), 10e18, abi.encodePacked(BOB));
        vm.stopPrank();
        vm.assertEq(vault.sharesOf(user), 30e18 * PER_WEI);
        vm.assertEq(vault.sharesOf(BOB), 10e18 * PER_WEI);
        vm.assertEq(token.balanceOf(user), 10e18);
        vm.assertEq(_idle(), 40e18);
    }

    function test_AUsedPermitDoesNoHarm() external {
        address user = vm.addr(77);
        token.transfer(user, 50e18);
        (uint8 v, bytes32 r, bytes32 s) = _permit(77, 20e18);
        token.permit(user, address(vault), 20e18, block.timestamp, v, r, s);
        vm.prank(user);
        vault.sponsorWithPermit(20e18, 0, block.timestamp, v, r, s);
        vm.assertEq(vault.sharesOf(user), 20e18 * PER_WEI);
    }

    function test_RevertWhen_AWayInIsNone() external {
        vm.startPrank(ALICE);
        vm.expectRevert(ISponsorVault.BeneficiaryMalformed.selector);
        token.transferAndCall(address(vault), 10e18, hex"00");
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RecipientInvalid.selector, address(0)));
        token.transferAndCall(address(vault), 10e18, abi.encodePacked(address(0)));
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.CallerNotToken.selector, ALICE));
        vault.onTokenTransfer(ALICE, 10e18, "");
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.AmountBelowMinimum.selector, 1e17 - 1, 1e17));
        vault.sponsor(1e17 - 1, 0);
        uint256 shares = 1e17 * PER_WEI;
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.SharesBelowMinimum.selector, shares, shares + 1));
        vault.sponsor(1e17, shares + 1);
        vault.sponsor(1e17, shares);
        // The pool takes no stake below its least: small sponsors wait for one another.
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeBelowMinimum.selector, 1e17, MINIMUM));
        vault.stake();
        vault.sponsor(9e17, 0);
        vault.stake();
        vm.stopPrank();
        vm.assertEq(pool.stakeOf(address(vault)), 1e18);
    }

    function test_RevertWhen_ASponsorHasNoTokens() external {
        vm.startPrank(MALLORY);
        token.transfer(ALICE, token.balanceOf(MALLORY));
        vm.expectRevert();
        vault.sponsor(10e18, 0);
        vm.stopPrank();
        vm.assertEq(vault.totalShares(), 0);
    }

    function test_SharesAreWithdrawnAfterTheUnbonding() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 300e18);
        _endEpoch();
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        vm.assertEq(requestId, 2);
        // The running epoch's fee is paid.
        vm.assertApproxEqAbs(amountWei, 9801e16, 5);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 297e18, 5);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(requestId, ALICE);
        _unbond(2);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RecipientInvalid.selector, address(0)));
        vault.withdraw(requestId, address(0));
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RecipientInvalid.selector, address(vault)));
        vault.withdraw(requestId, address(vault));
        uint256 beforeWei = token.balanceOf(MALLORY);
        vm.expectEmit(address(vault));
        emit ISponsorVault.Withdrawn(ALICE, requestId, MALLORY, amountWei);
        vm.assertEq(vault.withdraw(requestId, MALLORY), amountWei);
        vm.assertEq(token.balanceOf(MALLORY) - beforeWei, amountWei);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestUnknown.selector, requestId));
        vault.withdraw(requestId, ALICE);
        vm.stopPrank();
        vm.assertEq(_owed(), 0);
        vm.assertLe(token.balanceOf(address(vault)), 5);
    }

    function test_RevertWhen_NothingIsAskedFor() external {
        _stakeOf(ALICE, 100e18);
        vm.startPrank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.SharesTooFew.selector, 0, 0));
        vault.requestWithdraw(ALL);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.SharesTooFew.selector, 0, 1));
        vault.requestWithdraw(1);
        vm.stopPrank();
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestEmpty.selector));
        vault.requestWithdraw(3 * PER_WEI);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.SharesTooFew.selector, 100e27, 100e27 + 1));
        vault.requestWithdraw(100e27 + 1);
        vm.stopPrank();
    }

    /// What was never staked had no quota, and nothing of it is in the pool.
    function test_WhatWasNotStakedYetIsThereAtOnce() external {
        _sponsor(ALICE, 100e18);
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        (, bool isHere) = vault.requestOf(ALICE, requestId);
        vm.assertTrue(isHere);
        vm.assertApproxEqAbs(amountWei, 100e18, 1);
        vm.assertEq(_withdraw(ALICE, requestId), amountWei);
    }

    function test_RequestsOfOneEpochAreOne() external {
        _stakeOf(ALICE, 100e18);
        (uint64 requestId, uint256 firstWei) = _ask(ALICE, 40e27);
        vm.assertApproxEqAbs(firstWei, 396e17, 4);
        (, uint256 bothWei) = _ask(ALICE, 20e27);
        vm.assertApproxEqAbs(bothWei, 594e17, 8);
        vm.assertEq(_owed(), bothWei);
        _unbond(1);
        // What an earlier epoch's request pays as its fee is none of this one's.
        (uint64 laterId,) = _ask(ALICE, 10e27);
        _ask(ALICE, 10e27);
        _unbond(1);
        vm.assertEq(_withdraw(ALICE, requestId), bothWei);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(laterId, ALICE);
        (, bool isHere) = vault.requestOf(ALICE, laterId);
        vm.assertFalse(isHere);
        _unbond(1);
        vault.bringIn();
        (, isHere) = vault.requestOf(ALICE, laterId);
        vm.assertTrue(isHere);
        _withdraw(ALICE, laterId);
    }

    /// Nobody is paid of what an earlier request waits for, though both have waited for the unbonding.
    function test_ALaterRequestDoesNotOvertake() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 100e18);
        (uint64 first,) = _ask(ALICE, ALL);
        _endEpoch();
        vm.prank(address(distributor));
        pool.distributionFinalized(1);
        (uint64 second,) = _ask(BOB, ALL);
        // The settlement stands still then: what BOB asked for in epoch 2 is not final, so the pool keeps it.
        _skipEpochs(2);
        vault.bringIn();
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(second, BOB);
        _withdraw(ALICE, first);
        // Three unbondings are the longest, whatever became of it.
        _skipEpochs(4);
        _withdraw(BOB, second);
    }

    /// A stake that would be too small comes back as a whole; what of it is the others' stays theirs and can be staked again.
    function test_AStakeThatWouldBeTooSmallComesBackAsAWhole() external {
        _sponsor(ALICE, 3e18);
        _stakeOf(BOB, 5e17);
        _endEpoch();
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        vm.assertEq(pool.stakeOf(address(vault)), 0);
        vm.assertApproxEqAbs(amountWei, 2_940_300_000_000_000_000, 5);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 490_050_000_000_000_000, 5);
        vm.assertApproxEqAbs(_rest(), 490_050_000_000_000_000, 5);
        vm.expectRevert(ISponsorVault.NothingToStake.selector);
        vault.stake();
        _unbond(2);
        _sponsor(MALLORY, 10e18);
        vault.stake();
        vm.assertEq(_rest(), 0);
        vm.assertApproxEqAbs(pool.stakeOf(address(vault)), 10_490_050_000_000_000_000, 5);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 490_050_000_000_000_000, 10);
        vm.assertEq(_withdraw(ALICE, requestId), amountWei);
    }

    /// Who leaves while the rest is on its way back has its part of it, and waits for it.
    function test_APartOfTheRestIsWithdrawnWhenItIsBack() external {
        _sponsor(ALICE, 3e18);
        _stakeOf(BOB, 5e17);
        _ask(ALICE, ALL);
        uint256 worthWei = vault.worthOf(BOB);
        _unbond(1);
        (uint64 requestId, uint256 amountWei) = _ask(BOB, ALL);
        vm.assertApproxEqAbs(amountWei, worthWei, 2);
        vm.assertApproxEqAbs(_rest(), 0, 2);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(requestId, BOB);
        // It was asked for an epoch before BOB left.
        _unbond(1);
        _withdraw(BOB, requestId);
    }

    function test_AnEndGivesEverythingBack() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 50e18);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.VaultGoesOn.selector, END));
        vault.end();
        _skipEpochs(END - 2);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.VaultGoesOn.selector, END));
        vault.end();
        _sponsor(BOB, 1e18);
        _skipEpochs(1);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.VaultEnded.selector, END));
        vault.sponsor(10e18, 0);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.VaultEnded.selector, END));
        vault.stake();
        uint256 stakedWei = pool.stakeOf(address(vault));
        vm.expectEmit(address(vault));
        emit ISponsorVault.Ended(stakedWei);
        vm.prank(MALLORY);
        vault.end();
        vm.assertEq(pool.stakeOf(address(vault)), 0);
        vm.expectRevert(IStakePool.AmountZero.selector);
        vault.end();
        uint256 worthWei = vault.worthOf(ALICE);
        _unbond(2);
        vm.assertEq(pool.quotaOf(address(vault), END + 1), 0);
        // What came back is there at once.
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        vm.assertApproxEqAbs(amountWei, worthWei, 2);
        _withdraw(ALICE, requestId);
        (requestId,) = _ask(BOB, ALL);
        _withdraw(BOB, requestId);
        vm.assertLe(token.balanceOf(address(vault)), 10);
    }

    /// Nobody has to end it: whoever leaves after the end asks for its own part.
    function test_WhoLeavesAfterTheEndNeedsNobodyToEndIt() external {
        _stakeOf(ALICE, 100e18);
        _skipEpochs(END);
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        _unbond(2);
        vm.assertEq(_withdraw(ALICE, requestId), amountWei);
    }

    function test_TheOwnerNamesTheKeysThatSign() external {
        uint256 key = 0x9a7e;
        bytes memory proof = _keyProof(key, address(vault));
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.CallerNotStreamOwner.selector, MALLORY));
        vault.authorizeSessionKey(vm.addr(key), proof);
        vm.prank(CAROL);
        vault.authorizeSessionKey(vm.addr(key), proof);
        vm.assertTrue(pool.isAuthorized(address(vault), vm.addr(key), 1));
        vm.assertFalse(pool.isAuthorized(address(vault), CAROL, 1));
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.CallerNotStreamOwner.selector, MALLORY));
        vault.revokeSessionKey(vm.addr(key));
        vm.prank(CAROL);
        vault.revokeSessionKey(vm.addr(key));
        vm.assertFalse(pool.isAuthorized(address(vault), vm.addr(key), 2));
    }

    /// An owner that names no key, or revokes it, keeps nobody in: sponsors lose the fee and no more.
    function test_AnIdleOwnerCostsTheFeeAlone() external {
        _stakeOf(ALICE, 100e18);
        _skipEpochs(3);
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        vm.assertApproxEqAbs(amountWei, 96_059_601_000_000_000_000, 5);
        _unbond(2);
        vm.assertEq(_withdraw(ALICE, requestId), amountWei);
    }

    /// Whatever is put in and taken out at once costs the fee of what was staked, and brings nothing.
    function testFuzz_InAndOutBringsNothing(uint256 othersWei, uint256 amountWei, uint256 waits, bool stakes) external {
        othersWei = 1e17 + othersWei % 1_000_000e18;
        amountWei = 1e17 + amountWei % 1_000_000e18;
        _sponsor(BOB, othersWei);
        if (othersWei >= MINIMUM) vault.stake();
        _skipEpochs(waits % 5);
        uint256 beforeWei = vault.worthOf(BOB);
        _sponsor(MALLORY, amountWei);
        if (stakes && amountWei >= MINIMUM) vault.stake();
        (, uint256 gotWei) = _ask(MALLORY, ALL);
        vm.assertLe(gotWei, amountWei);
        // The others have what they had, less their part of the fee of what Mallory staked.
        vm.assertGe(vault.worthOf(BOB) + 5, beforeWei - beforeWei / 100);
        if (!stakes) vm.assertGe(vault.worthOf(BOB) + 5 + _rest() / 50, beforeWei);
    }

    /// Requests never promise more than comes back, in whatever parts.
    function testFuzz_PartsAreNoMoreThanTheWhole(uint256 amountWei, uint256 parts, uint256 seed) external {
        amountWei = 10e18 + amountWei % 1_000_000e18;
        _sponsor(BOB, 500e18);
        _stakeOf(ALICE, amountWei);
        _endEpoch();
        uint256 wholeWei = vault.worthOf(ALICE);
        parts = 1 + parts % 8;
        for (uint256 i = 0; i < parts; ++i) {
            uint256 held = vault.sharesOf(ALICE);
            seed = uint256(keccak256(abi.encode(seed)));
            _ask(ALICE, held / 4 + seed % (held / 4));
        }
        (, uint256 askedWei) = _ask(ALICE, ALL);
        vm.assertLe(askedWei, wholeWei * 99 / 100 + 1);
        vm.assertGe(askedWei + 10 * (parts + 1), wholeWei * 99 / 100);
        _unbond(2);
        vm.assertEq(_withdraw(ALICE, 2), askedWei);
    }
}

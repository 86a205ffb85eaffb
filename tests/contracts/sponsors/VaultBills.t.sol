// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISponsorVault} from "../../../contracts/interfaces/ISponsorVault.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SponsorFixture} from "./support/SponsorFixture.sol";

/// @title Bills for what the owner's keys signed too much, of the stake and of what is leaving
contract SponsorBillsTest is SponsorFixture {
    /// A bill for what the owner's keys signed too much falls on the shares in proportion, as for any payer.
    function test_ABillFallsOnTheSharesInProportion() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 300e18);
        _endEpoch();
        vm.assertEq(_bill(1, 16e18), 16e18);
        vm.assertApproxEqAbs(vault.worthOf(ALICE), 95e18, 2);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 285e18, 2);
    }

    /// When no stake is left to bill, what is leaving is billed: all who have asked by then bear it, whoever withdraws first.
    function test_ABillOfWhatIsLeavingFallsOnAllOfItInProportion() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 300e18);
        (, uint256 aliceWei) = _ask(ALICE, ALL);
        _ask(BOB, ALL);
        _endEpoch();
        vm.assertEq(_bill(1, 40e18), 40e18);
        _unbond(1);
        vm.expectEmit(false, false, false, false, address(vault));
        emit ISponsorVault.LossNoticed(40e18);
        uint256 aliceGotWei = _withdraw(ALICE, 1);
        vm.assertApproxEqAbs(aliceGotWei, aliceWei * 356 / 396, 100);
        vm.assertApproxEqAbs(_withdraw(BOB, 1), aliceGotWei * 3, 100);
        vm.assertLe(token.balanceOf(address(vault)), 10);
    }

    /// Who comes later bears nothing of it: neither does who asks before the first is paid.
    function test_ABillOfWhatIsLeavingIsNotBorneByWhoComesLater() external {
        _stakeOf(ALICE, 100e18);
        (uint64 first, uint256 aliceWei) = _ask(ALICE, ALL);
        _endEpoch();
        vm.assertEq(_bill(1, 49e18), 49e18);
        _stakeOf(BOB, 200e18);
        (uint64 second, uint256 bobWei) = _ask(BOB, ALL);
        vm.assertApproxEqAbs(bobWei, 198e18, 10);
        _unbond(2);
        vm.assertApproxEqAbs(_withdraw(BOB, second), bobWei, 2);
        vm.assertApproxEqAbs(_withdraw(ALICE, first), aliceWei - 49e18, 10);
    }

    /// What lay here for who leaves hides no loss of the others'.
    function test_ABillOfWhatIsLeavingIsNotHiddenByWhatLiesHere() external {
        _stakeOf(ALICE, 100e18);
        (uint64 first, uint256 aliceWei) = _ask(ALICE, ALL);
        _endEpoch();
        vm.assertEq(_bill(1, 49e18), 49e18);
        _sponsor(BOB, 200e18);
        (uint64 second, uint256 bobWei) = _ask(BOB, ALL);
        vm.assertApproxEqAbs(bobWei, 200e18, 2);
        vm.assertApproxEqAbs(_withdraw(BOB, second), bobWei, 2);
        _unbond(1);
        vm.assertApproxEqAbs(_withdraw(ALICE, first), aliceWei - 49e18, 10);
    }

    /// Nor is a loss that nobody noticed before somebody asks for what lay here idle: it is none of that one's.
    function test_ALossIsNotHiddenByWhatWasIdleBeforeIt() external {
        _stakeOf(ALICE, 100e18);
        (uint64 first, uint256 aliceWei) = _ask(ALICE, ALL);
        _sponsor(BOB, 200e18);
        _endEpoch();
        vm.assertEq(_bill(1, 49e18), 49e18);
        // Nothing looked at what is leaving since the bill: BOB's request is the first that does.
        vm.expectEmit(false, false, false, false, address(vault));
        emit ISponsorVault.LossNoticed(49e18);
        (uint64 second, uint256 bobWei) = _ask(BOB, ALL);
        vm.assertApproxEqAbs(bobWei, 200e18, 2);
        vm.assertApproxEqAbs(_withdraw(BOB, second), bobWei, 2);
        _unbond(1);
        vm.assertApproxEqAbs(_withdraw(ALICE, first), aliceWei - 49e18, 10);
    }

    /// Nor does the fee, which the pool takes of what is asked for in the running epoch at its end.
    function test_ABillOfWhatIsLeavingIsNotHiddenByTheFee() external {
        _stakeOf(ALICE, 100e18);
        (uint64 first, uint256 aliceWei) = _ask(ALICE, ALL);
        vm.assertEq(_bill(1, 98e18), 98e18);
        _sponsor(BOB, 1e18);
        (uint64 second, uint256 bobWei) = _ask(BOB, ALL);
        vm.assertEq(first, second);
        _unbond(2);
        vm.assertApproxEqAbs(_withdraw(BOB, second), bobWei, 10);
        vm.assertApproxEqAbs(_withdraw(ALICE, first), aliceWei - 98e18, 10);
    }

    /// Who sends the vault tokens fills a loss that was not noticed. The line is short all the same, so its last waits for the longest.
    function test_ADonationFillsALoss() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(BOB, 300e18);
        (, uint256 aliceWei) = _ask(ALICE, ALL);
        _endEpoch();
        (uint64 second, uint256 bobWei) = _ask(BOB, ALL);
        _bill(1, 40e18);
        token.transfer(address(vault), 40e18);
        _unbond(2);
        vm.assertEq(_withdraw(ALICE, 1), aliceWei);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(second, BOB);
        _skipEpochs(3);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, 4));
        vault.withdraw(second, BOB);
        _skipEpochs(1);
        vm.assertEq(_withdraw(BOB, second), bobWei);
    }

    /// A rest that a bill took of is staked again when it is really here.
    function test_ARestThatIsNotHereIsNotStaked() external {
        _sponsor(ALICE, 3e18);
        _stakeOf(BOB, 5e17);
        _ask(ALICE, ALL);
        _stakeOf(MALLORY, 10e18);
        _endEpoch();
        _ask(MALLORY, vault.sharesOf(MALLORY));
        _bill(1, 5e18);
        vm.assertEq(pool.stakeOf(address(vault)), 0);
        vm.assertGt(_rest(), 0);
        _unbond(1);
        vm.expectRevert(ISponsorVault.NothingToStake.selector);
        vault.stake();
        _stakeOf(BOB, 2e18);
        uint256 restWei = _rest();
        vm.assertGt(restWei, 0);
        vm.assertEq(pool.stakeOf(address(vault)), 2e18);
        _unbond(1);
        vault.stake();
        vm.assertEq(_rest(), 0);
        vm.assertApproxEqAbs(pool.stakeOf(address(vault)), 198e16 + restWei, 3);
    }

    /// A loss moves the line on, past where the rest ends: what is left of the rest is not here for that, and is not staked before it is.
    function test_ARestThatTheLineHasPassedIsNotStakedBeforeItIsHere() external {
        _sponsor(ALICE, 3e18);
        _stakeOf(BOB, 5e17);
        _ask(ALICE, ALL);
        _stakeOf(MALLORY, 100e18);
        _endEpoch();
        _ask(MALLORY, 50e27);
        uint256 stakedWei = pool.stakeOf(address(vault));
        // The whole stake, and more of what is leaving than the first exit, in which the rest is.
        uint256 chargedWei = stakedWei + 6e18;
        vm.assertEq(_bill(1, chargedWei), chargedWei);
        vm.assertEq(pool.stakeOf(address(vault)), 0);
        _sponsor(BOB, 2e18);
        uint256 restWei = _rest();
        vm.assertGt(restWei, 0);
        vm.assertEq(token.balanceOf(address(vault)), 2e18);
        vault.stake();
        vm.assertApproxEqAbs(pool.stakeOf(address(vault)), 2e18, 1);
        vm.assertEq(_rest(), restWei);
        // It is staked as soon as it is here; the line does not ask for it, so somebody has to.
        _unbond(2);
        vault.bringIn();
        vault.stake();
        vm.assertEq(_rest(), 0);
        vm.assertApproxEqAbs(pool.stakeOf(address(vault)), 2e18 * 99 * 99 / 10_000 + restWei, 5);
    }

    /// A bill that takes all of what is leaving voids the requests; whoever asks later has a book of its own.
    function test_ABillOfAllThatIsLeavingVoidsTheRequests() external {
        _billAllThatIsLeaving();
        _stakeOf(MALLORY, 50e18);
        _expectVoid();
    }

    function test_ABillOfAllThatIsLeavingIsNoticedByATransferToo() external {
        _billAllThatIsLeaving();
        vm.prank(MALLORY);
        token.transferAndCall(address(vault), 50e18, "");
        vault.stake();
        _expectVoid();
    }

    function _billAllThatIsLeaving() private {
        _sponsor(ALICE, 3e18);
        _stakeOf(BOB, 5e17);
        _ask(ALICE, ALL);
        vm.assertGt(_rest(), 0);
        _endEpoch();
        _bill(1, 100e18);
    }

    function _expectVoid() private {
        // BOB's rest was on its way as well: his shares stood for it alone.
        vm.assertEq(vault.sharesOf(BOB), 0);
        (uint64 second, uint256 amountWei) = _ask(MALLORY, ALL);
        vm.assertApproxEqAbs(amountWei, 495e17, 5);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestUnknown.selector, 1));
        vault.withdraw(1, ALICE);
        (uint256 firstWei, bool isHere) = vault.requestOf(ALICE, 1);
        vm.assertEq(firstWei, 0);
        vm.assertFalse(isHere);
        _unbond(2);
        vm.assertEq(_withdraw(MALLORY, second), amountWei);
    }

    /// What is payable but still in the pool is waited for: nobody is paid less because it is early.
    function test_RevertWhen_ItIsNotFreeYet() external {
        _stakeOf(ALICE, 100e18);
        _ask(ALICE, 50e27);
        _skipEpochs(1);
        _ask(ALICE, 25e27);
        vm.assertEq(_bill(1, 60e18), 60e18);
        vm.assertEq(pool.stakeOf(address(vault)), 0);
        _unbond(1);
        vm.prank(ALICE);
        (bool done, bytes memory why) = address(vault).call(abi.encodeCall(vault.withdraw, (1, ALICE)));
        vm.assertFalse(done);
        vm.assertEq(bytes32(bytes4(why)), bytes32(ISponsorVault.NotFreeYet.selector));
        _unbond(1);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestUnknown.selector, 3));
        vault.withdraw(3, ALICE);
        uint256 gotWei = _withdraw(ALICE, 2) + _withdraw(ALICE, 1);
        vm.assertApproxEqAbs(gotWei, 0, 40e18);
        vm.assertLe(token.balanceOf(address(vault)), 10);
    }

    /// A bill can take all: the shares are void then, and who sponsors next does not pay for them.
    function test_AConsumedStakeIsRefilled() external {
        _stakeOf(ALICE, 100e18);
        _endEpoch();
        vm.assertEq(_bill(1, 1000e18), 99e18);
        vm.assertEq(vault.totalWei(), 0);
        uint256 voidShares = vault.totalShares();
        vm.expectEmit(address(vault));
        emit ISponsorVault.BegunAnew(voidShares);
        _stakeOf(BOB, 50e18);
        vm.assertEq(vault.sharesOf(ALICE), 0);
        vm.assertEq(vault.worthOf(ALICE), 0);
        vm.assertEq(vault.totalShares(), 50e27);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 50e18, 1);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.SharesTooFew.selector, 0, 0));
        vault.requestWithdraw(ALL);
        _stakeOf(ALICE, 50e18);
        vm.assertApproxEqAbs(vault.worthOf(ALICE), 50e18, 2);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BondVault} from "../../../contracts/distribution/BondVault.sol";
import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Proposals} from "../../../contracts/settlement/Proposals.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {Trial} from "./support/Trial.sol";

/// @title Proposals side by side
contract SettlementProposalsTest is Trial {
    function _parameters() internal view override returns (Proposals.Parameters memory parameters) {
        parameters = super._parameters();
        parameters.guardian = GUARDIAN;
        parameters.vetoes = 1;
        parameters.guardianUntil = GENESIS + 30 days;
    }

    function test_AProposalIsFinalOnceItsWindowHasPassed() external {
        ISettlement.Draft memory draft = _draft(right, 1);
        vm.expectEmit(address(settlement));
        emit ISettlement.Proposed(2, 1, MALLORY, _filled(draft, MALLORY, 2), "uri");
        ISettlement.Proposal memory p = _proposeAs(MALLORY, draft);
        vm.warp(p.time + 3 hours - 1);
        uint64 at = p.time + 3 hours;
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChallengeWindowOpen.selector, at, 0));
        settlement.finalize(p);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChallengeWindowOpen.selector, at, 0));
        settlement.withdrawBond(p);
        vm.warp(at);
        settlement.finalize(p);
        vm.assertEq(settlement.finalizedRoot(), SumTree.ofLeaves(right.words).root);
        vm.assertEq(settlement.nextEpoch(), 2);
        vm.assertFalse(settlement.isOpen(2));
    }

    function test_ABondIsStakedPerProposalAndComesBackOnce() external {
        uint256 before = token.balanceOf(MALLORY);
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.assertEq(before - token.balanceOf(MALLORY), BOND + 5 * uint256(PER_RECEIPT));
        vm.warp(p.time + 3 hours);
        settlement.finalize(p);
        settlement.withdrawBond(p);
        vm.assertEq(token.balanceOf(MALLORY), before + _proposerWei(1));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        settlement.withdrawBond(p);
    }

    /// A wrong one delays nobody, and of those that survive the oldest becomes final.
    function test_TheOldestSurvivorBecomesFinal() external {
        ISettlement.Proposal memory wrong = _wrong();
        ISettlement.Proposal memory second = _proposeAs(PROPOSER, _draft(right, 1));
        address third = _funded(address(0x3));
        ISettlement.Proposal memory last = _proposeAs(third, _draft(right, 1));
        vm.warp(second.time + 3 hours);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.OlderSurvives.selector, wrong.counter));
        settlement.finalize(last);
        _cancel(wrong);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.OlderSurvives.selector, second.counter));
        settlement.finalize(last);
        settlement.finalize(second);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.EpochNotNext.selector, 1, 2));
        settlement.finalize(last);
        // The bond of the other is free, and its own.
        settlement.withdrawBond(last);
        settlement.withdrawBond(second);
    }

    /// A wrong one that was posted late still answers until its own window has passed.
    function test_ALateProposalAnswersAfterAnotherIsFinal() external {
        ISettlement.Proposal memory first = _proposeAs(PROPOSER, _draft(right, 1));
        vm.warp(first.time + 3 hours - 1);
        ISettlement.Proposal memory late = _wrong();
        vm.warp(first.time + 3 hours);
        settlement.finalize(first);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChallengeWindowOpen.selector, late.time + 3 hours, 0));
        settlement.withdrawBond(late);
        _cancel(late);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, late.counter));
        settlement.withdrawBond(late);
    }

    function test_HalfOfALostBondIsTheReportersAndHalfIsBurnt() external {
        ISettlement.Proposal memory p = _wrong();
        uint256 bond = BOND + 5 * uint256(PER_RECEIPT);
        vm.expectEmit(address(settlement));
        emit ISettlement.Cancelled(p.counter, WATCHER, bond / 2);
        _cancel(p);
        (address reporter, uint256 rewardWei) = settlement.rewardOf(p.counter);
        vm.assertEq(reporter, WATCHER);
        vm.assertEq(rewardWei, bond / 2);
        vm.expectRevert(ISettlement.NothingThere.selector);
        settlement.burn();
        vm.expectEmit(address(settlement));
        emit ISettlement.RewardWithdrawn(p.counter, WATCHER, bond / 2);
        settlement.withdrawReward(p.counter);
        vm.assertEq(token.balanceOf(WATCHER), bond / 2);
        settlement.burn();
        vm.assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), bond / 2);
        vm.expectRevert(ISettlement.NothingThere.selector);
        settlement.withdrawReward(p.counter);
        (reporter, rewardWei) = settlement.rewardOf(p.counter);
        vm.assertEq(reporter, address(0));
        vm.assertEq(rewardWei, 0);
        vm.expectRevert(ISettlement.NothingThere.selector);
        settlement.burn();
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        _cancelAs(address(disproofs), p);
    }

    /// Whose bond answers still, is back, or never was, has no reward to be had.
    function test_RevertWhen_ARewardIsWithdrawnOfWhatWasNotCancelled() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        uint256 vaultWei = token.balanceOf(address(settlement.bondVault()));
        for (uint64 counter = 0; counter <= p.counter + 1; ++counter) {
            (address reporter, uint256 rewardWei) = settlement.rewardOf(counter);
            vm.assertEq(reporter, address(0));
            vm.assertEq(rewardWei, 0);
            vm.expectRevert(ISettlement.NothingThere.selector);
            settlement.withdrawReward(counter);
        }
        vm.assertEq(token.balanceOf(address(settlement.bondVault())), vaultWei);
        vm.assertTrue(settlement.isOpen(p.counter));
    }

    /// With an assent the bond is the base, however many receipts there are; and so are its halves.
    function test_TheRewardIsHalfOfWhatWasPosted() external {
        _assent(new bytes[](0));
        ISettlement.Proposal memory p = _wrong();
        vm.assertEq(p.assentRound, 1);
        _cancel(p);
        (, uint256 rewardWei) = settlement.rewardOf(p.counter);
        vm.assertEq(rewardWei, BOND / 2);
        ISettlement.Standing memory standing = settlement.standingOf(p.counter);
        vm.assertEq(uint256(standing.state), uint256(ISettlement.State.Over));
    }

    /// The slot of a cancelled proposal holds what its bond is divided by, which is nobody's commitment.
    function test_RevertWhen_ACancelledProposalIsUsedAgain() external {
        ISettlement.Proposal memory p = _wrong();
        _cancel(p);
        bytes memory gone = abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter);
        vm.warp(p.time + 4 hours);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(gone);
            settlement.withdrawBond(p);
            vm.expectRevert(gone);
            settlement.finalize(p);
            p.time = 0;
        }
    }

    function test_OnlyDisproofsAndDemandsCancelAndHold() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        bytes memory untrusted = abi.encodeWithSelector(ISettlement.CallerNotTrusted.selector, MALLORY);
        vm.startPrank(MALLORY);
        vm.expectRevert(untrusted);
        settlement.cancel(p, MALLORY);
        vm.expectRevert(untrusted);
        settlement.demanded(p, true);
        vm.expectRevert(untrusted);
        settlement.answered(p.counter);
        vm.stopPrank();
        vm.prank(address(disproofs));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.CallerNotTrusted.selector, address(disproofs)));
        settlement.demanded(p, true);
        _cancelAs(address(demands), p);
    }

    /// Every field is committed to, so nothing else can be finalized, judged or paid in its name.
    function test_AnotherProposalUnderACounterIsRefused() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.warp(p.time + 3 hours);
        for (uint256 field = 0; field < 18; ++field) {
            bytes memory changed = abi.encode(p);
            changed[32 * field + 31] = bytes1(uint8(changed[32 * field + 31]) ^ 1);
            ISettlement.Proposal memory other = abi.decode(changed, (ISettlement.Proposal));
            vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, other.counter));
            settlement.finalize(other);
        }
        settlement.finalize(p);
    }

    function test_TheSameDraftInTheSameSecondIsAnotherProposal() external {
        ISettlement.Proposal memory first = _propose(right, 1);
        _cancelAs(address(disproofs), first);
        ISettlement.Proposal memory second = _propose(right, 1);
        vm.assertEq(second.counter, first.counter + 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, first.counter));
        _cancelAs(address(disproofs), first);
        vm.assertTrue(settlement.isOpen(second.counter));
    }

    function test_AProposerHasOneOpenProposalOfAnEpoch() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        ISettlement.Draft memory draft = _draft(right, 1);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyProposed.selector, p.counter));
        settlement.propose(draft, "uri");
        ISettlement.Proposal memory other = _proposeAs(PROPOSER, draft);
        vm.warp(other.time + 3 hours);
        settlement.finalize(p);
        oldWords = right.words;
        // The other still stands open, and its proposer goes on with the next epoch.
        _end(2, 3);
        ISettlement.Proposal memory later = _proposeAs(PROPOSER, _draft(_dataset(_five(2), 2), 2));
        vm.warp(later.time + 3 hours);
        settlement.finalize(later);
        vm.assertEq(settlement.nextEpoch(), 3);
    }

    // On the spot.

    function test_RevertWhen_NotTheNextEpoch() external {
        ISettlement.Draft memory draft = _draft(right, 1);
        for (uint64 i = 0; i < 2; ++i) {
            draft.epoch = 2 * i;
            vm.expectRevert(abi.encodeWithSelector(ISettlement.EpochNotNext.selector, 2 * i, 1));
            settlement.propose(draft, "uri");
        }
    }

    function test_RevertWhen_TooEarlyOrNotClosed() external {
        ISettlement.Draft memory draft = _draft(right, 1);
        uint256 at = _endOf(1) + 2 hours + 10 minutes;
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalTooEarly.selector, at));
        settlement.propose(draft, "uri");
        vm.warp(at);
        facts.close(0, POT, 3);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        settlement.propose(draft, "uri");
    }

    function test_AStandingTellsWhatHasBecomeOfAProposal() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        _checkStanding(p.counter, ISettlement.State.Open, 0);
        _checkStanding(p.counter + 1, ISettlement.State.None, 0);
        _checkStanding(0, ISettlement.State.None, 0);
        vm.assertEq(settlement.standingOf(p.counter).finalizableAt, p.time + 3 hours);
        vm.prank(address(demands));
        settlement.demanded(p, true);
        _checkStanding(p.counter, ISettlement.State.Open, 1);
        vm.warp(p.time + 2 hours);
        vm.prank(address(demands));
        settlement.answered(p.counter);
        vm.assertEq(settlement.standingOf(p.counter).finalizableAt, p.time + 3 hours);
        vm.prank(address(demands));
        settlement.demanded(p, true);
        vm.warp(p.time + 2 hours + 46 minutes);
        vm.prank(address(demands));
        settlement.answered(p.counter);
        uint64 at = p.time + 3 hours + 1 minutes;
        vm.assertEq(settlement.standingOf(p.counter).finalizableAt, at);
        vm.warp(at);
        settlement.finalize(p);
        _checkStanding(p.counter, ISettlement.State.Final, 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        _cancelAs(address(disproofs), p);
        settlement.withdrawBond(p);
        _checkStanding(p.counter, ISettlement.State.Over, 0);
    }

    function test_WhatIsConfiguredCanBeRead() external view {
        vm.assertEq(settlement.proposalCount(), 1);
        vm.assertEq(settlement.proposableAt(1), _endOf(1) + 2 hours + 10 minutes);
        vm.assertEq(keccak256(abi.encode(settlement.windows())), keccak256(abi.encode(_windows())));
        (address account, uint32 vetoes, uint64 until) = settlement.guardian();
        vm.assertEq(account, GUARDIAN);
        vm.assertEq(vetoes, 1);
        vm.assertEq(until, GENESIS + 30 days);
        uint64 promisedNano = uint64(uint256(settlement.finalizedRoot()));
        vm.assertEq(settlement.availableNano(1, 0), _availableNano(1, promisedNano));
    }

    function test_OnlyTheDistributorPaysFromTheVault() external {
        _propose(right, 1);
        BondVault vault = settlement.bondVault();
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(BondVault.CallerNotDistributor.selector, MALLORY));
        vault.pay(MALLORY, 1);
    }

    /// The receipts of a final epoch stay provable when its proposal's data is long gone; and the pool hears of it.
    function test_AFinalEpochKeepsItsReceiptsTop() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.assertEq(settlement.receiptsHashOf(1), bytes32(0));
        vm.warp(p.time + 3 hours);
        settlement.finalize(p);
        bytes32 kept = keccak256(abi.encodePacked(p.draft.receiptsTop, uint32(5)));
        vm.assertEq(settlement.receiptsHashOf(1), kept);
        vm.assertEq(facts.finalizedEpochs(), 2);
    }

    function _checkStanding(uint64 counter, ISettlement.State state, uint256 openDemands) private view {
        ISettlement.Standing memory standing = settlement.standingOf(counter);
        vm.assertEq(uint256(standing.state), uint256(state));
        vm.assertEq(standing.openDemands, openDemands);
    }

    function test_RevertWhen_OtherReceiptsWereForced() external {
        ISettlement.Draft memory draft = _draft(right, 1);
        draft.forcedHash = keccak256("what stood there before a reorganisation");
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ForcedHashDiffers.selector, bytes32(0)));
        settlement.propose(draft, "uri");
    }

    function test_RevertWhen_CountsAndTopsDisagree() external {
        for (uint256 i = 0; i < 5; ++i) {
            ISettlement.Draft memory draft = _draft(right, 1);
            if (i == 0) draft.receiptsTop = 0;
            if (i == 1) (draft.receiptsCount, draft.edgesCount, draft.edgesTop) = (0, 0, 0);
            if (i == 2) draft.edgesTop = 0;
            if (i == 3) draft.edgesCount = 0;
            if (i == 4) draft.edgesCount = 6;
            vm.expectRevert(ISettlement.CountsWrong.selector);
            settlement.propose(draft, "uri");
        }
    }

    function test_RevertWhen_MoreIsPaidThanThereIs() external {
        uint64 before = uint64(uint256(settlement.finalizedRoot()));
        uint64 available = _availableNano(1, before);
        uint64 sum = before + available;
        ISettlement.Draft memory draft = _draft(right, 1);
        draft.entriesTop = SumTree.word(draft.entriesTop, sum + 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.SumWrong.selector, sum + 1, available));
        settlement.propose(draft, "uri");
        draft.entriesTop = SumTree.word(draft.entriesTop, before - 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.SumWrong.selector, before - 1, available));
        settlement.propose(draft, "uri");
        // The proposer's part gives way to work, and nothing else does.
        uint64 leftNano = available + uint64(_proposerWei(1) / 1e9);
        draft.workNano = leftNano + 1;
        vm.expectRevert(abi.encodeWithSelector(ISettlement.SumWrong.selector, leftNano + 1, leftNano));
        settlement.propose(draft, "uri");
        // The ends are taken.
        draft.entriesTop = SumTree.word(draft.entriesTop, before + leftNano);
        draft.workNano = leftNano;
        _proposeAs(PROPOSER, draft);
        draft.entriesTop = SumTree.word(draft.entriesTop, before);
        _proposeAs(MALLORY, draft);
    }

    /// Sums have 64 bits: what is funded beyond them stays, and nothing stops.
    function test_FundsBeyond64BitsStay() external {
        facts.fund(1, 2 ** 65 * 1e9);
        ISettlement.Draft memory draft = _draft(right, 1);
        vm.prank(PROPOSER);
        vm.recordLogs();
        settlement.propose(draft, "uri");
        (ISettlement.Proposal memory p,) = abi.decode(vm.getRecordedLogs()[0].data, (ISettlement.Proposal, string));
        vm.assertEq(p.availableNano, type(uint64).max - uint64(uint256(settlement.finalizedRoot())));
    }

    function test_WithAnAssentTheBaseIsTheBond() external {
        vm.assertEq(settlement.bondWei(10, false), BOND + 10 * uint256(PER_RECEIPT));
        vm.assertEq(settlement.bondWei(10, true), BOND);
        _assent(_five(1));
        uint256 before = token.balanceOf(MALLORY);
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.assertEq(before - token.balanceOf(MALLORY), BOND);
        vm.assertEq(p.assentCount, 5);
        vm.warp(p.time + 3 hours);
        settlement.finalize(p);
    }

    // The guardian.

    function test_AGuardianVetoesABoundedNumberOfTimesAndTheBondComesBack() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.prank(MALLORY);
        vm.expectRevert(ISettlement.VetoNotAllowed.selector);
        settlement.veto(p);
        vm.prank(GUARDIAN);
        settlement.veto(p);
        _checkStanding(p.counter, ISettlement.State.Vetoed, 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, p.counter));
        settlement.finalize(p);
        settlement.withdrawBond(p);
        ISettlement.Proposal memory again = _propose(right, 1);
        vm.prank(GUARDIAN);
        vm.expectRevert(ISettlement.VetoNotAllowed.selector);
        settlement.veto(again);
        vm.warp(again.time + 3 hours);
        settlement.finalize(again);
    }

    function test_AGuardianExpires() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        vm.warp(GENESIS + 30 days);
        vm.prank(GUARDIAN);
        vm.expectRevert(ISettlement.VetoNotAllowed.selector);
        settlement.veto(p);
    }

    function test_RevertWhen_AParameterIsOutOfItsRange() external {
        for (uint256 i = 0; i < 9; ++i) {
            Proposals.Parameters memory parameters = _parameters();
            if (i == 0) parameters.baseBondWei = 0;
            if (i == 1) parameters.windows.grace = 30 days + 1;
            if (i == 2) parameters.windows.force = 30 days + 1;
            if (i == 3) parameters.windows.settle = 30 days + 1;
            if (i == 4) parameters.windows.challenge = 0;
            if (i == 5) parameters.windows.challenge = 30 days + 1;
            if (i == 6) parameters.windows.answer = 0;
            if (i == 7) parameters.windows.answer = 30 days + 1;
            if (i == 8) parameters.windows.follow = 30 days + 1;
            vm.expectRevert(ISettlement.SettlementParameterInvalid.selector);
            new Distributor(parameters);
        }
    }

    /// @dev What anybody can disprove: an entry too high.
    function _wrong() private returns (ISettlement.Proposal memory) {
        Dataset memory made = right;
        made.words[0] = SumTree.leaf(SumTree.entry(0, MALLORY, 1 + uint64(uint256(made.words[0]))));
        return _propose(made, 1);
    }

    function _cancel(ISettlement.Proposal memory p) private {
        _cancelAs(address(disproofs), p);
    }

    function _cancelAs(address canceller, ISettlement.Proposal memory p) private {
        vm.prank(canceller);
        settlement.cancel(p, WATCHER);
    }

    function _funded(address proposer) private returns (address) {
        token.transfer(proposer, 1e22);
        vm.prank(proposer);
        token.approve(address(settlement), type(uint256).max);
        return proposer;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Fraud proofs, demands and the price of a cheat
contract ChallengesTest is Fixture {
    using SumTree for SumTree.Tree;

    address private constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant NANO = 1e9;

    SumTree.Tree private finalized;
    bytes32[] private entries;

    function setUp() public override {
        super.setUp();
        _stake(ALICE, 10_000e18);
        _registerMany(5);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(5, NANO, 0);
        (finalized, entries) = (tree, made);
        _proposeAndFinalize(0, tree.root);
        _endEpoch();
        vm.prank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
    }

    // challengeDecrease.

    function test_ADecreaseCostsTheBond() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        uint256 vaultWei = token.balanceOf(address(_vault()));
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposalCancelled(1, bad.root, BOB, PROPOSER_BOND / 2);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 + PROPOSER_BOND / 2);
        vm.assertEq(token.balanceOf(BURN), PROPOSER_BOND / 2);
        vm.assertEq(token.balanceOf(address(_vault())), vaultWei - PROPOSER_BOND);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
        vm.assertEq(distributor.finalizedRoot(), finalized.root);
    }

    function test_AnOmissionIsADecrease() external {
        bytes32[] memory leaves = _leaves();
        leaves[3] = bytes32(0);
        leaves[4] = SumTree.leaf(SumTree.entry(4, _payout(4), 2 * NANO));
        SumTree.Tree memory bad = SumTree.ofLeaves(leaves);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        _challengeDecrease(proposal, bad, 3, 3);
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
    }

    function test_AnIdBeyondTheProposedTreeIsADecrease() external {
        // Four operators have 2 places; the fifth is cut off.
        bytes32[] memory four = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            four[i] = SumTree.entry(i, _payout(i), 2 * NANO);
        }
        SumTree.Tree memory bad = SumTree.build(four);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        // The place modulo the width, 4 mod 4 = 0, with a perfectly good leaf.
        _challengeDecrease(proposal, bad, 4, 0);
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
    }

    function test_ADecreaseCanBeShownUntilTheEnd() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), 0));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        vm.warp(block.timestamp + 10 * WINDOW);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.expectRevert(IDistributor.ProposalNotPending.selector);
        distributor.finalize(proposal);
    }

    function test_RevertWhen_NothingDecreases() external {
        SumTree.Tree memory good = _changed(2, SumTree.entry(2, _payout(2), 2 * NANO));
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, good.root);
        for (uint256 i = 0; i < 5; ++i) {
            (bytes32[] memory before, bytes32[] memory now_) = (finalized.proof(i), good.proof(i));
            vm.expectRevert(IDistributor.NothingWrong.selector);
            distributor.challengeDecrease(proposal, entries[i], before, good.levels[0][i], now_);
        }
    }

    function test_RevertWhen_ADecreaseIsNotProven() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        bytes32 leaf = bad.levels[0][2];
        bytes32[] memory before = finalized.proof(2);
        bytes32[] memory now_ = bad.proof(2);
        vm.startPrank(BOB);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, SumTree.entry(2, _payout(2), 9 * NANO), before, leaf, now_);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, entries[2], before, SumTree.word(keccak256("x"), 1), now_);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, entries[2], before, bytes32(0), now_);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, entries[2], before, leaf, new bytes32[](33));
        // A leaf of another place is no decrease of this one, nor is an inner word a leaf.
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, entries[1], finalized.proof(1), leaf, now_);
        bytes32[] memory upper = new bytes32[](2);
        (upper[0], upper[1]) = (now_[1], now_[2]);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeDecrease(proposal, entries[2], before, bad.levels[1][1], upper);
        vm.stopPrank();
    }

    function test_RevertWhen_NothingIsPending() external {
        IDistributor.Proposal memory proposal = _proposal(1, finalized.root);
        bytes32[] memory proof = finalized.proof(2);
        bytes memory notPending = abi.encodeWithSelector(IDistributor.ProposalNotPending.selector);
        vm.startPrank(BOB);
        vm.expectRevert(notPending);
        distributor.challengeDecrease(proposal, entries[2], proof, entries[2], proof);
        vm.expectRevert(notPending);
        distributor.challengePayout(proposal, entries[2], proof);
        vm.expectRevert(notPending);
        distributor.challengeUnknownOperator(proposal, 5, bytes32(0), proof);
        vm.expectRevert(notPending);
        distributor.demandEntry(proposal, entries[2], proof);
        vm.expectRevert(notPending);
        distributor.answerDemand(proposal, entries[2], proof);
        vm.expectRevert(notPending);
        distributor.cancelUnanswered(proposal, 2);
        vm.stopPrank();
    }

    // challengePayout.

    function test_APayoutTheOperatorNeverNamedCostsTheBond() external {
        bytes32 stolen = SumTree.entry(2, MALLORY, NANO);
        SumTree.Tree memory bad = _changed(2, stolen);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        vm.prank(BOB);
        distributor.challengePayout(proposal, stolen, bad.proof(2));
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 + PROPOSER_BOND / 2);
    }

    function test_APayoutReplacedBeforeTheEpochCostsTheBond() external {
        vm.prank(CAROL);
        registry.setPayout(2, ALICE);
        _endEpoch();
        _endEpoch();
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 3, bad.root);
        vm.prank(BOB);
        distributor.challengePayout(proposal, SumTree.entry(2, _payout(2), NANO), bad.proof(2));
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
    }

    function test_RevertWhen_ThePayoutIsTheOneOfTheEpochsEnd() external {
        vm.prank(CAROL);
        registry.setPayout(2, ALICE);
        SumTree.Tree memory good = _changed(2, SumTree.entry(2, _payout(2), NANO));
        // The change came in epoch 2: for epoch 1 the address before is right, and no other.
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, good.root);
        bytes32[] memory proof = good.proof(2);
        vm.expectRevert(IDistributor.NothingWrong.selector);
        distributor.challengePayout(proposal, SumTree.entry(2, _payout(2), NANO), proof);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengePayout(proposal, SumTree.entry(2, MALLORY, NANO), proof);
    }

    // challengeUnknownOperator.

    function test_AnAmountForNobodyCostsTheBond() external {
        bytes32[] memory leaves = new bytes32[](6);
        for (uint256 i = 0; i < 5; ++i) {
            leaves[i] = SumTree.leaf(entries[i]);
        }
        leaves[5] = SumTree.word(keccak256("nobody knows what is behind this"), NANO);
        SumTree.Tree memory bad = SumTree.ofLeaves(leaves);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        vm.prank(BOB);
        distributor.challengeUnknownOperator(proposal, 5, leaves[5], bad.proof(5));
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
    }

    function test_RevertWhen_TheOperatorExistsOrIsPromisedNothing() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, finalized.root);
        (bytes32[] memory four, bytes32[] memory five) = (finalized.proof(4), finalized.proof(5));
        bytes32 leaf = finalized.levels[0][4];
        vm.startPrank(BOB);
        vm.expectRevert(IDistributor.NothingWrong.selector);
        distributor.challengeUnknownOperator(proposal, 4, leaf, four);
        vm.expectRevert(IDistributor.NothingWrong.selector);
        distributor.challengeUnknownOperator(proposal, 5, bytes32(0), five);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeUnknownOperator(proposal, 5, leaf, five);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.challengeUnknownOperator(proposal, 12, leaf, four);
        vm.stopPrank();
    }

    // Demands.

    function test_AnAnsweredDemandPaysTheProposer() external {
        SumTree.Tree memory good = _changed(2, SumTree.entry(2, _payout(2), 2 * NANO));
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, good.root);
        bytes32 commitment = distributor.pendingCommitment();
        uint64 answerBy = uint64(block.timestamp) + ANSWER;
        uint256 proposerWei = token.balanceOf(PROPOSER);
        vm.expectEmit(address(distributor));
        emit IDistributor.EntryDemanded(commitment, 2, BOB, uint64(NANO), answerBy);
        _demand(BOB, proposal, 2);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 - DEMAND_BOND);
        (,, uint256 demands,) = distributor.pendingProposal();
        vm.assertEq(demands, 1);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.DemandsOpen.selector, 1));
        distributor.finalize(proposal);
        bytes32[] memory proof = good.proof(2);
        vm.expectEmit(address(distributor));
        emit IDistributor.DemandAnswered(commitment, 2, SumTree.entry(2, _payout(2), 2 * NANO));
        vm.prank(ALICE);
        distributor.answerDemand(proposal, SumTree.entry(2, _payout(2), 2 * NANO), proof);
        vm.assertEq(token.balanceOf(PROPOSER) - proposerWei, DEMAND_BOND);
        (,, demands,) = distributor.pendingProposal();
        vm.assertEq(demands, 0);
        vm.expectRevert(IDistributor.DemandUnknown.selector);
        distributor.answerDemand(proposal, SumTree.entry(2, _payout(2), 2 * NANO), proof);
        vm.expectRevert(IDistributor.DemandUnknown.selector);
        distributor.cancelUnanswered(proposal, 2);
        distributor.finalize(proposal);
        vm.assertEq(distributor.finalizedRoot(), good.root);
    }

    function test_AnUnansweredDemandCostsTheBond() external {
        // Nobody but MALLORY knows this tree: no decrease can be shown.
        bytes32 secret = SumTree.word(keccak256("secret"), 6 * NANO);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, secret);
        uint256 answerBy = block.timestamp + ANSWER;
        _demand(BOB, proposal, 2);
        vm.warp(answerBy);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.AnswerNotOverdue.selector, answerBy));
        distributor.cancelUnanswered(proposal, 2);
        vm.warp(answerBy + 1);
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposalCancelled(1, secret, BOB, PROPOSER_BOND / 2);
        vm.prank(ALICE);
        distributor.cancelUnanswered(proposal, 2);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 + PROPOSER_BOND / 2);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
        vm.assertEq(token.balanceOf(address(_vault())), PROPOSER_BOND);
    }

    function test_AnAnswerMayComeLateAsLongAsNobodyCancelled() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, finalized.root);
        _demand(BOB, proposal, 2);
        vm.warp(block.timestamp + WINDOW + ANSWER);
        distributor.answerDemand(proposal, entries[2], finalized.proof(2));
        distributor.finalize(proposal);
    }

    function test_RevertWhen_TheAnswerIsWrong() external {
        SumTree.Tree memory bad = SumTree.ofLeaves(_badLeaves());
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        for (uint256 i = 1; i < 4; ++i) {
            _demand(BOB, proposal, i);
        }
        bytes32[] memory proof = bad.proof(1);
        vm.expectRevert(IDistributor.AnswerWrong.selector);
        distributor.answerDemand(proposal, SumTree.entry(1, _payout(1), NANO - 1), proof);
        proof = bad.proof(2);
        vm.expectRevert(IDistributor.AnswerWrong.selector);
        distributor.answerDemand(proposal, SumTree.entry(2, MALLORY, NANO), proof);
        proof = bad.proof(3);
        // The leaf has the right amount, but no entry of operator 3 is behind it.
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.answerDemand(proposal, entries[3], proof);
        vm.expectRevert(IDistributor.DemandUnknown.selector);
        distributor.answerDemand(proposal, entries[4], bad.proof(4));
    }

    function test_RevertWhen_ADemandIsPointless() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, finalized.root);
        bytes32[] memory proof = finalized.proof(2);
        _demand(BOB, proposal, 2);
        vm.startPrank(BOB);
        vm.expectRevert(IDistributor.DemandPointless.selector);
        distributor.demandEntry(proposal, entries[2], proof);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.demandEntry(proposal, SumTree.entry(2, _payout(2), 1), proof);
        vm.stopPrank();
        distributor.answerDemand(proposal, entries[2], proof);
        vm.startPrank(BOB);
        vm.expectRevert(IDistributor.DemandPointless.selector);
        distributor.demandEntry(proposal, entries[2], proof);
        bytes32[] memory other = finalized.proof(3);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(IDistributor.ChallengeWindowClosed.selector);
        distributor.demandEntry(proposal, entries[3], other);
        vm.stopPrank();
    }

    function test_RevertWhen_WhatIsDemandedWasNeverPromised() external {
        bytes32[] memory six = new bytes32[](6);
        for (uint256 i = 0; i < 5; ++i) {
            six[i] = entries[i];
        }
        six[5] = SumTree.entry(5, _payout(5), 0);
        _registerMany(6);
        SumTree.Tree memory tree = SumTree.build(six);
        _proposeAndFinalize(1, tree.root);
        _endEpoch();
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 2, tree.root);
        bytes32[] memory proof = tree.proof(5);
        vm.prank(BOB);
        vm.expectRevert(IDistributor.DemandPointless.selector);
        distributor.demandEntry(proposal, six[5], proof);
    }

    function test_OpenDemandsOfACancelledProposalAreReturned() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        bytes32 commitment = distributor.pendingCommitment();
        _demand(BOB, proposal, 3);
        vm.expectRevert(IDistributor.DemandStillOpen.selector);
        distributor.reclaimDemandBond(commitment, 3);
        vm.expectRevert(IDistributor.DemandUnknown.selector);
        distributor.reclaimDemandBond(commitment, 2);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.expectEmit(address(distributor));
        emit IDistributor.DemandBondReturned(commitment, 3, BOB);
        distributor.reclaimDemandBond(commitment, 3);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 + PROPOSER_BOND / 2);
        vm.expectRevert(IDistributor.DemandUnknown.selector);
        distributor.reclaimDemandBond(commitment, 3);
    }

    // Reservations.

    function test_AfterACheatThoseBondedBeforeHaveTheNextWord() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        vm.startPrank(MALLORY);
        token.transfer(ALICE, PROPOSER_BOND);
        vm.stopPrank();
        vm.prank(ALICE);
        distributor.depositProposerBond(PROPOSER_BOND);
        _challengeDecrease(proposal, bad, 2, 2);
        uint64 until = uint64(block.timestamp) + WINDOW;
        vm.prank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
        bytes memory reserved = abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, until);
        vm.prank(MALLORY);
        vm.expectRevert(reserved);
        distributor.propose(proposal);
        vm.prank(ALICE);
        vm.expectRevert(reserved);
        distributor.propose(proposal);
        _proposeAndFinalize(1, finalized.root);
        _endEpoch();
        // A finalized distribution ends the reservation.
        _propose(MALLORY, 2, finalized.root);
    }

    function test_AFinalizedDistributionEndsTheReservation() external {
        _endEpoch();
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.prank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
        _proposeAndFinalize(1, finalized.root);
        // The reservation would have held until this very second.
        _propose(MALLORY, 2, finalized.root);
    }

    function test_WhenNobodyUsesTheReservation_ItEnds() external {
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.prank(ALICE);
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, block.timestamp));
        distributor.propose(_proposal(1, finalized.root));
        vm.warp(block.timestamp + 1);
        _propose(ALICE, 1, finalized.root);
    }

    function test_ALargerBondDoesNotPassTheReservationTwice() external {
        vm.prank(MALLORY);
        distributor.depositProposerBond(9 * PROPOSER_BOND);
        vm.warp(block.timestamp + 1);
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 9 * PROPOSER_BOND);
        vm.prank(MALLORY);
        vm.expectRevert();
        distributor.propose(proposal);
    }

    function test_ASeriesOfCheatsKeepsTheMomentOfTheFirst() external {
        vm.prank(ALICE);
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.warp(block.timestamp + 1);
        SumTree.Tree memory bad = _changed(2, SumTree.entry(2, _payout(2), NANO - 1));
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        vm.prank(CAROL);
        distributor.depositProposerBond(PROPOSER_BOND);
        _challengeDecrease(proposal, bad, 2, 2);
        vm.warp(block.timestamp + WINDOW - 1);
        proposal = _propose(ALICE, 1, bad.root);
        _challengeDecrease(proposal, bad, 2, 2);
        // CAROL's bond is older than the second cheat, but not than the first.
        vm.prank(CAROL);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, uint64(block.timestamp) + WINDOW)
        );
        distributor.propose(proposal);
        _propose(PROPOSER, 1, finalized.root);
    }

    function _challengeDecrease(
        IDistributor.Proposal memory proposal,
        SumTree.Tree memory bad,
        uint256 id,
        uint256 place
    ) private {
        bytes32[] memory before = finalized.proof(id);
        bytes32[] memory now_ = bad.proof(place);
        vm.prank(BOB);
        distributor.challengeDecrease(proposal, entries[id], before, bad.levels[0][place], now_);
    }

    function _demand(address demander, IDistributor.Proposal memory proposal, uint256 id) private {
        bytes32[] memory proof = finalized.proof(id);
        vm.prank(demander);
        distributor.demandEntry(proposal, entries[id], proof);
    }

    function _leaves() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) {
            leaves[i] = SumTree.leaf(entries[i]);
        }
    }

    function _badLeaves() private view returns (bytes32[] memory leaves) {
        leaves = _leaves();
        leaves[1] = SumTree.leaf(SumTree.entry(1, _payout(1), NANO - 1));
        leaves[2] = SumTree.leaf(SumTree.entry(2, MALLORY, NANO));
        leaves[3] = SumTree.word(keccak256("garbage"), NANO);
        leaves[4] = SumTree.leaf(SumTree.entry(4, _payout(4), 3 * NANO));
    }

    /// @dev The finalized distribution with one entry changed, and what that takes away given to the last operator.
    function _changed(uint256 id, bytes32 entry) private view returns (SumTree.Tree memory) {
        bytes32[] memory changed = entries;
        changed[id] = entry;
        if (id != 4) changed[4] = SumTree.entry(4, _payout(4), 2 * NANO);
        return SumTree.build(changed);
    }
}

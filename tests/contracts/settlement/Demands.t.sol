// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {RunningList} from "../../../contracts/settlement/RunningList.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {PlainList} from "./support/PlainList.sol";
import {Trial} from "./support/Trial.sol";

/// @title Withheld data
contract DemandsTest is Trial {
    using PlainList for PlainList.List;

    IDemands.Asked private none;
    bool private refusesCoins;

    function setUp() public override {
        super.setUp();
        vm.deal(WATCHER, 1 ether);
        vm.deal(address(this), 1 ether);
        vm.fee(1 gwei);
    }

    receive() external payable {
        require(!refusesCoins);
    }

    function test_APaidDemandIsAnsweredByAnybodyAndTheProposalGoesOn() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.receipts, IDemands.Tree.Receipts, 3, 0);
        uint256 price = demands.priceWei(false);
        vm.assertEq(price, 225_000 * 1 gwei);
        vm.prank(WATCHER);
        demands.demand{value: price}(p, asked, path, none);
        vm.warp(p.time + 3 hours);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChallengeWindowOpen.selector, p.time + 3 hours, 1));
        settlement.finalize(p);
        IDemands.Demand memory found = demands.demandOf(keccak256(abi.encode(asked)));
        vm.assertEq(found.demander, WATCHER);
        vm.assertEq(found.offerWei, price);
        vm.assertEq(found.until, p.time + 45 minutes);
        vm.assertFalse(found.answered);
        vm.warp(p.time + 45 minutes);
        vm.prank(MALLORY);
        demands.answerWords(asked, PlainList.build(right.receipts).levels[0]);
        vm.assertEq(MALLORY.balance, price);
        found = demands.demandOf(keccak256(abi.encode(asked)));
        vm.assertTrue(found.answered);
        vm.assertEq(found.until, p.time + 60 minutes);
        vm.warp(p.time + 3 hours);
        settlement.finalize(p);
    }

    function test_AWordIsShownInStepsOfSixDownToTheLine() external {
        bytes[] memory lines = _many(130);
        ISettlement.Proposal memory p = _proposeReceipts(lines);
        PlainList.List memory list = PlainList.build(lines);
        (IDemands.Asked memory top, bytes32[] memory path) = _words(lines, IDemands.Tree.Receipts, 8, 0);
        vm.assertEq(top.words, 33);
        _ask(p, top, path, none);
        bytes32[] memory shown = list.levels[2];
        demands.answerWords(top, shown);
        // On: the last of the words it showed, of two leaves.
        (IDemands.Asked memory last, bytes32[] memory lastPath) = _words(lines, IDemands.Tree.Receipts, 2, 32);
        vm.assertEq(last.words, 2);
        vm.warp(p.time + 3 hours);
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, last, lastPath, top);
    }

    function test_FurtherDemandsComeSoonAfterTheAnswer() external {
        bytes[] memory lines = _many(130);
        ISettlement.Proposal memory p = _proposeReceipts(lines);
        PlainList.List memory list = PlainList.build(lines);
        (IDemands.Asked memory top, bytes32[] memory path) = _words(lines, IDemands.Tree.Receipts, 8, 0);
        vm.warp(p.time + 3 hours - 1);
        _ask(p, top, path, none);
        vm.warp(p.time + 3 hours + 40 minutes);
        demands.answerWords(top, list.levels[2]);
        vm.expectRevert(
            abi.encodeWithSelector(ISettlement.ChallengeWindowOpen.selector, p.time + 3 hours + 55 minutes, 0)
        );
        settlement.finalize(p);
        // A first demand would be too late.
        (IDemands.Asked memory asked, bytes32[] memory lower) = _words(lines, IDemands.Tree.Receipts, 2, 7);
        vm.expectRevert(ISettlement.ChallengeWindowClosed.selector);
        _ask(p, asked, lower, none);
        vm.warp(p.time + 3 hours + 55 minutes);
        _ask(p, asked, lower, top);
        bytes32[] memory four = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            four[i] = list.levels[0][28 + i];
        }
        demands.answerWords(asked, four);
        (IDemands.Asked memory line, bytes32[] memory linePath) = _words(lines, IDemands.Tree.Receipts, 0, 30);
        _ask(p, line, linePath, asked);
        demands.answerLine(line, lines[30]);
        vm.warp(block.timestamp + 15 minutes);
        settlement.finalize(p);
    }

    function test_WhatWasNotShownCannotBeAskedOn() external {
        bytes[] memory lines = _many(130);
        ISettlement.Proposal memory p = _proposeReceipts(lines);
        PlainList.List memory list = PlainList.build(lines);
        (IDemands.Asked memory one, bytes32[] memory path) = _words(lines, IDemands.Tree.Receipts, 7, 0);
        _ask(p, one, path, none);
        (IDemands.Asked memory under, bytes32[] memory underPath) = _words(lines, IDemands.Tree.Receipts, 1, 3);
        // Not answered yet.
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, under, underPath, one);
        bytes32[] memory shown = new bytes32[](64);
        for (uint256 i = 0; i < 64; ++i) {
            shown[i] = list.levels[1][i];
        }
        demands.answerWords(one, shown);
        // Under another word.
        (IDemands.Asked memory beside, bytes32[] memory besidePath) = _words(lines, IDemands.Tree.Receipts, 1, 64);
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, beside, besidePath, one);
        // Between the two levels: each answer leads six levels down.
        (IDemands.Asked memory between, bytes32[] memory betweenPath) = _words(lines, IDemands.Tree.Receipts, 2, 3);
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, between, betweenPath, one);
        _ask(p, under, underPath, one);
    }

    function test_AnAnswerInAnotherTreeOrOfAnotherProposalOrALineShowsNothing() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        ISettlement.Proposal memory other = _proposeAs(PROPOSER, _draft(right, 1));
        (IDemands.Asked memory top, bytes32[] memory path) = _words(right.receipts, IDemands.Tree.Receipts, 3, 0);
        _ask(p, top, path, none);
        demands.answerWords(top, PlainList.build(right.receipts).levels[0]);
        (IDemands.Asked memory edge, bytes32[] memory edgePath) = _words(right.edges, IDemands.Tree.Edges, 0, 0);
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, edge, edgePath, top);
        (IDemands.Asked memory line, bytes32[] memory linePath) = _words(right.receipts, IDemands.Tree.Receipts, 0, 0);
        line.counter = other.counter;
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(other, line, linePath, top);
        line.counter = p.counter;
        _ask(p, line, linePath, top);
        demands.answerLine(line, right.receipts[0]);
        (IDemands.Asked memory next, bytes32[] memory nextPath) = _words(right.receipts, IDemands.Tree.Receipts, 0, 1);
        vm.expectRevert(IDemands.NotShown.selector);
        _ask(p, next, nextPath, line);
    }

    function test_EntriesAreShownWithTheirSums() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        SumTree.Tree memory tree = SumTree.ofLeaves(right.words);
        IDemands.Asked memory asked = IDemands.Asked(p.counter, IDemands.Tree.Entries, 2, 0, 4, tree.levels[2][0]);
        _ask(p, asked, new bytes32[](0), none);
        bytes32[] memory words = tree.levels[0];
        bytes32[] memory wrong = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            wrong[i] = words[i];
        }
        wrong[0] = bytes32(uint256(words[0]) | type(uint64).max);
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerWords(asked, wrong);
        demands.answerWords(asked, words);
        IDemands.Asked memory half = IDemands.Asked(p.counter, IDemands.Tree.Entries, 1, 1, 2, tree.levels[1][1]);
        bytes32[] memory path = new bytes32[](1);
        path[0] = tree.levels[1][0];
        _ask(p, half, path, none);
        // A leaf has no preimage that anybody needs.
        IDemands.Asked memory leaf = IDemands.Asked(p.counter, IDemands.Tree.Entries, 0, 1, 0, tree.levels[0][1]);
        vm.expectRevert(IDemands.WordNotThere.selector);
        _ask(p, leaf, SumTree.proof(tree, 1), none);
    }

    function test_OnlyWhatIsCommittedCanBeAskedFor() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        bytes32[] memory path;
        IDemands.Asked memory asked;
        for (uint256 i = 0; i < 6; ++i) {
            (asked, path) = _words(right.edges, IDemands.Tree.Edges, i == 0 ? 0 : 2, 0);
            if (i == 0) asked.word = keccak256("another");
            if (i == 1) asked.words = 3;
            if (i == 2) asked.level = 3;
            if (i == 3) asked.level = 33;
            if (i == 4) (asked.index, asked.words) = (1, 0);
            if (i == 5) asked.counter += 1;
            vm.expectRevert(IDemands.WordNotThere.selector);
            _ask(p, asked, path, none);
        }
        SumTree.Tree memory tree = SumTree.ofLeaves(right.words);
        for (uint256 i = 0; i < 5; ++i) {
            asked = IDemands.Asked(p.counter, IDemands.Tree.Entries, 2, 0, 4, tree.levels[2][0]);
            if (i == 0) asked.word = keccak256("another");
            if (i == 1) asked.words = 3;
            if (i == 2) asked.index = 1;
            path = new bytes32[](i == 3 ? 1 : 0);
            if (i == 4) (asked.level, asked.words) = (1, 2);
            vm.expectRevert(IDemands.WordNotThere.selector);
            _ask(p, asked, path, none);
        }
    }

    function test_TheSameIsAskedOnceAndForItsPrice() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 0, 1);
        uint256 price = demands.priceWei(true);
        vm.expectRevert(abi.encodeWithSelector(IDemands.PriceTooLow.selector, price - 1, price));
        demands.demand{value: price - 1}(p, asked, path, none);
        demands.demand{value: price}(p, asked, path, none);
        vm.expectRevert(abi.encodeWithSelector(IDemands.AlreadyAsked.selector, keccak256(abi.encode(asked))));
        demands.demand{value: price}(p, asked, path, none);
        demands.answerLine(asked, right.edges[1]);
        vm.expectRevert(abi.encodeWithSelector(IDemands.AlreadyAsked.selector, keccak256(abi.encode(asked))));
        demands.demand{value: price}(p, asked, path, none);
    }

    function test_UnansweredItCancelsTheProposalAndTheOfferComesBackOnce() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 2, 0);
        vm.prank(WATCHER);
        demands.demand{value: 0.1 ether}(p, asked, path, none);
        vm.expectRevert(abi.encodeWithSelector(IDemands.ProposalStillOpen.selector, p.counter));
        demands.reclaim(asked);
        uint256 until = p.time + 45 minutes;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IDemands.AnswerNotOverdue.selector, until));
        demands.expire(p, asked);
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(IDemands.AnswerTooLate.selector, until));
        demands.answerWords(asked, PlainList.build(right.edges).levels[0]);
        demands.expire(p, asked);
        vm.assertFalse(settlement.isOpen(p.counter));
        (address reporter, uint256 rewardWei) = settlement.rewardOf(p.counter);
        vm.assertEq(reporter, WATCHER);
        vm.assertEq(rewardWei, settlement.bondWei(5, false) / 2);
        demands.reclaim(asked);
        vm.assertEq(WATCHER.balance, 1 ether);
        bytes memory notOpen = abi.encodeWithSelector(IDemands.DemandNotOpen.selector, keccak256(abi.encode(asked)));
        vm.expectRevert(notOpen);
        demands.reclaim(asked);
        vm.expectRevert(notOpen);
        demands.expire(p, asked);
    }

    function test_AnAnswerIsWhatWasAskedForAndPaidOnce() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 2, 0);
        bytes32[] memory words = PlainList.build(right.edges).levels[0];
        vm.expectRevert(abi.encodeWithSelector(IDemands.DemandNotOpen.selector, keccak256(abi.encode(asked))));
        demands.answerWords(asked, words);
        _ask(p, asked, path, none);
        // The word itself folds to itself, and shows nothing.
        bytes32[] memory itself = new bytes32[](1);
        itself[0] = asked.word;
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerWords(asked, itself);
        bytes32[] memory wrong = new bytes32[](4);
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerWords(asked, wrong);
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerLine(asked, right.edges[0]);
        demands.answerWords(asked, words);
        vm.expectRevert(abi.encodeWithSelector(IDemands.DemandNotOpen.selector, keccak256(abi.encode(asked))));
        demands.answerWords(asked, words);
        (asked, path) = _words(right.edges, IDemands.Tree.Edges, 0, 0);
        _ask(p, asked, path, none);
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerWords(asked, new bytes32[](0));
        vm.expectRevert(IDemands.AnswerWrong.selector);
        demands.answerLine(asked, right.edges[1]);
    }

    /// Whoever cannot be paid keeps nobody else from answering.
    function test_AnAnswererThatRefusesCoinsIsNotTaken() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 0, 0);
        _ask(p, asked, path, none);
        refusesCoins = true;
        vm.expectRevert(abi.encodeWithSelector(IDemands.PaymentRefused.selector, address(this)));
        demands.answerLine(asked, right.edges[0]);
        vm.prank(MALLORY);
        demands.answerLine(asked, right.edges[0]);
    }

    function test_ADemandExpiresForItsOwnProposalOnly() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        ISettlement.Proposal memory other = _proposeAs(PROPOSER, _draft(right, 1));
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 0, 0);
        _ask(p, asked, path, none);
        vm.warp(block.timestamp + 45 minutes + 1);
        vm.expectRevert(abi.encodeWithSelector(IDemands.DemandNotOpen.selector, keccak256(abi.encode(asked))));
        demands.expire(other, asked);
    }

    /// The same data demanded of a cancelled proposal shields no other: the counter is part of what is asked.
    function test_SpentDemandsShieldNoLaterProposal() external {
        ISettlement.Proposal memory p = _propose(right, 1);
        (IDemands.Asked memory asked, bytes32[] memory path) = _words(right.edges, IDemands.Tree.Edges, 0, 0);
        _ask(p, asked, path, none);
        demands.answerLine(asked, right.edges[0]);
        vm.prank(address(disproofs));
        settlement.cancel(p, WATCHER);
        p = _propose(right, 1);
        asked.counter = p.counter;
        _ask(p, asked, path, none);
        vm.warp(block.timestamp + 45 minutes + 1);
        demands.expire(p, asked);
    }

    function _ask(
        ISettlement.Proposal memory p,
        IDemands.Asked memory asked,
        bytes32[] memory path,
        IDemands.Asked memory shown
    ) private {
        demands.demand{value: 0.01 ether}(p, asked, path, shown);
    }

    /// @dev What is asked for at a place of a list, of the newest proposal.
    function _words(bytes[] memory lines, IDemands.Tree tree, uint256 level, uint256 index)
        private
        view
        returns (IDemands.Asked memory asked, bytes32[] memory path)
    {
        PlainList.List memory list = PlainList.build(lines);
        uint256 below = level > 6 ? level - 6 : 0;
        uint256 start = index << (level - below);
        uint256 most = uint256(1) << (level - below);
        uint256 left = list.levels[below].length - start;
        uint8 words = level == 0 ? 0 : uint8(left < most ? left : most);
        asked = IDemands.Asked(2, tree, uint8(level), uint32(index), words, list.levels[level][index]);
        path = list.pathFrom(level, index);
    }

    function _many(uint256 count) private pure returns (bytes[] memory lines) {
        lines = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            lines[i] = abi.encodePacked("line", i);
        }
    }

    /// @dev Proposes a list of anything: what is demanded is only whether it is there.
    function _proposeReceipts(bytes[] memory lines) private returns (ISettlement.Proposal memory) {
        Dataset memory made = right;
        made.receipts = lines;
        return _propose(made, 1);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {Trial} from "./support/Trial.sol";

/// @title The thefts that contests of stakes allowed
/// @notice Found by an audit of the Distributor: each was a way to decide by purse, by speed or by silence which root becomes final.
contract SettlementAttacksTest is Trial {
    /// The whole pot for one bond that came back: now whoever watches takes half of it, without a stake.
    function test_TheWholePotForOneBond() external {
        ISettlement.Proposal memory theft = _theft();
        _disproves(theft, _badEntry(theft, _greedy(), 2));
        vm.warp(theft.time + 3 hours);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalNotOpen.selector, theft.counter));
        settlement.withdrawBond(theft);
    }

    /// Being right cost the stake, and the richer one won: now a wrong one beside it changes nothing.
    function test_BeingRightCostsNothing() external {
        uint256 before = token.balanceOf(PROPOSER);
        ISettlement.Proposal memory theft = _theft();
        ISettlement.Proposal memory honest = _proposeAs(PROPOSER, _draft(right, 1));
        _disproves(theft, _badEntry(theft, _greedy(), 2));
        vm.warp(honest.time + 3 hours);
        settlement.finalize(honest);
        settlement.withdrawBond(honest);
        vm.assertEq(token.balanceOf(PROPOSER), before + _proposerWei(1));
    }

    /// A cheat won the fine of its own contest: now half is gone whoever reports it.
    function test_ACheatThatReportsItselfLosesHalf() external {
        uint256 before = token.balanceOf(MALLORY);
        ISettlement.Proposal memory theft = _theft();
        uint256 bond = before - token.balanceOf(MALLORY);
        bytes memory call = _badEntry(theft, _greedy(), 2);
        vm.startPrank(MALLORY);
        (bool done,) = address(disproofs).call(call);
        vm.assertTrue(done);
        settlement.withdrawReward(theft.counter);
        vm.stopPrank();
        vm.assertEq(before - token.balanceOf(MALLORY), bond / 2);
    }

    /// A newer epoch's root shut out the older one's.
    function test_ANewerEpochShutsNobodyOut() external {
        facts.close(2, POT, 3);
        vm.warp(_endOf(2) + 1 days);
        ISettlement.Draft memory newer = _draft(right, 1);
        newer.epoch = 2;
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.EpochNotNext.selector, 2, 1));
        settlement.propose(newer, "uri");
        _proposeAs(PROPOSER, _draft(right, 1));
    }

    /// After a cancelled proposal only old bonds counted: now a newcomer proposes in the same second, with others open.
    function test_NobodyIsReservedOut() external {
        ISettlement.Proposal memory theft = _theft();
        _disproves(theft, _badEntry(theft, _greedy(), 2));
        _theft();
        address newcomer = address(0x77);
        token.transfer(newcomer, 1e22);
        vm.prank(newcomer);
        token.approve(address(settlement), type(uint256).max);
        ISettlement.Proposal memory honest = _proposeAs(newcomer, _draft(right, 1));
        vm.assertTrue(settlement.isOpen(honest.counter));
    }

    /// The right entries with a false receipts top stood: now what is committed to can be demanded, and cannot be shown.
    function test_RightEntriesWithAFalseReceiptsTop() external {
        ISettlement.Draft memory draft = _draft(right, 1);
        draft.receiptsTop = keccak256("receipts");
        ISettlement.Proposal memory p = _proposeAs(MALLORY, draft);
        IDemands.Asked memory none;
        IDemands.Asked memory asked = IDemands.Asked(p.counter, IDemands.Tree.Receipts, 3, 0, 5, draft.receiptsTop);
        demands.demand(p, asked, new bytes32[](0), none);
        vm.warp(block.timestamp + 45 minutes + 1);
        demands.expire(p, asked);
        vm.assertFalse(settlement.isOpen(p.counter));
    }

    /// What a proposer says of the network moves nothing: there is no figure in a draft that is taken on its word.
    function test_EveryFigureOfADraftIsJudged() external {
        for (uint256 figure = 0; figure < 4; ++figure) {
            Dataset memory made = right;
            ISettlement.Draft memory draft = _draft(made, 1);
            if (figure == 0) draft.receiptsCount += 1;
            if (figure == 1) draft.edgesCount += 1;
            if (figure == 2) draft.workNano += 1;
            if (figure == 3) draft.entriesTop = SumTree.word(draft.entriesTop, uint64(uint256(draft.entriesTop)) + 1);
            ISettlement.Proposal memory p = _proposeAs(MALLORY, draft);
            if (figure == 2) {
                _disproves(p, _badEdgeStep(p, made, 4));
                continue;
            }
            IDemands.Asked memory none;
            IDemands.Asked memory asked = figure == 0
                ? IDemands.Asked(p.counter, IDemands.Tree.Receipts, 3, 0, 6, draft.receiptsTop)
                : figure == 1
                    ? IDemands.Asked(p.counter, IDemands.Tree.Edges, 3, 0, 5, draft.edgesTop)
                    : IDemands.Asked(p.counter, IDemands.Tree.Entries, 2, 0, 4, draft.entriesTop);
            demands.demand(p, asked, new bytes32[](0), none);
            bytes32[] memory words = figure == 3 ? SumTree.ofLeaves(made.words).levels[0] : new bytes32[](asked.words);
            vm.expectRevert(IDemands.AnswerWrong.selector);
            demands.answerWords(asked, words);
            vm.warp(block.timestamp + 45 minutes + 1);
            demands.expire(p, asked);
        }
    }

    function _greedy() private view returns (Dataset memory made) {
        made = right;
        uint64 nano = uint64(uint256(made.words[2])) + 1e9;
        made.words[2] = SumTree.leaf(SumTree.entry(2, facts.payoutAt(2, 1), nano));
    }

    function _theft() private returns (ISettlement.Proposal memory) {
        return _propose(_greedy(), 1);
    }
}

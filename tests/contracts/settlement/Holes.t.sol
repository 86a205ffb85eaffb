// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {EdgeDisproofs} from "../../../contracts/settlement/EdgeDisproofs.sol";
import {Judge} from "../../../contracts/settlement/Judge.sol";
import {ListReader} from "../../../contracts/settlement/ListReader.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {SumTree} from "../support/SumTree.sol";
import {Trial} from "./support/Trial.sol";

/// @title Lies that an earlier list of disproofs had no answer to, and the truth that none may touch
contract HolesTest is Trial {
    /// An edge of an operator that never served the payer. With runs it could be given one that was empty, reversed or beyond
    /// the tree; an edge has no run any more, only units that the payer's receipts show or do not.
    function test_Hole_AnEdgeOfAnOperatorThatNeverServedThePayer() external {
        Dataset memory made = right;
        bytes[] memory edges = new bytes[](5);
        for (uint256 i = 0; i < 4; ++i) {
            edges[i] = made.edges[i];
        }
        // All that payer 1 steers, for operator 2 by payer 2's name and, here, behind all others.
        uint64 total = _u64(edges[3], 72);
        edges[4] = _edge(2, _after(_payer(1)), 71_001, 71_001, 9, 9 + _u64(edges[3], 64), total + 9);
        made.edges = edges;
        made.workNano = total + 9;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 4), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeUnits(p, made, 4, false));
    }

    function test_Hole_AnExtraEdgeAtNoNano() external {
        Dataset memory made = right;
        bytes[] memory edges = new bytes[](5);
        for (uint256 i = 0; i < 4; ++i) {
            edges[i] = made.edges[i];
        }
        edges[4] = _edge(2, _after(_payer(1)), 0, 0, 0, _u64(edges[3], 64), _u64(edges[3], 72));
        made.edges = edges;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdge(p, made, 4), Judge.NothingWrong.selector);
        _fails(_badEdgeStep(p, made, 4), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeUnits(p, made, 4, false));
    }

    /// A receipt twice, with a zero word between that no proof may claim: neighbours by place were in order.
    function test_Hole_AReceiptTwiceWithAZeroWordBetween() external {
        Dataset memory made = right;
        bytes[] memory lines = new bytes[](7);
        for (uint256 i = 0; i < 7; ++i) {
            lines[i] = made.receipts[i < 2 ? i : i - 2];
        }
        lines[2] = "";
        made.receipts = lines;
        ISettlement.Proposal memory p = _propose(made, 1);
        // There are no holes: each place below the count is a line, and this one is none.
        _disproves(p, _badReceipt(p, made, 2));
    }

    /// The top is unique: padding with zero words is another list.
    function test_Hole_AListPaddedWithZeroWords() external {
        Dataset memory made = right;
        ISettlement.Draft memory draft = _draft(made, 1);
        bytes32 join = keccak256(abi.encodePacked(keccak256(made.receipts[4]), bytes32(0)));
        join = keccak256(abi.encodePacked(join, bytes32(0)));
        bytes32[] memory path = _line(made.receipts, 0).path;
        bytes32 left = keccak256(abi.encodePacked(keccak256(made.receipts[0]), path[0]));
        left = keccak256(abi.encodePacked(left, path[1]));
        draft.receiptsTop = keccak256(abi.encodePacked(left, join));
        ISettlement.Proposal memory p = _proposeAs(MALLORY, draft);
        // The last line stands right below the top, and there is a pair instead: nobody can show it, so it is demanded.
        _fails(_badReceipt(p, made, 4), ListReader.OpeningInvalid.selector);
    }

    /// At a place the entry of another id with the right sum: the operator could never claim.
    function test_Hole_AnotherIdsEntryAtAPlace() external {
        Dataset memory made = right;
        made.words[1] = SumTree.leaf(SumTree.entry(2, facts.payoutAt(2, 1), uint64(uint256(made.words[1]))));
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEntry(p, made, 1));
    }

    /// A tree too shallow to have the new operators' places: its depth follows from their number, so its top is a word one level
    /// too low, whose children are no words of this tree.
    function test_Hole_EntriesTooShallow() external {
        facts.close(1, POT, 5);
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        Disproofs.EntryOpening memory entry = _entryOpening(made, 1);
        _fails(abi.encodeCall(Disproofs.badEntry, (p, entry)), ListReader.OpeningInvalid.selector);
    }

    /// Amounts below the dust vanished: a zero word for who earns next to nothing.
    function test_Hole_AZeroWordForASmallEarner() external {
        Dataset memory made = right;
        made.words[2] = bytes32(0);
        ISettlement.Draft memory draft = _draft(made, 1);
        // The sum must not fall behind the tree before, so another is given as much.
        uint64 nano = uint64(uint256(right.words[2]));
        made.words[0] = SumTree.leaf(SumTree.entry(0, facts.payoutAt(0, 1), uint64(uint256(made.words[0])) + nano));
        draft = _draft(made, 1);
        ISettlement.Proposal memory p = _proposeAs(MALLORY, draft);
        _disproves(p, _badEntry(p, made, 2));
    }

    function test_Hole_WorkALittleOffWithEntriesThatAgree() external {
        Dataset memory made = right;
        made.workNano += 1;
        made.words = _wordsOf(made.edges, made.workNano, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeStep(p, made, 4));
    }

    /// A run that ended at the last place of a full tree could not be shown; a gap there can.
    function test_Hole_ALastEdgeOfAFullTree() external {
        bytes[] memory four = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            four[i] = _five(1)[i];
        }
        Dataset memory made = _dataset(four, 1);
        made.edges[1] = _patched(made.edges[1], 24, abi.encodePacked(uint128(70_001)));
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeUnits(p, made, 1, false));
    }

    /// 2^24 receipts of 2^40 units overflow 64 bits; the totals have 128.
    function test_Hole_UnitsBeyond64Bits() external {
        facts.setFee(_payer(0), 2 ** 60 * 1e9);
        facts.fund(1, 2 ** 61 * 1e9);
        facts.setPool(0, 5000, 2 ** 64);
        uint128 units = 2 ** 64;
        Dataset memory made = right;
        made.edges[0] = _patched(made.edges[0], 24, abi.encodePacked(units - 1, units, uint64(2 ** 60 - 1)));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdge(p, made, 0), Judge.NothingWrong.selector);
        made.receipts[0] = _patched(made.receipts[0], 278, abi.encodePacked(units, units));
        _withdraw(p);
        p = _propose(made, 1);
        _disproves(p, _badReceiptStep(p, made, 0));
    }

    /// A node that was the operator's is so for ever in that epoch: what is done later makes no right proposal wrong. The facts
    /// are the registry's and the pool's; here, that a proposal is judged by its own tree before, not by the newest.
    function test_AProposalIsJudgedByTheTreeBeforeItAfterAnotherIsFinal() external {
        Dataset memory made = right;
        ISettlement.Proposal memory first = _proposeAs(PROPOSER, _draft(made, 1));
        vm.warp(block.timestamp + 1 hours);
        ISettlement.Proposal memory second = _propose(made, 1);
        Dataset memory bad = right;
        bad.words[0] = SumTree.leaf(SumTree.entry(0, facts.payoutAt(0, 1), 5 + uint64(uint256(bad.words[0]))));
        address third = address(0x3);
        token.transfer(third, 1e22);
        vm.prank(third);
        token.approve(address(settlement), type(uint256).max);
        ISettlement.Proposal memory wrong = _proposeAs(third, _draft(bad, 1));
        vm.warp(first.time + 3 hours);
        settlement.finalize(first);
        _fails(_badEntry(second, made, 0), Judge.NothingWrong.selector);
        _disproves(wrong, _badEntry(wrong, bad, 0));
    }

    /// No disproof, with any lines and any gap, cancels what the rule made.
    function test_ARightProposalStandsAgainstAll() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint256 k = 0; k < 5; ++k) {
            _fails(_badReceipt(p, made, k), Judge.NothingWrong.selector);
            _fails(_badReceiptStep(p, made, k), Judge.NothingWrong.selector);
            _fails(_missingEdge(p, made, k), Judge.NothingWrong.selector);
            _fails(_badEdgeStep(p, made, k), Judge.NothingWrong.selector);
        }
        for (uint256 k = 0; k < 4; ++k) {
            _fails(_badEdge(p, made, k), Judge.NothingWrong.selector);
            _fails(_badEdgeUnits(p, made, k, false), Judge.NothingWrong.selector);
            _fails(_badEdgeUnits(p, made, k, true), Judge.NothingWrong.selector);
            _fails(_badEntry(p, made, uint32(k)), Judge.NothingWrong.selector);
        }
        vm.warp(block.timestamp + 3 hours);
        settlement.finalize(p);
    }

    /// An empty epoch is right, and nothing disproves it.
    function test_AnEmptyListIsRightIfNothingWasForced() external {
        Dataset memory made = _dataset(new bytes[](0), 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 0), Judge.NothingWrong.selector);
        for (uint32 place = 0; place < 4; ++place) {
            _fails(_badEntry(p, made, place), Judge.NothingWrong.selector);
        }
    }

    function _withdraw(ISettlement.Proposal memory p) private {
        uint256 now_ = block.timestamp;
        vm.warp(now_ + 3 hours);
        settlement.withdrawBond(p);
        vm.warp(now_);
    }

    function _after(address payer) private pure returns (address) {
        return address(uint160(payer) + 1);
    }
}

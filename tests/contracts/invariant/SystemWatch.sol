// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {PlainList} from "../settlement/support/PlainList.sol";
import {SumTree} from "../support/SumTree.sol";
import {SystemData} from "./SystemData.sol";

/// @title One honest auditor without a stake, and demands
/// @notice What is wrong is disproved before time passes, or demanded if it is kept secret; what is right is shown before it is
/// overdue.
abstract contract SystemWatch is SystemData {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    struct Made {
        ISettlement.Proposal proposal;
        Kind kind;
        uint256 place;
        bytes missing;
    }

    struct Ask {
        IDemands.Asked asked;
        uint256 offerWei;
        uint256 answerBy;
        /// Once answered: until when one can ask on.
        uint256 followBy;
        bool over;
    }

    mapping(uint64 counter => Made) internal _made;
    mapping(uint64 counter => Dataset) internal _data;
    /// @dev Those that may still be open.
    uint64[] internal _open;
    Ask[] internal _asks;
    /// @dev Cancelled, not collected; and who showed it.
    uint64[] internal _cancelled;
    mapping(uint64 counter => address) private _reporters;
    IDemands.Asked private _none;

    /// @notice Ghost state that the invariants read.
    mapping(Kind kind => uint256) public cancelled;
    /// @notice Bonds of cancelled proposals that nobody collected yet, and halves that were given up and not burnt.
    uint256 public uncollectedWei;
    uint256 public unburntWei;
    bool public rewardWentAstray;
    uint256 public openOffersWei;
    uint256 public answers;

    /// @dev Everything wrong that is open is disproved, asked for, or cancelled for not being shown.
    function _audit() internal {
        for (uint256 i = 0; i < _open.length; ++i) {
            if (uint256(_made[_open[i]].kind) < 2 || !s.distributor.isOpen(_open[i])) continue;
            if (uint256(_made[_open[i]].kind) >= uint256(Kind.SecretReceipts)) {
                _auditSecret(_made[_open[i]]);
            } else {
                _disprove(_open[i], s.auditor);
            }
        }
    }

    /// @dev `reporter` shows what is wrong with a proposal that is, and hides nothing.
    function _disprove(uint64 counter, address reporter) internal {
        Made memory made = _made[counter];
        bytes memory call = _disproof(made, _data[counter]);
        vm.prank(reporter);
        (bool done, bytes memory why) = address(s.disproofs).call(call);
        if (!done) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
        _noteCancelled(made, reporter);
        // The same once more, for another reward.
        (bool again,) = address(s.disproofs).call(call);
        if (again) rewardWentAstray = true;
    }

    function _disproof(Made memory made, Dataset memory data) private view returns (bytes memory) {
        ISettlement.Proposal memory p = made.proposal;
        uint256 place = made.place;
        Kind kind = made.kind;
        if (kind == Kind.EntryTooHigh || kind == Kind.StolenPayout) return _badEntry(p, data, uint32(place));
        if (kind == Kind.FalseWork) return _badEdgeStep(p, data, data.edges.length);
        if (kind == Kind.EdgeNano) return _badEdge(p, data, place);
        if (kind == Kind.EdgeUnits) return _badEdgeUnits(p, data, place, false);
        if (kind == Kind.DroppedEdge) return _missingEdge(p, data, _receiptOf(data, made.missing));
        if (kind == Kind.BadReceipt) return _badReceipt(p, data, place);
        if (kind == Kind.SwappedReceipts) return _badReceiptStep(p, data, place);
        if (kind == Kind.IgnoredForced) return _ignoredForced(p, data, made.missing);
        bytes[] memory shown = _shown(p.draft.epoch);
        if (kind == Kind.IgnoredAssented) return _ignoredAssented(p, data, shown, place);
        return _extra(p, data, shown, _lineOf(data, made.missing));
    }

    /// @dev A receipt of the edge's payer and operator.
    function _receiptOf(Dataset memory data, bytes memory edge) private pure returns (uint256 k) {
        while (
            _part(data.receipts[k], 0, 20) != _part(edge, 4, 20) || _part(data.receipts[k], 20, 4) != _part(edge, 0, 4)
        ) ++k;
    }

    function _lineOf(Dataset memory data, bytes memory signed) private pure returns (uint256 k) {
        while (!_isSameKey(data.receipts[k], signed)) ++k;
    }

    function _auditSecret(Made memory made) private {
        for (uint256 i = 0; i < _asks.length; ++i) {
            Ask memory ask = _asks[i];
            if (ask.asked.counter != made.proposal.counter || ask.over) continue;
            if (block.timestamp <= ask.answerBy) return;
            s.demands.expire(made.proposal, ask.asked);
            return _noteCancelled(made, s.auditor);
        }
        ISettlement.Draft memory draft = made.proposal.draft;
        IDemands.Asked memory asked;
        asked.counter = made.proposal.counter;
        if (made.kind == Kind.SecretEntries) {
            uint256 depth = SumTree.ofLeaves(_data[asked.counter].words).depth;
            (asked.tree, asked.level, asked.words) = (IDemands.Tree.Entries, uint8(depth), uint8(1 << depth));
            asked.word = draft.entriesTop;
        } else {
            uint256 height;
            while (1 << height < draft.receiptsCount) ++height;
            (asked.level, asked.word) = (uint8(height), draft.receiptsTop);
            asked.words = height == 0 ? 0 : uint8(draft.receiptsCount);
        }
        _ask(s.auditor, made.proposal, asked, new bytes32[](0), _none);
    }

    function _noteCancelled(Made memory made, address reporter) private {
        uint64 counter = made.proposal.counter;
        require(!s.distributor.isOpen(counter), "not cancelled");
        ++cancelled[made.kind];
        uncollectedWei += _bondOf(counter);
        _cancelled.push(counter);
        _reporters[counter] = reporter;
    }

    /// @dev Half of its bond is its reporter's, the other is given up; and nothing more is to be had.
    function _collect(uint256 which) internal {
        uint64 counter = _cancelled[which];
        uint256 bondWei = _bondOf(counter);
        uint256 before = s.token.balanceOf(_reporters[counter]);
        s.distributor.withdrawReward(counter);
        if (s.token.balanceOf(_reporters[counter]) - before != bondWei / 2) rewardWentAstray = true;
        (bool again,) = address(s.distributor).call(abi.encodeCall(ISettlement.withdrawReward, (counter)));
        if (again) rewardWentAstray = true;
        uncollectedWei -= bondWei;
        unburntWei += bondWei - bondWei / 2;
        _cancelled[which] = _cancelled[_cancelled.length - 1];
        _cancelled.pop();
    }

    /// @dev What its proposer posted.
    function _bondOf(uint64 counter) internal view returns (uint256) {
        ISettlement.Proposal storage p = _made[counter].proposal;
        return s.distributor.bondWei(p.draft.receiptsCount, p.assentRound != 0);
    }

    function _ask(
        address who,
        ISettlement.Proposal memory proposal,
        IDemands.Asked memory asked,
        bytes32[] memory path,
        IDemands.Asked memory shown
    ) internal {
        uint256 priceWei = s.demands.priceWei(asked.level == 0);
        vm.deal(who, who.balance + priceWei);
        vm.prank(who);
        s.demands.demand{value: priceWei}(proposal, asked, path, shown);
        openOffersWei += priceWei;
        _asks.push(Ask(asked, priceWei, block.timestamp + s.distributor.windows().answer, 0, false));
    }

    /// @dev A first demand of something that is right: any word of any of its trees.
    function _griefFirst(uint64 counter, uint256 seed) internal {
        (Dataset memory data, IDemands.Asked memory asked) = (_data[counter], _none);
        asked.counter = counter;
        asked.tree = IDemands.Tree(seed % 3);
        bytes32[] memory path;
        if (asked.tree == IDemands.Tree.Entries) {
            SumTree.Tree memory tree = SumTree.ofLeaves(data.words);
            if (tree.depth == 0) return;
            (asked.level, asked.words) = (uint8(tree.depth), uint8(1 << tree.depth));
            asked.word = tree.levels[tree.depth][0];
        } else {
            bytes[] memory leaves = asked.tree == IDemands.Tree.Receipts ? data.receipts : data.edges;
            if (leaves.length == 0) return;
            PlainList.List memory list = PlainList.build(leaves);
            asked.level = uint8((seed >> 8) % (list.height() + 1));
            asked.index = uint32((seed >> 16) % list.levels[asked.level].length);
            asked.word = list.levels[asked.level][asked.index];
            asked.words = _wordsUnder(leaves.length, asked.level, asked.index);
            path = list.pathFrom(asked.level, asked.index);
        }
        if (s.demands.demandOf(keccak256(abi.encode(asked))).until != 0) return;
        _ask(s.griefer, _made[counter].proposal, asked, path, _none);
    }

    /// @dev A line of what an answer showed.
    function _griefOn(uint256 which, uint256 seed) internal {
        Ask memory shown = _asks[which];
        if (shown.asked.level == 0 || shown.asked.tree == IDemands.Tree.Entries) return;
        if (shown.followBy < block.timestamp || !s.distributor.isOpen(shown.asked.counter)) return;
        Dataset memory data = _data[shown.asked.counter];
        bytes[] memory leaves = shown.asked.tree == IDemands.Tree.Receipts ? data.receipts : data.edges;
        IDemands.Asked memory asked = shown.asked;
        uint256 index = (uint256(asked.index) << asked.level) + seed % asked.words;
        if (index >= leaves.length) return;
        IDemands.Asked memory line =
            IDemands.Asked(asked.counter, asked.tree, 0, uint32(index), 0, keccak256(leaves[index]));
        if (s.demands.demandOf(keccak256(abi.encode(line))).until != 0) return;
        bytes32[] memory path = PlainList.build(leaves).path(index);
        _ask(s.griefer, _made[asked.counter].proposal, line, path, asked);
    }

    function _wordsUnder(uint256 n, uint256 level, uint256 index) private pure returns (uint8) {
        if (level == 0) return 0;
        uint256 first = index << level;
        return uint8(n - first < 1 << level ? n - first : 1 << level);
    }

    /// @dev Shows what was asked of right proposals and would be overdue at `time`.
    function _answer(uint256 time) internal {
        for (uint256 i = 0; i < _asks.length; ++i) {
            if (_asks[i].over || _asks[i].answerBy >= time) continue;
            Ask memory ask = _asks[i];
            if (uint256(_made[ask.asked.counter].kind) > 1) continue;
            _answerOne(ask.asked);
            (_asks[i].over, _asks[i].followBy) = (true, block.timestamp + s.distributor.windows().follow);
            openOffersWei -= ask.offerWei;
            ++answers;
        }
    }

    function _answerOne(IDemands.Asked memory asked) private {
        Dataset memory data = _data[asked.counter];
        vm.startPrank(s.honest);
        if (asked.tree == IDemands.Tree.Entries) {
            s.demands.answerWords(asked, SumTree.ofLeaves(data.words).levels[0]);
        } else {
            bytes[] memory leaves = asked.tree == IDemands.Tree.Receipts ? data.receipts : data.edges;
            if (asked.level == 0) {
                s.demands.answerLine(asked, leaves[asked.index]);
            } else {
                bytes32[] memory words = new bytes32[](asked.words);
                for (uint256 i = 0; i < words.length; ++i) {
                    words[i] = keccak256(leaves[(uint256(asked.index) << asked.level) + i]);
                }
                s.demands.answerWords(asked, words);
            }
        }
        vm.stopPrank();
    }

    /// @dev Forgets what nothing can become of any more.
    function _prune() internal {
        for (uint256 i = _open.length; i > 0; --i) {
            if (s.distributor.standingOf(_open[i - 1]).state != ISettlement.State.Over) continue;
            _open[i - 1] = _open[_open.length - 1];
            _open.pop();
        }
        for (uint256 i = _asks.length; i > 0; --i) {
            if (!_asks[i - 1].over || _asks[i - 1].followBy >= block.timestamp) continue;
            _asks[i - 1] = _asks[_asks.length - 1];
            _asks.pop();
        }
    }

    /// @dev Offers of what is over go back.
    function _reclaimAll() internal {
        for (uint256 i = 0; i < _asks.length; ++i) {
            Ask memory ask = _asks[i];
            if (ask.over || s.distributor.isOpen(ask.asked.counter)) continue;
            s.demands.reclaim(ask.asked);
            _asks[i].over = true;
            openOffersWei -= ask.offerWei;
        }
    }
}

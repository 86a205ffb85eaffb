// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../../contracts/settlement/Disproofs.sol";
import {EdgeDisproofs} from "../../../../contracts/settlement/EdgeDisproofs.sol";
import {ReceiptDisproofs} from "../../../../contracts/settlement/ReceiptDisproofs.sol";
import {SumTree} from "../../support/SumTree.sol";
import {PlainList} from "./PlainList.sol";
import {Rule} from "./Rule.sol";

/// @title Openings
/// @notice Lines and gaps of a dataset with their paths, and the calls that a watcher makes of them.
abstract contract Openings is Rule {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    function _line(bytes[] memory leaves, uint256 index) internal pure returns (ISettlement.Line memory) {
        return ISettlement.Line(uint32(index), leaves[index], PlainList.build(leaves).path(index));
    }

    function _gap(bytes[] memory leaves, uint256 index) internal pure returns (ISettlement.Gap memory gap) {
        PlainList.List memory list = PlainList.build(leaves);
        gap.index = uint32(index);
        if (index != 0) (gap.left, gap.leftPath) = (leaves[index - 1], list.path(index - 1));
        if (index != leaves.length) (gap.right, gap.rightPath) = (leaves[index], list.path(index));
    }

    /// @dev The gap behind the last line whose bytes from `start` on are at most those of `key`.
    function _gapBehind(bytes[] memory leaves, bytes memory key) internal pure returns (ISettlement.Gap memory) {
        uint256 index = 0;
        while (index < leaves.length && !_isLess(key, leaves[index])) ++index;
        return _gap(leaves, index);
    }

    // What a watcher sends, with openings from the dataset.

    function _badReceipt(ISettlement.Proposal memory p, Dataset memory made, uint256 k)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(ReceiptDisproofs.badReceipt, (p, _line(made.receipts, k)));
    }

    function _badReceiptStep(ISettlement.Proposal memory p, Dataset memory made, uint256 g)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, _gap(made.receipts, g)));
    }

    function _badEdge(ISettlement.Proposal memory p, Dataset memory made, uint256 k)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(EdgeDisproofs.badEdge, (p, _line(made.edges, k)));
    }

    function _badEdgeStep(ISettlement.Proposal memory p, Dataset memory made, uint256 g)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(EdgeDisproofs.badEdgeStep, (p, _gap(made.edges, g)));
    }

    /// @dev With the gap that is right for the edge.
    function _badEdgeUnits(ISettlement.Proposal memory p, Dataset memory made, uint256 k, bool ofPayer)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory edge = made.edges[k];
        bytes memory key = ofPayer
            ? abi.encodePacked(bytes20(_part(edge, 4, 20)))
            : abi.encodePacked(bytes20(_part(edge, 4, 20)), bytes4(_part(edge, 0, 4)));
        ISettlement.Gap memory around = _gapBehind(made.receipts, key);
        return abi.encodeCall(EdgeDisproofs.badEdgeUnits, (p, _line(made.edges, k), around, ofPayer));
    }

    function _missingEdge(ISettlement.Proposal memory p, Dataset memory made, uint256 k)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory receipt = made.receipts[k];
        bytes memory key = abi.encodePacked(bytes4(_part(receipt, 20, 4)), bytes20(_part(receipt, 0, 20)));
        ISettlement.Gap memory around = _gapBehind(made.edges, key);
        return abi.encodeCall(EdgeDisproofs.missingEdge, (p, _line(made.receipts, k), around));
    }

    function _badEntry(ISettlement.Proposal memory p, Dataset memory made, uint32 place)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(Disproofs.badEntry, (p, _entryOpening(made, place)));
    }

    function _entryOpening(Dataset memory made, uint32 place)
        internal
        view
        returns (Disproofs.EntryOpening memory entry)
    {
        SumTree.Tree memory tree = SumTree.ofLeaves(made.words);
        entry.place = place;
        entry.word = tree.levels[0][place];
        entry.path = tree.proof(place);
        if (oldWords.length != 0) {
            SumTree.Tree memory old = SumTree.ofLeaves(oldWords);
            if (place >> old.depth == 0) (entry.oldWord, entry.oldPath) = (old.levels[0][place], old.proof(place));
        }
        entry.around = _gapBehind(made.edges, abi.encodePacked(place));
    }

    function _ignoredForced(ISettlement.Proposal memory p, Dataset memory made, bytes memory signed)
        internal
        pure
        returns (bytes memory)
    {
        ISettlement.Gap memory around = _gapBehind(made.receipts, _first(signed, 93));
        return abi.encodeCall(ReceiptDisproofs.ignoredForced, (p, signed, around));
    }

    function _ignoredAssented(ISettlement.Proposal memory p, Dataset memory made, bytes[] memory list, uint256 k)
        internal
        pure
        returns (bytes memory)
    {
        ISettlement.Gap memory around = _gapBehind(made.receipts, _first(list[k], 93));
        return abi.encodeCall(ReceiptDisproofs.ignoredAssented, (p, _line(list, k), around));
    }

    function _extra(ISettlement.Proposal memory p, Dataset memory made, bytes[] memory list, uint256 k)
        internal
        pure
        returns (bytes memory)
    {
        uint32 source = uint32(bytes4(_part(made.receipts[k], 310, 4)));
        ISettlement.Line memory there;
        if (source < list.length) there = _line(list, source);
        return abi.encodeCall(ReceiptDisproofs.extra, (p, _line(made.receipts, k), keccak256(there.leaf), there.path));
    }

    function _without(bytes[] memory list, uint256 k) internal pure returns (bytes[] memory fewer) {
        fewer = new bytes[](list.length - 1);
        for (uint256 i = 0; i < fewer.length; ++i) {
            fewer[i] = list[i < k ? i : i + 1];
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {EdgeLeaf} from "./EdgeLeaf.sol";
import {EntryMath} from "./EntryMath.sol";
import {Judge} from "./Judge.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";

/// @title Disproofs of a proposal's edges
/// @notice If none applies, and none of the receipts' does, then every payer and operator with a receipt has one edge and no others
/// have, each with its units and its nano, and work is their sum.
abstract contract EdgeDisproofs is Judge {
    /// @notice A line is no edge, or its nano is not what its units earn.
    function badEdge(ISettlement.Proposal calldata proposal, ISettlement.Line calldata line) external {
        _checkLine(proposal.draft.edgesTop, proposal.draft.edgesCount, line);
        bool wrong = line.leaf.length != EdgeLeaf.LENGTH || !_isEarned(line.leaf, proposal.draft.epoch);
        _judge(wrong, proposal);
    }

    /// @notice The line right of a gap does not follow the one left of it; or, at the end, work is not the last total.
    function badEdgeStep(ISettlement.Proposal calldata proposal, ISettlement.Gap calldata gap) external {
        _checkGap(proposal.draft.edgesTop, proposal.draft.edgesCount, gap, EdgeLeaf.LENGTH);
        uint256 totalNano = gap.left.length == 0 ? 0 : EdgeLeaf.totalNano(gap.left);
        bool wrong = gap.right.length == 0
            ? proposal.draft.workNano != totalNano
            : !_follows(gap.left, gap.right, totalNano + EdgeLeaf.nano(gap.right));
        _judge(wrong, proposal);
    }

    /// @notice An edge's units are not those of its last receipt; or its payer's not those of the payer's last one.
    /// @param around The gap of the receipts behind the last one of the edge, or of the payer if `ofPayer`.
    function badEdgeUnits(
        ISettlement.Proposal calldata proposal,
        ISettlement.Line calldata line,
        ISettlement.Gap calldata around,
        bool ofPayer
    ) external {
        _checkLine(proposal.draft.edgesTop, proposal.draft.edgesCount, line);
        if (line.leaf.length != EdgeLeaf.LENGTH) revert OpeningInvalid();
        _checkGap(proposal.draft.receiptsTop, proposal.draft.receiptsCount, around, ReceiptLeaf.LENGTH);
        _judge(ofPayer ? _isPayerWrong(line.leaf, around) : _isEdgeWrong(line.leaf, around), proposal);
    }

    /// @notice A receipt has no edge.
    function missingEdge(
        ISettlement.Proposal calldata proposal,
        ISettlement.Line calldata receipt,
        ISettlement.Gap calldata around
    ) external {
        _checkLine(proposal.draft.receiptsTop, proposal.draft.receiptsCount, receipt);
        if (receipt.leaf.length != ReceiptLeaf.LENGTH) revert OpeningInvalid();
        _checkGap(proposal.draft.edgesTop, proposal.draft.edgesCount, around, EdgeLeaf.LENGTH);
        uint256 key = EdgeLeaf.keyOf(ReceiptLeaf.operatorId(receipt.leaf), ReceiptLeaf.payer(receipt.leaf));
        if (around.right.length != 0 && EdgeLeaf.key(around.right) <= key) revert OpeningInvalid();
        if (around.left.length != 0 && EdgeLeaf.key(around.left) > key) revert OpeningInvalid();
        _judge(around.left.length == 0 || EdgeLeaf.key(around.left) != key, proposal);
    }

    function _isEarned(bytes calldata edge, uint64 epoch) private view returns (bool) {
        uint256 steered = _steeredNano(EdgeLeaf.payer(edge), epoch);
        return EdgeLeaf.nano(edge) == EntryMath.edgeNano(steered, EdgeLeaf.units(edge), EdgeLeaf.payerUnits(edge));
    }

    function _follows(bytes calldata left, bytes calldata right, uint256 totalNano) private pure returns (bool) {
        uint256 operatorNano = EdgeLeaf.nano(right);
        if (left.length != 0) {
            if (EdgeLeaf.key(left) >= EdgeLeaf.key(right)) return false;
            if (EdgeLeaf.operatorId(left) == EdgeLeaf.operatorId(right)) operatorNano += EdgeLeaf.operatorNano(left);
        }
        return EdgeLeaf.operatorNano(right) == operatorNano && EdgeLeaf.totalNano(right) == totalNano;
    }

    /// @dev Against the last receipt of the edge's payer and operator, left of the gap; if that is another's, there is none.
    function _isEdgeWrong(bytes calldata edge, ISettlement.Gap calldata around) private pure returns (bool) {
        uint256 key = (uint256(uint160(EdgeLeaf.payer(edge))) << 32) | EdgeLeaf.operatorId(edge);
        if (around.right.length != 0 && ReceiptLeaf.edgeKey(around.right) <= key) revert OpeningInvalid();
        if (around.left.length == 0) return true;
        uint256 found = ReceiptLeaf.edgeKey(around.left);
        if (found > key) revert OpeningInvalid();
        return found != key || ReceiptLeaf.edgeUnits(around.left) != EdgeLeaf.units(edge);
    }

    /// @dev Against the last receipt of the edge's payer.
    function _isPayerWrong(bytes calldata edge, ISettlement.Gap calldata around) private pure returns (bool) {
        address payer = EdgeLeaf.payer(edge);
        if (around.right.length != 0 && ReceiptLeaf.payer(around.right) <= payer) revert OpeningInvalid();
        if (around.left.length == 0) return true;
        address found = ReceiptLeaf.payer(around.left);
        if (found > payer) revert OpeningInvalid();
        return found != payer || ReceiptLeaf.payerUnits(around.left) != EdgeLeaf.payerUnits(edge);
    }
}

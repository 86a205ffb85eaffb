// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {ReceiptLib} from "../libraries/ReceiptLib.sol";
import {Judge} from "./Judge.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";

/// @title Disproofs of a proposal's receipts
/// @notice If none applies, the receipts are in order, with right totals, admissible, and the newest of what was assented to and
/// forced. Of a key's receipts the one with the largest (bytes on time, sequence, struct hash) is the newest.
abstract contract ReceiptDisproofs is Judge {
    /// @notice A line is no receipt, or one that may not count.
    function badReceipt(ISettlement.Proposal calldata proposal, ISettlement.Line calldata line) external {
        _checkLine(proposal.draft.receiptsTop, proposal.draft.receiptsCount, line);
        bool wrong = line.leaf.length != ReceiptLeaf.LENGTH || !_isAdmissible(line.leaf, proposal.draft.epoch);
        _judge(wrong, proposal);
    }

    /// @notice The line right of a gap does not follow the one left of it: by its key, or by its totals.
    function badReceiptStep(ISettlement.Proposal calldata proposal, ISettlement.Gap calldata gap) external {
        _checkGap(proposal.draft.receiptsTop, proposal.draft.receiptsCount, gap, ReceiptLeaf.LENGTH);
        if (gap.right.length == 0) revert OpeningInvalid();
        _judge(!_follows(gap.left, gap.right), proposal);
    }

    /// @notice A receipt was forced and may count, and the list has neither it nor a newer one of its key.
    function ignoredForced(
        ISettlement.Proposal calldata proposal,
        bytes calldata receipt,
        ISettlement.Gap calldata around
    ) external {
        if (receipt.length != ReceiptLeaf.SIGNED_LENGTH) revert OpeningInvalid();
        if (!FORCED.isForced(proposal.draft.epoch, ReceiptLeaf.signedHash(receipt))) revert OpeningInvalid();
        _judge(_isIgnored(proposal, receipt, around), proposal);
    }

    /// @notice A receipt of the assented list may count, and the list has neither it nor a newer one of its key.
    function ignoredAssented(
        ISettlement.Proposal calldata proposal,
        ISettlement.Line calldata assented,
        ISettlement.Gap calldata around
    ) external {
        _checkLine(proposal.assentTop, proposal.assentCount, assented);
        // Operators may have assented to rubbish; it is nobody's receipt.
        if (assented.leaf.length != ReceiptLeaf.SIGNED_LENGTH) revert OpeningInvalid();
        _judge(_isIgnored(proposal, assented.leaf, around), proposal);
    }

    /// @notice With an assent: a receipt that says it was forced and was not, or is not at its source in the assented list.
    /// @param word What stands there, with its path; nothing if there is no such place.
    function extra(
        ISettlement.Proposal calldata proposal,
        ISettlement.Line calldata line,
        bytes32 word,
        bytes32[] calldata path
    ) external {
        if (proposal.assentRound == 0) revert NothingWrong();
        _checkLine(proposal.draft.receiptsTop, proposal.draft.receiptsCount, line);
        if (line.leaf.length != ReceiptLeaf.LENGTH) revert OpeningInvalid();
        bytes32 signedHash = ReceiptLeaf.signedHash(line.leaf);
        uint32 source = ReceiptLeaf.source(line.leaf);
        if (source == ReceiptLeaf.FORCED) {
            _judge(!FORCED.isForced(proposal.draft.epoch, signedHash), proposal);
        } else if (source >= proposal.assentCount) {
            _judge(true, proposal);
        } else {
            _checkOpen(proposal.assentTop, proposal.assentCount, source, word, path);
            _judge(word != signedHash, proposal);
        }
    }

    function _follows(bytes calldata left, bytes calldata right) private pure returns (bool) {
        uint256 edgeUnits = ReceiptLeaf.units(right);
        uint256 payerUnits = edgeUnits;
        if (left.length != 0) {
            if (ReceiptLeaf.compare(left, right) >= 0) return false;
            if (ReceiptLeaf.payer(left) == ReceiptLeaf.payer(right)) payerUnits += ReceiptLeaf.payerUnits(left);
            if (ReceiptLeaf.edgeKey(left) == ReceiptLeaf.edgeKey(right)) edgeUnits += ReceiptLeaf.edgeUnits(left);
        }
        return ReceiptLeaf.edgeUnits(right) == edgeUnits && ReceiptLeaf.payerUnits(right) == payerUnits;
    }

    function _isIgnored(ISettlement.Proposal calldata proposal, bytes calldata receipt, ISettlement.Gap calldata around)
        private
        view
        returns (bool)
    {
        bool isThere = _checkAround(proposal, around, receipt);
        if (!_isAdmissible(receipt, proposal.draft.epoch)) return false;
        if (!isThere) return true;
        return ReceiptLib.outranks(ReceiptLeaf.parse(receipt), ReceiptLeaf.parse(around.left));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IForcedReceipts} from "../interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {ReceiptLib} from "../libraries/ReceiptLib.sol";
import {EntryMath} from "./EntryMath.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";
import {RunningList} from "./RunningList.sol";

/// @title What all disproofs have in common
/// @notice Lines and gaps of a proposal's lists, the facts of its epoch, and the one thing that a disproof does: cancel.
abstract contract Judge {
    /// @notice Thrown when a line or word does not stand where it is said to stand, or a gap's neighbour is missing or malformed.
    error OpeningInvalid();
    /// @notice Thrown when a disproof shows nothing wrong.
    error NothingWrong();

    ISettlement internal immutable SETTLEMENT;
    IPoolFacts internal immutable POOL;
    IOperatorFacts internal immutable OPERATORS;
    IForcedReceipts internal immutable FORCED;
    bytes32 private immutable RECEIPT_DOMAIN;

    constructor(ISettlement settlement, IPoolFacts pool, IOperatorFacts operators, IForcedReceipts forced) {
        SETTLEMENT = settlement;
        POOL = pool;
        OPERATORS = operators;
        FORCED = forced;
        RECEIPT_DOMAIN = pool.receiptDomainSeparator();
    }

    /// @dev Cancels the proposal for the caller if it is shown to be `wrong`. That it is open is checked there.
    function _judge(bool wrong, ISettlement.Proposal calldata proposal) internal {
        if (!wrong) revert NothingWrong();
        SETTLEMENT.cancel(proposal, msg.sender);
    }

    /// @dev The line stands in the list. Its length is not checked.
    function _checkLine(bytes32 top, uint256 count, ISettlement.Line calldata line) internal pure {
        _checkOpen(top, count, line.index, keccak256(line.leaf), line.path);
    }

    /// @dev The gap's lines are neighbours in the list, each `length` bytes; absent only at the ends.
    function _checkGap(bytes32 top, uint256 count, ISettlement.Gap calldata gap, uint256 length) internal pure {
        if (gap.index > count) revert OpeningInvalid();
        if (gap.index == 0) {
            if (gap.left.length != 0) revert OpeningInvalid();
        } else {
            if (gap.left.length != length) revert OpeningInvalid();
            _checkOpen(top, count, gap.index - 1, keccak256(gap.left), gap.leftPath);
        }
        if (gap.index == count) {
            if (gap.right.length != 0) revert OpeningInvalid();
        } else {
            if (gap.right.length != length) revert OpeningInvalid();
            _checkOpen(top, count, gap.index, keccak256(gap.right), gap.rightPath);
        }
    }

    function _checkOpen(bytes32 top, uint256 count, uint256 index, bytes32 word, bytes32[] calldata path)
        internal
        pure
    {
        if (!RunningList.opens(top, count, index, word, path)) revert OpeningInvalid();
    }

    /// @dev A gap of the receipts around a key, of which the first bytes of `leaf` are. Tells whether the left one has the key.
    function _checkAround(ISettlement.Proposal calldata proposal, ISettlement.Gap calldata gap, bytes calldata leaf)
        internal
        pure
        returns (bool isThere)
    {
        _checkGap(proposal.draft.receiptsTop, proposal.draft.receiptsCount, gap, ReceiptLeaf.LENGTH);
        int256 order = gap.left.length == 0 ? int256(-1) : ReceiptLeaf.compare(gap.left, leaf);
        bool leftAfter = order > 0;
        bool rightNotAfter = gap.right.length != 0 && ReceiptLeaf.compare(gap.right, leaf) <= 0;
        if (leftAfter || rightNotAfter) revert OpeningInvalid();
        return order == 0;
    }

    /// @dev What of the payer's fee its own receipts steer.
    function _steeredNano(address payer, uint64 epoch) internal view returns (uint256) {
        return EntryMath.steeredNano(POOL.feeOf(payer, epoch), POOL.poolBps());
    }

    /// @dev Whether the receipt and signature that `leaf` begins with may count in `epoch`.
    function _isAdmissible(bytes calldata leaf, uint64 epoch) internal view returns (bool) {
        (ReceiptLib.Receipt memory receipt, address signer) = ReceiptLeaf.parseSigned(leaf, RECEIPT_DOMAIN);
        ReceiptLib.Facts memory facts = ReceiptLib.Facts({
            epoch: epoch,
            operatorCount: OPERATORS.operatorCount(epoch),
            nodeIsOperators: OPERATORS.nodeOf(receipt.operatorId, receipt.node, epoch),
            feeWei: POOL.feeOf(receipt.payer, epoch),
            quotaBytes: POOL.quotaOf(receipt.payer, epoch),
            // A signature of nobody is not the zero address's.
            signerMaySign: signer != address(0) && POOL.isAuthorized(receipt.payer, signer, epoch)
        });
        return ReceiptLib.flaw(receipt, facts) == ReceiptLib.Flaw.None;
    }
}

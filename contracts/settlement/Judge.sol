// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IForcedReceipts} from "../interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {ReceiptLib} from "../libraries/ReceiptLib.sol";
import {EntryMath} from "./EntryMath.sol";
import {ListReader} from "./ListReader.sol";
import {ReceiptLeaf} from "./ReceiptLeaf.sol";

/// @title What all disproofs have in common
/// @notice The facts of a proposal's epoch, and the one thing that a disproof does: cancel.
abstract contract Judge is ListReader {
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

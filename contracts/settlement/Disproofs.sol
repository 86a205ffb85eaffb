// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IForcedReceipts} from "../interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";
import {EdgeDisproofs} from "./EdgeDisproofs.sol";
import {EdgeLeaf} from "./EdgeLeaf.sol";
import {EntryMath} from "./EntryMath.sol";
import {Judge} from "./Judge.sol";
import {ReceiptDisproofs} from "./ReceiptDisproofs.sol";

/// @title Disproofs
/// @notice Each shows that an open proposal is wrong, in one transaction of anybody's, without a stake, from lines of its lists and
/// facts that can no longer change; and cancels it. This contract can do nothing else.
/// @dev Sound: in a right proposal keys ascend, so every gap around a key has one answer, and no disproof applies. Complete: if all
/// lines can be opened and none applies, the proposal is what the rule makes of its receipts.
contract Disproofs is ReceiptDisproofs, EdgeDisproofs {
    struct EntryOpening {
        uint32 place;
        /// What stands there in the proposed tree.
        bytes32 word;
        bytes32[] path;
        /// What stands there in the tree before, if it has the place.
        bytes32 oldWord;
        bytes32[] oldPath;
        /// The gap of the edges behind the operator's last one.
        ISettlement.Gap around;
    }

    constructor(ISettlement settlement, IPoolFacts pool, IOperatorFacts operators, IForcedReceipts forced)
        Judge(settlement, pool, operators, forced)
    {}

    /// @notice The word at a place of the entries is not the one that the rule gives. The right one is computed here, so the
    /// preimage of the proposed one need not be known.
    function badEntry(ISettlement.Proposal calldata proposal, EntryOpening calldata entry) external {
        // Check: the place exists, and the word stands there.
        uint32 operators = OPERATORS.operatorCount(proposal.draft.epoch);
        uint256 depth = EntryMath.depthOf(operators);
        if (entry.path.length != depth || entry.place >> depth != 0) revert OpeningInvalid();
        if (MerkleSum.climb(entry.word, entry.place, entry.path) != proposal.draft.entriesTop) revert OpeningInvalid();

        bytes32 right = entry.place < operators ? _rightWord(proposal, entry) : bytes32(0);
        _judge(entry.word != right, proposal);
    }

    /// @dev The leaf of what the operator had and is paid now. Where this does not fit 64 bits, a total of the edges was false.
    function _rightWord(ISettlement.Proposal calldata proposal, EntryOpening calldata entry)
        private
        view
        returns (bytes32)
    {
        uint64 epoch = proposal.draft.epoch;
        uint256 nano = _oldNano(proposal, entry) + _earnedNano(proposal, entry.place, _workNano(proposal, entry));
        address payout = OPERATORS.payoutAt(entry.place, epoch);
        return MerkleSum.leafOf(bytes32(abi.encodePacked(entry.place, payout, uint64(nano))));
    }

    /// @dev What the tree before promised at the place; nothing, if it was too small to have it.
    function _oldNano(ISettlement.Proposal calldata proposal, EntryOpening calldata entry)
        private
        view
        returns (uint256)
    {
        uint64 epoch = proposal.draft.epoch;
        if (epoch == 0) return 0;
        uint256 depth = EntryMath.depthOf(OPERATORS.operatorCount(epoch - 1));
        if (entry.place >> depth != 0) return 0;
        if (!MerkleSum.verifyWord(proposal.oldRoot, entry.oldWord, entry.place, entry.oldPath)) {
            revert OpeningInvalid();
        }
        return MerkleSum.nanoOf(entry.oldWord);
    }

    /// @dev The sum of the operator's edges: the running one of its last.
    function _workNano(ISettlement.Proposal calldata proposal, EntryOpening calldata entry)
        private
        pure
        returns (uint256)
    {
        ISettlement.Gap calldata around = entry.around;
        _checkGap(proposal.draft.edgesTop, proposal.draft.edgesCount, around, EdgeLeaf.LENGTH);
        if (around.right.length != 0 && EdgeLeaf.operatorId(around.right) <= entry.place) revert OpeningInvalid();
        if (around.left.length == 0) return 0;
        uint32 found = EdgeLeaf.operatorId(around.left);
        if (found > entry.place) revert OpeningInvalid();
        return found == entry.place ? EdgeLeaf.operatorNano(around.left) : 0;
    }

    /// @dev What the operator is paid for its work, up to what its capacity lets it earn, and of the common pool.
    function _earnedNano(ISettlement.Proposal calldata proposal, uint32 id, uint256 workNano)
        private
        view
        returns (uint256)
    {
        uint64 epoch = proposal.draft.epoch;
        uint256 cap =
            EntryMath.capNano(POOL.potOf(epoch), OPERATORS.capacityAt(id, epoch), OPERATORS.totalCapacityAt(epoch));
        uint256 paid = EntryMath.paidNano(workNano, cap);
        uint256 common = proposal.availableNano - proposal.draft.workNano;
        uint256 bond = OPERATORS.bondAt(id, epoch);
        return paid + EntryMath.poolNano(common, bond, OPERATORS.totalBondAt(epoch), paid, POOL.poolLimitBps());
    }
}

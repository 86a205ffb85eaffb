// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../../contracts/settlement/Disproofs.sol";
import {ReceiptDisproofs} from "../../../../contracts/settlement/ReceiptDisproofs.sol";
import {EdgeDisproofs} from "../../../../contracts/settlement/EdgeDisproofs.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {SumTree} from "../../support/SumTree.sol";
import {World} from "./World.sol";

/// @title Trial
/// @notice Epoch 0 is final, epoch 1 has ended; what a watcher sends, and what becomes of it.
abstract contract Trial is World {
    using SumTree for SumTree.Tree;

    Dataset internal right;

    function setUp() public virtual override {
        super.setUp();
        _finalizeFirst();
        Dataset memory made = _dataset(_five(1), 1);
        right = made;
    }

    /// @dev The call cancels the proposal, and half of its bond is the watcher's.
    function _disproves(ISettlement.Proposal memory proposal, bytes memory call) internal {
        vm.assertTrue(settlement.isOpen(proposal.counter), "not open");
        uint256 before = settlement.rewardOf(WATCHER);
        vm.prank(WATCHER);
        (bool done, bytes memory why) = address(disproofs).call(call);
        if (!done) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
        vm.assertFalse(settlement.isOpen(proposal.counter), "still open");
        uint256 bond = settlement.bondWei(proposal.draft.receiptsCount, proposal.assentRound != 0);
        vm.assertEq(settlement.rewardOf(WATCHER) - before, bond / 2);
    }

    /// @dev The call fails for this reason.
    function _fails(bytes memory call, bytes4 reason) internal {
        vm.prank(WATCHER);
        (bool done, bytes memory why) = address(disproofs).call(call);
        vm.assertFalse(done, "went through");
        vm.assertEq(bytes32(bytes4(why)), bytes32(reason));
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
}

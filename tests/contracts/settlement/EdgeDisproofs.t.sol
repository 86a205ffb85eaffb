// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {EdgeDisproofs} from "../../../contracts/settlement/EdgeDisproofs.sol";
import {Judge} from "../../../contracts/settlement/Judge.sol";
import {ListReader} from "../../../contracts/settlement/ListReader.sol";
import {Trial} from "./support/Trial.sol";

/// @title Disproofs of edges: each true, false, and with the wrong lines
contract EdgeDisproofsTest is Trial {
    /// The edges are (0, p0) (0, p1) (1, p0) (2, p1).
    function test_AnEdgeWithOtherNanoThanItsUnitsEarn() external {
        Dataset memory made = right;
        uint64 nano = _u64(made.edges[2], 56);
        made.edges[2] = _patched(made.edges[2], 56, abi.encodePacked(nano + 1));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdge(p, made, 1), Judge.NothingWrong.selector);
        _disproves(p, _badEdge(p, made, 2));
    }

    /// A payer all of whose receipts came too late has edges nevertheless, at nothing.
    function test_AnEdgeWithoutUnitsEarnsNothing() external {
        bytes[] memory late = new bytes[](1);
        late[0] = _receipt(0, 0, 1, 0);
        Dataset memory made = _dataset(late, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdge(p, made, 0), Judge.NothingWrong.selector);
        made.edges[0] = _patched(made.edges[0], 56, abi.encodePacked(uint64(1)));
        p = _proposeAs(PROPOSER, _draft(made, 1));
        _disproves(p, _badEdge(p, made, 0));
    }

    function test_AnEdgeOfAnotherLength() external {
        Dataset memory made = right;
        made.edges[3] = bytes.concat(made.edges[3], hex"00");
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 3), ListReader.OpeningInvalid.selector);
        _fails(_badEdgeUnits(p, made, 3, false), ListReader.OpeningInvalid.selector);
        _disproves(p, _badEdge(p, made, 3));
    }

    function test_AnEdgeThatStandsElsewhereShowsNothing() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        ISettlement.Line memory line = _line(made.edges, 2);
        line.index = 1;
        _fails(abi.encodeCall(EdgeDisproofs.badEdge, (p, line)), ListReader.OpeningInvalid.selector);
    }

    function test_EdgesOutOfOrder() external {
        Dataset memory made = right;
        (made.edges[1], made.edges[2]) = (made.edges[2], made.edges[1]);
        // All totals are right for this order: it is the order alone that is wrong.
        _addUp(made.edges);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 1), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeStep(p, made, 2));
    }

    function test_AnEdgeTwice() external {
        Dataset memory made = right;
        made.edges[1] = made.edges[0];
        _addUp(made.edges);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 2), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeStep(p, made, 1));
    }

    function test_ARunningTotalOfAnOperatorThatIsOff() external {
        Dataset memory made = right;
        uint64 nano = _u64(made.edges[1], 64);
        made.edges[1] = _patched(made.edges[1], 64, abi.encodePacked(nano - 1));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 2), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeStep(p, made, 1));
    }

    function test_ARunningTotalOfAllThatIsOff() external {
        Dataset memory made = right;
        uint64 nano = _u64(made.edges[0], 72);
        made.edges[0] = _patched(made.edges[0], 72, abi.encodePacked(nano + 1));
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeStep(p, made, 0));
    }

    function test_WorkThatIsNotTheLastTotal() external {
        Dataset memory made = right;
        made.workNano -= 1;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeStep(p, made, 3), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeStep(p, made, 4));
    }

    function test_WorkWithoutAnEdge() external {
        Dataset memory made = _dataset(new bytes[](0), 1);
        made.workNano = 1;
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeStep(p, made, 0));
    }

    function test_UnitsThatAreNotThoseOfTheReceipts() external {
        Dataset memory made = right;
        made.edges[0] = _patched(made.edges[0], 24, abi.encodePacked(uint128(1501)));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeUnits(p, made, 1, false), Judge.NothingWrong.selector);
        _fails(_badEdgeUnits(p, made, 0, true), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeUnits(p, made, 0, false));
    }

    function test_PayerUnitsThatAreNotThoseOfTheReceipts() external {
        Dataset memory made = right;
        made.edges[0] = _patched(made.edges[0], 40, abi.encodePacked(uint128(1832)));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badEdgeUnits(p, made, 0, false), Judge.NothingWrong.selector);
        _disproves(p, _badEdgeUnits(p, made, 0, true));
    }

    /// Its units are those of the receipt before the gap, which is the same payer's with another operator.
    function test_AnEdgeWithoutAReceipt() external {
        Dataset memory made = right;
        made.edges[3] = _edge(1, _payer(1), 70_000, 70_001, 1, 1, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeUnits(p, made, 3, false));
    }

    /// Its payer's units are those of another payer, whose receipt is before the gap.
    function test_AnEdgeOfAPayerWithoutReceipts() external {
        Dataset memory made = right;
        made.edges[3] = _edge(0, _payer(2), 1, 70_001, 1, 1, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badEdgeUnits(p, made, 3, true));
    }

    function test_UnitsAreJudgedByTheGapBehindTheEdgesReceiptsOnly() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint256 k = 0; k < 4; ++k) {
            uint256 found;
            for (uint256 g = 0; g <= 5; ++g) {
                ISettlement.Gap memory around = _gap(made.receipts, g);
                for (uint256 ofPayer = 0; ofPayer < 2; ++ofPayer) {
                    bytes memory call =
                        abi.encodeCall(EdgeDisproofs.badEdgeUnits, (p, _line(made.edges, k), around, ofPayer == 1));
                    (bool done, bytes memory why) = address(disproofs).call(call);
                    require(!done, "a right edge was disproved");
                    if (bytes4(why) == Judge.NothingWrong.selector) ++found;
                }
            }
            require(found == 2, "each has one gap");
        }
    }

    /// The payer has no receipt at all: the gap at the very beginning shows it, for the edge and for the payer.
    function test_AnEdgeBeforeAllReceipts() external {
        Dataset memory made = right;
        bytes[] memory receipts = new bytes[](2);
        (receipts[0], receipts[1]) = (_five(1)[3], _five(1)[4]);
        made.receipts = _lines(receipts);
        bytes[] memory edges = new bytes[](2);
        (edges[0], edges[1]) = (made.edges[0], made.edges[1]);
        made.edges = edges;
        for (uint256 ofPayer = 0; ofPayer < 2; ++ofPayer) {
            ISettlement.Proposal memory p = _propose(made, 1);
            _disproves(p, _badEdgeUnits(p, made, 0, ofPayer == 1));
        }
    }

    function test_AReceiptWithoutAnEdge() external {
        Dataset memory made = right;
        bytes[] memory three = new bytes[](3);
        (three[0], three[1], three[2]) = (made.edges[0], made.edges[1], made.edges[3]);
        made.edges = three;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_missingEdge(p, made, 0), Judge.NothingWrong.selector);
        _disproves(p, _missingEdge(p, made, 2));
    }

    function test_ReceiptsWithoutAnyEdge() external {
        Dataset memory made = right;
        made.edges = new bytes[](0);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _missingEdge(p, made, 4));
    }

    function test_AnEdgeIsMissedInItsGapOnly() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint256 k = 0; k < 5; ++k) {
            uint256 found;
            for (uint256 g = 0; g <= 4; ++g) {
                bytes memory call =
                    abi.encodeCall(EdgeDisproofs.missingEdge, (p, _line(made.receipts, k), _gap(made.edges, g)));
                (bool done, bytes memory why) = address(disproofs).call(call);
                require(!done, "a receipt with an edge was missed");
                if (bytes4(why) == Judge.NothingWrong.selector) ++found;
            }
            require(found == 1, "each has one gap");
        }
    }

    function test_AReceiptOfAnotherLengthMissesNoEdge() external {
        Dataset memory made = right;
        made.receipts[4] = bytes.concat(made.receipts[4], hex"00");
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_missingEdge(p, made, 4), ListReader.OpeningInvalid.selector);
    }

    /// @dev The running totals of edges that stand in this order.
    function _addUp(bytes[] memory edges) private pure {
        (uint64 operatorNano, uint64 totalNano) = (0, 0);
        for (uint256 i = 0; i < edges.length; ++i) {
            if (i != 0 && _part(edges[i], 0, 4) != _part(edges[i - 1], 0, 4)) operatorNano = 0;
            uint64 nano = _u64(edges[i], 56);
            operatorNano += nano;
            totalNano += nano;
            edges[i] = _patched(edges[i], 64, abi.encodePacked(operatorNano, totalNano));
        }
    }
}

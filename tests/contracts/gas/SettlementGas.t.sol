// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAssents} from "../../../contracts/interfaces/IAssents.sol";
import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Openings} from "../settlement/support/Openings.sol";
import {PlainList} from "../settlement/support/PlainList.sol";
import {Fixture} from "../support/Fixture.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Gas of judging, at 16 million lines and 8 193 operators, with the real facts
/// @notice The lists are eight real lines under as many levels of siblings as a list of this length has. A watcher that was paid
/// before, as most are, sends each disproof.
/// forge-config: default.isolate = true
contract SettlementGasTest is Fixture, Openings {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    uint32 private constant LINES = 16_000_001;
    uint256 private constant HEIGHT = 24;
    uint32 private constant OPERATORS = 8193;
    uint256 private constant DEPTH = 14;
    uint64 private constant LAST = 2;

    bytes[] private receipts;
    bytes[] private edges;
    bytes[] private shown;
    bytes private forcedOne;
    IDemands.Asked private none;

    /// @dev Epochs 0 and 1 are final; epoch 2 has ended, with an assent and a forced receipt.
    function setUp() public override {
        super.setUp();
        _makePayers();
        token.transfer(CAROL, 500_000_000e18);
        token.transfer(MALLORY, 100_000_000e18);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(ALICE);
            pool.stakeFor(_payer(i), 1000e18);
        }
        _registerMany(24);
        vm.startPrank(CAROL);
        registry.addBond(0, 100_000_000e18);
        for (uint32 id = 0; id < 4; ++id) {
            registry.addNode(id, _node(id));
        }
        vm.stopPrank();
        _endEpoch();
        // The last checkpoint of the number of operators, for thousands of registrations.
        uint256 length = uint256(vm.load(address(registry), 0));
        bytes32 slot = bytes32(uint256(keccak256(abi.encode(0))) + length - 1);
        bytes32 checkpoint = vm.load(address(registry), slot);
        uint256 key = uint48(uint256(checkpoint));
        vm.store(address(registry), slot, bytes32(key | uint256(OPERATORS) << 48));
        vm.assertEq(registry.operatorCount(1), OPERATORS);
        _finalizeAt(_proposeDraft(PROPOSER, _draft(0, 0)), 0);
        _endEpoch();
        ISettlement.Proposal memory first = _proposeDraft(PROPOSER, _draft(1, _top(_word(5))));
        vm.warp(first.time + WINDOW);
        distributor.finalize(first);
        _make();
        _endEpoch();
        _assent();
        // Somebody was paid before.
        bytes[] memory bad = edges;
        bad[1] = _patched(bad[1], 56, abi.encodePacked(uint64(1)));
        ISettlement.Proposal memory lie = _lie(receipts, bad);
        vm.prank(BOB);
        disproofs.badEdge(lie, _deepLine(bad, 1));
    }

    function _pool() internal view override returns (IPoolFacts) {
        return _poolFacts();
    }

    function _operators() internal view override returns (IOperatorFacts) {
        return _operatorFacts();
    }

    function _finalizedRoot() internal view override returns (bytes32) {
        return distributor.finalizedRoot();
    }

    function test_GasOfDisproofsOfReceipts() external {
        bytes[] memory bad = receipts;
        bad[1] = bytes.concat(_receipt(0, 1, LAST, 9e11), _tail(receipts[1]));
        ISettlement.Proposal memory lie = _lie(bad, edges);
        ISettlement.Line memory line = _deepLine(bad, 1);
        vm.prank(BOB);
        disproofs.badReceipt(lie, line);
        vm.snapshotGasLastCall("Settlement", "badReceipt");

        bad = receipts;
        bad[1] = _patched(bad[1], 294, abi.encodePacked(uint128(1)));
        lie = _lie(bad, edges);
        ISettlement.Gap memory gap = _deepGap(bad, 1);
        vm.prank(BOB);
        disproofs.badReceiptStep(lie, gap);
        vm.snapshotGasLastCall("Settlement", "badReceiptStep");

        lie = _lie(receipts, edges);
        gap = _deepGap(receipts, 2);
        vm.prank(BOB);
        disproofs.ignoredForced(lie, forcedOne, gap);
        vm.snapshotGasLastCall("Settlement", "ignoredForced");

        lie = _lie(receipts, edges);
        line = _deepLine(shown, 3);
        gap = _deepGap(receipts, 2);
        vm.prank(BOB);
        disproofs.ignoredAssented(lie, line, gap);
        vm.snapshotGasLastCall("Settlement", "ignoredAssented");

        lie = _lie(receipts, edges);
        line = _deepLine(receipts, 5);
        ISettlement.Line memory there = _deepLine(shown, 5);
        vm.prank(BOB);
        disproofs.extra(lie, line, keccak256(there.leaf), there.path);
        vm.snapshotGasLastCall("Settlement", "extra");
    }

    function test_GasOfDisproofsOfEdges() external {
        bytes[] memory bad = edges;
        bad[1] = _patched(bad[1], 56, abi.encodePacked(uint64(1)));
        ISettlement.Proposal memory lie = _lie(receipts, bad);
        ISettlement.Line memory line = _deepLine(bad, 1);
        vm.prank(BOB);
        disproofs.badEdge(lie, line);
        vm.snapshotGasLastCall("Settlement", "badEdge");

        lie = _lie(receipts, bad);
        ISettlement.Gap memory gap = _deepGap(bad, 1);
        vm.prank(BOB);
        disproofs.badEdgeStep(lie, gap);
        vm.snapshotGasLastCall("Settlement", "badEdgeStep");

        bad = edges;
        bad[0] = _patched(bad[0], 24, abi.encodePacked(uint128(1)));
        lie = _lie(receipts, bad);
        line = _deepLine(bad, 0);
        gap = _deepGap(receipts, 1);
        vm.prank(BOB);
        disproofs.badEdgeUnits(lie, line, gap, false);
        vm.snapshotGasLastCall("Settlement", "badEdgeUnits");

        bad = edges;
        bad[2] = _patched(bad[2], 0, abi.encodePacked(uint32(0)));
        lie = _lie(receipts, bad);
        line = _deepLine(receipts, 1);
        gap = _deepGap(bad, 3);
        vm.prank(BOB);
        disproofs.missingEdge(lie, line, gap);
        vm.snapshotGasLastCall("Settlement", "missingEdge");
    }

    function test_GasOfADisproofOfAnEntry() external {
        ISettlement.Proposal memory lie = _lie(receipts, edges);
        Disproofs.EntryOpening memory entry;
        (entry.word, entry.oldWord) = (_word(6), _word(5));
        entry.path = _siblings(0, DEPTH, true);
        entry.oldPath = entry.path;
        entry.around = _deepGap(edges, 2);
        vm.prank(BOB);
        disproofs.badEntry(lie, entry);
        vm.snapshotGasLastCall("Settlement", "badEntry");
    }

    function test_GasOfFilingOverage() external {
        // Payer 0's last line says ten times its quota.
        bytes[] memory lines = receipts;
        uint128 units = uint128(10 * pool.quotaOf(_payer(0), LAST));
        lines[3] = _patched(lines[3], 294, abi.encodePacked(units));
        ISettlement.Proposal memory p = _lie(lines, edges);
        vm.warp(p.time + WINDOW);
        distributor.finalize(p);
        ISettlement.Gap memory gap = _deepGap(lines, 4);
        vm.prank(BOB);
        overage.file(LAST, p.draft.receiptsTop, LINES, gap);
        vm.snapshotGasLastCall("Settlement", "file overage");
    }

    function test_GasOfDemands() external {
        vm.fee(1 gwei);
        vm.deal(BOB, 1 ether);
        bytes[] memory many = new bytes[](64);
        for (uint256 i = 0; i < 64; ++i) {
            many[i] = bytes.concat(receipts[i % 8], bytes32(i));
        }
        ISettlement.Proposal memory p = _lie(many, edges);
        PlainList.List memory list = PlainList.build(many);
        IDemands.Asked memory asked = IDemands.Asked(p.counter, IDemands.Tree.Receipts, 6, 0, 64, list.top());
        bytes32[] memory path = _siblings(6, HEIGHT, false);
        vm.prank(BOB);
        demands.demand{value: 0.1 ether}(p, asked, path, none);
        vm.snapshotGasLastCall("Settlement", "demand of words");
        vm.prank(ALICE);
        demands.answerWords(asked, list.levels[0]);
        vm.snapshotGasLastCall("Settlement", "answerWords of 64");

        vm.prank(address(disproofs));
        distributor.cancel(p, BOB);
        p = _lie(receipts, edges);
        ISettlement.Line memory line = _deepLine(receipts, 3);
        asked = IDemands.Asked(p.counter, IDemands.Tree.Receipts, 0, 3, 0, keccak256(line.leaf));
        vm.prank(BOB);
        demands.demand{value: 0.1 ether}(p, asked, line.path, none);
        vm.snapshotGasLastCall("Settlement", "demand of a line");
        vm.prank(ALICE);
        demands.answerLine(asked, line.leaf);
        vm.snapshotGasLastCall("Settlement", "answerLine");
    }

    function test_GasOfForcingAndAssenting() external {
        bytes[] memory list = new bytes[](1);
        list[0] = _ofReader(1, 2, LAST + 1, 1, 5);
        forced.forceReceipts(LAST + 1, list);
        vm.snapshotGasLastCall("Settlement", "forceReceipts, the first of an epoch");
        list[0] = _ofReader(1, 2, LAST + 1, 1, 6);
        forced.forceReceipts(LAST + 1, list);
        vm.snapshotGasLastCall("Settlement", "forceReceipts, the next");
        _endEpoch();
        _assentBy(LAST + 1, 1, 10);
        vm.snapshotGasLastCall("Settlement", "assent of 10");
        _assentBy(LAST + 1, 2, 10);
        uint256 ten = vm.snapshotGasLastCall("Settlement", "assent of 10, the next round");
        _assentBy(LAST + 1, 3, 20);
        uint256 twenty = vm.snapshotGasLastCall("Settlement", "assent of 20, the next round");
        vm.snapshotValue("Settlement", "assent, per operator", (twenty - ten) / 10);
    }

    // Eight lines of a large list.

    /// @dev Payers 0 and 1, each served by operators 0 to 3; of these the fourth was shown and is not there.
    function _make() private {
        bytes[] memory signed = new bytes[](8);
        bytes[] memory seen = new bytes[](8);
        for (uint256 i = 0; i < 8; ++i) {
            signed[i] = _receipt(i / 4, uint32(i % 4), LAST, uint64(1000 + i));
            seen[i] = i == 3 ? _ofReader(0, 1, LAST, 10, 9) : signed[(i + 1) % 8];
        }
        receipts = _lines(signed);
        shown = seen;
        forcedOne = _ofReader(0, 1, LAST, 77, 3);
        bytes[] memory list = new bytes[](1);
        list[0] = forcedOne;
        forced.forceReceipts(LAST, list);
    }

    function _assent() private {
        edges = _edgesOf(receipts, LAST);
        _assentBy(LAST, 1, 1);
    }

    function _assentBy(uint64 epoch, uint32 round, uint32 signers) private {
        IAssents.Assent memory list = IAssents.Assent(round, LINES, _deepTop(shown));
        bytes32 hash = keccak256(abi.encode(assents.TYPEHASH(), epoch, list.round, list.top, list.count));
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(kind, keccak256("Tatum"), keccak256("1"), block.chainid, address(assents)));
        bytes memory signature = _sign(_key("carol"), keccak256(abi.encodePacked(hex"1901", domain, hash)));
        uint32[] memory ids = new uint32[](signers);
        bytes[] memory signatures = new bytes[](signers);
        for (uint32 i = 0; i < signers; ++i) {
            (ids[i], signatures[i]) = (i, signature);
        }
        assents.assent(epoch, list, ids, signatures);
    }

    /// @dev What is proposed; the one before was cancelled.
    function _lie(bytes[] memory lines, bytes[] memory some) private returns (ISettlement.Proposal memory p) {
        ISettlement.Draft memory draft = _draft(LAST, _top(_word(6)));
        (draft.receiptsTop, draft.receiptsCount) = (_deepTop(lines), LINES);
        (draft.edgesTop, draft.edgesCount) = (_deepTop(some), LINES);
        p = _proposeDraft(MALLORY, draft);
        IAssents.Assent memory list = assents.assentOf(LAST);
        (p.assentRound, p.assentTop, p.assentCount) = (list.round, list.top, list.count);
    }

    function _tail(bytes memory line) private pure returns (bytes memory) {
        return abi.encodePacked(_part(line, 278, 32), bytes4(_part(line, 310, 4)));
    }

    function _word(uint64 nano) private pure returns (bytes32) {
        return SumTree.leaf(SumTree.entry(0, address(1), nano));
    }

    /// @dev The top over a word at place 0 of the entries.
    function _top(bytes32 word) private pure returns (bytes32 top) {
        top = word;
        bytes32[] memory path = _siblings(0, DEPTH, true);
        for (uint256 i = 0; i < DEPTH; ++i) {
            top = SumTree.join(top, path[i]);
        }
    }

    /// @dev Words right of the first lines, from one level to another; of entries they hold nothing.
    function _siblings(uint256 from, uint256 to, bool ofEntries) private pure returns (bytes32[] memory words) {
        words = new bytes32[](to - from);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = keccak256(abi.encode("sibling", from + i));
            if (ofEntries) words[i] = SumTree.word(words[i], 0);
        }
    }

    function _deepTop(bytes[] memory leaves) private pure returns (bytes32 top) {
        PlainList.List memory list = PlainList.build(leaves);
        top = list.top();
        bytes32[] memory above = _siblings(list.height(), HEIGHT, false);
        for (uint256 i = 0; i < above.length; ++i) {
            top = keccak256(abi.encodePacked(top, above[i]));
        }
    }

    function _deepLine(bytes[] memory leaves, uint256 k) private pure returns (ISettlement.Line memory line) {
        line = _line(leaves, k);
        line.path = _deepen(line.path);
    }

    function _deepGap(bytes[] memory leaves, uint256 g) private pure returns (ISettlement.Gap memory gap) {
        gap = _gap(leaves, g);
        (gap.leftPath, gap.rightPath) = (_deepen(gap.leftPath), _deepen(gap.rightPath));
    }

    function _deepen(bytes32[] memory path) private pure returns (bytes32[] memory deep) {
        deep = new bytes32[](HEIGHT);
        bytes32[] memory above = _siblings(path.length, HEIGHT, false);
        for (uint256 i = 0; i < HEIGHT; ++i) {
            deep[i] = i < path.length ? path[i] : above[i - path.length];
        }
    }
}

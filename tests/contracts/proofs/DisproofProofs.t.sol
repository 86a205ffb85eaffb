// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IForcedReceipts} from "../../../contracts/interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {AnyFacts} from "./support/AnyFacts.sol";

/// @title Proofs about disproofs
/// @notice A disproof is accepted exactly if the lines break the rule, for all lines and facts. Lists have one line or two,
/// which is all that a disproof sees of any list; the rule is written down here once more, with bounded words, so that it
/// cannot wrap.
contract DisproofProofs {
    AnyFacts private facts;
    Disproofs private disproofs;
    bytes32[] private none;

    /// @dev A line of the edges.
    struct Edge {
        uint32 operator;
        address payer;
        uint128 units;
        uint128 payerUnits;
        uint64 nano;
        uint64 operatorNano;
        uint64 totalNano;
    }

    /// @dev What of a line of the receipts disproofs compare: its key in three words, units and totals. The rest is any bytes.
    struct Receipt {
        address payer;
        uint32 operator;
        bytes32 node;
        bytes32 stream;
        uint8 role;
        uint32 reader;
        uint64 units;
        uint128 edgeUnits;
        uint128 payerUnits;
    }

    /// @dev As `Receipt`, its key as 93 bytes.
    struct Keyed {
        uint256 first;
        uint256 second;
        uint232 third;
        uint64 units;
        uint128 edgeUnits;
        uint128 payerUnits;
    }

    function setUp() public {
        facts = new AnyFacts();
        disproofs = new Disproofs(
            ISettlement(address(facts)),
            IPoolFacts(address(facts)),
            IOperatorFacts(address(facts)),
            IForcedReceipts(address(facts))
        );
    }

    // What a payer's receipts steer, and what an edge earns of it.

    function check_BadEdgeIsAcceptedExactlyIfItsNanoIsNotEarned(Edge calldata edge, uint96 feeWei, uint16 poolBps)
        external
    {
        if (poolBps > 10_000) return;
        facts.setFee(feeWei, poolBps);
        bytes memory leaf = _bytesOf(edge);
        ISettlement.Proposal memory proposal = _edges(keccak256(leaf), 1);
        bool accepted = _accepted(abi.encodeCall(disproofs.badEdge, (proposal, ISettlement.Line(0, leaf, none))));
        uint256 feeNano = uint256(feeWei) / 1e9;
        uint256 steered = feeNano - feeNano * poolBps / 10_000;
        uint256 right = edge.payerUnits == 0 ? 0 : steered * edge.units / edge.payerUnits;
        assert(accepted == (edge.nano != right));
    }

    function check_BadEdgeStepIsAcceptedExactlyIfTheSecondDoesNotFollow(Edge calldata one, Edge calldata two) external {
        (bytes memory left, bytes memory right) = (_bytesOf(one), _bytesOf(two));
        ISettlement.Proposal memory proposal = _edges(_join(left, right), 2);
        bool accepted = _accepted(abi.encodeCall(disproofs.badEdgeStep, (proposal, _between(left, right))));
        uint256 ofOperator = two.nano + _ifSo(one.operator == two.operator, one.operatorNano);
        bool follows = _both(two.operatorNano == ofOperator, two.totalNano == uint256(one.totalNano) + two.nano);
        assert(accepted == !_both(_key(one) < _key(two), follows));
    }

    function check_BadEdgeStepAtTheBeginning(Edge calldata edge) external {
        bytes memory leaf = _bytesOf(edge);
        ISettlement.Proposal memory proposal = _edges(keccak256(leaf), 1);
        bool accepted =
            _accepted(abi.encodeCall(disproofs.badEdgeStep, (proposal, ISettlement.Gap(0, "", none, leaf, none))));
        assert(accepted == (edge.operatorNano != edge.nano || edge.totalNano != edge.nano));
    }

    function check_BadEdgeStepAtTheEnd(Edge calldata edge, uint64 workNano) external {
        bytes memory leaf = _bytesOf(edge);
        ISettlement.Proposal memory proposal = _edges(keccak256(leaf), 1);
        proposal.draft.workNano = workNano;
        bool accepted =
            _accepted(abi.encodeCall(disproofs.badEdgeStep, (proposal, ISettlement.Gap(1, leaf, none, "", none))));
        assert(accepted == (workNano != edge.totalNano));
    }

    function check_BadReceiptStepIsAcceptedExactlyIfTheSecondDoesNotFollow(
        Keyed calldata one,
        Keyed calldata two,
        uint256[3] calldata rest
    ) external {
        (bytes memory left, bytes memory right) = (_bytesOf(one, rest), _bytesOf(two, rest));
        ISettlement.Proposal memory proposal = _receipts(_join(left, right), 2);
        bool accepted = _accepted(abi.encodeCall(disproofs.badReceiptStep, (proposal, _between(left, right))));
        // A key begins with the payer, 20 bytes, and the operator, four.
        uint256 ofPayer = two.units + _ifSo(one.first >> 96 == two.first >> 96, one.payerUnits);
        uint256 ofEdge = two.units + _ifSo(one.first >> 64 == two.first >> 64, one.edgeUnits);
        bool follows = _both(two.payerUnits == ofPayer, two.edgeUnits == ofEdge);
        assert(accepted == !_both(_isBefore(one, two), follows));
    }

    function check_BadReceiptStepAtTheBeginning(Receipt calldata one, uint256[3] calldata rest) external {
        bytes memory leaf = _bytesOf(one, rest);
        ISettlement.Proposal memory proposal = _receipts(keccak256(leaf), 1);
        bool accepted =
            _accepted(abi.encodeCall(disproofs.badReceiptStep, (proposal, ISettlement.Gap(0, "", none, leaf, none))));
        assert(accepted == (one.edgeUnits != one.units || one.payerUnits != one.units));
    }

    /// The gap must lie behind the edge's receipts; then the edge's units are those of the last one, or it has none.
    function check_BadEdgeUnitsIsAcceptedExactlyIfTheyAreNotTheLastReceipts(
        Edge calldata edge,
        Receipt calldata one,
        Receipt calldata two,
        uint256[3] calldata rest
    ) external {
        (bytes memory left, bytes memory right) = (_bytesOf(one, rest), _bytesOf(two, rest));
        ISettlement.Line memory line = ISettlement.Line(0, _bytesOf(edge), none);
        ISettlement.Proposal memory proposal = _receipts(_join(left, right), 2);
        (proposal.draft.edgesTop, proposal.draft.edgesCount) = (keccak256(line.leaf), 1);
        uint256 key = uint256(uint160(edge.payer)) << 32 | edge.operator;
        bool behind = _both(_edgeKey(one) <= key, key < _edgeKey(two));
        bool accepted =
            _accepted(abi.encodeCall(disproofs.badEdgeUnits, (proposal, line, _between(left, right), false)));
        assert(accepted == _both(behind, !_both(_edgeKey(one) == key, one.edgeUnits == edge.units)));
    }

    function check_BadPayerUnitsIsAcceptedExactlyIfTheyAreNotTheLastReceipts(
        Edge calldata edge,
        Receipt calldata one,
        Receipt calldata two,
        uint256[3] calldata rest
    ) external {
        (bytes memory left, bytes memory right) = (_bytesOf(one, rest), _bytesOf(two, rest));
        ISettlement.Line memory line = ISettlement.Line(0, _bytesOf(edge), none);
        ISettlement.Proposal memory proposal = _receipts(_join(left, right), 2);
        (proposal.draft.edgesTop, proposal.draft.edgesCount) = (keccak256(line.leaf), 1);
        bool behind = _both(one.payer <= edge.payer, edge.payer < two.payer);
        bool accepted = _accepted(abi.encodeCall(disproofs.badEdgeUnits, (proposal, line, _between(left, right), true)));
        assert(accepted == _both(behind, !_both(one.payer == edge.payer, one.payerUnits == edge.payerUnits)));
    }

    function check_MissingEdgeIsAcceptedExactlyIfTheEdgeIsNotThere(
        Receipt calldata receipt,
        Edge calldata one,
        Edge calldata two,
        uint256[3] calldata rest
    ) external {
        (bytes memory left, bytes memory right) = (_bytesOf(one), _bytesOf(two));
        ISettlement.Line memory line = ISettlement.Line(0, _bytesOf(receipt, rest), none);
        ISettlement.Proposal memory proposal = _edges(_join(left, right), 2);
        (proposal.draft.receiptsTop, proposal.draft.receiptsCount) = (keccak256(line.leaf), 1);
        uint256 key = uint256(receipt.operator) << 160 | uint160(receipt.payer);
        bool around = _both(_key(one) <= key, key < _key(two));
        bool accepted = _accepted(abi.encodeCall(disproofs.missingEdge, (proposal, line, _between(left, right))));
        assert(accepted == _both(around, _key(one) != key));
    }

    /// @dev What an entry is made of besides its edge.
    struct Standing {
        uint64 availableNano;
        uint64 workNano;
        uint96 potWei;
        uint96 bond;
        uint96 totalBond;
        uint64 capacity;
        uint64 totalCapacity;
        uint16 limitBps;
        address payout;
    }

    /// The library's minimum, which the rule below is written with, as the contracts are.
    function check_TheMinimumIsTheMinimum(uint256 one, uint256 two) external pure {
        assert(Math.min(one, two) == (one < two ? one : two));
    }

    /// One operator, whose edge is the only one, and no tree before: its word is what it earned, or the disproof is accepted.
    function check_BadEntryIsAcceptedExactlyIfItIsNotWhatTheRuleGives(
        Edge calldata edge,
        Standing calldata s,
        bytes32 word
    ) external {
        if (edge.operator != 0 || s.availableNano < s.workNano || s.limitBps > 10_000) return;
        if (s.bond > s.totalBond || s.capacity > s.totalCapacity) return;
        facts.setPool(s.potWei, s.limitBps);
        facts.setOperator(s.bond, s.totalBond, s.capacity, s.totalCapacity, s.payout);
        bytes memory leaf = _bytesOf(edge);
        ISettlement.Proposal memory proposal = _edges(keccak256(leaf), 1);
        (proposal.draft.entriesTop, proposal.draft.workNano) = (word, s.workNano);
        proposal.availableNano = s.availableNano;
        Disproofs.EntryOpening memory entry =
            Disproofs.EntryOpening(0, word, none, 0, none, ISettlement.Gap(1, leaf, none, "", none));
        bool accepted = _accepted(abi.encodeCall(disproofs.badEntry, (proposal, entry)));
        assert(accepted == (word != _leafOf(s.payout, _earned(edge.operatorNano, s))));
    }

    /// @dev The rule of economy.md, E3 and E5.
    function _earned(uint256 work, Standing calldata s) private pure returns (uint256) {
        (uint256 potNano, uint256 bond, uint256 capacity) = (uint256(s.potWei) / 1e9, s.bond, s.capacity);
        uint256 cap = s.totalCapacity == 0 ? 0 : potNano * capacity / s.totalCapacity;
        uint256 whole = Math.min(work, cap);
        uint256 paid = whole + Math.min(work - whole, 2 * cap) / 2;
        if (s.totalBond == 0) return paid;
        uint256 share = uint256(s.availableNano - s.workNano) * bond / s.totalBond;
        return paid + (s.limitBps == 0 ? share : Math.min(share, paid * s.limitBps / 10_000));
    }

    function _leafOf(address payout, uint256 nano) private pure returns (bytes32) {
        bytes32 entry = bytes32(abi.encodePacked(uint32(0), payout, uint64(nano)));
        return bytes32(abi.encodePacked(bytes24(keccak256(abi.encode(entry))), uint64(nano)));
    }

    /// @dev Accepted: the proposal is cancelled, once, for whoever called. Else nothing happens.
    function _accepted(bytes memory call) private returns (bool done) {
        uint256 before = facts.cancelled();
        (done,) = address(disproofs).call(call);
        assert(facts.cancelled() == before + (done ? 1 : 0));
        if (done) assert(facts.reporter() == address(this));
    }

    /// @dev In the order of the keys' bytes.
    function _isBefore(Keyed calldata one, Keyed calldata two) private pure returns (bool) {
        bool tail = _either(one.second < two.second, _both(one.second == two.second, one.third < two.third));
        return _either(one.first < two.first, _both(one.first == two.first, tail));
    }

    function _edgeKey(Receipt calldata one) private pure returns (uint256) {
        return uint256(uint160(one.payer)) << 32 | one.operator;
    }

    function _key(Edge calldata one) private pure returns (uint256) {
        return uint256(one.operator) << 160 | uint160(one.payer);
    }

    // As `&&`, `||` and `?:`, but without a branch, of which each would double the paths of a proof.

    function _both(bool one, bool other) private pure returns (bool both) {
        assembly ("memory-safe") {
            both := and(one, other)
        }
    }

    function _either(bool one, bool other) private pure returns (bool either) {
        assembly ("memory-safe") {
            either := or(one, other)
        }
    }

    function _ifSo(bool so, uint256 value) private pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := and(sub(0, so), value)
        }
    }

    function _edges(bytes32 top, uint32 count) private pure returns (ISettlement.Proposal memory proposal) {
        (proposal.draft.edgesTop, proposal.draft.edgesCount) = (top, count);
    }

    function _receipts(bytes32 top, uint32 count) private pure returns (ISettlement.Proposal memory proposal) {
        (proposal.draft.receiptsTop, proposal.draft.receiptsCount) = (top, count);
    }

    function _between(bytes memory left, bytes memory right) private pure returns (ISettlement.Gap memory) {
        (bytes32[] memory besideLeft, bytes32[] memory besideRight) = (new bytes32[](1), new bytes32[](1));
        (besideLeft[0], besideRight[0]) = (keccak256(right), keccak256(left));
        return ISettlement.Gap(1, left, besideLeft, right, besideRight);
    }

    function _join(bytes memory left, bytes memory right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(left), keccak256(right)));
    }

    function _bytesOf(Edge calldata e) private pure returns (bytes memory) {
        return abi.encodePacked(e.operator, e.payer, e.units, e.payerUnits, e.nano, e.operatorNano, e.totalNano);
    }

    function _bytesOf(Receipt calldata r, uint256[3] calldata rest) private pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(r.payer, r.operator, r.node, r.stream, r.role, r.reader, rest[0], r.units);
        bytes memory middle = abi.encodePacked(rest[1], rest[2], rest[0], rest[1], bytes17(bytes32(rest[2])));
        return bytes.concat(head, middle, abi.encodePacked(r.edgeUnits, r.payerUnits, uint32(rest[0])));
    }

    function _bytesOf(Keyed calldata r, uint256[3] calldata rest) private pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(r.first, r.second, r.third, rest[0], r.units);
        bytes memory middle = abi.encodePacked(rest[1], rest[2], rest[0], rest[1], bytes17(bytes32(rest[2])));
        return bytes.concat(head, middle, abi.encodePacked(r.edgeUnits, r.payerUnits, uint32(rest[0])));
    }
}

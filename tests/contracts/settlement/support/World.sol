// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAssents} from "../../../../contracts/interfaces/IAssents.sol";
import {IOperatorFacts} from "../../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../../contracts/interfaces/ISettlement.sol";
import {ReceiptLib} from "../../../../contracts/libraries/ReceiptLib.sol";
import {Assents} from "../../../../contracts/settlement/Assents.sol";
import {Demands} from "../../../../contracts/settlement/Demands.sol";
import {Disproofs} from "../../../../contracts/settlement/Disproofs.sol";
import {ForcedReceipts} from "../../../../contracts/settlement/ForcedReceipts.sol";
import {Proposals} from "../../../../contracts/settlement/Proposals.sol";
import {DataToken} from "../../../../contracts/token/DataToken.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {SumTree} from "../../support/SumTree.sol";
import {FactsDouble} from "./FactsDouble.sol";
import {PlainList} from "./PlainList.sol";

/// @title World
/// @notice Three operators, payers with fees, receipts, and the distribution that the rule makes of them, worked out the plain way.
abstract contract World {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    /// @notice What a proposer publishes: everything under its tops.
    struct Dataset {
        bytes[] receipts;
        bytes[] edges;
        bytes32[] words;
        uint64 workNano;
    }

    uint64 internal constant GENESIS = 1_000_000;
    uint64 internal constant EPOCH = 1 days;
    uint96 internal constant BOND = 1000e18;
    uint64 internal constant PER_RECEIPT = 1e18;
    uint64 internal constant NONE = type(uint64).max;
    uint256 internal constant POT = 100e18;
    address internal constant WATCHER = address(0xA11CE);
    address internal constant PROPOSER = address(0xB0B);
    address internal constant MALLORY = address(0xBAD);
    address internal constant GUARDIAN = address(0x6A);

    DataToken internal token;
    FactsDouble internal facts;
    ForcedReceipts internal forced;
    Assents internal assents;
    Proposals internal settlement;
    Disproofs internal disproofs;
    Demands internal demands;

    /// @dev Keys of payers, in order of their addresses.
    uint256[3] internal payerKeys;

    function setUp() public virtual {
        vm.warp(GENESIS);
        token = new DataToken(address(this), 1e27);
        facts = new FactsDouble();
        _deploy();
        address[2] memory proposers = [PROPOSER, MALLORY];
        for (uint256 i = 0; i < 2; ++i) {
            token.transfer(proposers[i], 1e25);
            vm.prank(proposers[i]);
            token.approve(address(settlement), type(uint256).max);
        }
        payerKeys = [uint256(11), 12, 13];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(payerKeys[j]) < vm.addr(payerKeys[i])) {
                    (payerKeys[i], payerKeys[j]) = (payerKeys[j], payerKeys[i]);
                }
            }
        }
        for (uint32 id = 0; id < 3; ++id) {
            facts.setOperator(id, 5000e18 + id, 1e12 * (uint256(id) + 1), _node(id), vm.addr(100 + id));
        }
        facts.setFee(_payer(0), 40e18);
        facts.setFee(_payer(1), 50e18 + 5);
    }

    function _windows() internal pure virtual returns (ISettlement.Windows memory) {
        return ISettlement.Windows({
            grace: 1 hours,
            force: 1 hours,
            settle: 10 minutes,
            challenge: 3 hours,
            answer: 45 minutes,
            follow: 15 minutes
        });
    }

    function _parameters() internal view virtual returns (Proposals.Parameters memory) {
        return Proposals.Parameters({
            token: IERC20(address(token)),
            pool: IPoolFacts(address(facts)),
            operators: IOperatorFacts(address(facts)),
            forced: forced,
            assents: assents,
            disproofs: address(disproofs),
            demands: address(demands),
            baseBondWei: BOND,
            bondPerReceiptWei: PER_RECEIPT,
            windows: _windows(),
            guardian: address(0),
            vetoes: 0,
            guardianUntil: 0
        });
    }

    function _deploy() private {
        IPoolFacts pool = IPoolFacts(address(facts));
        IOperatorFacts operators = IOperatorFacts(address(facts));
        forced = new ForcedReceipts(pool, _windows());
        assents = new Assents(pool, address(facts), _windows());
        ISettlement expected = ISettlement(vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2));
        disproofs = new Disproofs(expected, pool, operators, forced);
        demands = new Demands(expected, operators, _windows());
        settlement = new Proposals(_parameters());
        vm.assertEq(address(settlement), address(expected));
    }

    // Receipts.

    function _payer(uint256 i) internal view returns (address) {
        return vm.addr(payerKeys[i]);
    }

    function _node(uint32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode("node", id));
    }

    function _fields(uint256 payer, uint32 id, uint64 epoch, uint64 onTime)
        internal
        view
        returns (ReceiptLib.Receipt memory receipt)
    {
        receipt.payer = _payer(payer);
        receipt.operatorId = id;
        receipt.node = _node(id);
        receipt.streamKey = keccak256("stream");
        receipt.epoch = epoch;
        receipt.sequence = 7;
        receipt.messages = 10;
        receipt.payloadBytes = 2 * onTime + 1;
        receipt.bytesOnTime = onTime;
        receipt.contents = keccak256("contents");
    }

    function _signed(ReceiptLib.Receipt memory receipt, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, ReceiptLib.digest(receipt, facts.receiptDomainSeparator()));
        return bytes.concat(ReceiptLib.encode(receipt), abi.encodePacked(r, s, v));
    }

    function _receipt(uint256 payer, uint32 id, uint64 epoch, uint64 onTime) internal view returns (bytes memory) {
        return _signed(_fields(payer, id, epoch, onTime), payerKeys[payer]);
    }

    /// @dev The same payer, operator, node and stream, by another of the payer's processes.
    function _ofReader(uint256 payer, uint32 id, uint64 epoch, uint64 onTime, uint32 reader)
        internal
        view
        returns (bytes memory)
    {
        ReceiptLib.Receipt memory receipt = _fields(payer, id, epoch, onTime);
        receipt.reader = reader;
        return _signed(receipt, payerKeys[payer]);
    }

    /// @dev Five receipts in order of their keys: payer 0 served by operators 0 (two readers) and 1, payer 1 by 0 and 2.
    function _five(uint64 epoch) internal view returns (bytes[] memory signed) {
        signed = new bytes[](5);
        signed[0] = _ofReader(0, 0, epoch, 1000, 0);
        signed[1] = _ofReader(0, 0, epoch, 500, 1);
        signed[2] = _receipt(0, 1, epoch, 333);
        signed[3] = _receipt(1, 0, epoch, 70_000);
        signed[4] = _receipt(1, 2, epoch, 1);
    }

    // The rule.

    /// @dev What the rule makes of receipts that stand in order.
    function _dataset(bytes[] memory signed, uint64 epoch) internal view returns (Dataset memory made) {
        made.receipts = _lines(signed);
        made.edges = _edgesOf(made.receipts);
        if (made.edges.length != 0) made.workNano = _u64(made.edges[made.edges.length - 1], 72);
        made.words = _wordsOf(made.edges, made.workNano, epoch);
    }

    function _lines(bytes[] memory signed) internal pure returns (bytes[] memory lines) {
        lines = new bytes[](signed.length);
        uint256 edgeUnits;
        uint256 payerUnits;
        for (uint256 i = 0; i < signed.length; ++i) {
            if (i != 0 && _part(signed[i], 0, 20) != _part(signed[i - 1], 0, 20)) payerUnits = 0;
            if (i != 0 && _part(signed[i], 0, 24) != _part(signed[i - 1], 0, 24)) edgeUnits = 0;
            uint64 units = _u64(signed[i], 125);
            edgeUnits += units;
            payerUnits += units;
            lines[i] = abi.encodePacked(signed[i], uint128(edgeUnits), uint128(payerUnits), uint32(i));
        }
    }

    function _edgesOf(bytes[] memory receipts) internal view returns (bytes[] memory edges) {
        bytes[] memory found = new bytes[](receipts.length);
        uint256 count;
        uint256 totalNano;
        for (uint32 id = 0; id < 4; ++id) {
            uint256 operatorNano;
            for (uint256 payer = 0; payer < 3; ++payer) {
                (uint256 units, uint256 payerUnits, uint256 lines) = _unitsOf(receipts, _payer(payer), id);
                if (lines == 0) continue;
                uint256 nano = payerUnits == 0 ? 0 : _steered(_payer(payer)) * units / payerUnits;
                operatorNano += nano;
                totalNano += nano;
                found[count++] = _edge(id, _payer(payer), units, payerUnits, nano, operatorNano, totalNano);
            }
        }
        edges = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            edges[i] = found[i];
        }
    }

    function _edge(
        uint32 id,
        address payer,
        uint256 units,
        uint256 payerUnits,
        uint256 nano,
        uint256 operatorNano,
        uint256 totalNano
    ) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(id, payer, uint128(units), uint128(payerUnits)),
            abi.encodePacked(uint64(nano), uint64(operatorNano), uint64(totalNano))
        );
    }

    function _unitsOf(bytes[] memory receipts, address payer, uint32 id)
        private
        pure
        returns (uint256 units, uint256 payerUnits, uint256 lines)
    {
        for (uint256 i = 0; i < receipts.length; ++i) {
            if (_part(receipts[i], 0, 20) != bytes32(bytes20(payer))) continue;
            payerUnits += _u64(receipts[i], 125);
            if (_part(receipts[i], 20, 4) != bytes32(bytes4(id))) continue;
            units += _u64(receipts[i], 125);
            ++lines;
        }
    }

    function _steered(address payer) internal view returns (uint256) {
        uint256 feeNano = facts.feeOf(payer, 0) / 1e9;
        return feeNano - feeNano * facts.poolBps() / 10_000;
    }

    function _wordsOf(bytes[] memory edges, uint64 workNano, uint64 epoch)
        internal
        view
        returns (bytes32[] memory words)
    {
        words = new bytes32[](facts.operatorCount(epoch));
        uint256 common = facts.fundedThroughWei(epoch) / 1e9 - uint64(uint256(settlement.finalizedRoot())) - workNano;
        for (uint32 id = 0; id < words.length; ++id) {
            uint256 work;
            for (uint256 i = 0; i < edges.length; ++i) {
                if (_part(edges[i], 0, 4) == bytes32(bytes4(id))) work += _u64(edges[i], 56);
            }
            uint256 nano = _oldNano(id) + _earned(id, epoch, work, common);
            words[id] = SumTree.leaf(SumTree.entry(id, facts.payoutAt(id, epoch), nano));
        }
    }

    function _earned(uint32 id, uint64 epoch, uint256 work, uint256 common) internal view returns (uint256) {
        uint256 total = facts.totalCapacityAt(epoch);
        uint256 cap = total == 0 ? 0 : facts.potOf(epoch) / 1e9 * facts.capacityAt(id, epoch) / total;
        uint256 whole = work < cap ? work : cap;
        uint256 rest = work - whole < 2 * cap ? work - whole : 2 * cap;
        uint256 paid = whole + rest / 2;
        if (facts.totalBondAt(epoch) == 0) return paid;
        uint256 share = common * facts.bondAt(id, epoch) / facts.totalBondAt(epoch);
        uint256 limit = paid * facts.poolLimitBps() / 10_000;
        return paid + (facts.poolLimitBps() == 0 || share < limit ? share : limit);
    }

    /// @dev What the epoch before left an operator.
    bytes32[] internal oldWords;

    function _oldNano(uint32 id) internal view returns (uint64) {
        return id < oldWords.length ? uint64(uint256(oldWords[id])) : 0;
    }

    // Moves.

    /// @dev Ends `epoch` with a pot of `POT`; with it all that comes before proposals.
    function _end(uint64 epoch, uint32 operators) internal {
        facts.close(epoch, POT, operators);
        vm.warp(_endOf(epoch) + 2 hours + 10 minutes);
    }

    function _endOf(uint64 epoch) internal pure returns (uint256) {
        return GENESIS + (uint256(epoch) + 1) * EPOCH;
    }

    function _draft(Dataset memory made, uint64 epoch) internal view returns (ISettlement.Draft memory) {
        SumTree.Tree memory tree = SumTree.ofLeaves(made.words);
        return ISettlement.Draft({
            epoch: epoch,
            entriesTop: tree.levels[tree.depth][0],
            receiptsTop: PlainList.build(made.receipts).top(),
            receiptsCount: uint32(made.receipts.length),
            edgesTop: PlainList.build(made.edges).top(),
            edgesCount: uint32(made.edges.length),
            workNano: made.workNano,
            forcedHash: forced.hashOf(epoch),
            manifestHash: keccak256("manifest")
        });
    }

    /// @dev What the chain makes of a draft that is proposed now.
    function _filled(ISettlement.Draft memory draft, address proposer, uint64 counter)
        internal
        view
        returns (ISettlement.Proposal memory proposal)
    {
        proposal.draft = draft;
        proposal.counter = counter;
        proposal.proposer = proposer;
        proposal.time = uint64(block.timestamp);
        proposal.oldRoot = settlement.finalizedRoot();
        proposal.availableNano = uint64(facts.fundedThroughWei(draft.epoch) / 1e9 - uint64(uint256(proposal.oldRoot)));
        proposal.assentRound = assents.assentOf(draft.epoch).round;
        proposal.assentTop = assents.assentOf(draft.epoch).top;
        proposal.assentCount = assents.assentOf(draft.epoch).count;
        proposal.uriHash = keccak256("uri");
    }

    function _proposeAs(address proposer, ISettlement.Draft memory draft)
        internal
        returns (ISettlement.Proposal memory)
    {
        vm.prank(proposer);
        uint64 counter = settlement.propose(draft, "uri");
        return _filled(draft, proposer, counter);
    }

    function _propose(Dataset memory made, uint64 epoch) internal returns (ISettlement.Proposal memory) {
        return _proposeAs(MALLORY, _draft(made, epoch));
    }

    /// @dev Epoch 0 is final, paid as the rule says; epoch 1 has ended.
    function _finalizeFirst() internal {
        _end(0, 3);
        Dataset memory made = _dataset(_five(0), 0);
        ISettlement.Proposal memory proposal = _proposeAs(PROPOSER, _draft(made, 0));
        vm.warp(block.timestamp + 3 hours);
        settlement.finalize(proposal);
        oldWords = made.words;
        _end(1, 3);
    }

    /// @dev Operators 0 and 1, with more than half of the bond, assent to the list; then time is where it was.
    function _assent(bytes[] memory signed) internal {
        IAssents.Assent memory list = IAssents.Assent(1, uint32(signed.length), PlainList.build(signed).top());
        uint256 now_ = block.timestamp;
        vm.warp(_endOf(1) + 10 minutes);
        _assentBy(2, 1, list);
        vm.warp(now_);
    }

    function _assentBy(uint32 operators, uint64 epoch, IAssents.Assent memory list) internal {
        uint32[] memory ids = new uint32[](operators);
        bytes[] memory signatures = new bytes[](operators);
        for (uint32 id = 0; id < operators; ++id) {
            (ids[id], signatures[id]) = (id, _assentSignature(100 + id, epoch, list));
        }
        assents.assent(epoch, list, ids, signatures);
    }

    function _assentSignature(uint256 key, uint64 epoch, IAssents.Assent memory list)
        internal
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tatum"),
                keccak256("1"),
                block.chainid,
                address(assents)
            )
        );
        bytes32 typeHash = keccak256("Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)");
        bytes32 hash = keccak256(abi.encode(typeHash, epoch, list.round, list.top, list.count));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, hash)));
        return abi.encodePacked(r, s, v);
    }

    // Openings.

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

    /// @dev Whether `key` is below as many first bytes of `leaf`.
    function _isLess(bytes memory key, bytes memory leaf) private pure returns (bool) {
        for (uint256 i = 0; i < key.length; ++i) {
            if (key[i] != leaf[i]) return key[i] < leaf[i];
        }
        return false;
    }

    // Bytes.

    function _part(bytes memory data, uint256 start, uint256 length) internal pure returns (bytes32 part) {
        for (uint256 i = 0; i < length; ++i) {
            part |= bytes32(data[start + i]) >> (8 * i);
        }
    }

    function _u64(bytes memory data, uint256 start) internal pure returns (uint64) {
        return uint64(bytes8(_part(data, start, 8)));
    }

    /// @dev A copy with `with` written over it from `start` on.
    function _patched(bytes memory data, uint256 start, bytes memory with) internal pure returns (bytes memory copy) {
        copy = bytes.concat(data);
        for (uint256 i = 0; i < with.length; ++i) {
            copy[start + i] = with[i];
        }
    }

    function _first(bytes memory data, uint256 length) internal pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[i];
        }
    }
}

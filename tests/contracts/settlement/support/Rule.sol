// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperatorFacts} from "../../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../../contracts/interfaces/IPoolFacts.sol";
import {ReceiptLib} from "../../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {SumTree} from "../../support/SumTree.sol";

/// @title The rule
/// @notice Receipts, and the distribution that the rule makes of them and of the chain's facts, worked out the plain way.
abstract contract Rule {
    /// @notice What a proposer publishes: everything under its tops.
    struct Dataset {
        bytes[] receipts;
        bytes[] edges;
        bytes32[] words;
        uint64 workNano;
    }

    uint32 internal constant MOST_OPERATORS = 8;
    uint16 internal constant PROPOSER_BPS = 25;

    /// @dev Keys of payers, in order of their addresses.
    uint256[3] internal payerKeys;

    function _pool() internal view virtual returns (IPoolFacts);

    function _operators() internal view virtual returns (IOperatorFacts);

    function _finalizedRoot() internal view virtual returns (bytes32);

    function _makePayers() internal {
        payerKeys = [uint256(11), 12, 13];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(payerKeys[j]) < vm.addr(payerKeys[i])) {
                    (payerKeys[i], payerKeys[j]) = (payerKeys[j], payerKeys[i]);
                }
            }
        }
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
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, ReceiptLib.digest(receipt, _pool().receiptDomainSeparator()));
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
        made.edges = _edgesOf(made.receipts, epoch);
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

    function _edgesOf(bytes[] memory receipts, uint64 epoch) internal view returns (bytes[] memory edges) {
        bytes[] memory found = new bytes[](receipts.length);
        uint256 count;
        uint256 totalNano;
        for (uint32 id = 0; id < MOST_OPERATORS; ++id) {
            uint256 operatorNano;
            for (uint256 payer = 0; payer < 3; ++payer) {
                (uint256 units, uint256 payerUnits, uint256 lines) = _unitsOf(receipts, _payer(payer), id);
                if (lines == 0) continue;
                uint256 nano = payerUnits == 0 ? 0 : _steered(_payer(payer), epoch) * units / payerUnits;
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

    function _steered(address payer, uint64 epoch) internal view returns (uint256) {
        uint256 feeNano = _pool().feeOf(payer, epoch) / 1e9;
        return feeNano - feeNano * _pool().poolBps() / 10_000;
    }

    function _wordsOf(bytes[] memory edges, uint64 workNano, uint64 epoch)
        internal
        view
        returns (bytes32[] memory words)
    {
        words = _entriesOf(edges, workNano, epoch);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = SumTree.leaf(words[i]);
        }
    }

    function _fundedNano(uint64 epoch) internal view returns (uint256) {
        return _pool().fundedThroughWei(epoch) / 1e9;
    }

    function _availableNano(uint64 epoch, uint256 promisedNano) internal view returns (uint64) {
        return uint64(_fundedNano(epoch) - _proposersNano(epoch) - promisedNano);
    }

    /// @dev What all pots through `epoch` leave to those who proposed, where fees are not so small that it gives way to work.
    function _proposersNano(uint64 epoch) internal view returns (uint256 nano) {
        uint256 before;
        for (uint64 e = 0; e <= epoch; ++e) {
            uint256 fundedNano = _fundedNano(e);
            nano += (fundedNano - before) * PROPOSER_BPS / 10_000;
            before = fundedNano;
        }
    }

    /// @dev What the proposer of `epoch`'s final proposal gets beside its bond.
    function _proposerWei(uint64 epoch) internal view returns (uint256) {
        return (_proposersNano(epoch) - (epoch == 0 ? 0 : _proposersNano(epoch - 1))) * 1e9;
    }

    function _entriesOf(bytes[] memory edges, uint64 workNano, uint64 epoch)
        internal
        view
        returns (bytes32[] memory entries)
    {
        entries = new bytes32[](_operators().operatorCount(epoch));
        uint256 available = _availableNano(epoch, uint64(uint256(_finalizedRoot())));
        uint256 common = available < workNano ? 0 : available - workNano;
        for (uint32 id = 0; id < entries.length; ++id) {
            uint256 work;
            for (uint256 i = 0; i < edges.length; ++i) {
                if (_part(edges[i], 0, 4) == bytes32(bytes4(id))) work += _u64(edges[i], 56);
            }
            uint256 nano = _oldNano(id) + _earned(id, epoch, work, common);
            entries[id] = SumTree.entry(id, _operators().payoutAt(id, epoch), nano);
        }
    }

    function _earned(uint32 id, uint64 epoch, uint256 work, uint256 common) internal view returns (uint256) {
        uint256 total = _operators().totalCapacityAt(epoch);
        uint256 cap = total == 0 ? 0 : _pool().potOf(epoch) / 1e9 * _operators().capacityAt(id, epoch) / total;
        uint256 whole = work < cap ? work : cap;
        uint256 rest = work - whole < 2 * cap ? work - whole : 2 * cap;
        uint256 paid = whole + rest / 2;
        if (_operators().totalBondAt(epoch) == 0) return paid;
        uint256 share = common * _operators().bondAt(id, epoch) / _operators().totalBondAt(epoch);
        uint256 limit = paid * _pool().poolLimitBps() / 10_000;
        return paid + (_pool().poolLimitBps() == 0 || share < limit ? share : limit);
    }

    /// @dev What the epoch before left an operator.
    bytes32[] internal oldWords;

    function _oldNano(uint32 id) internal view returns (uint64) {
        return id < oldWords.length ? uint64(uint256(oldWords[id])) : 0;
    }

    // Bytes.

    /// @dev Whether `key` is below as many first bytes of `leaf`.
    function _isLess(bytes memory key, bytes memory leaf) internal pure returns (bool) {
        for (uint256 i = 0; i < key.length; ++i) {
            if (key[i] != leaf[i]) return key[i] < leaf[i];
        }
        return false;
    }

    function _part(bytes memory data, uint256 start, uint256 length) internal pure returns (bytes32 part) {
        require(start + length <= data.length, "no such part");
        assembly ("memory-safe") {
            part := mload(add(add(data, 32), start))
        }
        part &= length == 32 ? bytes32(type(uint256).max) : ~(bytes32(type(uint256).max) >> (8 * length));
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
        require(length <= data.length, "no such part");
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 32), add(data, 32), length)
        }
    }
}

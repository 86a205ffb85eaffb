// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IOperatorFacts} from "../../../contracts/interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {Assents} from "../../../contracts/settlement/Assents.sol";
import {Demands} from "../../../contracts/settlement/Demands.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {ForcedReceipts} from "../../../contracts/settlement/ForcedReceipts.sol";
import {StakePool} from "../../../contracts/staking/StakePool.sol";
import {DataToken} from "../../../contracts/token/DataToken.sol";
import {Openings} from "../settlement/support/Openings.sol";
import {PlainList} from "../settlement/support/PlainList.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title What an epoch's receipts are, and how cheats spoil the distribution
/// @notice An epoch's receipts follow from its number: operators were shown them. Those that were forced come on top.
abstract contract SystemData is Openings {
    using PlainList for PlainList.List;
    using SumTree for SumTree.Tree;

    enum Kind {
        Good,
        /// Right, but for what nobody is paid by: the hash of a manifest and a place that has none.
        SideData,
        EntryTooHigh,
        StolenPayout,
        FalseWork,
        EdgeNano,
        EdgeUnits,
        DroppedEdge,
        BadReceipt,
        SwappedReceipts,
        IgnoredForced,
        IgnoredAssented,
        Extra,
        SecretReceipts,
        SecretEntries
    }

    struct Setup {
        StakePool pool;
        DataToken token;
        OperatorRegistry registry;
        ForcedReceipts forced;
        Assents assents;
        Disproofs disproofs;
        Demands demands;
        Distributor distributor;
        address honest;
        address auditor;
        address griefer;
        uint256 ownerKey;
        address[] cheats;
    }

    Setup internal s;
    /// @dev What was forced in an epoch, rubbish among it.
    mapping(uint64 epoch => bytes[]) internal _forced;
    mapping(uint64 epoch => bytes[]) private _shownOf;
    mapping(uint64 epoch => bool) private _isShown;
    /// @dev Where a spoilt dataset is wrong.
    uint256 internal _place;
    bytes internal _missing;

    function _pool() internal view override returns (IPoolFacts) {
        return IPoolFacts(address(s.pool));
    }

    function _operators() internal view override returns (IOperatorFacts) {
        return IOperatorFacts(address(s.registry));
    }

    function _finalizedRoot() internal view override returns (bytes32) {
        return s.distributor.finalizedRoot();
    }

    /// @dev The receipts of a closed epoch that operators were shown, in order of their keys.
    function _shown(uint64 epoch) internal view returns (bytes[] memory) {
        return _shownOf[epoch];
    }

    function _show(uint64 epoch) internal {
        if (_isShown[epoch]) return;
        (_isShown[epoch], _shownOf[epoch]) = (true, _makeShown(epoch));
    }

    function _makeShown(uint64 epoch) private view returns (bytes[] memory signed) {
        uint32 count = s.registry.operatorCount(epoch);
        bytes[] memory found = new bytes[](3 * count);
        uint256 length;
        for (uint256 payer = 0; payer < 3; ++payer) {
            for (uint32 id = 0; id < count; ++id) {
                uint256 seed = uint256(keccak256(abi.encode(epoch, payer, id)));
                if (seed % 3 == 0) continue;
                bytes memory one = _receipt(payer, id, epoch, 1 + uint64(seed >> 8) % 1_000_000);
                if (_isAdmissible(one, epoch)) found[length++] = one;
            }
        }
        signed = _cut(found, length);
    }

    /// @dev Of those that payers of this handler signed: rubbish says a role that there is not.
    function _isAdmissible(bytes memory one, uint64 epoch) internal view returns (bool) {
        address payer = address(bytes20(_part(one, 0, 20)));
        uint32 id = uint32(bytes4(_part(one, 20, 4)));
        if (uint8(one[88]) > 2 || id >= s.registry.operatorCount(epoch)) return false;
        if (!s.registry.nodeOf(id, _part(one, 24, 32), epoch) || s.pool.feeOf(payer, epoch) < 1e9) return false;
        uint256 quota = s.pool.quotaOf(payer, epoch);
        return quota != 0 && _u64(one, 125) <= ReceiptLib.withTolerance(quota);
    }

    /// @dev The newest admissible ones of those that were shown and forced, in order, but for one key.
    function _receiptsBut(uint64 epoch, bytes memory without) internal view returns (bytes[] memory signed) {
        bytes[] memory shown = _shown(epoch);
        bytes[] memory all = new bytes[](shown.length + _forced[epoch].length);
        uint256 length;
        for (uint256 i = 0; i < all.length; ++i) {
            bytes memory one = i < shown.length ? shown[i] : _forced[epoch][i - shown.length];
            if (i >= shown.length && !_isAdmissible(one, epoch)) continue;
            if (without.length != 0 && _isSameKey(one, without)) continue;
            length = _insert(all, length, one);
        }
        signed = _cut(all, length);
    }

    /// @dev Into its place, or in place of an older one of its key.
    function _insert(bytes[] memory sorted, uint256 length, bytes memory one) private pure returns (uint256) {
        bytes memory key = _first(one, 93);
        uint256 at = 0;
        while (at < length && !_isLess(key, sorted[at]) && !_isSameKey(one, sorted[at])) ++at;
        if (at < length && _isSameKey(one, sorted[at])) {
            if (_u64(one, 125) > _u64(sorted[at], 125)) sorted[at] = one;
            return length;
        }
        for (uint256 i = length; i > at; --i) {
            sorted[i] = sorted[i - 1];
        }
        sorted[at] = one;
        return length + 1;
    }

    /// @dev What the rule makes of receipts, each with its source: where operators were shown it, or that it was forced.
    function _rule(bytes[] memory signed, uint64 epoch) internal view returns (Dataset memory made) {
        made = _dataset(signed, epoch);
        bytes[] memory shown = _shown(epoch);
        for (uint256 i = 0; i < signed.length; ++i) {
            uint32 source = type(uint32).max;
            for (uint32 k = 0; k < shown.length; ++k) {
                if (keccak256(shown[k]) == keccak256(signed[i])) source = k;
            }
            made.receipts[i] = _patched(made.receipts[i], 310, abi.encodePacked(source));
        }
    }

    function _right(uint64 epoch) internal view returns (Dataset memory) {
        return _rule(_receiptsBut(epoch, ""), epoch);
    }

    function _draftOf(Dataset memory made, uint64 epoch, uint256 seed)
        internal
        view
        returns (ISettlement.Draft memory)
    {
        SumTree.Tree memory tree = SumTree.ofLeaves(made.words);
        return ISettlement.Draft({
            epoch: epoch,
            entriesTop: tree.levels[tree.depth][0],
            receiptsTop: PlainList.build(made.receipts).top(),
            receiptsCount: uint32(made.receipts.length),
            edgesTop: PlainList.build(made.edges).top(),
            edgesCount: uint32(made.edges.length),
            workNano: made.workNano,
            forcedHash: s.forced.hashOf(epoch),
            manifestHash: keccak256(abi.encode("manifest", seed))
        });
    }

    /// @dev A wrong dataset of this kind; `false` if the epoch has nothing to spoil so.
    function _spoilt(Kind kind, uint64 epoch, uint256 seed) internal returns (bool, Dataset memory made) {
        if (kind == Kind.IgnoredForced || kind == Kind.IgnoredAssented) return _leaveOut(kind, epoch, seed);
        if (kind == Kind.Extra) return _addOne(epoch);
        made = _right(epoch);
        if (kind == Kind.EntryTooHigh || kind == Kind.StolenPayout) {
            return (_spoilEntry(made, kind, epoch, seed), made);
        }
        if (kind == Kind.FalseWork) {
            made.workNano += 1;
            return (true, made);
        }
        if (kind == Kind.SecretReceipts || kind == Kind.BadReceipt || kind == Kind.SwappedReceipts) {
            return (_spoilReceipts(made, kind, seed), made);
        }
        if (kind == Kind.SecretEntries) return (made.words.length > 1, made);
        if (kind == Kind.SideData) return (true, made);
        return (_spoilEdge(made, kind, seed), made);
    }

    function _spoilEntry(Dataset memory made, Kind kind, uint64 epoch, uint256 seed) private returns (bool) {
        if (made.words.length == 0) return false;
        _place = seed % made.words.length;
        uint64 nano = uint64(uint256(made.words[_place]));
        if (kind == Kind.EntryTooHigh) ++nano;
        address to = kind == Kind.StolenPayout ? s.cheats[0] : s.registry.payoutAt(uint32(_place), epoch);
        made.words[_place] = SumTree.leaf(SumTree.entry(_place, to, nano));
        return true;
    }

    function _spoilReceipts(Dataset memory made, Kind kind, uint256 seed) private returns (bool) {
        uint256 count = made.receipts.length;
        if (count == 0) return false;
        _place = seed % count;
        if (kind == Kind.BadReceipt) made.receipts[_place] = _patched(made.receipts[_place], 133, hex"c0ffee");
        if (kind != Kind.SwappedReceipts) return true;
        if (_place == 0) return false;
        (made.receipts[_place - 1], made.receipts[_place]) = (made.receipts[_place], made.receipts[_place - 1]);
        return true;
    }

    function _spoilEdge(Dataset memory made, Kind kind, uint256 seed) private returns (bool) {
        if (made.edges.length == 0) return false;
        _place = seed % made.edges.length;
        bytes memory edge = made.edges[_place];
        _missing = edge;
        if (kind == Kind.EdgeNano) {
            made.edges[_place] = _patched(edge, 56, abi.encodePacked(_u64(edge, 56) + 1));
        } else if (kind == Kind.EdgeUnits) {
            made.edges[_place] = _patched(edge, 24, abi.encodePacked(uint128(bytes16(_part(edge, 24, 16))) + 1));
        } else {
            made.edges = _without(made.edges, _place);
        }
        return true;
    }

    /// @dev The rule's image of fewer receipts: all of it is right but that one is left out.
    function _leaveOut(Kind kind, uint64 epoch, uint256 seed) private returns (bool, Dataset memory made) {
        bytes[] memory among = kind == Kind.IgnoredForced ? _forced[epoch] : _shown(epoch);
        bool assented = s.assents.assentOf(epoch).round != 0;
        if (among.length == 0 || (kind == Kind.IgnoredAssented && !assented)) return (false, made);
        bytes memory one = among[seed % among.length];
        if (!_isAdmissible(one, epoch)) return (false, made);
        (_missing, _place) = (one, seed % among.length);
        return (true, _rule(_receiptsBut(epoch, one), epoch));
    }

    /// @dev One more than operators assented to, which nobody forced.
    function _addOne(uint64 epoch) private returns (bool, Dataset memory made) {
        if (s.registry.operatorCount(epoch) == 0 || s.assents.assentOf(epoch).round == 0) return (false, made);
        bytes memory more = _ofReader(2, 0, epoch, 10_000, 77);
        if (!_isAdmissible(more, epoch)) return (false, made);
        bytes[] memory signed = _receiptsBut(epoch, "");
        bytes[] memory all = new bytes[](signed.length + 1);
        uint256 length;
        for (uint256 i = 0; i < signed.length; ++i) {
            length = _insert(all, length, signed[i]);
        }
        _insert(all, length, more);
        _missing = more;
        return (true, _rule(all, epoch));
    }

    function _isSameKey(bytes memory one, bytes memory other) internal pure returns (bool same) {
        assembly ("memory-safe") {
            same := eq(keccak256(add(one, 32), 93), keccak256(add(other, 32), 93))
        }
    }

    function _cut(bytes[] memory found, uint256 length) private pure returns (bytes[] memory list) {
        list = new bytes[](length);
        for (uint256 i = 0; i < length; ++i) {
            list[i] = found[i];
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {Judge} from "../../../contracts/settlement/Judge.sol";
import {ReceiptDisproofs} from "../../../contracts/settlement/ReceiptDisproofs.sol";
import {ListReader} from "../../../contracts/settlement/ListReader.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Trial} from "./support/Trial.sol";

/// @title Disproofs of receipts: each true, false, and with the wrong lines
contract ReceiptDisproofsTest is Trial {
    function test_AReceiptOfAnotherLength() external {
        Dataset memory made = right;
        made.receipts[2] = _first(made.receipts[2], 313);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badReceipt(p, made, 1), Judge.NothingWrong.selector);
        _fails(_badReceiptStep(p, made, 2), ListReader.OpeningInvalid.selector);
        _fails(_badReceiptStep(p, made, 3), ListReader.OpeningInvalid.selector);
        _disproves(p, _badReceipt(p, made, 2));
    }

    /// Whatever makes a receipt inadmissible disproves the proposal that lists it.
    function test_EveryInadmissibleReceipt() external {
        for (uint256 fault = 0; fault < 14; ++fault) {
            bytes[] memory one = new bytes[](1);
            one[0] = _inadmissible(fault);
            Dataset memory made = _dataset(one, 1);
            ISettlement.Proposal memory p = _propose(made, 1);
            _disproves(p, _badReceipt(p, made, 0));
        }
    }

    function test_AReceiptUpToTheToleranceIsAdmissible() external {
        facts.setPool(1000, 5000, 1000);
        for (uint64 beyond = 0; beyond < 2; ++beyond) {
            bytes[] memory one = new bytes[](1);
            one[0] = _receipt(0, 0, 1, 1100 + beyond);
            Dataset memory made = _dataset(one, 1);
            ISettlement.Proposal memory p = _propose(made, 1);
            if (beyond == 0) _fails(_badReceipt(p, made, 0), Judge.NothingWrong.selector);
            else _disproves(p, _badReceipt(p, made, 0));
            if (beyond == 0) {
                vm.warp(block.timestamp + 3 hours);
                settlement.withdrawBond(p);
            }
        }
    }

    function test_AReceiptByASessionKeyIsAdmissible() external {
        bytes[] memory one = new bytes[](1);
        one[0] = _signed(_fields(0, 0, 1, 1000), 99);
        facts.setKey(_payer(0), vm.addr(99), true);
        Dataset memory made = _dataset(one, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badReceipt(p, made, 0), Judge.NothingWrong.selector);
    }

    function test_ReceiptsOutOfOrder() external {
        Dataset memory made = right;
        (made.receipts[0], made.receipts[1]) = (made.receipts[1], made.receipts[0]);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badReceiptStep(p, made, 1));
    }

    /// Totals are right: it is the key alone that stands there twice.
    function test_AReceiptTwice() external {
        bytes[] memory two = new bytes[](2);
        (two[0], two[1]) = (_receipt(0, 0, 1, 10), _receipt(0, 0, 1, 20));
        Dataset memory made = _dataset(two, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badReceiptStep(p, made, 1));
    }

    /// Among its steps are another reader, another operator and another payer.
    function test_AListThatIsRightHasNoBadStep() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint256 g = 0; g < 5; ++g) {
            _fails(_badReceiptStep(p, made, g), Judge.NothingWrong.selector);
        }
    }

    function test_KeysAreComparedToTheirLastByte() external {
        bytes[] memory two = new bytes[](2);
        (two[0], two[1]) = (_ofReader(0, 0, 1, 10, 256), _ofReader(0, 0, 1, 20, 255));
        Dataset memory made = _dataset(two, 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _badReceiptStep(p, made, 1));
    }

    function test_TotalsThatAreOff() external {
        // edgeUnits at 278, payerUnits at 294; the first, one within an edge, one within a payer, and a new payer's.
        uint256[4] memory lines = [uint256(0), 1, 2, 3];
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 field = 278; field <= 294; field += 16) {
                Dataset memory made = right;
                uint128 units = uint128(bytes16(_part(made.receipts[lines[i]], field, 16)));
                made.receipts[lines[i]] = _patched(made.receipts[lines[i]], field, abi.encodePacked(units + 1));
                ISettlement.Proposal memory p = _propose(made, 1);
                _disproves(p, _badReceiptStep(p, made, lines[i]));
            }
        }
    }

    function test_BehindTheLastReceiptThereIsNoStep() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_badReceiptStep(p, made, 5), ListReader.OpeningInvalid.selector);
    }

    /// An absent neighbour where there is one, or one where there is none, or a gap beyond the list.
    function test_AGapNeedsItsNeighbours() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        ISettlement.Gap memory gap = _gap(made.receipts, 0);
        (gap.left, gap.leftPath) = (gap.right, gap.rightPath);
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 2);
        gap.left = "";
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 2);
        gap.right = "";
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 5);
        (gap.right, gap.rightPath) = (gap.left, gap.leftPath);
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 5);
        gap.index = 6;
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 3);
        gap.index = 2;
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
        gap = _gap(made.receipts, 3);
        gap.rightPath = gap.leftPath;
        _fails(abi.encodeCall(ReceiptDisproofs.badReceiptStep, (p, gap)), ListReader.OpeningInvalid.selector);
    }

    // Forced receipts.

    function test_AForcedReceiptThatIsLeftOut() external {
        bytes memory more = _receipt(1, 1, 1, 4000);
        _force(1, more);
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _ignoredForced(p, made, more));
    }

    function test_AForcedReceiptBeforeAllOthersAndInAnEmptyList() external {
        bytes memory more = _ofReader(0, 0, 1, 10, 0);
        _force(1, more);
        Dataset memory made = _dataset(new bytes[](0), 1);
        ISettlement.Proposal memory p = _propose(made, 1);
        _disproves(p, _ignoredForced(p, made, more));
    }

    /// Sequence 7 with 1000 bytes on time is listed: what ranks below it was rightly left out, however high its sequence.
    function test_OfAKeyTheReceiptWithTheMostOnTimeCounts() external {
        uint64[4] memory onTime = [uint64(999), 1000, 1000, 1001];
        uint64[4] memory sequences = [type(uint64).max / 2, 6, 8, 1];
        bool[4] memory isNewer = [false, false, true, true];
        for (uint256 i = 0; i < 4; ++i) {
            ReceiptLib.Receipt memory receipt = _fields(0, 0, 1, onTime[i]);
            receipt.sequence = sequences[i];
            bytes memory signed = _signed(receipt, payerKeys[0]);
            _force(1, signed);
            Dataset memory made = right;
            ISettlement.Proposal memory p = _propose(made, 1);
            if (isNewer[i]) _disproves(p, _ignoredForced(p, made, signed));
            else _fails(_ignoredForced(p, made, signed), Judge.NothingWrong.selector);
            if (!isNewer[i]) _withdraw(p);
        }
    }

    function test_AForcedReceiptThatIsThereWasNotIgnored() external {
        Dataset memory made = right;
        bytes memory listed = _first(made.receipts[2], 278);
        _force(1, listed);
        ISettlement.Proposal memory p = _propose(made, 1);
        // The gap before it would show nothing left of it.
        for (uint256 g = 0; g <= 5; ++g) {
            bytes memory call = abi.encodeCall(ReceiptDisproofs.ignoredForced, (p, listed, _gap(made.receipts, g)));
            _fails(call, g == 3 ? Judge.NothingWrong.selector : ListReader.OpeningInvalid.selector);
        }
    }

    /// Rubbish that was forced may be left out, and must be.
    function test_AnInadmissibleForcedReceiptIsRightlyLeftOut() external {
        bytes memory rubbish = _inadmissible(0);
        _force(1, rubbish);
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_ignoredForced(p, made, rubbish), Judge.NothingWrong.selector);
    }

    function test_AReceiptThatNobodyForcedWasNotIgnored() external {
        Dataset memory made = right;
        bytes memory more = _receipt(1, 1, 1, 4000);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_ignoredForced(p, made, more), ListReader.OpeningInvalid.selector);
        ISettlement.Gap memory around = _gapBehind(made.receipts, _first(more, 93));
        bytes memory long = bytes.concat(more, hex"00");
        _fails(abi.encodeCall(ReceiptDisproofs.ignoredForced, (p, long, around)), ListReader.OpeningInvalid.selector);
    }

    function test_AReceiptIsIgnoredInItsGapOnly() external {
        bytes memory more = _receipt(1, 1, 1, 4000);
        _force(1, more);
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        for (uint256 g = 0; g <= 5; ++g) {
            bytes memory call = abi.encodeCall(ReceiptDisproofs.ignoredForced, (p, more, _gap(made.receipts, g)));
            if (g != 4) _fails(call, ListReader.OpeningInvalid.selector);
        }
        _disproves(p, _ignoredForced(p, made, more));
    }

    // With an assent.

    function test_AnAssentedReceiptThatIsLeftOut() external {
        bytes[] memory list = _five(1);
        Dataset memory made = _dataset(_without(list, 2), 1);
        _assent(list);
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_ignoredAssented(p, made, list, 0), Judge.NothingWrong.selector);
        _disproves(p, _ignoredAssented(p, made, list, 2));
    }

    function test_RubbishInTheAssentedListIsNobodysReceipt() external {
        bytes[] memory list = _five(1);
        list[1] = bytes.concat(list[1], hex"00");
        _assent(list);
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_ignoredAssented(p, made, list, 1), ListReader.OpeningInvalid.selector);
    }

    function test_AReceiptThatWasNeitherAssentedToNorForced() external {
        _assent(_without(_five(1), 4));
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_extra(p, made, _without(_five(1), 4), 0), Judge.NothingWrong.selector);
        // Its source is beyond the list.
        _disproves(p, _extra(p, made, _without(_five(1), 4), 4));
        // It says it stands where another does.
        made.receipts[4] = _patched(made.receipts[4], 310, abi.encodePacked(uint32(0)));
        p = _propose(made, 1);
        _disproves(p, _extra(p, made, _without(_five(1), 4), 4));
        // It says it was forced.
        made.receipts[4] = _patched(made.receipts[4], 310, abi.encodePacked(type(uint32).max));
        p = _propose(made, 1);
        _disproves(p, _extra(p, made, _without(_five(1), 4), 4));
    }

    function test_AForcedReceiptIsNotExtra() external {
        bytes[] memory list = _without(_five(1), 4);
        _assent(list);
        _forceAt(_endOf(1) + 1 hours, 1, _five(1)[4]);
        Dataset memory made = right;
        made.receipts[4] = _patched(made.receipts[4], 310, abi.encodePacked(type(uint32).max));
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_extra(p, made, list, 4), Judge.NothingWrong.selector);
    }

    function test_WithoutAnAssentNothingIsExtra() external {
        Dataset memory made = right;
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_extra(p, made, _five(1), 0), Judge.NothingWrong.selector);
    }

    function test_ExtraNeedsAReceiptAndTheWordAtItsSource() external {
        bytes[] memory list = _five(1);
        _assent(list);
        Dataset memory made = right;
        made.receipts[4] = bytes.concat(made.receipts[4], hex"00");
        ISettlement.Proposal memory p = _propose(made, 1);
        _fails(_extra(p, made, list, 4), ListReader.OpeningInvalid.selector);
        ISettlement.Line memory line = _line(made.receipts, 1);
        ISettlement.Line memory other = _line(list, 2);
        bytes memory call = abi.encodeCall(ReceiptDisproofs.extra, (p, line, keccak256(other.leaf), other.path));
        _fails(call, ListReader.OpeningInvalid.selector);
    }

    function _inadmissible(uint256 fault) private view returns (bytes memory) {
        ReceiptLib.Receipt memory receipt = _fields(0, 0, 1, 1000);
        if (fault == 0) receipt.role = 3;
        if (fault == 1) receipt.messages = 0;
        if (fault == 2) receipt.payloadBytes = 2 ** 40 + 1;
        if (fault == 3) receipt.payloadBytes = 999;
        if (fault == 4) receipt.channel = keccak256("channel");
        if (fault == 5) receipt.owed = 1;
        if (fault == 6) receipt.epoch = 0;
        if (fault == 7) receipt.operatorId = 3;
        if (fault == 8) receipt.node = _node(1);
        if (fault == 9) receipt.sequence = 2 ** 63;
        if (fault == 10) receipt.bytesOnTime = 2e9;
        if (fault == 10) receipt.payloadBytes = 2e9;
        if (fault == 11) return _signed(receipt, payerKeys[1]);
        if (fault == 12) return bytes.concat(ReceiptLib.encode(receipt), new bytes(65));
        // A payer without a stake.
        if (fault == 13) return _receipt(2, 0, 1, 1000);
        return _signed(receipt, payerKeys[0]);
    }

    function _withdraw(ISettlement.Proposal memory p) private {
        uint256 now_ = block.timestamp;
        vm.warp(now_ + 3 hours);
        settlement.withdrawBond(p);
        vm.warp(now_);
    }

    function _force(uint64 epoch, bytes memory signed) private {
        _forceAt(_endOf(epoch), epoch, signed);
    }

    function _forceAt(uint256 time, uint64 epoch, bytes memory signed) private {
        uint256 now_ = block.timestamp;
        vm.warp(time);
        bytes[] memory list = new bytes[](1);
        list[0] = signed;
        forced.forceReceipts(epoch, list);
        vm.warp(now_);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract ReceiptLibTest {
    bytes32 private constant DOMAIN = keccak256("domain");

    function test_OnlyTheSignerOfTheVeryBytesIsRecovered() external pure {
        ReceiptLib.Receipt memory receipt = _receipt();
        bytes memory signature = _sign(7, ReceiptLib.digest(receipt, DOMAIN));
        vm.assertEq(ReceiptLib.signer(receipt, DOMAIN, signature), vm.addr(7));
        vm.assertTrue(ReceiptLib.signer(receipt, keccak256("other"), signature) != vm.addr(7));
        receipt.messages += 1;
        vm.assertTrue(ReceiptLib.signer(receipt, DOMAIN, signature) != vm.addr(7));
    }

    function test_EveryFieldIsHashed() external pure {
        bytes32 hash = ReceiptLib.hash(_receipt());
        ReceiptLib.Receipt[14] memory changed;
        for (uint256 i = 0; i < 14; ++i) {
            changed[i] = _receipt();
        }
        changed[0].payer = address(9);
        changed[1].operatorId = 9;
        changed[2].node = keccak256("9");
        changed[3].streamKey = keccak256("9");
        changed[4].role = 2;
        changed[5].epoch = 9;
        changed[6].sequence = 9;
        changed[7].messages = 9;
        changed[8].payloadBytes = 9;
        changed[9].bytesOnTime = 9;
        changed[10].contents = keccak256("9");
        changed[11].channel = keccak256("9");
        changed[12].owed = 9;
        changed[13].reader = 9;
        for (uint256 i = 0; i < 14; ++i) {
            vm.assertTrue(ReceiptLib.hash(changed[i]) != hash);
            vm.assertTrue(keccak256(ReceiptLib.encode(changed[i])) != keccak256(ReceiptLib.encode(_receipt())));
        }
    }

    function test_TheCanonicalFormHas213Bytes() external pure {
        bytes memory encoded = ReceiptLib.encode(_receipt());
        vm.assertEq(encoded.length, 213);
        vm.assertEq(ReceiptLib.leaf(_receipt(), new bytes(65)), keccak256(abi.encodePacked(encoded, new bytes(65))));
    }

    function test_WhenASignatureIsNotCanonical_NobodySigned() external pure {
        bytes32 digest = ReceiptLib.digest(_receipt(), DOMAIN);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(7, digest);
        bytes32 highS = bytes32(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - uint256(s));
        uint8 otherV = v == 27 ? 28 : 27;
        _assertNobody(abi.encodePacked(r, highS, otherV));
        _assertNobody(abi.encodePacked(r, s, v - 27));
        _assertNobody(abi.encodePacked(r, s, v, uint8(0)));
        _assertNobody(abi.encodePacked(r, s));
        _assertNobody("");
    }

    function test_EachFlawIsFound() external pure {
        ReceiptLib.Receipt memory receipt = _receipt();
        _assertFlaw(receipt, ReceiptLib.Flaw.None);
        receipt.role = 3;
        _assertFlaw(receipt, ReceiptLib.Flaw.RoleUnknown);
        receipt = _receipt();
        receipt.epoch = 2 ** 63;
        _assertFlaw(receipt, ReceiptLib.Flaw.CounterTooLarge);
        receipt = _receipt();
        receipt.sequence = 2 ** 63;
        _assertFlaw(receipt, ReceiptLib.Flaw.CounterTooLarge);
        receipt = _receipt();
        receipt.messages = 2 ** 63;
        _assertFlaw(receipt, ReceiptLib.Flaw.CounterTooLarge);
        receipt = _receipt();
        receipt.payloadBytes = 2 ** 40 + 1;
        _assertFlaw(receipt, ReceiptLib.Flaw.CounterTooLarge);
        receipt = _receipt();
        receipt.messages = 0;
        _assertFlaw(receipt, ReceiptLib.Flaw.NothingDelivered);
        receipt = _receipt();
        receipt.bytesOnTime = receipt.payloadBytes + 1;
        _assertFlaw(receipt, ReceiptLib.Flaw.OnTimeExceedsBytes);
        receipt = _receipt();
        receipt.channel = bytes32(uint256(1));
        _assertFlaw(receipt, ReceiptLib.Flaw.InChannel);
        receipt = _receipt();
        receipt.owed = 1;
        _assertFlaw(receipt, ReceiptLib.Flaw.InChannel);
        receipt = _receipt();
        (receipt.epoch, receipt.sequence, receipt.messages) = (2 ** 63 - 1, 2 ** 63 - 1, 2 ** 63 - 1);
        (receipt.bytesOnTime, receipt.payloadBytes, receipt.role) = (2 ** 40, 2 ** 40, 2);
        _assertFlaw(receipt, ReceiptLib.Flaw.None);
    }

    function test_EachFactIsAsked() external pure {
        _assertFlawOf(_facts(), ReceiptLib.Flaw.None);
        ReceiptLib.Facts memory facts = _facts();
        facts.epoch = 4;
        _assertFlawOf(facts, ReceiptLib.Flaw.OtherEpoch);
        facts = _facts();
        facts.operatorCount = 2;
        _assertFlawOf(facts, ReceiptLib.Flaw.UnknownOperator);
        facts = _facts();
        facts.nodeIsOperators = false;
        _assertFlawOf(facts, ReceiptLib.Flaw.UnknownNode);
        facts = _facts();
        facts.feeWei = 1e9 - 1;
        _assertFlawOf(facts, ReceiptLib.Flaw.NoStake);
        facts = _facts();
        facts.quotaBytes = 0;
        _assertFlawOf(facts, ReceiptLib.Flaw.NoStake);
        facts.quotaBytes = 4;
        _assertFlawOf(facts, ReceiptLib.Flaw.OverQuota);
        facts = _facts();
        facts.signerMaySign = false;
        _assertFlawOf(facts, ReceiptLib.Flaw.WrongSigner);
    }

    function testFuzz_ToleranceIsATwentiethTwiceAndTheSecondIsBounded(uint256 quotaBytes) external pure {
        uint256 most = ReceiptLib.withTolerance(quotaBytes);
        vm.assertTrue(most >= quotaBytes);
        if (quotaBytes <= type(uint128).max) {
            uint256 part = quotaBytes / 20;
            vm.assertEq(most - quotaBytes - part, part < 2 ** 26 ? part : 2 ** 26);
        }
    }

    function test_BytesOnTimeRankBeforeASequenceAndThatBeforeAHash() external pure {
        ReceiptLib.Receipt memory one = _receipt();
        ReceiptLib.Receipt memory other = _receipt();
        other.sequence = 2 ** 63 - 1;
        other.bytesOnTime = one.bytesOnTime - 1;
        vm.assertTrue(ReceiptLib.outranks(one, other) && !ReceiptLib.outranks(other, one));
        other.bytesOnTime = one.bytesOnTime;
        vm.assertTrue(ReceiptLib.outranks(other, one) && !ReceiptLib.outranks(one, other));
        other = _receipt();
        other.messages += 1;
        vm.assertTrue(ReceiptLib.outranks(one, other) == (ReceiptLib.hash(one) > ReceiptLib.hash(other)));
        vm.assertTrue(ReceiptLib.outranks(one, other) != ReceiptLib.outranks(other, one));
        vm.assertFalse(ReceiptLib.outranks(one, _receipt()));
    }

    function _assertNobody(bytes memory signature) private pure {
        vm.assertEq(ReceiptLib.signer(_receipt(), DOMAIN, signature), address(0));
    }

    function _assertFlaw(ReceiptLib.Receipt memory receipt, ReceiptLib.Flaw flaw) private pure {
        vm.assertEq(uint256(ReceiptLib.ownFlaw(receipt)), uint256(flaw));
        ReceiptLib.Facts memory facts = _facts();
        (facts.epoch, facts.quotaBytes) = (receipt.epoch, 2 ** 41);
        vm.assertEq(uint256(ReceiptLib.flaw(receipt, facts)), uint256(flaw));
    }

    function _assertFlawOf(ReceiptLib.Facts memory facts, ReceiptLib.Flaw flaw) private pure {
        vm.assertEq(uint256(ReceiptLib.flaw(_receipt(), facts)), uint256(flaw));
    }

    function _facts() private pure returns (ReceiptLib.Facts memory) {
        return ReceiptLib.Facts({
            epoch: 3, operatorCount: 3, nodeIsOperators: true, feeWei: 1e9, quotaBytes: 5, signerMaySign: true
        });
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _receipt() private pure returns (ReceiptLib.Receipt memory) {
        return ReceiptLib.Receipt({
            payer: address(1),
            operatorId: 2,
            node: keccak256("node"),
            streamKey: keccak256("stream"),
            role: 0,
            reader: 1,
            epoch: 3,
            sequence: 4,
            messages: 5,
            payloadBytes: 6,
            bytesOnTime: 5,
            contents: keccak256("contents"),
            channel: bytes32(0),
            owed: 0
        });
    }
}

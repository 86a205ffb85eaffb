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
        ReceiptLib.Receipt[13] memory changed;
        for (uint256 i = 0; i < 13; ++i) {
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
        changed[9].onTime = 9;
        changed[10].contents = keccak256("9");
        changed[11].channel = keccak256("9");
        changed[12].owed = 9;
        for (uint256 i = 0; i < 13; ++i) {
            vm.assertTrue(ReceiptLib.hash(changed[i]) != hash);
            vm.assertTrue(keccak256(ReceiptLib.encode(changed[i])) != keccak256(ReceiptLib.encode(_receipt())));
        }
    }

    function test_TheCanonicalFormHas209Bytes() external pure {
        bytes memory encoded = ReceiptLib.encode(_receipt());
        vm.assertEq(encoded.length, 209);
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
        receipt.onTime = receipt.messages + 1;
        _assertFlaw(receipt, ReceiptLib.Flaw.OnTimeExceedsMessages);
        receipt = _receipt();
        (receipt.epoch, receipt.sequence, receipt.messages) = (2 ** 63 - 1, 2 ** 63 - 1, 2 ** 63 - 1);
        (receipt.onTime, receipt.payloadBytes, receipt.role) = (2 ** 63 - 1, 2 ** 40, 2);
        _assertFlaw(receipt, ReceiptLib.Flaw.None);
    }

    function _assertNobody(bytes memory signature) private pure {
        vm.assertEq(ReceiptLib.signer(_receipt(), DOMAIN, signature), address(0));
    }

    function _assertFlaw(ReceiptLib.Receipt memory receipt, ReceiptLib.Flaw flaw) private pure {
        vm.assertEq(uint256(ReceiptLib.flaw(receipt)), uint256(flaw));
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
            epoch: 3,
            sequence: 4,
            messages: 5,
            payloadBytes: 6,
            onTime: 5,
            contents: keccak256("contents"),
            channel: bytes32(0),
            owed: 0
        });
    }
}

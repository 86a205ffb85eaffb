// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title Shared vectors of receipts
/// @notice The same file is made and read by `crates/receipt`; see tests/vectors/README.md.
contract ReceiptVectorsTest {
    string private json;

    function setUp() external {
        json = vm.readFile("tests/vectors/receipts.json");
    }

    function test_ReceiptsHaveTheSharedHashesAndSigners() external view {
        uint256 count = _count(".receipts[");
        vm.assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".receipts[", vm.toString(i), "].");
            ReceiptLib.Receipt memory receipt = _receipt(case_);
            bytes32 domain = _domain(case_);
            bytes memory signature = vm.parseJsonBytes(json, string.concat(case_, "signature"));
            vm.assertEq(domain, _word(case_, "domain_separator"));
            vm.assertEq(ReceiptLib.hash(receipt), _word(case_, "struct_hash"));
            vm.assertEq(ReceiptLib.digest(receipt, domain), _word(case_, "digest"));
            vm.assertEq(ReceiptLib.signer(receipt, domain, signature), _address(case_, "signer"));
            vm.assertEq(ReceiptLib.leaf(receipt, signature), _word(case_, "leaf"));
            vm.assertEq(
                bytes.concat(ReceiptLib.encode(receipt), signature),
                vm.parseJsonBytes(json, string.concat(case_, "encoded"))
            );
        }
    }

    function test_SharedInvalidSignaturesRecoverNobodyOrAnother() external view {
        uint256 count = _count(".invalid_signatures[");
        vm.assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".invalid_signatures[", vm.toString(i), "].");
            bytes memory signature = vm.parseJsonBytes(json, string.concat(case_, "signature"));
            (address recovered,,) = ECDSA.tryRecover(_word(case_, "digest"), signature);
            vm.assertTrue(recovered != _address(case_, "signer"));
        }
    }

    function test_EachSharedRankOutranksTheOneBefore() external view {
        uint256 count = _count(".ranks[");
        vm.assertGt(count, 0);
        ReceiptLib.Receipt memory before;
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".ranks[", vm.toString(i), "].");
            ReceiptLib.Receipt memory receipt = _receipt(".receipts[0].");
            receipt.bytesOnTime = uint64(_uint(case_, "bytes_on_time"));
            receipt.sequence = uint64(_uint(case_, "sequence"));
            receipt.messages = uint64(_uint(case_, "messages"));
            vm.assertEq(ReceiptLib.hash(receipt), _word(case_, "struct_hash"));
            if (i > 0) {
                vm.assertTrue(ReceiptLib.outranks(receipt, before));
                vm.assertFalse(ReceiptLib.outranks(before, receipt));
            }
            vm.assertFalse(ReceiptLib.outranks(receipt, receipt));
            before = receipt;
        }
    }

    function test_SharedCasesOfAdmissibilityAreDecidedAlike() external view {
        uint256 count = _count(".admissibility[");
        vm.assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory case_ = string.concat(".admissibility[", vm.toString(i), "].");
            ReceiptLib.Flaw flaw = ReceiptLib.flaw(_changed(case_), _facts(case_));
            string memory outcome = vm.parseJsonString(json, string.concat(case_, "outcome"));
            vm.assertEq(string.concat(case_, _code(flaw)), string.concat(case_, outcome));
        }
    }

    function _changed(string memory case_) private view returns (ReceiptLib.Receipt memory receipt) {
        receipt = _receipt(".receipts[0].");
        receipt.operatorId = uint32(_uint(case_, "operator_id"));
        receipt.epoch = uint64(_uint(case_, "epoch"));
        receipt.sequence = uint64(_uint(case_, "sequence"));
        receipt.messages = uint64(_uint(case_, "messages"));
        receipt.payloadBytes = uint64(_uint(case_, "bytes"));
        receipt.bytesOnTime = uint64(_uint(case_, "bytes_on_time"));
        receipt.channel = _word(case_, "channel");
        receipt.owed = uint128(_uint(case_, "owed"));
    }

    function _facts(string memory case_) private view returns (ReceiptLib.Facts memory facts) {
        facts.epoch = uint64(_uint(case_, "in_epoch"));
        facts.operatorCount = uint32(_uint(case_, "operator_count"));
        facts.nodeIsOperators = vm.parseJsonBool(json, string.concat(case_, "node_is_operators"));
        facts.feeWei = _uint(case_, "fee_wei");
        facts.quotaBytes = _uint(case_, "quota_bytes");
        facts.signerMaySign = vm.parseJsonBool(json, string.concat(case_, "signer_may_sign"));
    }

    /// What Rust calls the rejection. Which side of an epoch a receipt is on, a predicate does not ask.
    function _code(ReceiptLib.Flaw flaw) private pure returns (string memory) {
        if (flaw == ReceiptLib.Flaw.None) return "admissible";
        if (flaw <= ReceiptLib.Flaw.OnTimeExceedsBytes) return "out_of_bounds";
        if (flaw == ReceiptLib.Flaw.InChannel) return "channel";
        if (flaw == ReceiptLib.Flaw.OtherEpoch) return "other_epoch";
        if (flaw == ReceiptLib.Flaw.UnknownOperator) return "unknown_operator";
        if (flaw == ReceiptLib.Flaw.UnknownNode) return "unknown_node";
        if (flaw == ReceiptLib.Flaw.NoStake) return "no_stake";
        if (flaw == ReceiptLib.Flaw.OverQuota) return "over_quota";
        return "unauthorized_signer";
    }

    function _count(string memory list) private view returns (uint256 count) {
        while (vm.keyExistsJson(json, string.concat(list, vm.toString(count), "]"))) ++count;
    }

    function _domain(string memory case_) private view returns (bytes32) {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(
            abi.encode(
                typehash, keccak256("Tatum"), keccak256("1"), _uint(case_, "chain_id"), _address(case_, "stake_pool")
            )
        );
    }

    function _receipt(string memory case_) private view returns (ReceiptLib.Receipt memory receipt) {
        receipt.payer = _address(case_, "payer");
        receipt.operatorId = uint32(_uint(case_, "operator_id"));
        receipt.node = _word(case_, "node");
        receipt.streamKey = _word(case_, "stream_key");
        receipt.role = uint8(_uint(case_, "role"));
        receipt.reader = uint32(_uint(case_, "reader"));
        receipt.epoch = uint64(_uint(case_, "epoch"));
        receipt.sequence = uint64(_uint(case_, "sequence"));
        receipt.messages = uint64(_uint(case_, "messages"));
        receipt.payloadBytes = uint64(_uint(case_, "bytes"));
        receipt.bytesOnTime = uint64(_uint(case_, "bytes_on_time"));
        receipt.contents = _word(case_, "contents");
        receipt.channel = _word(case_, "channel");
        receipt.owed = uint128(_uint(case_, "owed"));
    }

    function _word(string memory case_, string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(case_, key));
    }

    function _address(string memory case_, string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, string.concat(case_, key));
    }

    function _uint(string memory case_, string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(case_, key));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelReceipt, ReceiptWords} from "../../../contracts/channels/ChannelReceipt.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title A receipt in calldata is the receipt of ReceiptLib
contract ChannelReceiptTest {
    struct Seen {
        address payer;
        uint32 operatorId;
        uint256 role;
        uint64 epoch;
        bytes32 channel;
        uint256 owedWei;
        uint256 pair;
        bytes32 lane;
        address signer;
    }

    function testFuzz_AReceiptIsReadAsReceiptLibWritesIt(ReceiptLib.Receipt memory receipt, bytes32 domain, uint256 key)
        external
        view
    {
        key = 1 + key % (type(uint256).max / 3);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, ReceiptLib.digest(receipt, domain));
        bytes memory signature = abi.encodePacked(r, s, v);
        Seen memory seen = this.see(bytes.concat(hex"abcdef", ReceiptLib.encode(receipt), signature), domain);
        vm.assertEq(seen.payer, receipt.payer);
        vm.assertEq(seen.operatorId, receipt.operatorId);
        vm.assertEq(seen.role, receipt.role);
        vm.assertEq(seen.epoch, receipt.epoch);
        vm.assertEq(seen.channel, receipt.channel);
        vm.assertEq(seen.owedWei, receipt.owed);
        vm.assertEq(seen.pair, uint256(uint160(receipt.payer)) << 32 | receipt.operatorId);
        bytes32 lane =
            keccak256(abi.encodePacked(receipt.channel, receipt.node, receipt.streamKey, receipt.role, receipt.reader));
        vm.assertEq(seen.lane, lane);
        vm.assertEq(seen.signer, vm.addr(key));
    }

    function testFuzz_SignersAreThoseOfReceiptLib(ReceiptLib.Receipt memory receipt, bytes memory seed, uint8 v)
        external
        view
    {
        bytes memory signature = abi.encodePacked(keccak256(seed), keccak256(abi.encode(seed)), v % 2 == 0 ? v : 27);
        address expected = ReceiptLib.signer(receipt, 0, signature);
        bytes memory signed = bytes.concat(hex"abcdef", ReceiptLib.encode(receipt), signature);
        vm.assertEq(this.see(signed, 0).signer, expected);
    }

    /// The precompile writes nothing where no key gives the signature: what lay there before, such as a payer, has not signed.
    function test_NobodySignedWhatNoKeyCanHaveSigned() external view {
        ReceiptLib.Receipt memory receipt;
        bytes memory signature = abi.encodePacked(bytes32(0), bytes32(uint256(1)), uint8(27));
        vm.assertEq(this.signerOver(bytes.concat(ReceiptLib.encode(receipt), signature), address(0xa11ce)), address(0));
    }

    /// @dev Who signed, where `before` lies in the scratch space.
    function signerOver(bytes calldata signed, address before) external view returns (address signer) {
        uint256 place;
        assembly {
            place := signed.offset
        }
        ReceiptWords receipt = ChannelReceipt.room();
        receipt.read(place);
        assembly ("memory-safe") {
            mstore(0x00, before)
        }
        signer = receipt.signer(place, 0);
    }

    /// @dev `signed` begins at no word's start, after three bytes.
    function see(bytes calldata signed, bytes32 domain) external view returns (Seen memory seen) {
        uint256 place;
        assembly {
            place := add(signed.offset, 3)
        }
        ReceiptWords receipt = ChannelReceipt.room();
        receipt.read(place);
        seen = Seen({
            payer: receipt.payer(),
            operatorId: receipt.operatorId(),
            role: receipt.role(),
            epoch: receipt.epoch(),
            channel: receipt.channel(),
            owedWei: receipt.owedWei(),
            pair: ChannelReceipt.pair(place),
            lane: ChannelReceipt.lane(place),
            signer: receipt.signer(place, domain)
        });
    }
}

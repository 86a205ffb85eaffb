// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title Delivery receipts
/// @notice Hashes and verifies a payer-signed statement of what one operator's node delivered to it in one epoch.
/// The same in Rust is `crates/receipt`; both read `tests/vectors/receipts.json`. Source: EIP-712.
library ReceiptLib {
    /// @notice A receipt's fields, in the order of its EIP-712 type and of its canonical bytes.
    struct Receipt {
        address payer;
        uint32 operatorId;
        bytes32 node;
        bytes32 streamKey;
        /// 0 = subscriber received, 1 = publisher was accepted, 2 = storage served.
        uint8 role;
        uint64 epoch;
        uint64 sequence;
        uint64 messages;
        /// Named `bytes` in the EIP-712 type; Solidity keeps that word for itself.
        uint64 payloadBytes;
        uint64 onTime;
        bytes32 contents;
        bytes32 channel;
        uint128 owed;
    }

    /// @notice Why a receipt's own fields cannot be right, whoever signed them.
    enum Flaw {
        None,
        RoleUnknown,
        CounterTooLarge,
        NothingDelivered,
        OnTimeExceedsMessages
    }

    /// @notice keccak256 of the receipt's EIP-712 type.
    bytes32 internal constant TYPEHASH = keccak256(
        "DeliveryReceipt(address payer,uint32 operatorId,bytes32 node,bytes32 streamKey,uint8 role,uint64 epoch,"
        "uint64 sequence,uint64 messages,uint64 bytes,uint64 onTime,bytes32 contents,bytes32 channel,uint128 owed)"
    );

    /// @notice The largest sequence, message count and epoch: signed 64-bit columns must hold them.
    uint64 internal constant MAX_COUNTER = uint64(type(int64).max);

    /// @notice The most payload bytes a receipt may state; keeps every product of the payout inside 128 bits.
    uint64 internal constant MAX_BYTES = 2 ** 40;

    /// @notice The role with the highest number.
    uint8 internal constant LAST_ROLE = 2;

    /// @notice EIP-712's struct hash.
    function hash(Receipt memory receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, receipt));
    }

    /// @notice What the payer's key signs.
    function digest(Receipt memory receipt, bytes32 domainSeparator) internal pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domainSeparator, hash(receipt));
    }

    /// @notice The canonical 209 bytes: all fields in order, big-endian, unpadded.
    function encode(Receipt memory receipt) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(
                receipt.payer,
                receipt.operatorId,
                receipt.node,
                receipt.streamKey,
                receipt.role,
                receipt.epoch,
                receipt.sequence
            ),
            abi.encodePacked(
                receipt.messages, receipt.payloadBytes, receipt.onTime, receipt.contents, receipt.channel, receipt.owed
            )
        );
    }

    /// @notice The receipt's leaf in the epoch's receipts tree: keccak256 of its bytes and its signature (274 bytes, so no
    /// 64-byte inner node can pass for one).
    function leaf(Receipt memory receipt, bytes memory signature) internal pure returns (bytes32) {
        return keccak256(bytes.concat(encode(receipt), signature));
    }

    /// @notice Who signed. Zero unless `signature` is `r ‖ s ‖ v`, 65 bytes, with low `s` and `v` 27 or 28.
    function signer(Receipt memory receipt, bytes32 domainSeparator, bytes memory signature)
        internal
        pure
        returns (address recovered)
    {
        (recovered,,) = ECDSA.tryRecover(digest(receipt, domainSeparator), signature);
    }

    /// @notice The first static rule that the receipt breaks, if any.
    function flaw(Receipt memory receipt) internal pure returns (Flaw) {
        if (receipt.role > LAST_ROLE) return Flaw.RoleUnknown;
        if (
            receipt.epoch > MAX_COUNTER || receipt.sequence > MAX_COUNTER || receipt.messages > MAX_COUNTER
                || receipt.payloadBytes > MAX_BYTES
        ) return Flaw.CounterTooLarge;
        if (receipt.messages == 0) return Flaw.NothingDelivered;
        if (receipt.onTime > receipt.messages) return Flaw.OnTimeExceedsMessages;
        return Flaw.None;
    }
}

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
        /// Which of the payer's processes received it, or published it.
        uint32 reader;
        uint64 epoch;
        uint64 sequence;
        uint64 messages;
        /// Named `bytes` in the EIP-712 type; Solidity keeps that word for itself.
        uint64 payloadBytes;
        /// Of `payloadBytes`: the units that are paid.
        uint64 bytesOnTime;
        bytes32 contents;
        bytes32 channel;
        uint128 owed;
    }

    /// @notice What a receipt is judged by besides its own fields. Every fact is of the receipt's payer, operator, node and
    /// signer in `epoch`, and can no longer change.
    struct Facts {
        /// The epoch that is distributed.
        uint64 epoch;
        /// Operators 0 to one below this exist.
        uint32 operatorCount;
        /// Whether the node was the named operator's in the epoch.
        bool nodeIsOperators;
        /// What was taken from the payer's stake.
        uint256 feeWei;
        /// What the payer's stake allowed.
        uint256 quotaBytes;
        /// Whether `signer` gives the payer, or a key that it authorised for the epoch.
        bool signerMaySign;
    }

    /// @notice Why a receipt does not count, in the order in which the rules are asked.
    enum Flaw {
        None,
        RoleUnknown,
        NothingDelivered,
        CounterTooLarge,
        OnTimeExceedsBytes,
        InChannel,
        OtherEpoch,
        UnknownOperator,
        UnknownNode,
        NoStake,
        OverQuota,
        WrongSigner
    }

    /// @notice keccak256 of the receipt's EIP-712 type.
    bytes32 internal constant TYPEHASH = keccak256(
        "DeliveryReceipt(address payer,uint32 operatorId,bytes32 node,bytes32 streamKey,uint8 role,uint32 reader,"
        "uint64 epoch,uint64 sequence,uint64 messages,uint64 bytes,uint64 bytesOnTime,bytes32 contents,bytes32 channel,"
        "uint128 owed)"
    );

    /// @notice The largest sequence and message count: signed 64-bit columns must hold them.
    uint64 internal constant MAX_COUNTER = uint64(type(int64).max);

    /// @notice The most payload bytes a receipt may state; keeps every product of the payout inside 128 bits.
    uint64 internal constant MAX_BYTES = 2 ** 40;

    /// @notice The most by which a quota is exceeded beyond a twentieth of it before a receipt is refused.
    uint256 internal constant MAX_TOLERANCE = 64 * 2 ** 20;

    /// @notice Wei in a nano, the unit of distributions; what a fee has below it is nothing.
    uint256 internal constant WEI_PER_NANO = 1e9;

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

    /// @notice The canonical 213 bytes: all fields in order, big-endian, unpadded. The first 93 are the receipt's key.
    function encode(Receipt memory receipt) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(
                receipt.payer,
                receipt.operatorId,
                receipt.node,
                receipt.streamKey,
                receipt.role,
                receipt.reader,
                receipt.epoch,
                receipt.sequence
            ),
            abi.encodePacked(
                receipt.messages,
                receipt.payloadBytes,
                receipt.bytesOnTime,
                receipt.contents,
                receipt.channel,
                receipt.owed
            )
        );
    }

    /// @notice What the signed receipt is known by: keccak256 of its bytes and its signature (278 bytes, so no 64-byte inner node
    /// of a list can pass for one).
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

    /// @notice Whether `one` counts rather than `other`, a receipt of the same key: more bytes on time first, so that no
    /// later receipt takes pay away, then the higher sequence, then the higher struct hash.
    function outranks(Receipt memory one, Receipt memory other) internal pure returns (bool) {
        if (one.bytesOnTime != other.bytesOnTime) return one.bytesOnTime > other.bytesOnTime;
        if (one.sequence != other.sequence) return one.sequence > other.sequence;
        return hash(one) > hash(other);
    }

    /// @notice The first rule that the receipt breaks; `None` if it is admissible. The same rules in Rust are
    /// `tatum_receipt::checks::check`.
    function flaw(Receipt memory receipt, Facts memory facts) internal pure returns (Flaw) {
        Flaw own = ownFlaw(receipt);
        if (own != Flaw.None) return own;
        if (receipt.epoch != facts.epoch) return Flaw.OtherEpoch;
        if (receipt.operatorId >= facts.operatorCount) return Flaw.UnknownOperator;
        if (!facts.nodeIsOperators) return Flaw.UnknownNode;
        if (facts.feeWei < WEI_PER_NANO || facts.quotaBytes == 0) return Flaw.NoStake;
        if (receipt.bytesOnTime > withTolerance(facts.quotaBytes)) return Flaw.OverQuota;
        return facts.signerMaySign ? Flaw.None : Flaw.WrongSigner;
    }

    /// @notice The first rule that the receipt's own fields break, whoever signed them and whatever the chain says.
    function ownFlaw(Receipt memory receipt) internal pure returns (Flaw) {
        if (receipt.role > LAST_ROLE) return Flaw.RoleUnknown;
        if (receipt.messages == 0) return Flaw.NothingDelivered;
        if (
            receipt.messages > MAX_COUNTER || receipt.payloadBytes > MAX_BYTES || receipt.sequence > MAX_COUNTER
                || receipt.epoch > MAX_COUNTER
        ) return Flaw.CounterTooLarge;
        if (receipt.bytesOnTime > receipt.payloadBytes) return Flaw.OnTimeExceedsBytes;
        if (receipt.channel != 0 || receipt.owed != 0) return Flaw.InChannel;
        return Flaw.None;
    }

    /// @notice The most bytes on time that one receipt of a payer with this quota may state: `Q + Q/20 + min(64 MiB, Q/20)`.
    function withTolerance(uint256 quotaBytes) internal pure returns (uint256) {
        uint256 part = quotaBytes / 20;
        uint256 flat = part < MAX_TOLERANCE ? part : MAX_TOLERANCE;
        // Whatever exceeds 2^40 bytes allows every receipt, so a quota without bounds must not overflow.
        return quotaBytes > type(uint128).max ? quotaBytes : quotaBytes + part + flat;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelReceipt, ReceiptWords} from "../channels/ChannelReceipt.sol";
import {ReceiptLib} from "../libraries/ReceiptLib.sol";

/// @title A line of the receipts list
/// @notice 314 bytes, integers big-endian:
///
///     receipt 213 ‖ signature 65 ‖ edgeUnits 16 ‖ payerUnits 16 ‖ source 4
///
/// `edgeUnits` are the bytes on time of this receipt and those before it of the same payer and operator, `payerUnits` those of
/// the same payer; `source` is its place in the assented list. The key (payer, operator, node, stream, role, reader) is
/// the first 93 bytes, so keys are compared as bytes. Lengths are the caller's to check.
library ReceiptLeaf {
    /// @notice Bytes of a leaf.
    uint256 internal constant LENGTH = 314;

    /// @notice Bytes of a receipt with its signature: what is assented to, and what is forced.
    uint256 internal constant SIGNED_LENGTH = 278;

    /// @notice The source of a receipt that was forced and is not in the assented list.
    uint32 internal constant FORCED = type(uint32).max;

    uint256 private constant KEY_LENGTH = 93;

    function payer(bytes calldata leaf) internal pure returns (address) {
        return address(bytes20(leaf[0:20]));
    }

    function operatorId(bytes calldata leaf) internal pure returns (uint32) {
        return uint32(bytes4(leaf[20:24]));
    }

    /// @notice Payer and operator: what of the key an edge is made of.
    function edgeKey(bytes calldata leaf) internal pure returns (uint256) {
        return uint192(bytes24(leaf[0:24]));
    }

    function epoch(bytes calldata leaf) internal pure returns (uint64) {
        return uint64(bytes8(leaf[93:101]));
    }

    function units(bytes calldata leaf) internal pure returns (uint256) {
        return uint64(bytes8(leaf[125:133]));
    }

    function edgeUnits(bytes calldata leaf) internal pure returns (uint256) {
        return uint128(bytes16(leaf[278:294]));
    }

    function payerUnits(bytes calldata leaf) internal pure returns (uint256) {
        return uint128(bytes16(leaf[294:310]));
    }

    function source(bytes calldata leaf) internal pure returns (uint32) {
        return uint32(bytes4(leaf[310:314]));
    }

    /// @notice The receipt and its signature, as they are assented to and forced.
    function signedHash(bytes calldata leaf) internal pure returns (bytes32) {
        return keccak256(leaf[:SIGNED_LENGTH]);
    }

    /// @notice −1, 0 or 1: whether the key of `left` is smaller than, equal to or larger than that of `right`.
    function compare(bytes calldata left, bytes calldata right) internal pure returns (int256) {
        bytes calldata one = left[:KEY_LENGTH];
        bytes calldata other = right[:KEY_LENGTH];
        for (uint256 start = 0; start < KEY_LENGTH; start += 32) {
            uint256 part;
            uint256 against;
            assembly ("memory-safe") {
                part := calldataload(add(one.offset, start))
                against := calldataload(add(other.offset, start))
            }
            // Of the last word three bytes are beyond the keys.
            if (start == 64) (part, against) = (part >> 24, against >> 24);
            if (part != against) return part < against ? int256(-1) : int256(1);
        }
        return 0;
    }

    /// @notice The receipt's fields. They lie in memory as in `ChannelReceipt`: a struct of values is a word a field.
    function parse(bytes calldata leaf) internal pure returns (ReceiptLib.Receipt memory receipt) {
        ReceiptWords words = _read(leaf);
        assembly ("memory-safe") {
            receipt := words
        }
    }

    /// @notice The receipt's fields, and who signed them; nobody if the signature is not canonical.
    function parseSigned(bytes calldata leaf, bytes32 domainSeparator)
        internal
        view
        returns (ReceiptLib.Receipt memory receipt, address signer)
    {
        ReceiptWords words = _read(leaf);
        uint256 place;
        assembly ("memory-safe") {
            receipt := words
            place := leaf.offset
        }
        signer = words.signer(place, domainSeparator);
    }

    function _read(bytes calldata leaf) private pure returns (ReceiptWords words) {
        uint256 place;
        assembly ("memory-safe") {
            place := leaf.offset
        }
        words = ChannelReceipt.room();
        words.read(place);
    }
}

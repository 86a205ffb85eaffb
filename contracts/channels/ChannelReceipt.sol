// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReceiptLib} from "../libraries/ReceiptLib.sol";

/// @notice Where a receipt lies in memory: EIP-712's struct, a word a field, with its type's hash in the word before the first.
type ReceiptWords is uint256;

using ChannelReceipt for ReceiptWords global;

/// @title A signed receipt in calldata, as a channel reads it
/// @notice The same 278 bytes as everywhere (`ReceiptLib.encode`, then `r ‖ s ‖ v`), but read into one place in memory, where they are
/// hashed as they lie: reading and hashing is most of what redeeming computes. `testFuzz_AReceiptIsReadAsReceiptLibWritesIt` compares
/// both.
library ChannelReceipt {
    /// @notice Bytes of a receipt with its signature.
    uint256 internal constant LENGTH = 278;

    /// @dev Half of the order of secp256k1's group; a larger `s` has a mirror image that verifies as well.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Room in memory, for one receipt after the other.
    function room() internal pure returns (ReceiptWords words) {
        bytes32 typehash = ReceiptLib.TYPEHASH;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, typehash)
            words := add(pointer, 32)
            mstore(0x40, add(pointer, 480))
        }
    }

    /// @notice Reads the receipt at `place` in calldata; that its bytes are there is the caller's to check.
    function read(ReceiptWords receipt, uint256 place) internal pure {
        assembly ("memory-safe") {
            mstore(receipt, shr(96, calldataload(place)))
            mstore(add(receipt, 32), shr(224, calldataload(add(place, 20))))
            // Node and stream.
            calldatacopy(add(receipt, 64), add(place, 24), 64)
            mstore(add(receipt, 128), byte(0, calldataload(add(place, 88))))
            mstore(add(receipt, 160), shr(224, calldataload(add(place, 89))))
            // Epoch and sequence, messages, bytes and bytes on time.
            mstore(add(receipt, 192), shr(192, calldataload(add(place, 93))))
            mstore(add(receipt, 224), shr(192, calldataload(add(place, 101))))
            mstore(add(receipt, 256), shr(192, calldataload(add(place, 109))))
            mstore(add(receipt, 288), shr(192, calldataload(add(place, 117))))
            mstore(add(receipt, 320), shr(192, calldataload(add(place, 125))))
            // Contents and channel.
            calldatacopy(add(receipt, 352), add(place, 133), 64)
            mstore(add(receipt, 416), shr(128, calldataload(add(place, 197))))
        }
    }

    function payer(ReceiptWords receipt) internal pure returns (address value) {
        assembly ("memory-safe") {
            value := mload(receipt)
        }
    }

    function operatorId(ReceiptWords receipt) internal pure returns (uint32 value) {
        assembly ("memory-safe") {
            value := mload(add(receipt, 32))
        }
    }

    function role(ReceiptWords receipt) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(receipt, 128))
        }
    }

    function epoch(ReceiptWords receipt) internal pure returns (uint64 value) {
        assembly ("memory-safe") {
            value := mload(add(receipt, 192))
        }
    }

    function channel(ReceiptWords receipt) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(add(receipt, 384))
        }
    }

    function owedWei(ReceiptWords receipt) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(receipt, 416))
        }
    }

    /// @notice Payer and operator of the receipt at `place`, its first 24 bytes, as a number.
    function pair(uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(64, calldataload(place))
        }
    }

    /// @notice `keccak256(channel ‖ node ‖ streamKey ‖ role ‖ reader)`, as in the receipt at `place`.
    function lane(uint256 place) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, calldataload(add(place, 165)))
            calldatacopy(add(pointer, 32), add(place, 24), 69)
            value := keccak256(pointer, 101)
        }
    }

    /// @notice Who signed the receipt, which was read from `place`, as `ReceiptLib.signer` says it. Zero unless the signature is
    /// canonical: low `s`, and `v` 27 or 28.
    function signer(ReceiptWords receipt, uint256 place, bytes32 domainSeparator)
        internal
        view
        returns (address recovered)
    {
        uint256 half = HALF_ORDER;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, hex"1901")
            mstore(add(pointer, 2), domainSeparator)
            mstore(add(pointer, 34), keccak256(sub(receipt, 32), 480))
            mstore(pointer, keccak256(pointer, 66))
            mstore(add(pointer, 32), byte(0, calldataload(add(place, 277))))
            calldatacopy(add(pointer, 64), add(place, 213), 64)
            if iszero(gt(mload(add(pointer, 96)), half)) {
                // The precompile (SEC 1 §4.1.6) returns nothing where no key gives the signature.
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, pointer, 128, 0x00, 32))
                recovered := mload(0x00)
            }
        }
    }
}

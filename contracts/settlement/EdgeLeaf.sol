// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A line of the edges list
/// @notice 80 bytes, integers big-endian:
///
///     operator 4 ‖ payer 20 ‖ units 16 ‖ payerUnits 16 ‖ nano 8 ‖ operatorNano 8 ‖ totalNano 8
///
/// `units` are the edge's, `payerUnits` all of its payer's; `operatorNano` and `totalNano` are the nano of this edge and those
/// before it of the same operator, and of all. Lengths are the caller's to check.
library EdgeLeaf {
    /// @notice Bytes of a leaf.
    uint256 internal constant LENGTH = 80;

    /// @notice Operator, then payer: the order of the list.
    function key(bytes calldata leaf) internal pure returns (uint256) {
        return uint192(bytes24(leaf[0:24]));
    }

    function operatorId(bytes calldata leaf) internal pure returns (uint32) {
        return uint32(bytes4(leaf[0:4]));
    }

    function payer(bytes calldata leaf) internal pure returns (address) {
        return address(bytes20(leaf[4:24]));
    }

    function units(bytes calldata leaf) internal pure returns (uint256) {
        return uint128(bytes16(leaf[24:40]));
    }

    function payerUnits(bytes calldata leaf) internal pure returns (uint256) {
        return uint128(bytes16(leaf[40:56]));
    }

    function nano(bytes calldata leaf) internal pure returns (uint256) {
        return uint64(bytes8(leaf[56:64]));
    }

    function operatorNano(bytes calldata leaf) internal pure returns (uint256) {
        return uint64(bytes8(leaf[64:72]));
    }

    function totalNano(bytes calldata leaf) internal pure returns (uint256) {
        return uint64(bytes8(leaf[72:80]));
    }

    /// @notice The key of the edge that a receipt's payer and operator (24 bytes) belong to.
    function keyOf(uint32 operatorId_, address payer_) internal pure returns (uint256) {
        return (uint256(operatorId_) << 160) | uint160(payer_);
    }
}

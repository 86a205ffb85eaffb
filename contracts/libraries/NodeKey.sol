// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Node keys
/// @notice Tells ed25519 keys that anybody can forge signatures for from the others: points of small order (1, 2, 4, 8), and
/// encodings that are not canonical. Source: RFC 8032, §5.1; the order-8 points are the fractions of the group's order.
library NodeKey {
    /// @dev The prime 2^255 − 19.
    uint256 private constant PRIME = 2 ** 255 - 19;
    uint256 private constant SIGN_BIT = 1 << 255;
    /// @dev The y coordinates of the points of order 8; each belongs to two points, of either sign.
    uint256 private constant ORDER_8_A = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826;
    uint256 private constant ORDER_8_B = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7;

    /// @notice Whether `key` (32 bytes as on the wire, little-endian) encodes a point of small order or is not canonical.
    function isWeak(bytes32 key) internal pure returns (bool) {
        uint256 y = _reverse(uint256(key)) & ~SIGN_BIT;
        // y = 0: order 4; 1: the identity; −1: order 2.
        return y >= PRIME - 1 || y <= 1 || y == ORDER_8_A || y == ORDER_8_B;
    }

    function _reverse(uint256 word) private pure returns (uint256 reversed) {
        for (uint256 i = 0; i < 32; ++i) {
            reversed = reversed << 8 | (word & 0xff);
            word >>= 8;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NodeKey} from "../../../contracts/libraries/NodeKey.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

contract NodeKeyTest {
    function test_PointsOfSmallOrderAreWeak() external pure {
        // Little-endian y, both signs: 0 (order 4), 1 (identity), −1 (order 2), and the two y of order 8.
        bytes32[5] memory small = [
            bytes32(0x0000000000000000000000000000000000000000000000000000000000000000),
            bytes32(0x0100000000000000000000000000000000000000000000000000000000000000),
            bytes32(0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f),
            bytes32(0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05),
            bytes32(0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a)
        ];
        for (uint256 i = 0; i < small.length; ++i) {
            vm.assertTrue(NodeKey.isWeak(small[i]));
            vm.assertTrue(NodeKey.isWeak(small[i] | bytes32(uint256(0x80))));
        }
    }

    function test_EncodingsBeyondThePrimeAreWeak() external pure {
        // 2^255 − 19 .. 2^255 − 1 are second encodings of 0 .. 18.
        for (uint256 i = 0xed; i <= 0xff; ++i) {
            bytes32 key = bytes32(i << 248 | 0x00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f);
            vm.assertTrue(NodeKey.isWeak(key));
        }
        bytes32 below = 0xebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f;
        vm.assertFalse(NodeKey.isWeak(below));
    }

    function test_OrdinaryKeysAreNot() external pure {
        // The base point, and RFC 8032's first test key.
        vm.assertFalse(NodeKey.isWeak(0x5866666666666666666666666666666666666666666666666666666666666666));
        vm.assertFalse(NodeKey.isWeak(0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a));
        // And the base point's negative: its sign bit is the highest of the last byte.
        vm.assertFalse(NodeKey.isWeak(0x58666666666666666666666666666666666666666666666666666666666666e6));
        vm.assertFalse(NodeKey.isWeak(0x0200000000000000000000000000000000000000000000000000000000000000));
    }
}

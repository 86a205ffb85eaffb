// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataToken} from "../../../contracts/token/DataToken.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";

/// @title EIP-2612 permits
library Permits {
    struct Signed {
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @dev The permit of `key`'s account as of now, for its next nonce.
    function sign(DataToken token, uint256 key, address spender, uint256 amountWei)
        internal
        view
        returns (Signed memory signed)
    {
        address owner = vm.addr(key);
        signed.deadline = block.timestamp + 30 minutes;
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 words = keccak256(abi.encode(kind, owner, spender, amountWei, token.nonces(owner), signed.deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words));
        (signed.v, signed.r, signed.s) = vm.sign(key, digest);
    }
}

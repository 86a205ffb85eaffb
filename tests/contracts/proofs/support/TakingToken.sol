// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A token that remembers what was sent to whom, and refuses whom it likes
/// @notice Balances are no part of what is proven with it; sums wrap, because their terms are any words.
contract TakingToken {
    mapping(address to => uint256) public paidWei;
    mapping(address to => bool) public refuses;
    uint256 public transfers;
    uint256 public cameInWei;

    function refuse(address to) external {
        refuses[to] = true;
    }

    function transfer(address to, uint256 amountWei) external returns (bool) {
        if (refuses[to]) return false;
        unchecked {
            paidWei[to] += amountWei;
            ++transfers;
        }
        return true;
    }

    function transferFrom(address, address, uint256 amountWei) external returns (bool) {
        unchecked {
            cameInWei += amountWei;
        }
        return true;
    }
}

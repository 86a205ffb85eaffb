// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataToken} from "../../../contracts/token/DataToken.sol";

/// @title A token that refuses, pauses or calls back
contract HostileToken is DataToken {
    mapping(address account => bool) public refused;
    bool public paused;
    address public callTarget;
    bytes public callData;
    bool public callSucceeded;
    uint256 public calls;

    constructor(address holder, uint256 supplyWei) DataToken(holder, supplyWei) {}

    function refuse(address account, bool yes) external {
        refused[account] = yes;
    }

    function pause(bool yes) external {
        paused = yes;
    }

    /// @dev Once, in the next transfer, calls `target`.
    function callBack(address target, bytes calldata data) external {
        (callTarget, callData) = (target, data);
    }

    function _update(address from, address to, uint256 amountWei) internal override {
        require(!paused && !refused[to], "refused");
        if (callTarget != address(0)) {
            address target = callTarget;
            callTarget = address(0);
            (callSucceeded,) = target.call(callData);
            ++calls;
        }
        super._update(from, to, amountWei);
    }
}

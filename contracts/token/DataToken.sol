// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IERC677} from "../interfaces/IERC677.sol";
import {IERC677Receiver} from "../interfaces/IERC677Receiver.sol";

/// @title Stand-in for the DATA token
/// @notice Has what the real DATAv2 has and the protocol uses: 18 decimals, EIP-2612 permits under the domain
/// ("Streamr", "1") and ERC-677's `transferAndCall`. Its whole supply is made at deployment; nobody can mint more.
contract DataToken is ERC20Permit, IERC677 {
    /// @param holder Gets the whole supply.
    constructor(address holder, uint256 supplyWei) ERC20("Streamr", "DATA") ERC20Permit("Streamr") {
        _mint(holder, supplyWei);
    }

    /// @inheritdoc IERC677
    function transferAndCall(address to, uint256 amountWei, bytes calldata data) external returns (bool) {
        _transfer(msg.sender, to, amountWei);
        emit Transfer(msg.sender, to, amountWei, data);
        if (to.code.length > 0) IERC677Receiver(to).onTokenTransfer(msg.sender, amountWei, data);
        return true;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Bond vault
/// @notice Keeps the bonds of proposers apart from the distributor's balance, so that no claim can ever be paid from a bond: the
/// distributor itself holds operators' earnings and nothing else.
contract BondVault {
    using SafeERC20 for IERC20;

    /// @notice Thrown when somebody but the distributor that made this vault calls.
    error CallerNotDistributor(address caller);

    IERC20 private immutable TOKEN;
    address private immutable DISTRIBUTOR;

    constructor(IERC20 token) {
        TOKEN = token;
        DISTRIBUTOR = msg.sender;
    }

    /// @notice Pays out `amountWei` of what is kept here.
    function pay(address to, uint256 amountWei) external {
        if (msg.sender != DISTRIBUTOR) revert CallerNotDistributor(msg.sender);
        TOKEN.safeTransfer(to, amountWei);
    }
}

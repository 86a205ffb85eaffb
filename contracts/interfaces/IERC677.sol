// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of ERC-677 that the DATA token adds to ERC-20
interface IERC677 {
    /// @notice ERC-677's own transfer event, beside ERC-20's.
    event Transfer(address indexed from, address indexed to, uint256 amountWei, bytes data);

    /// @notice Transfers, then calls `onTokenTransfer` on `to` if it is a contract; reverts if that call does.
    function transferAndCall(address to, uint256 amountWei, bytes calldata data) external returns (bool);
}

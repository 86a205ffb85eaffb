// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A contract that is told of the ERC-677 transfers it receives
interface IERC677Receiver {
    /// @notice Called by the token after `amountWei` came in from `sender`. Check that `msg.sender` is the token first.
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data) external;
}

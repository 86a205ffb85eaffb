// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IChannelHub} from "../interfaces/IChannelHub.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";

/// @title Payments that nobody's token can hold up
/// @notice A transfer that fails, burns its gas or returns rubbish becomes a credit of whoever it was for, and what was to be done is
/// done. Credits are paid out one by one, each at its owner's risk alone.
/// @dev No guard against reentrancy is needed: what is paid is booked before the token is called, here and by whoever calls this.
abstract contract Payments is IChannelHub {
    using SafeERC20 for IERC20;

    /// @dev What a payment may burn; the DATA token needs 35 000.
    uint256 private constant TRANSFER_GAS = 100_000;
    /// @dev What has to be left before a payment: a call is given at most 63 of 64 parts, and a credit costs 25 000 after it.
    uint256 private constant PAYMENT_GAS = 140_000;

    IERC20 internal immutable TOKEN;
    IOperatorRegistry internal immutable REGISTRY;

    /// @dev A copy of the registry's, because looking a payee up there costs as much as paying it.
    mapping(uint32 operatorId => address) internal _payees;
    mapping(address account => uint256) private _credits;

    constructor(IERC20 token_, IOperatorRegistry registry) {
        if (address(token_).code.length == 0 || address(registry).code.length == 0) revert HubParameterInvalid();
        (TOKEN, REGISTRY) = (token_, registry);
    }

    /// @inheritdoc IChannelHub
    function updatePayee(uint32 operatorId) external {
        _updatePayee(operatorId);
    }

    /// @inheritdoc IChannelHub
    function withdrawCredit(address account) external {
        _withdrawCredit(account, account);
    }

    /// @inheritdoc IChannelHub
    function withdrawCreditTo(address recipient) external {
        if (recipient == address(0) || recipient == address(this)) revert RecipientInvalid(recipient);
        _withdrawCredit(msg.sender, recipient);
    }

    /// @inheritdoc IChannelHub
    function payeeOf(uint32 operatorId) external view returns (address) {
        return _payees[operatorId];
    }

    /// @inheritdoc IChannelHub
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    /// @notice The token of deposits.
    function token() external view returns (address) {
        return address(TOKEN);
    }

    /// @notice Where operators and their owners are looked up.
    function operatorRegistry() external view returns (address) {
        return address(REGISTRY);
    }

    /// @dev Reverts if there is no such operator.
    function _updatePayee(uint32 operatorId) internal {
        address payee = REGISTRY.payoutAt(operatorId, type(uint64).max);
        if (payee == address(0)) revert OperatorUnknown(operatorId);
        _payees[operatorId] = payee;
        emit PayeeUpdated(operatorId, payee);
    }

    /// @dev Pays what is booked as paid already (not nothing), or keeps it for `account`.
    function _pay(address account, uint256 amountWei) internal {
        // Whoever calls must not make a good payment fail by sending too little gas.
        if (gasleft() < PAYMENT_GAS) revert GasTooLow(gasleft());
        // As SafeERC20's `trySafeTransfer`, with bounded gas, and without copying more than a word of what the token returns.
        bool taken;
        IERC20 token_ = TOKEN;
        bytes4 selector = IERC20.transfer.selector;
        uint256 gas_ = TRANSFER_GAS;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            // transfer(account, wei): each word overlaps what the one before it wrote too far.
            mstore(0x00, selector)
            mstore(0x10, shl(96, account))
            mstore(0x24, amountWei)
            taken := call(gas_, token_, 0, 0x00, 0x44, 0x00, 0x20)
            let word := and(gt(returndatasize(), 31), eq(mload(0x00), 1))
            taken := and(taken, or(iszero(returndatasize()), word))
            // The amount lay over the free pointer.
            mstore(0x40, pointer)
        }
        if (taken) return;
        _credits[account] += amountWei;
        emit Credited(account, amountWei);
    }

    function _withdrawCredit(address account, address recipient) private {
        // Check: there is something.
        uint256 amountWei = _credits[account];
        if (amountWei == 0) revert NothingCredited(account);

        // Effect: it is paid.
        _credits[account] = 0;
        emit CreditWithdrawn(account, recipient, amountWei);

        // Interaction: pay, or undo it all.
        TOKEN.safeTransfer(recipient, amountWei);
    }
}

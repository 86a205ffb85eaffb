// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {DelegationBooks} from "./DelegationBooks.sol";

/// @title Shares of a pool of delegators
/// @notice The active book's shares as an ERC-20. Balances follow the book's scale, which no library's ERC-20 does.
/// @dev **Own stake**: the owner holds at least a twentieth of all shares. Whatever lowers its part asks `_checkOwnStake`: its transfers and
/// requests, whoever sends them, others' delegations, and a change of the owner.
abstract contract DelegationShares is DelegationBooks, IERC20Metadata {
    uint256 internal constant OWN_STAKE_PARTS = 20;

    mapping(address owner => mapping(address spender => uint256)) private _allowances;

    /// @inheritdoc IERC20
    function transfer(address to, uint256 shares) external returns (bool) {
        _move(msg.sender, to, shares);
        return true;
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 shares) external returns (bool) {
        _spendAllowance(from, shares);
        _move(from, to, shares);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 shares) external returns (bool) {
        _allowances[msg.sender][spender] = shares;
        emit Approval(msg.sender, spender, shares);
        return true;
    }

    /// @inheritdoc IERC20
    function allowance(address owner_, address spender) external view returns (uint256) {
        return _allowances[owner_][spender];
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _balanceOf(account, _loadLeaving().activeScale);
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return _loadActive().shares;
    }

    /// @inheritdoc IERC20Metadata
    function name() external view returns (string memory) {
        return string.concat("Tatum delegation to operator ", Strings.toString(_loadLeaving().operatorId));
    }

    /// @inheritdoc IERC20Metadata
    function symbol() external pure returns (string memory) {
        return "dDATA";
    }

    /// @inheritdoc IERC20Metadata
    function decimals() external pure returns (uint8) {
        return 9;
    }

    /// @dev Whether the operator has asked to leave for good, after which the owner need not hold anything.
    function _isRetired() internal view virtual returns (bool);

    /// @dev Nothing, if the owner keeps its part of `allShares`.
    function _checkOwnStake(uint256 ownShares, uint256 allShares) internal view {
        if (ownShares * OWN_STAKE_PARTS >= allShares || _isRetired()) return;
        revert OwnStakeTooSmall(ownShares, (allShares + OWN_STAKE_PARTS - 1) / OWN_STAKE_PARTS);
    }

    /// @dev Gives shares that are in the book already.
    function _give(address to, uint256 shares, uint256 scale) internal {
        (uint256 before, bool isOwner) = _loadAccount(to, scale);
        _saveAccount(to, before + shares, scale, isOwner);
    }

    /// @dev Takes shares, which stay in the book for now; returns what is left of them, and whether they were the owner's.
    function _take(address from, uint256 shares, uint256 scale) internal returns (uint256 left, bool wasOwner) {
        (left, wasOwner) = _loadAccount(from, scale);
        if (shares > left) revert SharesTooFew(from, left, shares);
        unchecked {
            left -= shares;
        }
        _saveAccount(from, left, scale, wasOwner);
    }

    function _spendAllowance(address from, uint256 shares) internal {
        uint256 allowed = _allowances[from][msg.sender];
        if (allowed < shares) revert AllowanceTooSmall(msg.sender, allowed, shares);
        if (allowed != type(uint256).max) _allowances[from][msg.sender] = allowed - shares;
    }

    function _move(address from, address to, uint256 shares) private {
        if (to == address(0) || to == address(this)) revert RecipientInvalid(to);
        uint256 scale = _loadLeaving().activeScale;
        (uint256 left, bool wasOwner) = _take(from, shares, scale);
        _give(to, shares, scale);
        if (wasOwner && to != from) _checkOwnStake(left, _loadActive().shares);
        emit Transfer(from, to, shares);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {BondVault} from "./BondVault.sol";

/// @title Proposers' bonds
/// @notice What a proposer stands to lose. A proven cheater loses `proposerBondWei`: half of it is the challenger's reward,
/// half is burnt, so that a cheater who challenges itself pays as well.
abstract contract ProposerBonds is IDistributor {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    struct Bond {
        uint128 amountWei;
        /// When the bond last came to be enough, or was last slashed.
        uint64 since;
    }

    /// @notice Where the burnt half of a slashed bond goes; nobody has its key.
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @notice Keeps the bonds.
    BondVault public immutable bondVault;
    /// @inheritdoc IDistributor
    uint256 public immutable proposerBondWei;
    /// @inheritdoc IDistributor
    uint256 public immutable demandBondWei;

    IERC20 private immutable BOND_TOKEN;

    mapping(address proposer => Bond) internal _bonds;

    constructor(IERC20 token_, uint256 proposerBondWei_, uint256 demandBondWei_) {
        if (proposerBondWei_ == 0 || demandBondWei_ == 0) revert DistributorParameterInvalid();
        BOND_TOKEN = token_;
        bondVault = new BondVault(token_);
        proposerBondWei = proposerBondWei_;
        demandBondWei = demandBondWei_;
    }

    /// @inheritdoc IDistributor
    function depositProposerBond(uint256 amountWei) external {
        // Effect: the bond grows.
        Bond memory bond = _bonds[msg.sender];
        bool wasEnough = bond.amountWei >= proposerBondWei;
        bond.amountWei += amountWei.toUint128();
        if (!wasEnough) bond.since = uint64(block.timestamp);
        _bonds[msg.sender] = bond;
        emit ProposerBondDeposited(msg.sender, amountWei, bond.amountWei);

        // Interaction: it comes into the vault.
        _collectBond(amountWei);
    }

    /// @inheritdoc IDistributor
    function withdrawProposerBond() external {
        // Check: there is a bond that answers for nothing.
        uint256 amountWei = _bonds[msg.sender].amountWei;
        if (amountWei == 0 || _isPendingProposer(msg.sender)) revert ProposerBondLocked();

        // Effect: it is gone.
        delete _bonds[msg.sender];
        emit ProposerBondWithdrawn(msg.sender, amountWei);

        // Interaction: pay it out.
        bondVault.pay(msg.sender, amountWei);
    }

    /// @inheritdoc IDistributor
    function proposerBondOf(address proposer) external view returns (uint256) {
        return _bonds[proposer].amountWei;
    }

    /// @dev Takes one bond from `proposer`. It is there: the bond of a pending proposal's proposer cannot be withdrawn. What is
    /// left of a larger bond counts as new, so that it does not pass a reservation.
    function _takeBond(address proposer) internal returns (uint256 rewardWei) {
        _bonds[proposer].amountWei -= uint128(proposerBondWei);
        _bonds[proposer].since = uint64(block.timestamp);
        return proposerBondWei / 2;
    }

    /// @dev Splits a bond that was taken. Where the token refuses, the burnt half stays in the vault for good, and the
    /// challenger's part becomes a bond of its own, to withdraw when the token lets it: a cancellation always goes through.
    function _splitBond(address challenger, uint256 rewardWei, uint256 extraWei) internal {
        uint256 partWei = rewardWei + extraWei;
        bool burnt = bondVault.tryPay(BURN, proposerBondWei - rewardWei);
        bool paid = bondVault.tryPay(challenger, partWei);
        if (!paid) {
            _bonds[challenger] = Bond(_bonds[challenger].amountWei + partWei.toUint128(), uint64(block.timestamp));
        }
        emit BondSplit(challenger, partWei, paid, burnt);
    }

    /// @dev Moves a bond from the caller into the vault.
    function _collectBond(uint256 amountWei) internal {
        BOND_TOKEN.safeTransferFrom(msg.sender, address(bondVault), amountWei);
    }

    function _isPendingProposer(address account) internal view virtual returns (bool);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {BondVault} from "./BondVault.sol";

/// @title Proposers' bonds
/// @notice What a proposer stands to lose. A proven cheater loses what its proposal staked: half of it is the challenger's
/// reward, half is burnt, so that a cheater who challenges itself pays as well.
abstract contract ProposerBonds is IDistributor {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    struct Bond {
        uint128 amountWei;
        /// When the bond last came to be enough, or was last slashed.
        uint64 since;
        uint64 slashedAt;
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
        if (proposerBondWei_ == 0 || proposerBondWei_ > type(uint128).max || demandBondWei_ == 0) {
            revert DistributorParameterInvalid();
        }
        BOND_TOKEN = token_;
        bondVault = new BondVault(token_);
        proposerBondWei = proposerBondWei_;
        demandBondWei = demandBondWei_;
    }

    /// @inheritdoc IDistributor
    function depositProposerBond(uint256 amountWei) external {
        // Effect: the bond grows.
        uint256 bondWei = _addToBond(msg.sender, amountWei);
        emit ProposerBondDeposited(msg.sender, amountWei, bondWei);

        // Interaction: it comes into the vault.
        _collectBond(amountWei);
    }

    /// @inheritdoc IDistributor
    function withdrawProposerBond() external {
        // Check: there is a bond that answers for nothing.
        uint256 amountWei = _bonds[msg.sender].amountWei;
        if (amountWei == 0 || _isPendingProposer(msg.sender)) revert ProposerBondLocked();

        // Effect: it is gone.
        _bonds[msg.sender].amountWei = 0;
        emit ProposerBondWithdrawn(msg.sender, amountWei);

        // Interaction: pay it out.
        bondVault.pay(msg.sender, amountWei);
    }

    /// @inheritdoc IDistributor
    function proposerBondOf(address proposer) external view returns (uint256) {
        return _bonds[proposer].amountWei;
    }

    /// @dev Takes the stake of an outbid proposal out of its proposer's bond. It is there: the bond of a pending proposal's
    /// proposer cannot be withdrawn.
    function _takeStake(address proposer, uint256 stakeWei) internal returns (uint64 bondedSince) {
        Bond storage bond = _bonds[proposer];
        bond.amountWei -= stakeWei.toUint128();
        return bond.since;
    }

    /// @dev Puts a stake back, as old as it was, unless its owner was caught since: then that is when all it has began.
    function _returnStake(address proposer, uint256 stakeWei, uint64 bondedSince) internal {
        Bond memory bond = _bonds[proposer];
        if (bond.slashedAt <= bondedSince) bond.since = bondedSince;
        bond.amountWei += stakeWei.toUint128();
        _bonds[proposer] = bond;
    }

    /// @dev Takes what a cheater staked. What is left of its bond counts as new, so that it does not pass a reservation.
    function _slash(address proposer, uint256 stakeWei) internal {
        Bond memory bond = _bonds[proposer];
        bond.amountWei -= stakeWei.toUint128();
        bond.since = uint64(block.timestamp);
        bond.slashedAt = uint64(block.timestamp);
        _bonds[proposer] = bond;
    }

    /// @dev Half of a lost stake becomes part of the winner's bond, half is burnt.
    function _forfeitStake(address winner, uint256 stakeWei) internal {
        uint256 rewardWei = stakeWei / 2;
        _addToBond(winner, rewardWei);
        bool burnt = bondVault.tryPay(BURN, stakeWei - rewardWei);
        emit BondSplit(winner, rewardWei, false, burnt);
    }

    /// @dev Splits a stake that was taken. Where the token refuses, the burnt half stays in the vault for good, and the
    /// challenger's part becomes a bond of its own, to withdraw when the token lets it: a cancellation always goes through.
    function _splitStake(address challenger, uint256 stakeWei, uint256 rewardWei, uint256 extraWei) internal {
        uint256 partWei = rewardWei + extraWei;
        bool burnt = bondVault.tryPay(BURN, stakeWei - rewardWei);
        bool paid = bondVault.tryPay(challenger, partWei);
        if (!paid) _addToBond(challenger, partWei);
        emit BondSplit(challenger, partWei, paid, burnt);
    }

    /// @dev A bond that was not enough is as old as what made it enough.
    function _addToBond(address owner, uint256 amountWei) private returns (uint256) {
        Bond memory bond = _bonds[owner];
        if (bond.amountWei < proposerBondWei) bond.since = uint64(block.timestamp);
        bond.amountWei += amountWei.toUint128();
        _bonds[owner] = bond;
        return bond.amountWei;
    }

    /// @dev Moves a bond from the caller into the vault.
    function _collectBond(uint256 amountWei) internal {
        BOND_TOKEN.safeTransferFrom(msg.sender, address(bondVault), amountWei);
    }

    function _isPendingProposer(address account) internal view virtual returns (bool);
}

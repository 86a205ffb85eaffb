// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IStakePool} from "../../../../contracts/interfaces/IStakePool.sol";
import {SponsorFactory} from "../../../../contracts/sponsors/SponsorFactory.sol";
import {SponsorVault} from "../../../../contracts/sponsors/SponsorVault.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {Fixture} from "../../support/Fixture.sol";

/// @title Sponsors' fixture
/// @notice A vault for CAROL's streams, which anybody may sponsor, and an operator, so that stakes have quotas. Epoch 1 has begun.
abstract contract SponsorFixture is Fixture {
    bytes32 internal constant STREAMS = keccak256("weather");
    uint64 internal constant END = 8;
    uint256 internal constant PER_WEI = 1e9;
    uint256 internal constant ALL = type(uint256).max;

    SponsorFactory internal factory;
    SponsorVault internal vault;

    function setUp() public virtual override {
        super.setUp();
        factory = new SponsorFactory(IERC20(address(token)), IStakePool(address(pool)));
        vault = SponsorVault(factory.create(CAROL, STREAMS, END));
        _register(PROPOSER, PROPOSER);
        address[3] memory sponsors = [ALICE, BOB, MALLORY];
        for (uint256 i = 0; i < sponsors.length; ++i) {
            vm.prank(sponsors[i]);
            token.approve(address(vault), type(uint256).max);
        }
        _endEpoch();
    }

    function _sponsor(address who, uint256 amountWei) internal returns (uint256 shares) {
        vm.prank(who);
        return vault.sponsor(amountWei, 0);
    }

    /// @dev As `_sponsor`, and it is the pool's.
    function _stakeOf(address who, uint256 amountWei) internal {
        _sponsor(who, amountWei);
        vault.stake();
    }

    function _ask(address who, uint256 shares) internal returns (uint64 requestId, uint256 amountWei) {
        vm.prank(who);
        requestId = vault.requestWithdraw(shares);
        (amountWei,) = vault.requestOf(who, requestId);
    }

    function _withdraw(address who, uint64 requestId) internal returns (uint256 amountWei) {
        uint256 beforeWei = token.balanceOf(who);
        vm.prank(who);
        amountWei = vault.withdraw(requestId, who);
        vm.assertEq(token.balanceOf(who) - beforeWei, amountWei);
    }

    /// @dev So many epochs later, with every distribution final.
    function _unbond(uint256 epochs) internal {
        _skipEpochs(epochs);
        _settle();
    }

    function _bill(uint64 epoch, uint256 amountWei) internal returns (uint256 chargedWei) {
        vm.prank(address(overage));
        return pool.chargeOverage(address(vault), epoch, amountWei, PROPOSER);
    }

    function _idle() internal view returns (uint256 idleWei) {
        (, idleWei,,) = vault.holdings();
    }

    function _rest() internal view returns (uint256 restWei) {
        (,, restWei,) = vault.holdings();
    }

    function _owed() internal view returns (uint256 owedWei) {
        (,,, owedWei) = vault.holdings();
    }

    function _permit(uint256 key, uint256 amountWei) internal view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        address user = vm.addr(key);
        bytes32 hash =
            keccak256(abi.encode(typehash, user, address(vault), amountWei, token.nonces(user), block.timestamp));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash)));
    }

    function _keyProof(uint256 key, address payer) internal view returns (bytes memory) {
        bytes32 typehash = keccak256("SessionKeyAuthorization(address payer,address key)");
        bytes32 hash = keccak256(abi.encode(typehash, payer, vm.addr(key)));
        return _sign(key, keccak256(abi.encodePacked(hex"1901", pool.receiptDomainSeparator(), hash)));
    }
}

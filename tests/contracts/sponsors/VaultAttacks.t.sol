// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISponsorVault} from "../../../contracts/interfaces/ISponsorVault.sol";
import {SponsorVault} from "../../../contracts/sponsors/SponsorVault.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SponsorFixture} from "./support/SponsorFixture.sol";

/// @title Attacks on a vault of sponsors
/// @notice Over a token that can refuse, pause and call back.
contract SponsorAttacksTest is SponsorFixture {
    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    function _hostile() private view returns (HostileToken) {
        return HostileToken(address(token));
    }

    /// Hundred Finance 2023: be first, leave a crumb, raise its price, and take what the next one's rounding loses.
    function test_FirstDepositor_TakesNothingOfTheNext() external {
        _sponsor(MALLORY, 1e17);
        _ask(MALLORY, vault.sharesOf(MALLORY) - 1e18);
        uint256 raisedWei = 1000e18;
        vm.prank(MALLORY);
        pool.stakeFor(address(vault), raisedWei);
        _sponsor(BOB, 100e18);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 100e18, 1e14);
        vm.assertLe(vault.worthOf(MALLORY), raisedWei);
    }

    function test_FirstDepositor_LosesWhatItRaisesACrumbBy() external {
        _sponsor(MALLORY, 1e17);
        _ask(MALLORY, vault.sharesOf(MALLORY) - PER_WEI / 10);
        vm.prank(MALLORY);
        pool.stakeFor(address(vault), 1000e18);
        // A tenth of a wei begins anew for whoever comes, or holds a part of the gift that is not worth it.
        vm.assertLe(vault.worthOf(MALLORY), 100e18);
        vm.prank(BOB);
        vm.expectRevert(ISponsorVault.SharesTooCoarse.selector);
        vault.sponsor(1e17, 0);
        _sponsor(BOB, 5000e18);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 5000e18, 5000e12);
    }

    /// Cream Finance 2021, Euler 2023: tokens that are sent here are nobody's, and change no price.
    function test_Donation_ChangesNoPrice() external {
        _stakeOf(ALICE, 100e18);
        uint256 worthWei = vault.worthOf(ALICE);
        vm.prank(MALLORY);
        token.transfer(address(vault), 1000e18);
        vm.assertEq(vault.worthOf(ALICE), worthWei);
        vm.expectRevert(ISponsorVault.NothingToStake.selector);
        vault.stake();
    }

    /// What is staked for the vault unasked is the sponsors'.
    function test_Donation_ToTheStakeIsTheSponsors() external {
        _stakeOf(ALICE, 100e18);
        vm.prank(MALLORY);
        pool.stakeFor(address(vault), 50e18);
        vm.assertApproxEqAbs(vault.worthOf(ALICE), 150e18, 2);
    }

    function test_Donation_ToAnEmptyVaultIsTheFirstSponsors() external {
        vm.prank(MALLORY);
        pool.stakeFor(address(vault), 1000e18);
        _sponsor(BOB, 1e17);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 1000e18 + 1e17, 1e5);
    }

    /// Who leaves just before the fee pays it, whether what it put in was staked or another's.
    function test_FeeDodge_LeavingJustBeforeTheBoundary() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(MALLORY, 100e18);
        // BOB's lies here: MALLORY may not take that, and leave the fee of her stake to the others.
        _sponsor(BOB, 200e18);
        vm.warp(GENESIS + 2 * EPOCH - 1);
        (, uint256 gotWei) = _ask(MALLORY, ALL);
        _endEpoch();
        // All three bear the one per cent of the 200 that were staked.
        vm.assertApproxEqAbs(gotWei, 995e17, 10);
        vm.assertApproxEqAbs(vault.worthOf(ALICE), 995e17, 10);
        vm.assertApproxEqAbs(vault.worthOf(BOB), 199e18, 10);
    }

    /// Balancer 2025: many tiny moves for their rounding.
    function test_RoundingDrain_ManyTinyMovesGainNothing() external {
        _stakeOf(ALICE, 100e18);
        _endEpoch();
        uint256 worthWei = vault.worthOf(ALICE);
        uint256 paidWei;
        for (uint256 i = 0; i < 20; ++i) {
            paidWei += 1e17;
            _sponsor(MALLORY, 1e17 + i);
            _ask(MALLORY, vault.sharesOf(MALLORY) / 3 + i);
        }
        (, uint256 askedWei) = _ask(MALLORY, ALL);
        vm.assertLe(askedWei, paidWei + 20 * 20);
        // ALICE's part of the fee of 99 DATA at most, which she would have paid without anybody.
        vm.assertGe(vault.worthOf(ALICE) + 300, worthWei * 99 / 100);
    }

    /// The DAO 2016, imBTC 2020: the token calls back in the middle of a payment.
    function test_Reentrancy_AWithdrawalIsPaidOnce() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(MALLORY, 100e18);
        (uint64 requestId, uint256 amountWei) = _ask(MALLORY, ALL);
        _ask(ALICE, ALL);
        _unbond(2);
        _hostile().callBack(address(vault), abi.encodeCall(vault.withdraw, (requestId, MALLORY)));
        vm.assertEq(_withdraw(MALLORY, requestId), amountWei);
        vm.assertEq(_hostile().calls(), 1);
        vm.assertFalse(_hostile().callSucceeded());
        _withdraw(ALICE, requestId);
    }

    /// What comes back is told by the balance: nothing else may come in meanwhile.
    function test_Reentrancy_NothingIsSponsoredWhileThePoolPays() external {
        HostileToken hostile = _hostile();
        _stakeOf(ALICE, 100e18);
        _ask(ALICE, ALL);
        _unbond(2);
        bytes[5] memory calls = [
            abi.encodeCall(vault.sponsor, (1e18, 0)),
            abi.encodeCall(vault.onTokenTransfer, (MALLORY, 1e18, "")),
            abi.encodeCall(vault.stake, ()),
            abi.encodeCall(vault.requestWithdraw, (1)),
            abi.encodeCall(vault.bringIn, ())
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            hostile.callBack(address(vault), calls[i]);
            vault.bringIn();
            vm.assertEq(hostile.calls(), 1);
            vm.assertFalse(hostile.callSucceeded());
            vm.revertToState(snapshot);
        }
    }

    /// Tether's blacklist: a recipient that the token refuses holds up its own payment alone.
    function test_RefusingToken_HoldsUpOneWithdrawalOnly() external {
        _sponsor(ALICE, 100e18);
        _stakeOf(MALLORY, 100e18);
        _ask(MALLORY, ALL);
        _ask(ALICE, ALL);
        _unbond(2);
        _hostile().refuse(MALLORY, true);
        vm.prank(MALLORY);
        vm.expectRevert();
        vault.withdraw(1, MALLORY);
        _withdraw(ALICE, 1);
        vm.prank(MALLORY);
        vault.withdraw(1, BOB);
    }

    function test_PausedToken_KeepsWhatIsOwed() external {
        _stakeOf(ALICE, 100e18);
        (, uint256 amountWei) = _ask(ALICE, ALL);
        _unbond(6);
        _hostile().pause(true);
        vm.prank(ALICE);
        vm.expectRevert();
        vault.withdraw(1, ALICE);
        _hostile().pause(false);
        vm.assertEq(_withdraw(ALICE, 1), amountWei);
    }

    /// Leaving in every epoch makes many exits of the vault's, of which the pool works off 50 at once: nobody is locked out.
    function test_ManyExits_LockNobodyOut() external {
        vault = _vaultUntil(200);
        _sponsor(MALLORY, 1000e18);
        _stakeOf(ALICE, 100e18);
        for (uint256 i = 0; i < 60; ++i) {
            _ask(MALLORY, 1e27);
            _endEpoch();
        }
        (uint64 requestId, uint256 amountWei) = _ask(ALICE, ALL);
        _unbond(2);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ISponsorVault.RequestPending.selector, requestId + UNBONDING));
        vault.withdraw(requestId, ALICE);
        vault.bringIn();
        vm.assertEq(_withdraw(ALICE, requestId), amountWei);
    }

    function _vaultUntil(uint64 endEpoch) private returns (SponsorVault made) {
        made = SponsorVault(factory.create(CAROL, STREAMS, endEpoch));
        address[2] memory sponsors = [ALICE, MALLORY];
        for (uint256 i = 0; i < sponsors.length; ++i) {
            vm.prank(sponsors[i]);
            token.approve(address(made), type(uint256).max);
        }
    }
}

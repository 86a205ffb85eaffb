// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISponsorVault} from "../../../contracts/interfaces/ISponsorVault.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";
import {SponsorFixture} from "./support/SponsorFixture.sol";
import {SponsorHandler} from "./support/SponsorHandler.sol";

/// @title Invariants of sponsoring
/// @notice The numbers are those of docs/contracts/invariants.md. V6 (a request gets what it was told) and V8 (a price falls by fees and bills alone) are
/// looked at by the handler after each move.
contract SponsorInvariants is SponsorFixture, InvariantTarget {
    SponsorHandler private handler;

    function setUp() public override {
        super.setUp();
        _stake(PROPOSER, 1000e18);
        handler = new SponsorHandler(vault, token, pool, [ALICE, BOB, MALLORY]);
        token.transfer(address(handler), 1_000_000e18);
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](13);
        selectors[0] = SponsorHandler.sponsor.selector;
        selectors[1] = SponsorHandler.stake.selector;
        selectors[2] = SponsorHandler.request.selector;
        selectors[3] = SponsorHandler.withdraw.selector;
        selectors[4] = SponsorHandler.gift.selector;
        selectors[5] = SponsorHandler.wait.selector;
        selectors[6] = SponsorHandler.end.selector;
        selectors[7] = SponsorHandler.bill.selector;
        selectors[8] = SponsorHandler.settle.selector;
        selectors[9] = SponsorHandler.bringIn.selector;
        selectors[10] = SponsorHandler.withdraw.selector;
        selectors[11] = SponsorHandler.sponsor.selector;
        selectors[12] = SponsorHandler.stake.selector;
    }

    function invariant_Sponsoring() external view {
        (uint256 stakedWei, uint256 idleWei, uint256 restWei, uint256 owedWei) = vault.holdings();
        _v1_SharesAreTheSponsors();
        _v2_SharesAreWorthWhatIsThere();
        _v3_RequestsAreWhatIsOwed(owedWei);
        _v5_WhatIsAskedForIsThere(idleWei, restWei + owedWei);
        _v7_NothingIsMade(stakedWei + idleWei + restWei + owedWei);
    }

    /// V1: all shares are the sponsors'.
    function _v1_SharesAreTheSponsors() private view {
        uint256 held;
        for (uint256 i = 0; i < handler.WHO(); ++i) {
            held += vault.sharesOf(handler.sponsorAt(i));
        }
        vm.assertEq(held, vault.totalShares(), "V1");
    }

    /// V2: what shares are worth is there, and what they are not worth is a wei for each and the part of the shares that are nobody's.
    function _v2_SharesAreWorthWhatIsThere() private view {
        uint256 worthWei;
        for (uint256 i = 0; i < handler.WHO(); ++i) {
            worthWei += vault.worthOf(handler.sponsorAt(i));
        }
        vm.assertLe(worthWei, vault.totalWei() + 1, "V2");
        uint256 nobodysWei = (vault.totalWei() + 1) * PER_WEI / (vault.totalShares() + PER_WEI);
        vm.assertLe(vault.totalWei(), worthWei + nobodysWei + handler.WHO() + 1, "V2");
    }

    /// V3: what is owed is the sum of the requests. V4: each stays as it was told until it is withdrawn, unless a bill took of what is leaving.
    function _v3_RequestsAreWhatIsOwed(uint256 owedWei) private view {
        uint256 askedWei;
        for (uint256 i = 0; i < handler.askCount(); ++i) {
            SponsorHandler.Ask memory ask = handler.askAt(i);
            (uint256 amountWei,) = vault.requestOf(ask.sponsor, ask.requestId);
            if (ask.withdrawn) vm.assertEq(amountWei, 0, "V4");
            else if (handler.exitBills() == 0) vm.assertEq(amountWei, ask.amountWei, "V4");
            askedWei += amountWei;
        }
        vm.assertLe(askedWei, owedWei, "V3");
        vm.assertLe(owedWei, askedWei + (handler.exitBills() == 0 ? 0 : handler.askCount() + 1), "V3");
    }

    /// V5: what lies here to be staked is here, and what is asked for is here or in the pool, unless a bill took of it.
    function _v5_WhatIsAskedForIsThere(uint256 idleWei, uint256 askedWei) private view {
        (uint256 dueWei, uint256 unbondingWei) = pool.withdrawalsOf(address(vault));
        uint256 hereWei = token.balanceOf(address(vault));
        vm.assertGe(hereWei, idleWei, "V5");
        if (handler.exitBills() == 0) vm.assertGe(hereWei - idleWei + dueWei + unbondingWei, askedWei, "V5");
    }

    /// V7: what is there and what was paid out is no more than what came in.
    function _v7_NothingIsMade(uint256 allWei) private view {
        uint256 billedWei = handler.exitBills() == 0 ? handler.billedWei() : 0;
        vm.assertLe(allWei + handler.outWei() + billedWei, handler.inWei() + handler.giftedWei() + 100, "V7");
    }

    /// V9: after any walk everybody can leave. V10: nothing but donations and dust stays behind; a bill of what is leaving may void a crumb, too.
    function afterInvariant() external {
        handler.everybodyLeaves();
        for (uint256 i = 0; i < handler.askCount(); ++i) {
            SponsorHandler.Ask memory ask = handler.askAt(i);
            (uint256 amountWei,) = vault.requestOf(ask.sponsor, ask.requestId);
            vm.assertEq(amountWei, 0, "V9");
        }
        for (uint256 i = 0; i < handler.WHO(); ++i) {
            vm.assertLe(vault.worthOf(handler.sponsorAt(i)), 1000, "V9");
        }
        (, uint256 idleWei, uint256 restWei,) = vault.holdings();
        uint256 leftWei = idleWei + restWei + handler.donatedWei();
        if (handler.exitBills() == 0) vm.assertLe(token.balanceOf(address(vault)), leftWei + 1e6, "V10");
    }

    /// The walks get everywhere: a fixed one, long enough, does each thing there is to do.
    function test_TheHandlerReachesEverything() external {
        uint256 seed = 1;
        for (uint256 i = 0; i < 900; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            // The end is far: it comes when the walk is nearly over.
            _move(seed % 16, seed >> 16, seed >> 32, i < 500);
            this.invariant_Sponsoring();
        }
        bytes32[15] memory things = [
            bytes32("sponsor"),
            "stake",
            "request",
            "withdraw",
            "bringIn",
            "gift",
            "bill",
            "billOfExits",
            "wait",
            "settle",
            "end",
            ISponsorVault.VaultEnded.selector,
            ISponsorVault.VaultGoesOn.selector,
            ISponsorVault.NothingToStake.selector,
            ISponsorVault.RequestPending.selector
        ];
        for (uint256 i = 0; i < things.length; ++i) {
            vm.assertGe(handler.reached(things[i]), 1, vm.toString(i));
        }
        this.afterInvariant();
    }

    function _move(uint256 kind, uint256 a, uint256 b, bool isShort) private {
        if (kind <= 2) handler.sponsor(a, b, a % 2 == 0);
        else if (kind <= 4) handler.stake();
        else if (kind <= 7) handler.request(a, b);
        else if (kind <= 9) handler.withdraw(a);
        else if (kind == 10) handler.gift(a);
        else if (kind == 11) handler.wait(isShort ? a % 6 hours : a);
        else if (kind == 12) handler.settle();
        else if (kind == 13) handler.bringIn();
        else if (kind == 14) handler.bill(a, b);
        else handler.end();
    }
}

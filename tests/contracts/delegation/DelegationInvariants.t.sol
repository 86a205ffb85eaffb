// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDelegationPool} from "../../../contracts/interfaces/IDelegationPool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";
import {DelegationFixture} from "./support/DelegationFixture.sol";
import {DelegationHandler} from "./support/DelegationHandler.sol";

/// @title Invariants of delegation
/// @notice The numbers are those of docs/contracts/invariants.md. G6 (cuts rise as announced), G7 (a price falls by slashes alone) and G8 (requests
/// earn nothing) are looked at by the handler's `observe` after each move, G9 (skimming brings nothing) by its `skim`.
contract DelegationInvariants is DelegationFixture, InvariantTarget {
    DelegationHandler private handler;

    function setUp() public override {
        super.setUp();
        address[5] memory accounts = [CAROL, ALICE, BOB, MALLORY, PROPOSER];
        handler = new DelegationHandler(shares, token, registry, pool, SLASHER, accounts);
        token.transfer(address(handler), 10_000_000e18);
        for (uint256 i = 0; i < accounts.length; ++i) {
            token.transfer(accounts[i], 10_000_000e18);
            vm.prank(accounts[i]);
            token.approve(address(shares), type(uint256).max);
        }
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](15);
        selectors[0] = DelegationHandler.delegate.selector;
        selectors[1] = DelegationHandler.ownMore.selector;
        selectors[2] = DelegationHandler.request.selector;
        selectors[3] = DelegationHandler.redeem.selector;
        selectors[4] = DelegationHandler.transfer.selector;
        selectors[5] = DelegationHandler.pay.selector;
        selectors[6] = DelegationHandler.collect.selector;
        selectors[7] = DelegationHandler.rebalance.selector;
        selectors[8] = DelegationHandler.gift.selector;
        selectors[9] = DelegationHandler.slash.selector;
        selectors[10] = DelegationHandler.setCut.selector;
        selectors[11] = DelegationHandler.wait.selector;
        selectors[12] = DelegationHandler.skim.selector;
        selectors[13] = DelegationHandler.redeem.selector;
        selectors[14] = DelegationHandler.wait.selector;
    }

    function invariant_Delegation() external view {
        IDelegationPool.Status memory now_ = _status();
        _g1_TheBooksAreCovered(now_);
        _g2_SharesAreThoseOfTheHolders(now_);
        _g3_RequestsAreCovered(now_);
        _g4_TheOwnerHoldsATwentieth(now_);
        _g5_NothingIsMadeOrLost();
        _g10_IncomeHasAnEnd(now_);
        _g11_TheSeatIsThePools();
    }

    /// G1: tokens here and in the registry are the books' and what is not collected yet, to the nano.
    function _g1_TheBooksAreCovered(IDelegationPool.Status memory now_) private view {
        uint256 bookedWei = now_.activeWei + now_.leavingWei + now_.unreleasedWei + now_.uncollectedWei;
        vm.assertGe(_realWei(), bookedWei, "G1");
        vm.assertLe(_realWei(), bookedWei + NANO - 1, "G1");
    }

    /// G2: all balances are all shares; after a loss that cut bits off, at most a share a holder is nobody's.
    function _g2_SharesAreThoseOfTheHolders(IDelegationPool.Status memory now_) private view {
        uint256 held;
        for (uint256 i = 0; i < handler.WHO(); ++i) {
            held += shares.balanceOf(handler.accountAt(i));
        }
        vm.assertLe(held, shares.totalSupply(), "G2");
        if (!handler.priceFellFar()) vm.assertEq(held, now_.shares, "G2");
    }

    /// G3: what requests are worth is in the leaving book, less a nano for each.
    function _g3_RequestsAreCovered(IDelegationPool.Status memory now_) private view {
        uint256 worthWei;
        for (uint256 i = 0; i < handler.askCount(); ++i) {
            DelegationHandler.Ask memory ask = handler.askAt(i);
            worthWei += shares.requestWorthWei(ask.requestId, ask.controller);
        }
        vm.assertLe(worthWei, now_.leavingWei, "G3");
        vm.assertLe(now_.leavingWei, worthWei + (handler.askCount() + 1) * NANO, "G3");
    }

    /// G4: the owner holds at least a twentieth of all shares, as long as the operator stays.
    function _g4_TheOwnerHoldsATwentieth(IDelegationPool.Status memory now_) private pure {
        vm.assertTrue(now_.retired || (now_.ownShares + 1) * 20 >= now_.shares, "G4");
    }

    /// G5: what came in is what was paid out, what was slashed, and what is there, to the wei.
    function _g5_NothingIsMadeOrLost() private view {
        vm.assertEq(handler.inWei(), handler.outWei() + handler.slashedWei() + _realWei(), "G5");
    }

    /// G10: income that is not released yet will be within 14 epochs, if there is anybody to get it.
    function _g10_IncomeHasAnEnd(IDelegationPool.Status memory now_) private view {
        if (now_.shares != 0) vm.assertLe(now_.releaseEnds, block.timestamp + WINDOW_SECONDS, "G10");
    }

    /// G11: the operator is the pool's, and is paid there.
    function _g11_TheSeatIsThePools() private view {
        vm.assertEq(registry.operatorAt(OPERATOR).owner, address(shares));
        vm.assertEq(registry.payoutAt(OPERATOR, type(uint64).max), address(shares));
    }

    /// G12: after any walk everybody can leave with what is theirs, and nothing but dust and what is nobody's stays behind.
    function afterInvariant() external {
        handler.everybodyLeaves();
        for (uint256 i = 0; i < handler.WHO(); ++i) {
            vm.assertLe(_worth(handler.accountAt(i)), NANO, "G12");
        }
        for (uint256 i = 0; i < handler.askCount(); ++i) {
            vm.assertTrue(handler.askAt(i).redeemed, "G12");
        }
        vm.assertLe(_status().leavingWei, (handler.askCount() + 1) * NANO, "G12");
    }

    /// The walks get everywhere: a fixed one, long enough, does each thing there is to do.
    function test_TheHandlerReachesEverything() external {
        uint256 seed = 1;
        for (uint256 i = 0; i < 600; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _move(seed % 14, seed >> 16, seed >> 32);
            this.invariant_Delegation();
        }
        bytes32[14] memory things = [
            bytes32("delegate"),
            "request",
            "redeem",
            "transfer",
            "pay",
            "collect",
            "rebalance",
            "gift",
            "slash",
            "slashAll",
            "raise",
            "lower",
            "wait",
            "skim"
        ];
        for (uint256 i = 0; i < things.length; ++i) {
            vm.assertGt(handler.reached(things[i]), 1);
        }
    }

    function _move(uint256 kind, uint256 a, uint256 b) private {
        if (kind == 0) handler.delegate(a, b);
        else if (kind == 1) handler.ownMore(a);
        else if (kind == 2) handler.request(a, b);
        else if (kind <= 4) handler.redeem(a);
        else if (kind == 5) handler.transfer(a, b, a >> 8);
        else if (kind == 6) handler.pay(a);
        else if (kind == 7) handler.collect();
        else if (kind == 8) handler.rebalance();
        else if (kind == 9) handler.gift(a);
        else if (kind == 10) handler.slash(a);
        else if (kind == 11) handler.setCut(a);
        else if (kind == 12) handler.wait(a);
        else handler.skim(a, b, a >> 8);
    }
}

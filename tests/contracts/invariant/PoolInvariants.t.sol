// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {PoolHandler} from "./PoolHandler.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";

/// @title Invariants of the stake pool
/// @notice The numbers are those of docs/contracts/invariants.md.
contract PoolInvariants is Fixture, InvariantTarget {
    PoolHandler private handler;

    function setUp() public override {
        super.setUp();
        uint256[] memory keys = new uint256[](5);
        (keys[0], keys[1], keys[2]) = (_key("alice"), _key("bob"), _key("carol"));
        (keys[3], keys[4]) = (_key("mallory"), _key("guardian"));
        _register(PROPOSER, PROPOSER);
        handler = new PoolHandler(pool, token, registry, PROPOSER, keys, EPOCH);
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](15);
        selectors[0] = PoolHandler.stake.selector;
        selectors[1] = PoolHandler.transferAndCall.selector;
        selectors[2] = PoolHandler.topUp.selector;
        selectors[3] = PoolHandler.unstake.selector;
        selectors[4] = PoolHandler.unstakeAll.selector;
        selectors[5] = PoolHandler.withdraw.selector;
        selectors[6] = PoolHandler.wait.selector;
        selectors[7] = PoolHandler.waitLong.selector;
        selectors[8] = PoolHandler.closeEpochs.selector;
        selectors[9] = PoolHandler.sendPots.selector;
        selectors[10] = PoolHandler.finalize.selector;
        selectors[11] = PoolHandler.donate.selector;
        selectors[12] = PoolHandler.declareCapacity.selector;
        selectors[13] = PoolHandler.charge.selector;
        selectors[14] = PoolHandler.stakeWithPermitOf.selector;
    }

    function invariant_Pool() external {
        _p3p4_HistoryIsExactAndFixed();
        _p5_NothingIsMadeOrLost();
        _p6_QuotasStayInBounds();
        _p7_NobodyGains();
        _p1_PoolIsSolvent();
        _p2_StrandsAreDust();
        _p9_OverageTakesNoMoreThanThereIs();
        _p10_AnAllowanceIsNoStake();
    }

    /// P1: the pool holds at least all stakes, all withdrawals asked for, and all pots not sent yet, besides donations.
    function _p1_PoolIsSolvent() private {
        uint256 owedWei = _owed();
        vm.assertGe(token.balanceOf(address(pool)), owedWei + handler.donatedWei());
    }

    /// P2: what nobody owns is at most a wei for each staker and each movement, and what was donated.
    function _p2_StrandsAreDust() private {
        uint256 owedWei = _owed();
        uint256 strandedWei = token.balanceOf(address(pool)) - owedWei - handler.donatedWei();
        vm.assertLe(strandedWei, handler.userCount() + handler.movements());
    }

    /// P10: nobody stakes another's tokens by an allowance alone, and a permit counts once.
    function _p10_AnAllowanceIsNoStake() private view {
        vm.assertFalse(handler.stakedByAllowance(), "a permit counted twice");
    }

    /// P3: the fees of all users are at most the pot, and short of it by at most a wei a user.
    /// P4: a closed epoch's history never changes.
    function _p3p4_HistoryIsExactAndFixed() private view {
        uint256 count = handler.rememberedEpochs();
        // The newest, and an older one, another each time.
        for (uint256 i = 0; i < 2 && count > 0; ++i) {
            uint256 epoch = i == 0 ? count - 1 : uint256(keccak256(abi.encode(block.timestamp))) % count;
            PoolHandler.History memory then = handler.history(epoch);
            // Long stretches are remembered at their ends only.
            if (then.feesWei.length == 0) continue;
            PoolHandler.History memory now_ = handler.observed(uint64(epoch));
            vm.assertEq(keccak256(abi.encode(then)), keccak256(abi.encode(now_)), "history changed");
            uint256 feesWei;
            for (uint256 k = 0; k < now_.feesWei.length; ++k) {
                feesWei += now_.feesWei[k];
            }
            vm.assertLe(feesWei, now_.potWei);
            vm.assertLe(now_.potWei - feesWei, now_.feesWei.length);
        }
    }

    /// P5: the sum of all pots is what left the stakes: deposits = stakes + exits + pots.
    function _p5_NothingIsMadeOrLost() private view {
        uint256 inWei;
        uint256 outWei;
        for (uint256 i = 0; i < handler.userCount(); ++i) {
            inWei += handler.depositedWei(handler.users(i));
            outWei += handler.withdrawnWei(handler.users(i));
        }
        outWei += handler.proversWei();
        uint64 closed = pool.closedEpochs();
        uint256 fundedWei = closed == 0 ? 0 : pool.fundedThroughWei(closed - 1);
        uint256 sentWei = fundedWei - pool.unsentPotsWei();
        vm.assertEq(token.balanceOf(address(distributor)), sentWei);
        vm.assertEq(token.balanceOf(address(pool)) + outWei + sentWei, inWei + handler.donatedWei());
    }

    /// P6: the quota per DATA stays within its bounds, and all quotas together are at most four times the capacity bonded.
    function _p6_QuotasStayInBounds() private view {
        vm.assertGe(pool.nextQuotaBytesPerData(), QUOTA / 100_000);
        vm.assertLe(pool.nextQuotaBytesPerData(), QUOTA * 10_000);
        uint64 epoch = pool.currentEpoch();
        uint256 quotas;
        for (uint256 i = 0; i < handler.userCount(); ++i) {
            quotas += pool.quotaOf(handler.users(i), epoch);
        }
        vm.assertLe(quotas, 4 * registry.totalCapacityAt(epoch));
    }

    /// P7: no stake is worth more than what came in for it.
    function _p7_NobodyGains() private view {
        for (uint256 i = 0; i < handler.userCount(); ++i) {
            address user = handler.users(i);
            (uint256 dueWei, uint256 unbondingWei) = pool.withdrawalsOf(user);
            uint256 hasWei = pool.stakeOf(user) + dueWei + unbondingWei + handler.withdrawnWei(user);
            hasWei += handler.chargedWei(user);
            vm.assertLe(hasWei, handler.depositedWei(user) + handler.movements());
        }
    }

    /// P9: overage takes at most the bill and at most what the user has, exactly from that user; a tenth is the prover's.
    function _p9_OverageTakesNoMoreThanThereIs() private view {
        vm.assertFalse(handler.chargedTooMuch(), "P9");
        vm.assertFalse(handler.proverUnderpaid(), "P9: prover");
    }

    /// P8: at any time everybody can get out what is theirs, and nothing but dust and donations stays behind.
    function afterInvariant() external {
        handler.everybodyLeaves();
        for (uint256 i = 0; i < handler.userCount(); ++i) {
            (uint256 dueWei, uint256 unbondingWei) = pool.withdrawalsOf(handler.users(i));
            vm.assertEq(pool.stakeOf(handler.users(i)) + dueWei + unbondingWei, 0);
        }
        pool.sendPots();
        uint256 leftWei = token.balanceOf(address(pool)) - handler.donatedWei();
        vm.assertLe(leftWei, handler.userCount() + handler.movements());
    }

    /// @dev What the pool owes once all ended epochs are closed.
    function _owed() private returns (uint256 owedWei) {
        pool.closeEpochs();
        for (uint256 i = 0; i < handler.userCount(); ++i) {
            (uint256 dueWei, uint256 unbondingWei) = pool.withdrawalsOf(handler.users(i));
            owedWei += pool.stakeOf(handler.users(i)) + dueWei + unbondingWei;
        }
        owedWei += pool.unsentPotsWei() + pool.overageWei(pool.currentEpoch());
    }
}

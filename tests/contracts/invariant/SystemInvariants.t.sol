// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {SystemHandler} from "./SystemHandler.sol";

/// @title Invariants of distributions, claims and bonds
/// @notice The numbers are those of docs/contracts/invariants.md.
contract SystemInvariants is Fixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant HONEST_BOND = 500 * PROPOSER_BOND;

    SystemHandler private handler;
    address[] private cheats;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; ++i) {
            cheats.push(vm.addr(1000 + i));
            token.transfer(cheats[i], 1_000_000e18);
            vm.prank(cheats[i]);
            token.approve(address(distributor), type(uint256).max);
        }
        vm.prank(PROPOSER);
        distributor.depositProposerBond(HONEST_BOND - PROPOSER_BOND);
        _stake(ALICE, 100_000e18);
        vm.warp(block.timestamp + 1);
        handler = new SystemHandler(
            SystemHandler.Setup({
                pool: pool,
                token: token,
                registry: registry,
                distributor: distributor,
                honest: PROPOSER,
                auditor: BOB,
                griefer: MALLORY,
                staker: CAROL,
                cheats: cheats
            })
        );
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[19] memory moves = [
            SystemHandler.stake.selector,
            SystemHandler.wait.selector,
            SystemHandler.nextEpoch.selector,
            SystemHandler.nextEpoch.selector,
            SystemHandler.register.selector,
            SystemHandler.setPayout.selector,
            SystemHandler.leaveRegistry.selector,
            SystemHandler.declareCapacity.selector,
            SystemHandler.addBond.selector,
            SystemHandler.donate.selector,
            SystemHandler.sendPots.selector,
            SystemHandler.proposeHonestly.selector,
            SystemHandler.cheat.selector,
            SystemHandler.grief.selector,
            SystemHandler.finalize.selector,
            SystemHandler.withdrawBond.selector,
            SystemHandler.claim.selector,
            SystemHandler.claimRange.selector,
            SystemHandler.settleContests.selector
        ];
        bytes4[] memory selectors = new bytes4[](moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            selectors[i] = moves[i];
        }
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_Distributions() external view {
        _d1_ClaimedIsCoveredByFunds();
        _d2_ClaimsOnlyRiseToThePromise();
        vm.assertFalse(handler.amountFell(), "D3: a finalized amount fell");
        _d4_RootIsFunded();
        _d5_VaultHoldsTheBonds();
        _d6_RegistryHoldsTheBonds();
        vm.assertLe(handler.seriesLength(), cheats.length, "D7: a cheat had two turns in a series");
        vm.assertFalse(handler.cheatGotItsStakeBack(), "D9: a cheat that was outbid lost nothing");
        vm.assertFalse(handler.honestLostItsStake(), "D9: who was right lost its stake");
        vm.assertFalse(handler.factsChanged(), "D10: a fact of an epoch that is over changed");
        _d11_SumsAreThoseOfTheOperators();
    }

    function afterInvariant() external {
        // D8: whatever is pending, the honest proposer needs at most two windows, and everything promised can be claimed.
        vm.assertLe(handler.settle(), 2, "D8: windows");
        for (uint256 i = 0; i < handler.finalizedCount(); ++i) {
            vm.assertEq(distributor.claimedNano(uint32(i)), handler.finalizedNano(i), "D8: claimed");
        }
        vm.assertGe(distributor.proposerBondOf(PROPOSER), HONEST_BOND, "D9: the honest proposer paid");
        vm.prank(PROPOSER);
        distributor.withdrawProposerBond();
    }

    /// The handler is not idle: in a long walk every kind of cheat is posted and caught, and distributions are finalized.
    function test_TheHandlerReachesEverything() external {
        for (uint256 i = 0; i < 2500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            uint256 move = seed % 10;
            if (move == 0) handler.nextEpoch();
            if (move == 1) handler.wait(seed);
            if (move == 2) handler.cheat(seed, seed >> 8, seed >> 16);
            if (move == 3) handler.proposeHonestly(seed);
            if (move == 4) handler.finalize();
            if (move == 5) handler.register(seed);
            if (move == 6) handler.grief(seed);
            if (move == 7) handler.setPayout(seed, seed);
            if (move == 8) handler.claimRange(seed, seed >> 8);
            if (move == 9) handler.settleContests();
        }
        for (uint256 kind = uint256(SystemHandler.Kind.Decrease); kind <= 6; ++kind) {
            vm.assertGt(handler.cancelled(SystemHandler.Kind(kind)), 0);
        }
        vm.assertGt(handler.finalizations(), 50);
        vm.assertGt(handler.outbids(), 20);
    }

    function _d1_ClaimedIsCoveredByFunds() private view {
        uint256 claimedNano;
        for (uint256 i = 0; i < registry.operatorCount(type(uint64).max); ++i) {
            claimedNano += distributor.claimedNano(uint32(i));
        }
        uint64 closed = pool.closedEpochs();
        uint256 sentWei = (closed == 0 ? 0 : pool.fundedThroughWei(closed - 1)) - pool.unsentPotsWei();
        uint256 heldWei = token.balanceOf(address(distributor)) - handler.donatedWei();
        vm.assertEq(heldWei + claimedNano * 1e9, sentWei, "D1: claimed and held is what was sent");
    }

    function _d2_ClaimsOnlyRiseToThePromise() private view {
        vm.assertFalse(handler.claimFell(), "D2: a claimed amount fell");
        for (uint256 i = 0; i < registry.operatorCount(type(uint64).max); ++i) {
            vm.assertLe(distributor.claimedNano(uint32(i)), handler.finalizedNano(i), "D2: more than promised");
        }
    }

    function _d4_RootIsFunded() private view {
        (bool any, uint64 epoch) = distributor.finalizedEpoch();
        if (!any) return;
        uint256 sumNano = uint64(uint256(distributor.finalizedRoot()));
        vm.assertLe(sumNano * 1e9, pool.fundedThroughWei(epoch), "D4: promised more than funded");
    }

    function _d5_VaultHoldsTheBonds() private view {
        uint256 bondsWei = distributor.proposerBondOf(PROPOSER) + handler.openDemandBonds() + handler.outbidWei();
        for (uint256 i = 0; i < cheats.length; ++i) {
            bondsWei += distributor.proposerBondOf(cheats[i]);
        }
        vm.assertEq(token.balanceOf(address(_vault())), bondsWei, "D5: vault");
    }

    function _d11_SumsAreThoseOfTheOperators() private view {
        uint256 bondsWei;
        uint256 capacities;
        uint64 next = pool.currentEpoch() + 1;
        for (uint32 i = 0; i < registry.operatorCount(next); ++i) {
            bondsWei += registry.bondAt(i, next);
            capacities += registry.capacityAt(i, next);
        }
        vm.assertEq(registry.totalBondAt(next), bondsWei, "D11: bonds");
        vm.assertEq(registry.totalCapacityAt(next), capacities, "D11: capacities");
    }

    function _d6_RegistryHoldsTheBonds() private view {
        uint256 bondsWei;
        for (uint256 i = 0; i < registry.operatorCount(type(uint64).max); ++i) {
            bondsWei += registry.operatorAt(uint32(i)).bondWei;
        }
        vm.assertEq(token.balanceOf(address(registry)), bondsWei, "D6: registry");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";
import {SystemData} from "./SystemData.sol";
import {SystemHandler} from "./SystemHandler.sol";

/// @title Invariants of distributions, claims and bonds
/// @notice The numbers are those of docs/contracts/invariants.md.
contract SystemInvariants is Fixture, InvariantTarget {
    SystemHandler private handler;
    address[] private cheats;
    uint256 private honestWei;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; ++i) {
            cheats.push(vm.addr(1000 + i));
            token.transfer(cheats[i], 1_000_000e18);
            vm.prank(cheats[i]);
            token.approve(address(distributor), type(uint256).max);
        }
        vm.fee(1 gwei);
        handler = new SystemHandler(
            SystemData.Setup({
                pool: pool,
                token: token,
                registry: registry,
                forced: forced,
                assents: assents,
                disproofs: disproofs,
                demands: demands,
                distributor: distributor,
                honest: PROPOSER,
                auditor: BOB,
                griefer: MALLORY,
                ownerKey: _key("carol"),
                cheats: cheats
            })
        );
        for (uint256 i = 0; i < 3; ++i) {
            handler.stake(i, 40_000e18 + i);
            handler.register(type(uint64).max);
        }
        honestWei = token.balanceOf(PROPOSER);
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        bytes4[28] memory moves = [
            SystemHandler.stake.selector,
            SystemHandler.wait.selector,
            SystemHandler.wait.selector,
            SystemHandler.nextEpoch.selector,
            SystemHandler.register.selector,
            SystemHandler.setPayout.selector,
            SystemHandler.leaveRegistry.selector,
            SystemHandler.declareCapacity.selector,
            SystemHandler.addBond.selector,
            SystemHandler.donate.selector,
            SystemHandler.sendPots.selector,
            SystemHandler.force.selector,
            SystemHandler.assent.selector,
            SystemHandler.proposeHonestly.selector,
            SystemHandler.cheat.selector,
            SystemHandler.cheat.selector,
            SystemHandler.cheatOnACheat.selector,
            SystemHandler.cheatOnACheat.selector,
            SystemHandler.grief.selector,
            SystemHandler.answerEarly.selector,
            SystemHandler.reclaim.selector,
            SystemHandler.finalize.selector,
            SystemHandler.finalize.selector,
            SystemHandler.withdrawBonds.selector,
            SystemHandler.withdrawReward.selector,
            SystemHandler.burn.selector,
            SystemHandler.claim.selector,
            SystemHandler.claimRange.selector
        ];
        selectors = new bytes4[](moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            selectors[i] = moves[i];
        }
    }

    function invariant_Distributions() external view {
        _d1_ClaimedIsCoveredByFunds();
        _d2_ClaimsOnlyRiseToThePromise();
        vm.assertFalse(handler.amountFell(), "D3: a finalized amount fell");
        _d4_RootIsFunded();
        _d5_VaultHoldsTheBonds();
        _d6_RegistryHoldsTheBonds();
        vm.assertFalse(handler.wrongIsFinal(), "D7: what the rule does not make became final");
        vm.assertFalse(handler.rightWasHeldUp(), "D8: a right proposal was held up");
        vm.assertFalse(handler.rightWaitsTooLong(), "D8: a right proposal waits too long");
        vm.assertFalse(handler.wrongBondCameBack(), "D9: a cheat that was caught lost nothing");
        vm.assertFalse(handler.rewardWentAstray(), "D14: a reward was not half of the bond, or paid twice");
        vm.assertFalse(handler.secondWasTaken(), "D12: a proposer had two open proposals of an epoch");
        vm.assertFalse(handler.factsChanged(), "D10: a fact of an epoch that is over changed");
        _d11_SumsAreThoseOfTheOperators();
        _d15_ProposersGetTheirPart();
        vm.assertEq(address(demands).balance, handler.openOffersWei(), "D13: offers");
    }

    function afterInvariant() external {
        // D8: whatever stands, the honest proposer gets a distribution through, and everything promised can be claimed.
        vm.assertLe(handler.settle(), handler.MOST_WAIT(), "D8: wait");
        for (uint256 i = 0; i < handler.finalizedCount(); ++i) {
            vm.assertEq(distributor.claimedNano(uint32(i)), handler.finalizedNano(i), "D8: claimed");
        }
        vm.assertEq(token.balanceOf(PROPOSER), honestWei + handler.honestPaidWei(), "D9: the honest proposer paid");
    }

    /// The handler is not idle: in a long walk every kind of cheat is posted and caught, and distributions are finalized.
    function test_TheHandlerReachesEverything() external {
        for (uint256 i = 0; i < 2500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            uint256 move = seed % 16;
            seed >>= 8;
            if (move < 2) handler.wait(seed);
            if (move == 2) handler.nextEpoch();
            if (move < 7 && move > 2) handler.cheat(seed, seed >> 8, seed >> 16);
            if (move == 7) handler.proposeHonestly(seed);
            if (move == 6 || move == 7) handler.cheatOnACheat(seed, seed >> 8);
            if (move == 13) handler.withdrawReward(seed);
            if (move == 8) handler.finalize(seed);
            if ((move == 2 && seed % 4 != 0) || move == 9) handler.assent();
            if (move == 10 || move == 15) handler.grief(seed);
            if (move == 11) handler.withdrawBonds();
            if (move == 12) handler.claimRange(seed, seed >> 8);
            if (move == 13) handler.force(seed);
            if (move == 14) handler.reclaim();
            if (move == 15 && seed % 4 == 0) handler.setPayout(seed, seed);
        }
        for (uint256 kind = uint256(SystemData.Kind.EntryTooHigh); kind <= 14; ++kind) {
            vm.assertGe(handler.cancelled(SystemData.Kind(kind)), 1, vm.toString(kind));
        }
        vm.assertGt(handler.finalizations(), 30);
        vm.assertGt(handler.answers(), 20);
        vm.assertGt(handler.proposersPaidWei(), 0);
        vm.assertGt(handler.refusedSeconds(), 0);
        vm.assertGt(handler.repeats(), 10);
        vm.assertGt(handler.repeatsInASecond(), 5);
    }

    function _d1_ClaimedIsCoveredByFunds() private view {
        uint256 claimedNano;
        for (uint256 i = 0; i < registry.operatorCount(type(uint64).max); ++i) {
            claimedNano += distributor.claimedNano(uint32(i));
        }
        uint64 closed = pool.closedEpochs();
        uint256 sentWei = (closed == 0 ? 0 : pool.fundedThroughWei(closed - 1)) - pool.unsentPotsWei();
        uint256 heldWei = token.balanceOf(address(distributor)) - handler.donatedWei();
        uint256 paidWei = claimedNano * 1e9 + handler.proposersPaidWei();
        vm.assertEq(heldWei + paidWei, sentWei, "D1: paid and held is what was sent");
    }

    function _d2_ClaimsOnlyRiseToThePromise() private view {
        vm.assertFalse(handler.claimFell(), "D2: a claimed amount fell");
        for (uint256 i = 0; i < registry.operatorCount(type(uint64).max); ++i) {
            vm.assertLe(distributor.claimedNano(uint32(i)), handler.finalizedNano(i), "D2: more than promised");
        }
    }

    function _d4_RootIsFunded() private view {
        uint64 next = distributor.nextEpoch();
        if (next == 0) return;
        uint256 sumNano = uint64(uint256(distributor.finalizedRoot()));
        uint256 promisedWei = (sumNano + handler.proposersNano(next - 1)) * 1e9;
        vm.assertLe(promisedWei, pool.fundedThroughWei(next - 1), "D4: promised more than funded");
    }

    function _d5_VaultHoldsTheBonds() private view {
        uint256 owedWei = handler.standingBondsWei() + handler.uncollectedWei();
        vm.assertEq(token.balanceOf(address(_vault())), owedWei + handler.unburntWei(), "D5: vault");
    }

    function _d15_ProposersGetTheirPart() private view {
        vm.assertFalse(handler.proposerPayWentAstray(), "D15: a proposer did not get its part, or got it twice");
        uint64 next = distributor.nextEpoch();
        uint256 partWei = next == 0 ? 0 : handler.proposersNano(next - 1) * 1e9;
        vm.assertLe(handler.proposersPaidWei(), partWei, "D15: proposers got more than their part");
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

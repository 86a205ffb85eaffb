// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {BondVault} from "../../../contracts/distribution/BondVault.sol";
import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Bonds, proposals and their finalization
contract ProposalsTest is Fixture {
    using SumTree for SumTree.Tree;

    SumTree.Tree private tree;

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    function setUp() public override {
        super.setUp();
        _stake(ALICE, 1000e18);
        _registerMany(3);
        _endEpoch();
        (tree,) = _tree(3, 1e9, 0);
    }

    function test_TellsItsParameters() external view {
        vm.assertEq(distributor.proposerBondWei(), PROPOSER_BOND);
        vm.assertEq(distributor.demandBondWei(), DEMAND_BOND);
        vm.assertEq(distributor.challengeWindow(), WINDOW);
        vm.assertEq(distributor.answerWindow(), ANSWER);
        vm.assertEq(distributor.finalizedRoot(), bytes32(0));
        (bool any, uint64 epoch) = distributor.finalizedEpoch();
        vm.assertFalse(any);
        vm.assertEq(epoch, 0);
        _assertNothingPending();
    }

    function test_RevertWhen_AParameterIsOutOfRange() external {
        Distributor.Parameters memory good = _distributorParameters();
        for (uint256 i = 0; i < 11; ++i) {
            Distributor.Parameters memory bad = abi.decode(abi.encode(good), (Distributor.Parameters));
            if (i == 0) bad.token = IERC20(address(0));
            if (i == 1) bad.stakePool = IStakePool(address(0));
            if (i == 2) bad.registry = IOperatorRegistry(address(0));
            if (i == 3) bad.challengeWindow = 0;
            if (i == 4) bad.challengeWindow = 30 days + 1;
            if (i == 5) bad.answerWindow = 0;
            if (i == 6) bad.answerWindow = 30 days + 1;
            if (i == 7) bad.maximumPause = 30 days + 1;
            if (i == 8) bad.proposerBondWei = 0;
            if (i == 9) bad.demandBondWei = 0;
            if (i == 10) bad.proposerBondWei = 1 << 128;
            vm.expectRevert(IDistributor.DistributorParameterInvalid.selector);
            new Distributor(bad);
        }
        (good.challengeWindow, good.answerWindow, good.maximumPause) = (30 days, 30 days, 30 days);
        new Distributor(good);
    }

    // Bonds.

    function test_BondsLieInTheVaultAndComeBack() external {
        uint256 vaultWei = token.balanceOf(address(_vault()));
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposerBondDeposited(BOB, 7, 7);
        vm.startPrank(BOB);
        distributor.depositProposerBond(7);
        distributor.depositProposerBond(5);
        vm.assertEq(distributor.proposerBondOf(BOB), 12);
        vm.assertEq(token.balanceOf(address(_vault())), vaultWei + 12);
        vm.assertEq(token.balanceOf(address(distributor)), 0);
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposerBondWithdrawn(BOB, 12);
        distributor.withdrawProposerBond();
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18);
        vm.expectRevert(IDistributor.ProposerBondLocked.selector);
        distributor.withdrawProposerBond();
        vm.stopPrank();
    }

    function test_RevertWhen_ABondIsWithdrawnUnderAPendingProposal() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 0, tree.root);
        vm.prank(PROPOSER);
        vm.expectRevert(IDistributor.ProposerBondLocked.selector);
        distributor.withdrawProposerBond();
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(proposal);
        vm.prank(PROPOSER);
        distributor.withdrawProposerBond();
    }

    function test_AnothersPendingProposalLocksNothing() external {
        vm.startPrank(BOB);
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.stopPrank();
        _propose(PROPOSER, 0, tree.root);
        vm.prank(BOB);
        distributor.withdrawProposerBond();
    }

    function test_RevertWhen_AStrangerEmptiesTheVault() external {
        BondVault vault = _vault();
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(BondVault.CallerNotDistributor.selector, MALLORY));
        vault.pay(MALLORY, 1);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(BondVault.CallerNotDistributor.selector, MALLORY));
        vault.tryPay(MALLORY, 1);
    }

    // Proposals.

    function test_AProposalIsPendingForItsWindow() external {
        uint64 finalizableAt = uint64(block.timestamp) + WINDOW;
        IDistributor.Proposal memory proposal = _proposal(0, tree.root);
        vm.expectEmit(address(distributor));
        emit IDistributor.Proposed(
            0, tree.root, PROPOSER, proposal.receiptsRoot, proposal.manifestHash, finalizableAt, 1, proposal.uri
        );
        _propose(PROPOSER, 0, tree.root);
        vm.assertEq(distributor.pendingCommitment(), keccak256(abi.encode(proposal, PROPOSER, finalizableAt, 1)));
        (address proposer, uint64 at_, uint256 demands, uint256 stakeWei) = distributor.pendingProposal();
        vm.assertEq(proposer, PROPOSER);
        vm.assertEq(at_, finalizableAt);
        vm.assertEq(demands, 0);
        vm.assertEq(stakeWei, PROPOSER_BOND);
        vm.warp(finalizableAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ChallengeWindowOpen.selector, finalizableAt));
        distributor.finalize(proposal);
        vm.warp(finalizableAt);
        vm.expectEmit(address(distributor));
        emit IDistributor.Finalized(0, tree.root);
        distributor.finalize(proposal);
        vm.assertEq(distributor.finalizedRoot(), tree.root);
        (bool any, uint64 epoch) = distributor.finalizedEpoch();
        vm.assertTrue(any);
        vm.assertEq(epoch, 0);
        _assertNothingPending();
        vm.expectRevert(IDistributor.ProposalNotPending.selector);
        distributor.finalize(proposal);
    }

    function test_FinalizingBringsThePots() external {
        IDistributor.Proposal memory proposal = _proposal(0, tree.root);
        vm.prank(PROPOSER);
        distributor.propose(proposal);
        vm.assertEq(token.balanceOf(address(distributor)), 0);
        vm.warp(block.timestamp + WINDOW);
        vm.expectEmit(address(pool));
        emit IStakePool.PotsSent(10e18);
        distributor.finalize(proposal);
        vm.assertEq(token.balanceOf(address(distributor)), 10e18);
        vm.assertEq(pool.unsentPotsWei(), 0);
    }

    function test_WhenTheTokenRefusesThePots_TheyFollowLater() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 0, tree.root);
        vm.warp(block.timestamp + WINDOW);
        HostileToken(address(token)).pause(true);
        distributor.finalize(proposal);
        vm.assertEq(distributor.finalizedRoot(), tree.root);
        vm.assertEq(pool.unsentPotsWei(), 10e18);
        HostileToken(address(token)).pause(false);
        pool.sendPots();
        vm.assertEq(token.balanceOf(address(distributor)), 10e18);
    }

    function test_RevertWhen_TheBondIsTooSmall() external {
        vm.startPrank(BOB);
        distributor.depositProposerBond(PROPOSER_BOND - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributor.ProposerBondTooSmall.selector, PROPOSER_BOND - 1, PROPOSER_BOND)
        );
        distributor.propose(_proposal(0, tree.root));
        distributor.depositProposerBond(1);
        distributor.propose(_proposal(0, tree.root));
        vm.stopPrank();
    }

    function test_RevertWhen_AnotherProposalIsPending() external {
        _propose(PROPOSER, 0, tree.root);
        vm.prank(BOB);
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.prank(BOB);
        vm.expectRevert(IDistributor.ProposalPending.selector);
        distributor.propose(_proposal(0, tree.root));
    }

    function test_RevertWhen_TheSumExceedsTheFunds() external {
        // Epoch 0 had 10 DATA of fees: 1e10 nano.
        SumTree.Tree memory most = SumTree.build(_entries(_three(1e10, 0, 0)));
        SumTree.Tree memory more = SumTree.build(_entries(_three(1e10, 1, 0)));
        vm.startPrank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.SumExceedsFunds.selector, 1e10 + 1, 1e10));
        distributor.propose(_proposal(0, more.root));
        distributor.propose(_proposal(0, most.root));
        vm.stopPrank();
    }

    function test_RevertWhen_TheSumFalls() external {
        _proposeAndFinalize(0, tree.root);
        _endEpoch();
        SumTree.Tree memory less = SumTree.build(_entries(_three(1e9, 1e9, 1e9 - 1)));
        vm.startPrank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.SumFalls.selector, 3e9 - 1, 3e9));
        distributor.propose(_proposal(1, less.root));
        distributor.propose(_proposal(1, tree.root));
        vm.stopPrank();
    }

    function test_RevertWhen_TheEpochIsNotNewer() external {
        _endEpoch();
        _proposeAndFinalize(1, tree.root);
        vm.startPrank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.EpochNotNewer.selector, 1, 1));
        distributor.propose(_proposal(1, tree.root));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.EpochNotNewer.selector, 0, 1));
        distributor.propose(_proposal(0, tree.root));
        vm.stopPrank();
    }

    function test_RevertWhen_AnyFieldDiffersFromThePendingProposal() external {
        IDistributor.Proposal memory good = _propose(PROPOSER, 0, tree.root);
        vm.warp(block.timestamp + WINDOW);
        for (uint256 i = 0; i < 5; ++i) {
            IDistributor.Proposal memory bad = abi.decode(abi.encode(good), (IDistributor.Proposal));
            if (i == 0) bad.epoch = 1;
            if (i == 1) bad.root = SumTree.word(keccak256("other"), 3e9);
            if (i == 2) bad.receiptsRoot = bytes32(0);
            if (i == 3) bad.manifestHash = bytes32(0);
            if (i == 4) bad.uri = "";
            vm.expectRevert(IDistributor.ProposalNotPending.selector);
            distributor.finalize(bad);
        }
        distributor.finalize(good);
    }

    // Pauses.

    function test_TheGuardianHoldsUpProposalsForAWhile() external {
        uint64 until = uint64(block.timestamp) + PAUSE;
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposalsPaused(until);
        vm.prank(GUARDIAN);
        distributor.pauseProposals();
        bytes memory paused = abi.encodeWithSelector(IDistributor.ProposalsArePaused.selector, until);
        vm.prank(PROPOSER);
        vm.expectRevert(paused);
        distributor.propose(_proposal(0, tree.root));
        vm.warp(until - 1);
        vm.prank(PROPOSER);
        vm.expectRevert(paused);
        distributor.propose(_proposal(0, tree.root));
        vm.warp(until);
        _propose(PROPOSER, 0, tree.root);
    }

    function test_APauseHoldsUpNeitherFinalizationNorClaims() external {
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 0, tree.root);
        vm.prank(GUARDIAN);
        distributor.pauseProposals();
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(proposal);
        distributor.claim(_entries(_three(1e9, 1e9, 1e9))[1], tree.proof(1));
        vm.assertEq(token.balanceOf(_payout(1)), 1e18);
    }

    function test_RevertWhen_APauseFollowsAPause() external {
        vm.startPrank(GUARDIAN);
        distributor.pauseProposals();
        vm.expectRevert(IDistributor.PauseNotAllowed.selector);
        distributor.pauseProposals();
        vm.warp(block.timestamp + 2 * PAUSE - 1);
        vm.expectRevert(IDistributor.PauseNotAllowed.selector);
        distributor.pauseProposals();
        vm.warp(block.timestamp + 1);
        distributor.pauseProposals();
        vm.stopPrank();
    }

    function test_RevertWhen_AStrangerPauses() external {
        vm.prank(MALLORY);
        vm.expectRevert(IDistributor.PauseNotAllowed.selector);
        distributor.pauseProposals();
    }

    function _three(uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory nanos) {
        nanos = new uint256[](3);
        (nanos[0], nanos[1], nanos[2]) = (a, b, c);
    }

    function _assertNothingPending() private view {
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
        (address proposer, uint64 at_, uint256 demands, uint256 stakeWei) = distributor.pendingProposal();
        vm.assertEq(proposer, address(0));
        vm.assertEq(at_, 0);
        vm.assertEq(demands, 0);
        vm.assertEq(stakeWei, 0);
    }
}

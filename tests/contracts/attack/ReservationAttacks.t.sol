// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Cheats one after another, and cheats that no proof can show, where a demand may be answered as long as a proposal may
/// be challenged
contract ReservationAttacksTest is Fixture {
    using SumTree for SumTree.Tree;

    uint256 private constant NANO = 1e9;

    SumTree.Tree private finalized;
    bytes32[] private entries;

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    function _distributorParameters() internal view override returns (Distributor.Parameters memory parameters) {
        parameters = super._distributorParameters();
        parameters.answerWindow = parameters.challengeWindow;
    }

    function setUp() public override {
        super.setUp();
        _stake(ALICE, 10_000e18);
        _registerMany(5);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(5, NANO, 0);
        (finalized, entries) = (tree, made);
        _proposeAndFinalize(0, tree.root);
    }

    /// Bonds that take turns: each is posted anew while the next one's cheat is pending. A cancellation that comes after the
    /// reservation must not begin a new series, or three bonds would keep everybody out for ever.
    function test_RotatingBonds_BuyNoFourthTurn() external {
        _endEpoch();
        address[3] memory cheats = [MALLORY, BOB, CAROL];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(cheats[i]);
            distributor.depositProposerBond(PROPOSER_BOND);
        }
        vm.warp(block.timestamp + 1);
        bytes32 secret = SumTree.word(keccak256("nobody can answer for this"), 6 * NANO);
        IDistributor.Proposal memory bad = _proposal(1, secret);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(cheats[i]);
            distributor.propose(bad);
            bytes32[] memory proof = finalized.proof(i);
            vm.prank(ALICE);
            distributor.demandEntry(bad, entries[i], proof);
            vm.warp(block.timestamp + WINDOW + 1);
            distributor.cancelUnanswered(bad, uint32(i));
            if (i == 0) {
                vm.prank(cheats[0]);
                distributor.depositProposerBond(PROPOSER_BOND);
            }
        }
        vm.expectRevert(
            abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, uint64(block.timestamp + WINDOW))
        );
        vm.prank(cheats[0]);
        distributor.propose(bad);
        _proposeAndFinalize(1, finalized.root);
    }

    /// Monoplasma's bad root, whoever is first has its way: here the epoch's new money goes to one operator, or is held back by
    /// posting the old root again. It costs more each time, and the honest get through within as many windows as the
    /// cheat can double its stake.
    function test_MonoplasmaBadRoot_IsOutbid() external {
        vm.prank(PROPOSER);
        distributor.depositProposerBond(100 * PROPOSER_BOND);
        vm.prank(MALLORY);
        distributor.depositProposerBond(42 * PROPOSER_BOND);
        vm.warp(block.timestamp + 1);
        uint256 mallorysWei = 42 * PROPOSER_BOND;
        for (uint64 epoch = 1; epoch < 3; ++epoch) {
            _endEpoch();
            bytes32[] memory fair = _fair(epoch);
            IDistributor.Proposal memory right = _proposal(epoch, SumTree.build(fair).root);
            fair[0] = SumTree.entry(0, _payout(0), (5 + epoch) * NANO);
            IDistributor.Proposal memory wrong =
                _proposal(epoch, epoch == 1 ? finalized.root : SumTree.build(fair).root);
            vm.prank(MALLORY);
            distributor.propose(wrong);
            bytes32 contest = distributor.pendingCommitment();
            uint256 windows;
            while (true) {
                vm.warp(block.timestamp + WINDOW - 1);
                vm.prank(PROPOSER);
                distributor.outbid(wrong, right);
                ++windows;
                (,,, uint256 stakeWei) = distributor.pendingProposal();
                if (distributor.proposerBondOf(MALLORY) < 2 * stakeWei) break;
                vm.warp(block.timestamp + WINDOW - 1);
                vm.prank(MALLORY);
                distributor.outbid(right, wrong);
                ++windows;
            }
            vm.warp(block.timestamp + WINDOW);
            distributor.finalize(right);
            vm.assertEq(distributor.finalizedRoot(), right.root);
            for (uint256 i = 0; i < distributor.roundsOf(contest); ++i) {
                distributor.settleRound(contest, i);
            }
            // It stakes 1, 4 and 16 bonds, and has not the 64 that come next.
            vm.assertEq(windows, 5);
            uint256 left = distributor.proposerBondOf(MALLORY);
            vm.assertEq(mallorysWei - left, 21 * PROPOSER_BOND);
            mallorysWei = left;
        }
        vm.assertGt(distributor.proposerBondOf(PROPOSER), 101 * PROPOSER_BOND);
    }

    /// An id is promised something before anybody has it, and registered while the window runs.
    function test_LateRegistration_MakesNoPromiseGood() external {
        _endEpoch();
        bytes32[] memory six = new bytes32[](6);
        for (uint256 i = 0; i < 5; ++i) {
            six[i] = entries[i];
        }
        six[5] = SumTree.entry(5, MALLORY, 4 * NANO);
        SumTree.Tree memory tree = SumTree.build(six);
        vm.prank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
        IDistributor.Proposal memory bad = _propose(MALLORY, 1, tree.root);
        vm.assertEq(_register(MALLORY, MALLORY), 5);
        bytes32 leaf = tree.levels[0][5];
        bytes32[] memory proof = tree.proof(5);
        uint256 snapshot = vm.snapshotState();
        vm.prank(ALICE);
        distributor.challengeUnknownOperator(bad, 5, leaf, proof);
        vm.revertToState(snapshot);
        vm.prank(ALICE);
        distributor.challengePayout(bad, six[5], proof);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
    }

    function _fair(uint64 epoch) private view returns (bytes32[] memory fair) {
        fair = entries;
        fair[epoch] = SumTree.entry(epoch, _payout(epoch), 2 * NANO);
        if (epoch == 2) fair[1] = SumTree.entry(1, _payout(1), 2 * NANO);
    }

    /// Merkl's blacklisted disputer: a demander, or the place where bonds are burnt, that the token refuses must not keep a
    /// cheat's proposal pending for ever.
    function test_BlacklistedDisputer_HoldsUpNoCancellation() external {
        _endEpoch();
        vm.prank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
        bytes32 secret = SumTree.word(keccak256("nobody can answer for this"), 6 * NANO);
        IDistributor.Proposal memory bad = _propose(MALLORY, 1, secret);
        bytes32[] memory proof = finalized.proof(0);
        vm.prank(ALICE);
        distributor.demandEntry(bad, entries[0], proof);
        vm.warp(block.timestamp + WINDOW + 1);
        HostileToken(address(token)).refuse(ALICE, true);
        HostileToken(address(token)).refuse(0x000000000000000000000000000000000000dEaD, true);
        uint256 before = token.balanceOf(ALICE);
        distributor.cancelUnanswered(bad, 0);
        vm.assertEq(token.balanceOf(ALICE), before);
        vm.assertEq(distributor.proposerBondOf(ALICE), PROPOSER_BOND / 2 + DEMAND_BOND);

        // What it is owed waits for it, and nothing else is held up.
        _proposeAndFinalize(1, finalized.root);
        HostileToken(address(token)).refuse(ALICE, false);
        vm.prank(ALICE);
        distributor.withdrawProposerBond();
        vm.assertEq(token.balanceOf(ALICE), before + PROPOSER_BOND / 2 + DEMAND_BOND);
    }
}

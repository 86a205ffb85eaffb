// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title The same proposal twice in one second
/// @notice Found by an audit: a commitment without a counter names both, so the second finds what the first left behind. Each
/// test is one of the thefts that this made possible.
contract CollisionAttacksTest is Fixture {
    using SumTree for SumTree.Tree;

    uint256 private constant NANO = 1e9;

    bytes32[] private entries;
    SumTree.Tree private finalized;
    SumTree.Tree private lie;
    bytes32[] private lieEntries;

    /// @dev Epoch 0 is final; for epoch 1 there is a lie that anybody can prove: it pays an operator that nobody registered.
    function setUp() public override {
        super.setUp();
        _stake(ALICE, 1_000_000e18);
        _registerMany(3);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(3, NANO, 0);
        (finalized, entries) = (tree, made);
        _proposeAndFinalize(0, tree.root);
        _endEpoch();
        bytes32[] memory four = new bytes32[](4);
        four[3] = SumTree.entry(3, MALLORY, NANO);
        for (uint256 i = 0; i < 3; ++i) {
            four[i] = SumTree.entry(i, _payout(i), NANO);
        }
        SumTree.Tree memory wrong = SumTree.build(four);
        (lie, lieEntries) = (wrong, four);
        _deposit(MALLORY, 2 * PROPOSER_BOND);
        for (uint256 i = 0; i < 3; ++i) {
            _deposit(_helper(i), 2 * PROPOSER_BOND);
        }
    }

    function test_TheSameProposalInTheSameSecondHasAnotherCommitment() external {
        bytes32 first = _proposedAndProvenBy(CAROL);
        _propose(MALLORY, 1, finalized.root);
        vm.assertNotEq(distributor.pendingCommitment(), first);
    }

    /// Outbid oneself with a provable lie, prove it, and settle the round, again and again: each time the one contest had a
    /// round more, and a round pays twice what the one before it did, though each was staked with one bond.
    function test_ARoundStakedWithOneBondNeverPaysTwo() external {
        vm.prank(PROPOSER);
        distributor.depositProposerBond(20 * PROPOSER_BOND);
        uint256 owed = distributor.proposerBondOf(MALLORY);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 contest = _proposedAndProvenBy(_helper(i));
            vm.assertEq(distributor.roundsOf(contest), 1);
            distributor.settleRound(contest, 0);
            vm.expectRevert(abi.encodeWithSelector(IDistributor.RoundUnknown.selector, 1));
            distributor.settleRound(contest, 1);
            vm.assertEq(distributor.proposerBondOf(MALLORY), owed);
        }
        // What is in the books is in the vault.
        uint256 booked = distributor.proposerBondOf(MALLORY) + distributor.proposerBondOf(PROPOSER);
        for (uint256 i = 0; i < 3; ++i) {
            booked += distributor.proposerBondOf(_helper(i));
        }
        vm.assertEq(token.balanceOf(address(_vault())), booked);
    }

    /// Demand every entry of one's own proposal, have it voided, take the demands' bonds back, and propose it again: the spent
    /// demands stood in the way of everybody else's, and a tree that nobody ever saw became final.
    function test_SpentDemandsOfACancelledProposalDoNotShieldTheNext() external {
        IDistributor.Proposal memory secret = _proposal(1, finalized.root);
        vm.prank(MALLORY);
        distributor.propose(secret);
        bytes32 first = distributor.pendingCommitment();
        for (uint256 i = 0; i < 3; ++i) {
            _demand(MALLORY, secret, i);
        }
        _outbidAndProve(secret, CAROL);
        for (uint32 i = 0; i < 3; ++i) {
            distributor.reclaimDemandBond(first, i);
        }
        distributor.settleRound(first, 0);
        vm.prank(MALLORY);
        distributor.propose(secret);

        for (uint256 i = 0; i < 3; ++i) {
            _demand(ALICE, secret, i);
        }
        vm.warp(block.timestamp + ANSWER + 1);
        distributor.cancelUnanswered(secret, 0);
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
        vm.assertEq(distributor.proposerBondOf(MALLORY), PROPOSER_BOND);
    }

    /// @dev A proposal, and the contest that is void once the lie that outbid it is proven.
    function _proposedAndProvenBy(address helper) private returns (bytes32 contest) {
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, finalized.root);
        contest = distributor.pendingCommitment();
        _outbidAndProve(proposal, helper);
    }

    function _outbidAndProve(IDistributor.Proposal memory pending, address helper) private {
        IDistributor.Proposal memory rival = _proposal(1, lie.root);
        vm.prank(helper);
        distributor.outbid(pending, rival);
        bytes32[] memory proof = lie.proof(3);
        vm.prank(helper);
        distributor.challengeUnknownOperator(rival, 3, SumTree.leaf(lieEntries[3]), proof);
    }

    function _demand(address who, IDistributor.Proposal memory proposal, uint256 i) private {
        bytes32[] memory proof = finalized.proof(i);
        vm.prank(who);
        distributor.demandEntry(proposal, entries[i], proof);
    }

    /// @dev A wallet of the attacker for each lie: one that was caught waits.
    function _helper(uint256 i) private view returns (address) {
        return [CAROL, BOB, GUARDIAN][i];
    }

    /// @dev Bonds from before the first lie pass the reservation that follows it.
    function _deposit(address who, uint256 amountWei) private {
        vm.prank(who);
        distributor.depositProposerBond(amountWei);
        vm.warp(block.timestamp + 1);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Proposals that outbid each other, and what becomes of their stakes
contract ContestsTest is Fixture {
    using SumTree for SumTree.Tree;

    address private constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant NANO = 1e9;

    SumTree.Tree private finalized;
    bytes32[] private entries;
    IDistributor.Proposal private right;
    IDistributor.Proposal private wrong;
    bytes32 private contest;

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
    }

    /// @dev Epoch 0 is final; PROPOSER has what is right for epoch 1, MALLORY gives all of it to operator 0.
    function setUp() public override {
        super.setUp();
        _stake(ALICE, 10_000e18);
        _registerMany(3);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(3, NANO, 0);
        (finalized, entries) = (tree, made);
        _proposeAndFinalize(0, tree.root);
        _endEpoch();
        (SumTree.Tree memory fair,) = _tree(3, 2 * NANO, 0);
        right = _proposal(1, fair.root);
        bytes32[] memory unfair = made;
        unfair[0] = SumTree.entry(0, _payout(0), 4 * NANO);
        wrong = _proposal(1, SumTree.build(unfair).root);
        _deposit(PROPOSER, 9 * PROPOSER_BOND);
        _deposit(MALLORY, 10 * PROPOSER_BOND);
        vm.warp(block.timestamp + 1);
    }

    function test_ARivalStakesTwiceAsMuchAndWaitsAWholeWindow() external {
        _proposeAs(MALLORY, wrong);
        contest = distributor.pendingCommitment();
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectEmit(address(distributor));
        emit IDistributor.Outbid(contest, 0, MALLORY, wrong.root);
        vm.expectEmit(address(distributor));
        emit IDistributor.Proposed(
            1,
            right.root,
            PROPOSER,
            right.receiptsRoot,
            right.manifestHash,
            uint64(block.timestamp) + WINDOW,
            3,
            right.uri
        );
        _outbidAs(PROPOSER, wrong, right);
        _assertPending(PROPOSER, 2 * PROPOSER_BOND);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 9 * PROPOSER_BOND);
        vm.assertEq(distributor.proposerBondOf(PROPOSER), 10 * PROPOSER_BOND);
        vm.assertEq(distributor.roundsOf(contest), 1);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ChallengeWindowOpen.selector, uint64(block.timestamp) + 1));
        distributor.finalize(right);
        vm.warp(block.timestamp + 1);
        distributor.finalize(right);
        vm.assertEq(distributor.finalizedRoot(), right.root);
    }

    function test_ALoserPaysTheWinnerAndTheFire() external {
        _contest(2);
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(right);
        uint256 burnt = token.balanceOf(BURN);
        vm.expectEmit(address(distributor));
        emit IDistributor.RoundSettled(contest, 1, MALLORY, 2 * PROPOSER_BOND, false);
        vm.expectEmit(address(distributor));
        emit IDistributor.BondSplit(PROPOSER, PROPOSER_BOND, false, true);
        distributor.settleRound(contest, 1);
        vm.assertEq(token.balanceOf(BURN) - burnt, PROPOSER_BOND);
        // Its own first round comes back whole.
        vm.expectEmit(address(distributor));
        emit IDistributor.RoundSettled(contest, 0, PROPOSER, PROPOSER_BOND, true);
        distributor.settleRound(contest, 0);
        vm.assertEq(distributor.proposerBondOf(PROPOSER), 11 * PROPOSER_BOND);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 8 * PROPOSER_BOND);
        vm.prank(PROPOSER);
        distributor.withdrawProposerBond();
        vm.prank(MALLORY);
        distributor.withdrawProposerBond();
        vm.assertEq(token.balanceOf(address(_vault())), 0);
    }

    function test_TheBurntHalfStaysWhereTheTokenRefusesIt() external {
        _contest(2);
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(right);
        HostileToken(address(token)).refuse(BURN, true);
        vm.expectEmit(address(distributor));
        emit IDistributor.BondSplit(PROPOSER, PROPOSER_BOND, false, false);
        distributor.settleRound(contest, 1);
        vm.assertEq(distributor.proposerBondOf(PROPOSER), 10 * PROPOSER_BOND);
    }

    function test_EveryRoundIsSettledOnce() external {
        _contest(2);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ContestUnknown.selector, contest));
        distributor.settleRound(contest, 0);
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(right);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ContestUnknown.selector, bytes32(0)));
        distributor.settleRound(bytes32(0), 0);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.RoundUnknown.selector, 2));
        distributor.settleRound(contest, 2);
        distributor.settleRound(contest, 0);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.RoundUnknown.selector, 0));
        distributor.settleRound(contest, 0);
    }

    function test_WhenTheLastIsProvenWrong_TheOthersGetTheirStakesBack() external {
        _proposeAs(PROPOSER, right);
        contest = distributor.pendingCommitment();
        (IDistributor.Proposal memory bad, bytes32 leaf, bytes32[] memory proof) = _decrease();
        _outbidAs(MALLORY, right, bad);
        uint256 bobWei = token.balanceOf(BOB);
        bytes32[] memory was = finalized.proof(1);
        vm.expectEmit(address(distributor));
        emit IDistributor.ProposalCancelled(1, bad.root, BOB, PROPOSER_BOND);
        vm.prank(BOB);
        distributor.challengeDecrease(bad, entries[1], was, leaf, proof);
        vm.assertEq(token.balanceOf(BOB) - bobWei, PROPOSER_BOND);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 8 * PROPOSER_BOND);
        distributor.settleRound(contest, 0);
        vm.assertEq(distributor.proposerBondOf(PROPOSER), 10 * PROPOSER_BOND);
        _proposeAs(PROPOSER, right);
    }

    /// A stake that was outbid by a cheat is as old as it was: its owner has its turn in the reservation that follows.
    function test_AStakeThatComesBackKeepsItsAge() external {
        vm.startPrank(PROPOSER);
        distributor.withdrawProposerBond();
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.stopPrank();
        vm.warp(block.timestamp + 1);
        _proposeAs(PROPOSER, right);
        contest = distributor.pendingCommitment();
        (IDistributor.Proposal memory bad, bytes32 leaf, bytes32[] memory proof) = _decrease();
        _outbidAs(MALLORY, right, bad);
        vm.warp(block.timestamp + 1);
        _deposit(PROPOSER, PROPOSER_BOND);
        bytes32[] memory was = finalized.proof(1);
        vm.prank(BOB);
        distributor.challengeDecrease(bad, entries[1], was, leaf, proof);
        bytes memory reserved =
            abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, uint64(block.timestamp) + WINDOW);
        vm.expectRevert(reserved);
        _proposeAs(PROPOSER, right);
        distributor.settleRound(contest, 0);
        _proposeAs(PROPOSER, right);
    }

    /// The same for one that was itself caught in between: it has had its turn.
    function test_AStakeOfACheatComesBackYoung() external {
        (IDistributor.Proposal memory bad, bytes32 leaf, bytes32[] memory proof) = _decrease();
        _proposeAs(MALLORY, wrong);
        contest = distributor.pendingCommitment();
        _outbidAs(MALLORY, wrong, bad);
        bytes32[] memory was = finalized.proof(1);
        vm.prank(BOB);
        distributor.challengeDecrease(bad, entries[1], was, leaf, proof);
        vm.prank(MALLORY);
        distributor.withdrawProposerBond();
        distributor.settleRound(contest, 0);
        vm.assertEq(distributor.proposerBondOf(MALLORY), PROPOSER_BOND);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributor.ProposalsReserved.selector, uint64(block.timestamp) + WINDOW)
        );
        _proposeAs(MALLORY, wrong);
    }

    function test_ADemandOnAnOutbidProposalIsReturned() external {
        _proposeAs(MALLORY, wrong);
        contest = distributor.pendingCommitment();
        bytes32[] memory proof = finalized.proof(1);
        vm.prank(BOB);
        distributor.demandEntry(wrong, entries[1], proof);
        _outbidAs(PROPOSER, wrong, right);
        (,, uint256 demands,) = distributor.pendingProposal();
        vm.assertEq(demands, 0);
        distributor.reclaimDemandBond(contest, 1);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18);
    }

    function test_ANewContestIsAnother() external {
        _contest(2);
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(right);
        bytes32 first = contest;
        _endEpoch();
        right.epoch = 2;
        wrong = _proposal(2, SumTree.word(keccak256("secret"), 9 * NANO));
        _contest(4);
        vm.assertNotEq(contest, first);
        vm.assertEq(distributor.roundsOf(first), 2);
        vm.assertEq(distributor.roundsOf(contest), 4);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ContestUnknown.selector, contest));
        distributor.settleRound(contest, 0);
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(right);
        for (uint256 i = 0; i < 4; ++i) {
            if (i < 2) distributor.settleRound(first, i);
            distributor.settleRound(contest, i);
        }
        // MALLORY had 100 for the second, in which it lost 2 and 8.
        vm.assertEq(distributor.proposerBondOf(MALLORY), 90 * PROPOSER_BOND);
    }

    function test_APauseKeepsNobodyFromOutbidding() external {
        _proposeAs(MALLORY, wrong);
        vm.prank(GUARDIAN);
        distributor.pauseProposals();
        _outbidAs(PROPOSER, wrong, right);
        _assertPending(PROPOSER, 2 * PROPOSER_BOND);
    }

    function test_RevertWhen_TheRivalCannotBe() external {
        vm.expectRevert(IDistributor.ProposalNotPending.selector);
        distributor.outbid(wrong, right);
        _proposeAs(MALLORY, wrong);
        vm.startPrank(PROPOSER);
        vm.expectRevert(IDistributor.ProposalNotPending.selector);
        distributor.outbid(right, wrong);
        IDistributor.Proposal memory same = _proposal(1, wrong.root);
        same.manifestHash = keccak256("another");
        vm.expectRevert(IDistributor.RivalInvalid.selector);
        distributor.outbid(wrong, same);
        IDistributor.Proposal memory later = _proposal(2, right.root);
        vm.expectRevert(IDistributor.RivalInvalid.selector);
        distributor.outbid(wrong, later);
        IDistributor.Proposal memory tooMuch = _proposal(1, SumTree.word(keccak256("x"), 1e15));
        uint256 fundedNano = pool.fundedThroughWei(1) / 1e9;
        vm.expectRevert(abi.encodeWithSelector(IDistributor.SumExceedsFunds.selector, 1e15, fundedNano));
        distributor.outbid(wrong, tooMuch);
        vm.stopPrank();
    }

    function test_RevertWhen_TheWindowIsOver() external {
        _proposeAs(MALLORY, wrong);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(PROPOSER);
        vm.expectRevert(IDistributor.ChallengeWindowClosed.selector);
        distributor.outbid(wrong, right);
    }

    function test_RevertWhen_TheStakeIsNotThere() external {
        _deposit(BOB, 2 * PROPOSER_BOND - 1);
        _proposeAs(MALLORY, wrong);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributor.ProposerBondTooSmall.selector, 2 * PROPOSER_BOND - 1, 2 * PROPOSER_BOND)
        );
        vm.prank(BOB);
        distributor.outbid(wrong, right);
        _deposit(BOB, 1);
        _outbidAs(BOB, wrong, right);
        vm.prank(BOB);
        vm.expectRevert(IDistributor.ProposerBondLocked.selector);
        distributor.withdrawProposerBond();
    }

    function testFuzz_NothingIsLostButHalfOfWhatLosersStaked(uint8 rounds) external {
        uint256 count = 1 + rounds % 9;
        _contest(count);
        bool rightWins = count % 2 == 0;
        vm.warp(block.timestamp + WINDOW);
        distributor.finalize(rightWins ? right : wrong);
        uint256 burnt = token.balanceOf(BURN);
        uint256 lost;
        for (uint256 i = 0; i < count; ++i) {
            distributor.settleRound(contest, i);
            if ((i % 2 == 0) != rightWins) lost += PROPOSER_BOND << i;
        }
        vm.assertEq(token.balanceOf(BURN) - burnt, lost / 2);
        (address winner, address loser) = rightWins ? (PROPOSER, MALLORY) : (MALLORY, PROPOSER);
        uint256 before = _each(count);
        vm.assertEq(distributor.proposerBondOf(winner), before + lost / 2);
        vm.assertEq(distributor.proposerBondOf(loser), before - lost);
        vm.assertEq(token.balanceOf(address(_vault())), 2 * before - lost / 2);
    }

    /// @dev PROPOSER and MALLORY outbid each other until `rounds` proposals were outbid; PROPOSER is first.
    function _contest(uint256 rounds) private {
        uint256 topUp = _each(rounds);
        _deposit(PROPOSER, topUp - distributor.proposerBondOf(PROPOSER));
        _deposit(MALLORY, topUp - distributor.proposerBondOf(MALLORY));
        _proposeAs(PROPOSER, right);
        contest = distributor.pendingCommitment();
        for (uint256 i = 0; i < rounds; ++i) {
            if (i % 2 == 0) _outbidAs(MALLORY, right, wrong);
            else _outbidAs(PROPOSER, wrong, right);
        }
    }

    /// @dev What each has for a contest: 10 bonds, or 100 for a longer one, or 1 000.
    function _each(uint256 rounds) private pure returns (uint256) {
        return (rounds < 3 ? 10 : rounds < 6 ? 100 : 1000) * PROPOSER_BOND;
    }

    /// @dev A root that takes from operator 1, with the proof.
    function _decrease() private view returns (IDistributor.Proposal memory bad, bytes32 leaf, bytes32[] memory proof) {
        bytes32[] memory less = entries;
        less[1] = SumTree.entry(1, _payout(1), NANO - 1);
        less[2] = SumTree.entry(2, _payout(2), 2 * NANO);
        SumTree.Tree memory tree = SumTree.build(less);
        return (_proposal(1, tree.root), tree.levels[0][1], tree.proof(1));
    }

    function _deposit(address who, uint256 amountWei) private {
        if (amountWei == 0) return;
        vm.prank(who);
        distributor.depositProposerBond(amountWei);
    }

    function _proposeAs(address who, IDistributor.Proposal memory proposal) private {
        vm.prank(who);
        distributor.propose(proposal);
    }

    function _outbidAs(address who, IDistributor.Proposal memory pending, IDistributor.Proposal memory rival) private {
        vm.prank(who);
        distributor.outbid(pending, rival);
    }

    function _assertPending(address who, uint256 stake) private view {
        (address proposer,,, uint256 stakeWei) = distributor.pendingProposal();
        vm.assertEq(proposer, who);
        vm.assertEq(stakeWei, stake);
    }
}

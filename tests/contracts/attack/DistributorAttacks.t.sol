// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {MerkleSum} from "../../../contracts/libraries/MerkleSum.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Attacks on the distributor, each named after where it happened
contract DistributorAttacksTest is Fixture {
    using SumTree for SumTree.Tree;

    uint256 private constant NANO = 1e9;

    SumTree.Tree private finalized;
    bytes32[] private entries;

    function _newToken() internal override returns (address) {
        return address(new HostileToken(address(this), SUPPLY));
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

    /// A root for an epoch that still runs would fix what is not known yet.
    function test_EarlyProposal_BeforeTheEpochClosesIsRefused() external {
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        distributor.propose(_proposal(1, finalized.root));
        // Over, but nobody closed it: its pot is not fixed yet.
        _skipEpochs(1);
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        distributor.propose(_proposal(1, finalized.root));
    }

    /// A proposal for a far epoch would shut out all honest ones in between.
    function test_FutureProposal_IsRefused() external {
        vm.startPrank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1000));
        distributor.propose(_proposal(1000, finalized.root));
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, type(uint64).max));
        distributor.propose(_proposal(type(uint64).max, finalized.root));
        vm.stopPrank();
    }

    /// Merkl's blacklisted disputer, UMA's dispute loops: cheats one after another, each in front of the honest proposer. With
    /// three bonds the cheater has three windows, however fast it is; then the honest proposal goes through.
    function test_EndlessProposals_EndWithTheBondsThatWereThereBefore() external {
        _endEpoch();
        address[3] memory cheats = [MALLORY, BOB, GUARDIAN];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(cheats[i]);
            distributor.depositProposerBond(PROPOSER_BOND);
        }
        vm.warp(block.timestamp + 1);
        bytes32 secret = SumTree.word(keccak256("nobody can answer for this"), 6 * NANO);
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < 3; ++i) {
            IDistributor.Proposal memory bad = _propose(cheats[i], 1, secret);
            // More bonds, posted while the series lasts, buy no further turn.
            vm.prank(CAROL);
            distributor.depositProposerBond(PROPOSER_BOND);
            bytes32[] memory proof = finalized.proof(i);
            vm.prank(ALICE);
            distributor.demandEntry(bad, entries[i], proof);
            vm.warp(block.timestamp + ANSWER + 1);
            distributor.cancelUnanswered(bad, uint32(i));
            vm.assertEq(distributor.proposerBondOf(cheats[i]), 0);
            for (uint256 k = 0; k <= i; ++k) {
                vm.prank(cheats[k]);
                distributor.depositProposerBond(PROPOSER_BOND);
                vm.prank(cheats[k]);
                vm.expectRevert();
                distributor.propose(bad);
                vm.prank(cheats[k]);
                distributor.withdrawProposerBond();
            }
            vm.prank(CAROL);
            vm.expectRevert();
            distributor.propose(bad);
        }
        _proposeAndFinalize(1, finalized.root);
        vm.assertLe(block.timestamp - start, 3 * (ANSWER + 1) + WINDOW);
        vm.assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), 3 * PROPOSER_BOND / 2);
    }

    /// A cheater that challenges itself to save its bond still pays half of it.
    function test_SelfChallenge_CostsHalfTheBond() external {
        _endEpoch();
        vm.startPrank(MALLORY);
        distributor.depositProposerBond(PROPOSER_BOND);
        vm.stopPrank();
        uint256 before = token.balanceOf(MALLORY);
        bytes32[] memory changed = entries;
        changed[2] = SumTree.entry(2, _payout(2), 0);
        changed[3] = SumTree.entry(3, _payout(3), 2 * NANO);
        SumTree.Tree memory bad = SumTree.build(changed);
        IDistributor.Proposal memory proposal = _propose(MALLORY, 1, bad.root);
        bytes32[] memory was = finalized.proof(2);
        vm.prank(MALLORY);
        distributor.challengeDecrease(proposal, entries[2], was, bad.levels[0][2], bad.proof(2));
        vm.assertEq(token.balanceOf(MALLORY) - before, PROPOSER_BOND / 2);
        vm.assertEq(distributor.proposerBondOf(MALLORY), 0);
    }

    /// Nomad 2022, Wormhole: what is proven elsewhere proves nothing here.
    function test_ForeignProof_OfAnotherContractOrChain() external {
        uint256[] memory nanos = new uint256[](5);
        nanos[2] = 50 * NANO;
        bytes32[] memory foreign = _entries(nanos);
        SumTree.Tree memory tree = SumTree.build(foreign);
        Distributor other = new Distributor(_distributorParameters());
        bytes32[] memory proof = tree.proof(2);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(foreign[2], proof);
        // And ours proves nothing there, where nothing was finalized.
        proof = finalized.proof(2);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        other.claim(entries[2], proof);
    }

    function test_ForeignProof_OfAnotherEpoch() external {
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(5, 2 * NANO, 0);
        bytes32[] memory later = tree.proof(2);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(made[2], later);
        _proposeAndFinalize(1, tree.root);
        bytes32[] memory earlier = finalized.proof(2);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(entries[2], earlier);
        distributor.claim(made[2], later);
    }

    /// The second-preimage attack on Merkle trees (Bitcoin's CVE-2012-2459 family): an inner word or a pair passed as entry.
    function test_InnerNode_IsNoLeaf() external {
        bytes32[] memory upper = new bytes32[](2);
        bytes32[] memory proof = finalized.proof(0);
        (upper[0], upper[1]) = (proof[1], proof[2]);
        bytes32[3] memory tries = [finalized.levels[1][0], finalized.levels[0][0], finalized.levels[0][1]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IDistributor.ProofInvalid.selector);
            distributor.claim(tries[i], upper);
            vm.expectRevert(IDistributor.ProofInvalid.selector);
            distributor.claim(tries[i], proof);
        }
    }

    /// OpenZeppelin's multiproof 2023, Gnosis: empty leaves and places beyond the tree.
    function test_BeyondTheTree_NothingCanBeClaimed() external {
        bytes32[] memory proof = finalized.proof(7);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(bytes32(uint256(7) << 224), proof);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(bytes32(0), proof);
        // Operator 8 + 2 has the index bits of operator 2 in a tree of depth 3.
        proof = finalized.proof(2);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(SumTree.entry(10, _payout(2), NANO), proof);
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(entries[0], new bytes32[](0));
    }

    /// BeautyChain's batchOverflow 2018: sums that wrap would promise more than the root says.
    function test_SumOverflow_IsRefused() external {
        _endEpoch();
        // Two leaves whose sums wrap to the finalized 5e9; the tree that a wrapping contract would accept.
        bytes32 entry = SumTree.entry(0, MALLORY, type(uint64).max);
        bytes32 sibling = SumTree.word(keccak256("x"), 5 * NANO + 1);
        bytes32 wrapped = SumTree.word(keccak256(abi.encodePacked(SumTree.leaf(entry), sibling)), 5 * NANO);
        bytes32 root = SumTree.seal(wrapped, 1);
        _proposeAndFinalize(1, root);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = sibling;
        vm.expectRevert(MerkleSum.SumOverflow.selector);
        distributor.claim(entry, proof);
        bytes32[] memory run = new bytes32[](1);
        run[0] = entry;
        vm.expectRevert(MerkleSum.SumOverflow.selector);
        distributor.claimRange(run, proof, 1);
    }

    /// Without the depth in the root, operator 1 would stand at depth 1 and at depth 2 of this tree and be paid by either.
    function test_LopsidedTree_HasOneDepth() external {
        bytes32 left = SumTree.join(
            SumTree.leaf(SumTree.entry(0, _payout(0), NANO)), SumTree.leaf(SumTree.entry(1, _payout(1), 4 * NANO))
        );
        bytes32 shallow = SumTree.entry(1, MALLORY, 40 * NANO);
        bytes32 root = SumTree.seal(SumTree.join(left, SumTree.leaf(shallow)), 2);
        _endEpoch();
        _proposeAndFinalize(1, root);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = left;
        vm.expectRevert(IDistributor.ProofInvalid.selector);
        distributor.claim(shallow, proof);
    }

    /// Monoplasma: anyone's `prove()` for a member made the member's own `withdrawAll` fail.
    function test_SpoiledClaim_AThirdPartysClaimTakesNothingAway() external {
        bytes32[] memory proof = finalized.proof(2);
        vm.prank(MALLORY);
        distributor.claim(entries[2], proof);
        vm.assertEq(token.balanceOf(_payout(2)), NANO * 1e9);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory made) = _tree(5, 3 * NANO, 0);
        _proposeAndFinalize(1, tree.root);
        vm.prank(_payout(2));
        distributor.claim(made[2], tree.proof(2));
        vm.assertEq(token.balanceOf(_payout(2)), 3 * NANO * 1e9);
    }

    /// EIP-150 griefing (SWC-126): a range called with too little gas for the last transfers loses nobody a claim.
    function test_StarvedTransfer_LosesNoClaim() external {
        bytes32[] memory boundary = finalized.boundary(0, 4);
        for (uint256 gasLimit = 60_000; gasLimit < 400_000; gasLimit += 7919) {
            (bool done,) = address(distributor).call{gas: gasLimit}(
                abi.encodeCall(IDistributor.claimRange, (entries, boundary, finalized.depth))
            );
            done;
            for (uint256 i = 0; i < 5; ++i) {
                vm.assertEq(token.balanceOf(_payout(i)), uint256(distributor.claimedNano(uint32(i))) * 1e9);
            }
        }
        distributor.claimRange(entries, boundary, finalized.depth);
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(token.balanceOf(_payout(i)), NANO * 1e9);
        }
    }

    /// Lendf.Me and imBTC 2020: the token calls back in the middle of a claim.
    function test_Reentrancy_AClaimIsPaidOnce() external {
        bytes32[] memory proof = finalized.proof(2);
        HostileToken hostile = HostileToken(address(token));
        hostile.callBack(address(distributor), abi.encodeCall(IDistributor.claim, (entries[2], proof)));
        distributor.claim(entries[2], proof);
        vm.assertEq(hostile.calls(), 1);
        vm.assertFalse(hostile.callSucceeded());
        vm.assertEq(token.balanceOf(_payout(2)), NANO * 1e9);
    }

    function test_Reentrancy_ARangeIsPaidOnce() external {
        bytes32[] memory boundary = finalized.boundary(0, 4);
        HostileToken hostile = HostileToken(address(token));
        hostile.callBack(address(distributor), abi.encodeCall(IDistributor.claim, (entries[3], finalized.proof(3))));
        distributor.claimRange(entries, boundary, finalized.depth);
        vm.assertFalse(hostile.callSucceeded());
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(token.balanceOf(_payout(i)), NANO * 1e9);
        }
    }

    /// Bonds and earnings in one purse: a bad root could pay itself from the challengers' bonds.
    function test_MixedPurse_NoClaimReachesTheBonds() external {
        vm.prank(ALICE);
        distributor.depositProposerBond(1_000_000e18);
        vm.assertEq(token.balanceOf(address(distributor)), 100e18);
        // Even the greatest root that propose accepts promises no more than the distributor was sent.
        _endEpoch();
        uint256 funded = pool.fundedThroughWei(1) / 1e9;
        bytes32[] memory greedy = new bytes32[](1);
        greedy[0] = SumTree.entry(0, MALLORY, funded);
        SumTree.Tree memory tree = SumTree.build(greedy);
        uint256 before = token.balanceOf(MALLORY);
        _proposeAndFinalize(1, tree.root);
        distributor.claim(greedy[0], tree.proof(0));
        vm.assertEq(token.balanceOf(MALLORY) - before, funded * 1e9);
        vm.assertEq(token.balanceOf(address(_vault())), 1_000_000e18 + PROPOSER_BOND);
    }

    /// A leaver's old node keys or payout cannot be used to frame an honest proposer.
    function test_FramedProposer_ALatePayoutChangeIsNoFraud() external {
        _endEpoch();
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, finalized.root);
        vm.prank(CAROL);
        registry.setPayout(2, MALLORY);
        bytes32[] memory proof = finalized.proof(2);
        vm.prank(MALLORY);
        vm.expectRevert(IDistributor.NothingWrong.selector);
        distributor.challengePayout(proposal, entries[2], proof);
        vm.prank(MALLORY);
        distributor.demandEntry(proposal, entries[2], proof);
        distributor.answerDemand(proposal, entries[2], proof);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Distributor} from "../../../contracts/distribution/Distributor.sol";
import {IDemands} from "../../../contracts/interfaces/IDemands.sol";
import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
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
        _proposeAndFinalize(0, tree);
    }

    /// A root for an epoch that still runs would fix what is not known yet.
    function test_EarlyProposal_BeforeTheEpochClosesIsRefused() external {
        ISettlement.Draft memory draft = _draft(1, finalized.levels[3][0]);
        uint256 at = distributor.proposableAt(1);
        vm.startPrank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ProposalTooEarly.selector, at));
        distributor.propose(draft, "uri");
        // Over, but nobody closed it: its pot is not fixed yet.
        vm.warp(at);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.EpochNotClosed.selector, 1));
        distributor.propose(draft, "uri");
        pool.closeEpochs();
        distributor.propose(draft, "uri");
        vm.stopPrank();
    }

    /// A proposal for a far epoch would shut out all honest ones in between.
    function test_FutureProposal_IsRefused() external {
        uint64[2] memory far = [1000, type(uint64).max];
        for (uint256 i = 0; i < 2; ++i) {
            ISettlement.Draft memory draft = _draft(far[i], finalized.levels[3][0]);
            vm.prank(PROPOSER);
            vm.expectRevert(abi.encodeWithSelector(ISettlement.EpochNotNext.selector, far[i], 1));
            distributor.propose(draft, "uri");
        }
    }

    /// Merkl's blacklisted disputer, UMA's dispute loops: cheats one after another, each in front of the honest proposer. They
    /// stand beside it, so that it waits for its own window and for nobody's.
    function test_EndlessProposals_DelayNobody() external {
        _endEpoch();
        address[3] memory cheats = [MALLORY, BOB, GUARDIAN];
        bytes32 secret = SumTree.word(keccak256("nobody can answer for this"), 6 * NANO);
        ISettlement.Proposal[] memory bad = new ISettlement.Proposal[](3);
        for (uint256 i = 0; i < 3; ++i) {
            bad[i] = _proposeDraft(cheats[i], _draft(1, secret));
        }
        ISettlement.Proposal memory honest = _propose(PROPOSER, 1, finalized);
        IDemands.Asked memory none;
        for (uint256 i = 0; i < 3; ++i) {
            IDemands.Asked memory asked = IDemands.Asked(bad[i].counter, IDemands.Tree.Entries, 3, 0, 8, secret);
            demands.demand(bad[i], asked, new bytes32[](0), none);
            vm.warp(block.timestamp + ANSWER + 1);
            demands.expire(bad[i], asked);
            // As many more as it can pay for.
            bad[i] = _proposeDraft(cheats[i], _draft(1, secret));
        }
        _finalizeAt(honest, finalized.depth);
        vm.assertEq(distributor.nextEpoch(), 2);
        for (uint64 counter = 1; counter <= distributor.proposalCount(); ++counter) {
            (address reporter,) = distributor.rewardOf(counter);
            if (reporter != address(0)) distributor.withdrawReward(counter);
        }
        distributor.burn();
        vm.assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), 3 * uint256(PROPOSER_BOND) / 2);
    }

    /// Merkl's blacklisted disputer: a reporter that the token refuses would keep a wrong proposal from being cancelled.
    function test_BlacklistedDisputer_HoldsUpNoCancellation() external {
        _endEpoch();
        ISettlement.Proposal memory bad = _propose(MALLORY, 1, finalized);
        HostileToken(address(token)).refuse(BOB, true);
        vm.prank(address(disproofs));
        distributor.cancel(bad, BOB);
        vm.assertFalse(distributor.isOpen(bad.counter));
        vm.expectRevert("refused");
        distributor.withdrawReward(bad.counter);
        HostileToken(address(token)).refuse(BOB, false);
        distributor.withdrawReward(bad.counter);
    }

    /// A token that refuses the distributor keeps no distribution from being finalized; the pots follow.
    function test_PausedToken_ADistributionIsStillFinalized() external {
        _endEpoch();
        ISettlement.Proposal memory proposal = _propose(PROPOSER, 1, finalized);
        uint256 before = token.balanceOf(address(distributor));
        HostileToken(address(token)).pause(true);
        _finalizeAt(proposal, finalized.depth);
        HostileToken(address(token)).pause(false);
        vm.assertEq(token.balanceOf(address(distributor)), before);
        pool.sendPots();
        vm.assertEq(token.balanceOf(address(distributor)), pool.fundedThroughWei(1));
    }

    /// The token calls back in the middle of a bond's coming and going.
    function test_Reentrancy_ABondComesBackOnce() external {
        _endEpoch();
        ISettlement.Proposal memory proposal = _propose(PROPOSER, 1, finalized);
        vm.warp(proposal.time + WINDOW);
        uint256 before = token.balanceOf(PROPOSER);
        HostileToken hostile = HostileToken(address(token));
        hostile.callBack(address(distributor), abi.encodeCall(ISettlement.withdrawBond, (proposal)));
        distributor.withdrawBond(proposal);
        vm.assertEq(hostile.calls(), 1);
        vm.assertFalse(hostile.callSucceeded());
        vm.assertEq(token.balanceOf(PROPOSER) - before, PROPOSER_BOND);
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
        _proposeAndFinalize(1, tree);
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
        _finalizeAt(_proposeDraft(PROPOSER, _draft(1, wrapped)), 1);
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
        bytes32 top = SumTree.join(left, SumTree.leaf(shallow));
        _endEpoch();
        _finalizeAt(_proposeDraft(PROPOSER, _draft(1, top)), 2);
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
        _proposeAndFinalize(1, tree);
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

    /// Bonds and earnings in one purse: a bad root could pay itself from the bonds.
    function test_MixedPurse_NoClaimReachesTheBonds() external {
        vm.assertEq(token.balanceOf(address(distributor)), 100e18);
        // Even the greatest root that propose accepts promises no more than the distributor was sent.
        _endEpoch();
        uint256 most = distributor.availableNano(1, 0) + uint64(uint256(distributor.finalizedRoot()));
        bytes32[] memory greedy = new bytes32[](1);
        greedy[0] = SumTree.entry(0, MALLORY, most);
        SumTree.Tree memory tree = SumTree.build(greedy);
        uint256 bonds = token.balanceOf(address(_vault()));
        uint256 before = token.balanceOf(MALLORY);
        _proposeAndFinalize(1, tree);
        distributor.claim(greedy[0], tree.proof(0));
        vm.assertEq(token.balanceOf(MALLORY) - before, most * 1e9);
        vm.assertEq(token.balanceOf(address(_vault())), bonds + PROPOSER_BOND);
    }

    /// A leaver's or a bribed operator's payout cannot be used to frame an honest proposer: what it is paid for an epoch, and
    /// where, no longer changes.
    function test_FramedProposer_ALatePayoutChangeIsNoFraud() external {
        address paid = registry.payoutAt(2, 0);
        uint256 bondWei = registry.bondAt(2, 0);
        vm.startPrank(CAROL);
        registry.setPayout(2, MALLORY);
        registry.requestExit(2);
        vm.stopPrank();
        vm.assertEq(registry.payoutAt(2, 0), paid);
        vm.assertEq(registry.bondAt(2, 0), bondWei);
        vm.assertEq(registry.payoutAt(2, 1), MALLORY);
    }
}

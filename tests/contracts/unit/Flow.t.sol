// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Disproofs} from "../../../contracts/settlement/Disproofs.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title The main line through all contracts
contract FlowTest is Fixture {
    using SumTree for SumTree.Tree;

    function test_FeesBecomeOperatorsTokens() external {
        _stake(ALICE, 1000e18);
        _registerMany(5);
        _endEpoch();
        vm.assertEq(pool.potOf(0), 10e18);
        vm.assertEq(pool.feeOf(ALICE, 0), 10e18);
        vm.assertEq(pool.stakeOf(ALICE), 990e18);
        vm.assertEq(pool.quotaOf(ALICE, 0), 0);
        vm.assertEq(pool.quotaOf(ALICE, 1), 990 * QUOTA);

        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(5, 1e9, 1e8);
        _proposeAndFinalize(0, tree);
        vm.assertEq(token.balanceOf(address(distributor)), 10e18);

        distributor.claim(entries[3], tree.proof(3));
        vm.assertEq(token.balanceOf(_payout(3)), 1.3e18);
        distributor.claimRange(entries, tree.boundary(0, 4), 3);
    }

    function test_ARangeIsPaidOnce() external {
        _stake(ALICE, 1000e18);
        _registerMany(13);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(13, 1e8, 1e7);
        _proposeAndFinalize(0, tree);
        bytes32[] memory run = new bytes32[](9);
        for (uint256 i = 0; i < 9; ++i) {
            run[i] = entries[i + 3];
        }
        distributor.claim(entries[7], tree.proof(7));
        distributor.claimRange(run, tree.boundary(3, 11), 4);
        for (uint256 i = 0; i < 13; ++i) {
            uint256 expected = i >= 3 && i <= 11 ? 1e8 + i * 1e7 : 0;
            vm.assertEq(distributor.claimedNano(uint32(i)), expected);
            vm.assertEq(token.balanceOf(_payout(i)), expected * 1e9);
        }
        uint256 before = token.balanceOf(address(distributor));
        distributor.claimRange(run, tree.boundary(3, 11), 4);
        vm.assertEq(token.balanceOf(address(distributor)), before);
    }

    function test_MissedEpochsAreClosedExactly() external {
        _stake(ALICE, 1000e18);
        _skipEpochs(100);
        pool.closeEpochs();
        vm.assertEq(pool.closedEpochs(), 100);
        uint256 sum;
        for (uint64 epoch = 0; epoch < 100; ++epoch) {
            sum += pool.potOf(epoch);
            vm.assertEq(pool.fundedThroughWei(epoch), sum);
        }
        vm.assertEq(sum, 1000e18 - pool.totalStakedWei());
    }

    function test_WhatIsUnstakedPaysTheRunningEpochAndCanBeWithdrawn() external {
        _stake(ALICE, 1000e18);
        _stake(BOB, 500e18);
        vm.prank(ALICE);
        pool.requestUnstake(type(uint256).max);
        _endEpoch();
        vm.assertEq(pool.feeOf(ALICE, 0), 10e18);
        _endEpoch();
        vm.assertEq(pool.feeOf(ALICE, 1), 0);
        _settle();
        uint256 before = token.balanceOf(ALICE);
        vm.prank(ALICE);
        pool.withdraw();
        vm.assertEq(token.balanceOf(ALICE) - before, 990e18);
    }

    /// What is not paid out is carried: it is available to the next epoch, with that epoch's fees.
    function test_WhatIsPaidToNobodyIsCarried() external {
        _stake(ALICE, 1000e18);
        _endEpoch();
        SumTree.Tree memory nobody;
        nobody.levels = new bytes32[][](1);
        nobody.levels[0] = new bytes32[](1);
        ISettlement.Proposal memory proposal = _propose(PROPOSER, 0, nobody);
        vm.assertEq(proposal.availableNano, 9.975e9);
        _finalizeAt(proposal, 0);
        vm.assertEq(token.balanceOf(address(distributor)), 10e18);
        _endEpoch();
        vm.assertEq(distributor.availableNano(1, 0), 19.85025e9);
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(5, 1e9, 1e8);
        _proposeAndFinalize(1, tree);
        vm.assertEq(distributor.availableNano(1, 0), 13.85025e9);
        distributor.claim(entries[3], tree.proof(3));
        vm.assertEq(token.balanceOf(address(distributor)), 18.6e18);
    }

    /// A wrong word costs its proposer the bond: with no receipts nothing was earned but the operators' share of the pool.
    function test_AnEntryThatNobodyEarnedCostsTheBond() external {
        _stake(ALICE, 1000e18);
        _registerMany(1);
        _endEpoch();
        SumTree.Tree memory nobody;
        nobody.levels = new bytes32[][](1);
        nobody.levels[0] = new bytes32[](1);
        _finalizeAt(_propose(PROPOSER, 0, nobody), 0);
        _endEpoch();
        (SumTree.Tree memory tree,) = _tree(1, 1e9, 0);
        ISettlement.Proposal memory proposal = _propose(MALLORY, 1, tree);
        Disproofs.EntryOpening memory entry;
        entry.word = tree.levels[0][0];
        vm.prank(BOB);
        disproofs.badEntry(proposal, entry);
        (address reporter, uint256 rewardWei) = distributor.rewardOf(proposal.counter);
        vm.assertEq(reporter, BOB);
        vm.assertEq(rewardWei, PROPOSER_BOND / 2);
        uint256 before = token.balanceOf(BOB);
        distributor.withdrawReward(proposal.counter);
        vm.assertEq(token.balanceOf(BOB) - before, PROPOSER_BOND / 2);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDistributor} from "../../../contracts/interfaces/IDistributor.sol";
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
        _proposeAndFinalize(0, tree.root);
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
        _proposeAndFinalize(0, tree.root);
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
        uint256 before = token.balanceOf(ALICE);
        vm.prank(ALICE);
        pool.withdraw();
        vm.assertEq(token.balanceOf(ALICE) - before, 990e18);
    }

    function test_ALoweredAmountCostsTheBond() external {
        _stake(ALICE, 1000e18);
        _registerMany(5);
        _endEpoch();
        (SumTree.Tree memory tree, bytes32[] memory entries) = _tree(5, 1e9, 1e8);
        _proposeAndFinalize(0, tree.root);
        _endEpoch();
        bytes32 good = entries[2];
        bytes32[] memory goodProof = tree.proof(2);
        entries[2] = SumTree.entry(2, _payout(2), 1);
        entries[3] = SumTree.entry(3, _payout(3), 5e9);
        SumTree.Tree memory bad = SumTree.build(entries);
        IDistributor.Proposal memory proposal = _propose(PROPOSER, 1, bad.root);
        uint256 before = token.balanceOf(BOB);
        vm.prank(BOB);
        distributor.challengeDecrease(proposal, good, goodProof, SumTree.leaf(entries[2]), bad.proof(2));
        vm.assertEq(token.balanceOf(BOB) - before, PROPOSER_BOND / 2);
        vm.assertEq(distributor.pendingCommitment(), bytes32(0));
    }
}

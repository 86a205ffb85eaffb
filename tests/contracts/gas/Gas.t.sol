// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";
import {Permits} from "../support/Permits.sol";
import {SumTree} from "../support/SumTree.sol";

/// @title Gas snapshots
/// @notice Execution gas of the calls that people pay for, second of their kind (all slots non-zero), compared with
/// tests/contracts/gas/snapshots. Whole transactions are measured by `cargo xtask gas`; see docs/contracts/gas.md.
/// forge-config: default.isolate = true
contract GasTest is Fixture {
    using SumTree for SumTree.Tree;

    uint256 private constant DEPTH = 17;
    uint256 private constant RUN = 256;

    /// @dev A tree of depth 17 whose first 256 places are real and whose other subtrees are random words.
    function _deepTree(uint256 base)
        private
        pure
        returns (bytes32 top, bytes32[] memory entries, bytes32[] memory upper)
    {
        entries = new bytes32[](RUN);
        for (uint256 i = 0; i < RUN; ++i) {
            entries[i] = SumTree.entry(i, _payout(i), base + i);
        }
        SumTree.Tree memory tree = SumTree.build(entries);
        top = tree.levels[8][0];
        upper = new bytes32[](DEPTH - 8);
        for (uint256 i = 0; i < upper.length; ++i) {
            upper[i] = SumTree.word(keccak256(abi.encode(i)), 1e6);
            top = SumTree.join(top, upper[i]);
        }
    }

    function _deepProof(bytes32[] memory entries, bytes32[] memory upper, uint256 id)
        private
        pure
        returns (bytes32[] memory proof)
    {
        proof = new bytes32[](DEPTH);
        bytes32[] memory lower = SumTree.build(entries).proof(id);
        for (uint256 i = 0; i < DEPTH; ++i) {
            proof[i] = i < 8 ? lower[i] : upper[i - 8];
        }
    }

    function _finalizeTwice() private returns (bytes32[] memory entries, bytes32[] memory upper) {
        _stake(ALICE, 1_000_000e18);
        _registerMany(2);
        _endEpoch();
        bytes32 top;
        (top, entries, upper) = _deepTree(1e9);
        _finalizeAt(_proposeDraft(PROPOSER, _draft(0, top)), DEPTH);
        distributor.claimRange(entries, upper, DEPTH);
        _endEpoch();
        (top, entries, upper) = _deepTree(2e9);
        ISettlement.Proposal memory proposal = _proposeDraft(PROPOSER, _draft(1, top));
        vm.snapshotGasLastCall("Distributor", "propose");
        _finalizeAt(proposal, DEPTH);
        vm.snapshotGasLastCall("Distributor", "finalize");
    }

    function test_GasOfAClaim() external {
        (bytes32[] memory entries, bytes32[] memory upper) = _finalizeTwice();
        bytes32[] memory proof = _deepProof(entries, upper, 77);
        distributor.claim(entries[77], proof);
        vm.snapshotGasLastCall("Distributor", "claim");
    }

    function test_GasOfARange() external {
        (bytes32[] memory entries, bytes32[] memory upper) = _finalizeTwice();
        distributor.claimRange(entries, upper, DEPTH);
        uint256 gas_ = vm.snapshotGasLastCall("Distributor", "claimRange of 256");
        vm.snapshotValue("Distributor", "claimRange of 256, per operator", gas_ / RUN);
    }

    function test_GasOfStaking() external {
        _stake(BOB, 100e18);
        _endEpoch();
        _stake(ALICE, 100e18);
        vm.snapshotGasLastCall("StakePool", "stake, first");
        _stake(ALICE, 100e18);
        vm.snapshotGasLastCall("StakePool", "stake, next in the epoch");
        _endEpoch();
        _stake(ALICE, 100e18);
        vm.snapshotGasLastCall("StakePool", "stake, next in a later epoch");
        Permits.Signed memory permit = Permits.sign(token, _key("alice"), address(pool), 100e18);
        pool.stakeWithPermitOf(ALICE, 100e18, permit.deadline, permit.v, permit.r, permit.s);
        vm.snapshotGasLastCall("StakePool", "stakeWithPermitOf, next in the epoch");
        vm.prank(ALICE);
        pool.requestUnstake(100e18);
        vm.snapshotGasLastCall("StakePool", "requestUnstake, first");
        _endEpoch();
        vm.prank(ALICE);
        pool.requestUnstake(100e18);
        vm.snapshotGasLastCall("StakePool", "requestUnstake, in a later epoch");
        _endEpoch();
        _settle();
        vm.prank(ALICE);
        pool.withdraw();
        vm.snapshotGasLastCall("StakePool", "withdraw");
    }

    function test_GasOfClosing() external {
        _stake(BOB, 100e18);
        _endEpoch();
        vm.prank(BOB);
        pool.requestUnstake(10e18);
        _skipEpochs(1);
        pool.closeEpochs();
        vm.snapshotGasLastCall("StakePool", "closeEpochs, one");
        _skipEpochs(10);
        pool.closeEpochs();
        vm.snapshotGasLastCall("StakePool", "closeEpochs, ten at once");
        _skipEpochs(10_000);
        pool.closeEpochs();
        vm.snapshotGasLastCall("StakePool", "closeEpochs, ten thousand at once");
        for (uint256 i = 0; i < 50; ++i) {
            address user = vm.addr(5000 + i);
            vm.prank(ALICE);
            pool.stakeFor(user, 50e18);
        }
        _skipEpochs(1);
        pool.closeEpochs();
        vm.snapshotGasLastCall("StakePool", "closeEpochs, one with 50 stakers");
    }

    function test_GasOfOperators() external {
        _register(CAROL, CAROL);
        vm.prank(CAROL);
        registry.register(CAROL, uint128(OPERATOR_BOND), type(uint64).max, "ipfs://carol");
        vm.snapshotGasLastCall("OperatorRegistry", "register");
        vm.prank(CAROL);
        registry.addNode(1, keccak256("node"));
        vm.snapshotGasLastCall("OperatorRegistry", "addNode");
    }
}

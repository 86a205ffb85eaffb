// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

/// @title What was true of operators in an epoch
/// @notice One test per fact that nothing done after an epoch's end changes it.
contract OperatorFactsTest is Fixture {
    bytes32 private constant NODE = keccak256("node");
    address private constant SLASHER = address(0x51a5);
    /// What the minimum bond backs: 500 GiB, less the rounding of bytes per DATA.
    uint256 private constant BACKED = 5000 * 107_374_182;

    uint32 private id;

    function setUp() public override {
        super.setUp();
        _skipEpochs(4);
        id = _register(CAROL, ALICE);
    }

    function _initialSlashers() internal pure override returns (address[] memory slashers) {
        slashers = new address[](1);
        slashers[0] = SLASHER;
    }

    // What counts, and from when.

    function test_AnOperatorCountsFromTheEpochAfterItsRegistration() external {
        _skipEpochs(1);
        _register(BOB, BOB);
        vm.assertEq(registry.operatorCount(0), 0);
        vm.assertEq(registry.operatorCount(4), 0);
        vm.assertEq(registry.operatorCount(5), 1);
        vm.assertEq(registry.operatorCount(6), 2);
        vm.assertEq(registry.operatorCount(type(uint64).max), 2);
        vm.assertEq(registry.bondAt(id, 4), 0);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.totalBondAt(5), OPERATOR_BOND);
        vm.assertEq(registry.totalBondAt(6), 2 * OPERATOR_BOND);
        vm.assertEq(registry.capacityAt(id, 4), 0);
        vm.assertEq(registry.capacityAt(id, 5), BACKED);
        vm.assertEq(registry.totalCapacityAt(5), BACKED);
        vm.assertEq(registry.totalCapacityAt(type(uint64).max), 2 * BACKED);
        vm.assertEq(registry.bondAt(7, 6), 0);
        vm.assertEq(registry.capacityAt(7, 6), 0);
    }

    function test_BondsCountFromTheNextEpochRaisedOrLowered() external {
        _skipEpochs(1);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.CapacityCounts(id, 6, OPERATOR_BOND + 1000e18, 6000 * 107_374_182);
        vm.prank(BOB);
        registry.addBond(id, 1000e18);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.bondAt(id, 6), OPERATOR_BOND + 1000e18);
        vm.prank(SLASHER);
        registry.slash(id, 600e18, BOB, 5);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.bondAt(id, 6), OPERATOR_BOND + 400e18);
        vm.assertEq(registry.totalBondAt(6), OPERATOR_BOND + 400e18);
        vm.assertEq(registry.capacityAt(id, 6), 5400 * 107_374_182);
    }

    function test_WhoLeavesCountsThroughTheRunningEpoch() external {
        _register(BOB, BOB);
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.requestExit(id);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.bondAt(id, 6), 0);
        vm.assertEq(registry.capacityAt(id, 6), 0);
        vm.assertEq(registry.totalBondAt(5), 2 * OPERATOR_BOND);
        vm.assertEq(registry.totalBondAt(6), OPERATOR_BOND);
        vm.assertEq(registry.totalCapacityAt(6), BACKED);
        // A slash after that changes nothing that counts.
        vm.prank(SLASHER);
        registry.slash(id, 1, BOB, 5);
        vm.assertEq(registry.bondAt(id, 6), 0);
    }

    function test_ABondBelowTheMinimumDoesNotCount() external {
        _skipEpochs(1);
        vm.prank(SLASHER);
        registry.slash(id, 1, BOB, 5);
        vm.assertEq(registry.bondAt(id, 6), 0);
        vm.assertEq(registry.capacityAt(id, 6), 0);
        vm.assertEq(registry.totalCapacityAt(6), 0);
        vm.prank(BOB);
        registry.addBond(id, 1);
        vm.assertEq(registry.bondAt(id, 6), OPERATOR_BOND);
        vm.assertEq(registry.capacityAt(id, 6), BACKED);
    }

    function test_CapacityIsWhatIsDeclaredUpToWhatTheBondBacks() external {
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.CapacityDeclared(id, 1000);
        vm.prank(CAROL);
        registry.declareCapacity(id, 1000);
        vm.assertEq(registry.operatorAt(id).capacityBytes, 1000);
        vm.assertEq(registry.capacityAt(id, 5), 1000);
        vm.prank(CAROL);
        registry.declareCapacity(id, uint64(BACKED));
        vm.assertEq(registry.capacityAt(id, 5), BACKED);
        vm.prank(CAROL);
        registry.declareCapacity(id, uint64(BACKED) + 1);
        vm.assertEq(registry.capacityAt(id, 5), BACKED);
        vm.prank(CAROL);
        registry.declareCapacity(id, 0);
        vm.assertEq(registry.capacityAt(id, 5), 0);
        vm.assertEq(registry.totalCapacityAt(5), 0);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
    }

    function test_ChangesCloseEpochsFirst() external {
        _skipEpochs(2);
        vm.prank(BOB);
        registry.addBond(id, 1);
        vm.assertEq(pool.closedEpochs(), 6);
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.declareCapacity(id, 1);
        vm.assertEq(pool.closedEpochs(), 7);
        _skipEpochs(1);
        _register(BOB, BOB);
        vm.assertEq(pool.closedEpochs(), 8);
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.requestExit(id);
        vm.assertEq(pool.closedEpochs(), 9);
        _skipEpochs(1);
        vm.prank(SLASHER);
        registry.slash(id, 1, BOB, 9);
        vm.assertEq(pool.closedEpochs(), 10);
    }

    // Frozen: what is said of epoch 5 is the same for ever, once it is over.

    function test_Frozen_OperatorCount() external {
        _skipEpochs(2);
        _register(BOB, BOB);
        vm.assertEq(registry.operatorCount(5), 1);
    }

    function test_Frozen_BondsAndTheirSum() external {
        _skipEpochs(2);
        _changeBond();
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.totalBondAt(5), OPERATOR_BOND);
        // Nor of epoch 6, which is running.
        vm.assertEq(registry.bondAt(id, 6), OPERATOR_BOND);
        vm.assertEq(registry.totalBondAt(6), OPERATOR_BOND);
    }

    function test_Frozen_CapacitiesAndTheirSum() external {
        _skipEpochs(2);
        _changeBond();
        vm.assertEq(registry.capacityAt(id, 5), BACKED);
        vm.assertEq(registry.totalCapacityAt(5), BACKED);
        vm.assertEq(registry.capacityAt(id, 6), BACKED);
        vm.assertEq(registry.totalCapacityAt(6), BACKED);
    }

    function test_Frozen_Payouts() external {
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.setPayout(id, BOB);
        vm.prank(CAROL);
        registry.setPayout(id, CAROL);
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.setPayout(id, MALLORY);
        vm.assertEq(registry.payoutAt(id, 3), address(0));
        vm.assertEq(registry.payoutAt(id, 4), ALICE);
        // As it was when the epoch ended.
        vm.assertEq(registry.payoutAt(id, 5), CAROL);
        vm.assertEq(registry.payoutAt(id, 6), MALLORY);
        vm.assertEq(registry.payoutAt(id, type(uint64).max), MALLORY);
        vm.assertEq(registry.payoutAt(7, 5), address(0));
    }

    function test_Frozen_NodesThatWereRemoved() external {
        vm.startPrank(CAROL);
        registry.addNode(id, NODE);
        _skipEpochs(1);
        registry.removeNode(id, NODE);
        vm.assertTrue(registry.nodeOf(id, NODE, 5));
        _skipEpochs(4);
        // One interval [4, ∞) would make it the operator's in epochs 6 to 8 as well.
        registry.addNode(id, NODE);
        vm.stopPrank();
        vm.assertFalse(registry.nodeOf(id, NODE, 3));
        vm.assertTrue(registry.nodeOf(id, NODE, 4));
        vm.assertTrue(registry.nodeOf(id, NODE, 5));
        vm.assertFalse(registry.nodeOf(id, NODE, 6));
        vm.assertFalse(registry.nodeOf(id, NODE, 8));
        vm.assertTrue(registry.nodeOf(id, NODE, 9));
    }

    function test_Frozen_NodesThatWereNotThere() external {
        _skipEpochs(2);
        vm.prank(CAROL);
        registry.addNode(id, NODE);
        vm.assertFalse(registry.nodeOf(id, NODE, 5));
        vm.assertTrue(registry.nodeOf(id, NODE, 6));
    }

    function test_Frozen_EverythingOfWhoLeaves() external {
        vm.prank(CAROL);
        registry.addNode(id, NODE);
        _skipEpochs(2);
        vm.startPrank(CAROL);
        registry.requestExit(id);
        _skipEpochs(1 + ANSWER_EPOCHS);
        registry.withdrawBond(id);
        vm.stopPrank();
        vm.assertEq(registry.operatorCount(5), 1);
        vm.assertEq(registry.bondAt(id, 5), OPERATOR_BOND);
        vm.assertEq(registry.capacityAt(id, 5), BACKED);
        vm.assertEq(registry.payoutAt(id, 5), ALICE);
        vm.assertTrue(registry.nodeOf(id, NODE, 5));
    }

    /// Sums are those of the single facts, in every epoch, whatever was done.
    function testFuzz_SumsAreExact(uint8[24] memory moves, uint64[24] memory amounts) external {
        _register(BOB, BOB);
        _register(ALICE, ALICE);
        address[3] memory owners = [CAROL, BOB, ALICE];
        uint64 first = pool.currentEpoch();
        for (uint256 i = 0; i < moves.length; ++i) {
            _move(owners, moves[i], amounts[i]);
        }
        for (uint64 epoch = first; epoch <= pool.currentEpoch() + 1; ++epoch) {
            uint256 bondsWei;
            uint256 capacities;
            for (uint32 i = 0; i < 3; ++i) {
                bondsWei += registry.bondAt(i, epoch);
                capacities += registry.capacityAt(i, epoch);
                vm.assertLe(registry.capacityAt(i, epoch), registry.bondAt(i, epoch) * 107_374_182 / 1e18);
            }
            vm.assertEq(registry.totalBondAt(epoch), bondsWei);
            vm.assertEq(registry.totalCapacityAt(epoch), capacities);
        }
    }

    function _move(address[3] memory owners, uint8 move, uint64 amount) private {
        uint32 operatorId = move % 3;
        if (registry.operatorAt(operatorId).exitEpoch != type(uint64).max) return;
        uint256 kind = move / 3 % 8;
        uint64 current = pool.currentEpoch();
        bool slashes = kind == 0 && current > 4;
        vm.prank(slashes ? SLASHER : owners[operatorId]);
        if (slashes) registry.slash(operatorId, amount, MALLORY, current);
        else if (kind < 3) registry.addBond(operatorId, amount);
        else if (kind == 3) registry.requestExit(operatorId);
        else registry.declareCapacity(operatorId, amount >> (kind * 4));
        if (move & 0x80 != 0) _skipEpochs(move & 0x40 != 0 ? 3 : 1);
    }

    function _changeBond() private {
        vm.startPrank(CAROL);
        registry.addBond(id, 1000e18);
        registry.declareCapacity(id, 1);
        vm.stopPrank();
        vm.prank(SLASHER);
        registry.slash(id, 3000e18, BOB, 5);
        vm.prank(CAROL);
        registry.requestExit(id);
    }
}

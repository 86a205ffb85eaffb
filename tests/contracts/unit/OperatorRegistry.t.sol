// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../../../contracts/interfaces/IStakePool.sol";
import {OperatorRegistry} from "../../../contracts/operators/OperatorRegistry.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {Fixture} from "../support/Fixture.sol";

contract OperatorRegistryTest is Fixture {
    bytes32 private constant NODE = keccak256("node");
    address private constant SLASHER = address(0x51a5);

    function _initialSlashers() internal pure override returns (address[] memory slashers) {
        slashers = new address[](1);
        slashers[0] = SLASHER;
    }

    function test_TellsItsParameters() external view {
        vm.assertEq(registry.minimumBondWei(), OPERATOR_BOND);
        vm.assertEq(registry.answerEpochs(), ANSWER_EPOCHS);
        vm.assertEq(address(registry.token()), address(token));
        vm.assertEq(address(registry.stakePool()), address(pool));
        vm.assertEq(registry.owner(), TIMELOCK);
        vm.assertEq(registry.slasherActiveFrom(SLASHER), 1);
        vm.assertEq(registry.slasherActiveFrom(ALICE), 0);
    }

    function test_RevertWhen_AParameterIsOutOfRange() external {
        vm.expectRevert(IOperatorRegistry.RegistryParameterInvalid.selector);
        new OperatorRegistry(IERC20(address(token)), pool, 0, 1, address(0), new address[](0));
        vm.expectRevert(IOperatorRegistry.RegistryParameterInvalid.selector);
        new OperatorRegistry(IERC20(address(token)), pool, 1, 0, address(0), new address[](0));
        vm.expectRevert(IOperatorRegistry.RegistryParameterInvalid.selector);
        new OperatorRegistry(IERC20(address(token)), pool, 1, 1001, address(0), new address[](0));
        new OperatorRegistry(IERC20(address(token)), pool, 1, 1000, address(0), new address[](0));
        vm.expectRevert(IOperatorRegistry.RegistryParameterInvalid.selector);
        new OperatorRegistry(IERC20(address(0)), pool, 1, 1, address(0), new address[](0));
        vm.expectRevert(IOperatorRegistry.RegistryParameterInvalid.selector);
        new OperatorRegistry(IERC20(address(token)), IStakePool(address(0)), 1, 1, address(0), new address[](0));
        OperatorRegistry free = new OperatorRegistry(IERC20(address(token)), pool, 1, 1, address(0), new address[](0));
        vm.assertEq(free.owner(), address(0));
    }

    function test_IdsAreDense() external {
        for (uint32 i = 0; i < 5; ++i) {
            vm.expectEmit(address(registry));
            emit IOperatorRegistry.OperatorRegistered(i, CAROL, _payout(i), OPERATOR_BOND, "ipfs://carol");
            vm.prank(CAROL);
            vm.assertEq(registry.register(_payout(i), uint128(OPERATOR_BOND), type(uint64).max, "ipfs://carol"), i);
        }
        vm.assertEq(registry.operatorCount(0), 0);
        vm.assertEq(registry.operatorCount(1), 5);
        vm.assertEq(token.balanceOf(address(registry)), 5 * OPERATOR_BOND);
        IOperatorRegistry.Operator memory operator = registry.operatorAt(3);
        vm.assertEq(operator.owner, CAROL);
        vm.assertEq(operator.payout, _payout(3));
        vm.assertEq(operator.bondWei, OPERATOR_BOND);
        vm.assertEq(operator.capacityBytes, type(uint64).max);
        vm.assertEq(operator.firstEpoch, 1);
        vm.assertEq(operator.exitEpoch, type(uint64).max);
    }

    function test_RevertWhen_RegisteringWithTooLittle() external {
        vm.startPrank(CAROL);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.BondBelowMinimum.selector, OPERATOR_BOND - 1, OPERATOR_BOND)
        );
        registry.register(CAROL, uint128(OPERATOR_BOND - 1), 1, "");
        vm.expectRevert(IOperatorRegistry.PayoutZero.selector);
        registry.register(address(0), uint128(OPERATOR_BOND), 1, "");
        vm.stopPrank();
    }

    function test_RevertWhen_TheOperatorIsUnknown() external {
        _register(CAROL, CAROL);
        bytes memory unknown = abi.encodeWithSelector(IOperatorRegistry.OperatorUnknown.selector, 1);
        vm.startPrank(CAROL);
        vm.expectRevert(unknown);
        registry.operatorAt(1);
        vm.expectRevert(unknown);
        registry.addBond(1, 1);
        vm.expectRevert(unknown);
        registry.setPayout(1, CAROL);
        vm.expectRevert(unknown);
        registry.declareCapacity(1, 1);
        vm.stopPrank();
    }

    function test_RevertWhen_AStrangerManages() external {
        uint32 id = _register(CAROL, CAROL);
        bytes memory denied = abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, MALLORY);
        vm.startPrank(MALLORY);
        vm.expectRevert(denied);
        registry.setPayout(id, MALLORY);
        vm.expectRevert(denied);
        registry.setMetadata(id, "");
        vm.expectRevert(denied);
        registry.addNode(id, NODE);
        vm.expectRevert(denied);
        registry.removeNode(id, NODE);
        vm.expectRevert(denied);
        registry.requestExit(id);
        vm.expectRevert(denied);
        registry.declareCapacity(id, 1);
        vm.expectRevert(denied);
        registry.withdrawBond(id);
        vm.expectRevert(denied);
        registry.offerOperator(id, MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotCandidate.selector, MALLORY));
        registry.acceptOperator(id);
        vm.stopPrank();
    }

    function test_TheOwnerChangesPayoutAndMetadata() external {
        uint32 id = _register(CAROL, CAROL);
        vm.startPrank(CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.PayoutChanged(id, BOB);
        registry.setPayout(id, BOB);
        vm.assertEq(registry.operatorAt(id).payout, BOB);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.MetadataChanged(id, "x");
        registry.setMetadata(id, "x");
        vm.expectRevert(IOperatorRegistry.PayoutZero.selector);
        registry.setPayout(id, address(0));
        vm.stopPrank();
    }

    function test_OwnershipIsOfferedAndAccepted() external {
        uint32 id = _register(CAROL, CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.OperatorOwnerOffered(id, BOB);
        vm.prank(CAROL);
        registry.offerOperator(id, BOB);
        vm.assertEq(registry.operatorAt(id).owner, CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.OperatorOwnerChanged(id, BOB);
        vm.prank(BOB);
        registry.acceptOperator(id);
        vm.assertEq(registry.operatorAt(id).owner, BOB);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotCandidate.selector, BOB));
        registry.acceptOperator(id);
    }

    // Nodes.

    function test_TheOwnerAddsAndRemovesNodes() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(2);
        vm.startPrank(CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.NodeAdded(id, NODE, 2);
        registry.addNode(id, NODE);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NodeOurs.selector, NODE));
        registry.addNode(id, NODE);
        _skipEpochs(1);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.NodeRemoved(id, NODE, 3);
        registry.removeNode(id, NODE);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NodeNotOurs.selector, NODE));
        registry.removeNode(id, NODE);
        vm.stopPrank();
    }

    /// Whoever names a node of somebody else's has it as its own, and takes nothing from the other.
    function test_TwoOperatorsNameOneKey() external {
        uint32 id = _register(CAROL, CAROL);
        uint32 other = _register(MALLORY, MALLORY);
        vm.prank(MALLORY);
        registry.addNode(other, NODE);
        vm.prank(CAROL);
        registry.addNode(id, NODE);
        vm.prank(MALLORY);
        registry.removeNode(other, NODE);
        _skipEpochs(1);
        vm.assertTrue(registry.nodeOf(id, NODE, 1));
        vm.assertFalse(registry.nodeOf(other, NODE, 1));
    }

    function test_RevertWhen_ANodeIsNotTheOperators() external {
        uint32 id = _register(CAROL, CAROL);
        uint32 other = _register(BOB, BOB);
        vm.prank(CAROL);
        registry.addNode(id, NODE);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NodeNotOurs.selector, NODE));
        registry.removeNode(other, NODE);
    }

    function test_RevertWhen_ANodeKeyIsWeak() external {
        uint32 id = _register(CAROL, CAROL);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NodeKeyWeak.selector, bytes32(0)));
        registry.addNode(id, bytes32(0));
    }

    // Bonds.

    function test_AnybodyMayAddToABond() external {
        uint32 id = _register(CAROL, CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.BondAdded(id, 7);
        vm.prank(BOB);
        registry.addBond(id, 7);
        vm.assertEq(registry.operatorAt(id).bondWei, OPERATOR_BOND + 7);
        vm.assertEq(token.balanceOf(address(registry)), OPERATOR_BOND + 7);
    }

    function test_RevertWhen_TheOperatorIsLeaving() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(5);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.ExitRequested(id, 6);
        vm.prank(CAROL);
        registry.requestExit(id);
        bytes memory leaving = abi.encodeWithSelector(IOperatorRegistry.OperatorLeaving.selector, id);
        vm.startPrank(CAROL);
        vm.expectRevert(leaving);
        registry.requestExit(id);
        vm.expectRevert(leaving);
        registry.addBond(id, 1);
        vm.expectRevert(leaving);
        registry.declareCapacity(id, 1);
        vm.stopPrank();
    }

    function test_TheBondComesBackWhenItHasNothingToAnswerFor() external {
        uint32 id = _register(CAROL, CAROL);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.BondLocked.selector, type(uint64).max));
        registry.withdrawBond(id);
        _skipEpochs(5);
        vm.prank(CAROL);
        registry.requestExit(id);
        _skipEpochs(ANSWER_EPOCHS);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.BondLocked.selector, 6 + ANSWER_EPOCHS));
        registry.withdrawBond(id);
        // Until then, and no longer, its last epoch can be answered for.
        vm.prank(SLASHER);
        registry.slash(id, 1, SLASHER, 5);
        _skipEpochs(1);
        vm.prank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.EpochNotAnswerable.selector, 5));
        registry.slash(id, 1, SLASHER, 5);
        uint256 before = token.balanceOf(CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.BondWithdrawn(id, OPERATOR_BOND - 1);
        vm.prank(CAROL);
        registry.withdrawBond(id);
        vm.assertEq(token.balanceOf(CAROL) - before, OPERATOR_BOND - 1);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.BondLocked.selector, 6 + ANSWER_EPOCHS));
        registry.withdrawBond(id);
    }

    // Slashing.

    function test_ASlashTakesFromTheBond() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(2);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.Slashed(id, 100, BOB);
        vm.prank(SLASHER);
        vm.assertEq(registry.slash(id, 100, BOB, 2), 100);
        vm.assertEq(registry.operatorAt(id).bondWei, OPERATOR_BOND - 100);
        vm.assertEq(token.balanceOf(BOB), 10_000_000e18 + 100);
        vm.assertEq(registry.bondAt(id, 3), 0);
        vm.prank(BOB);
        registry.addBond(id, 99);
        vm.assertEq(registry.bondAt(id, 3), 0);
        vm.prank(BOB);
        registry.addBond(id, 1);
        vm.assertEq(registry.bondAt(id, 2), OPERATOR_BOND);
        vm.assertEq(registry.bondAt(id, 3), OPERATOR_BOND);
    }

    function test_ASlashAboveTheMinimumLeavesTheRestCounting() external {
        uint32 id = _register(CAROL, CAROL);
        vm.prank(BOB);
        registry.addBond(id, 100);
        _skipEpochs(2);
        vm.prank(SLASHER);
        registry.slash(id, 100, BOB, 2);
        vm.assertEq(registry.bondAt(id, 2), OPERATOR_BOND + 100);
        vm.assertEq(registry.bondAt(id, 3), OPERATOR_BOND);
    }

    function test_ASlashTakesNoMoreThanThereIs() external {
        uint32 id = _register(CAROL, CAROL);
        _register(BOB, BOB);
        _skipEpochs(1);
        vm.prank(SLASHER);
        vm.assertEq(registry.slash(id, type(uint256).max, BOB, 1), OPERATOR_BOND);
        vm.assertEq(registry.operatorAt(id).bondWei, 0);
        vm.assertEq(token.balanceOf(address(registry)), OPERATOR_BOND);
    }

    function test_RevertWhen_TheEpochCannotBeAnsweredFor() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(5);
        vm.startPrank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.EpochNotAnswerable.selector, 6));
        registry.slash(id, 1, BOB, 6);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.EpochNotAnswerable.selector, 5 - ANSWER_EPOCHS - 1));
        registry.slash(id, 1, BOB, 5 - ANSWER_EPOCHS - 1);
        registry.slash(id, 1, BOB, 5 - ANSWER_EPOCHS);
        registry.slash(id, 1, BOB, 5);
        vm.stopPrank();
        uint32 young = _register(BOB, BOB);
        vm.prank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.EpochNotAnswerable.selector, 5));
        registry.slash(young, 1, BOB, 5);
        vm.prank(CAROL);
        registry.requestExit(id);
        _skipEpochs(1);
        vm.startPrank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.EpochNotAnswerable.selector, 6));
        registry.slash(id, 1, BOB, 6);
        registry.slash(id, 1, BOB, 5);
        vm.stopPrank();
    }

    function test_RevertWhen_TheSlasherIsNotActive() external {
        uint32 id = _register(CAROL, CAROL);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotSlasher.selector, MALLORY));
        registry.slash(id, 1, BOB, 0);
        // Even one from the start waits for the first full epoch.
        vm.prank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotSlasher.selector, SLASHER));
        registry.slash(id, 1, BOB, 0);
    }

    function test_WhoDistrustsANewSlasherCanHaveLeft() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(3);
        uint64 active = 3 + ANSWER_EPOCHS + 2;
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.SlasherNamed(MALLORY, active);
        vm.prank(TIMELOCK);
        registry.nameSlasher(MALLORY);
        vm.assertEq(registry.slasherActiveFrom(MALLORY), active);
        _skipEpochs(1);
        vm.prank(CAROL);
        registry.requestExit(id);
        _skipEpochs(ANSWER_EPOCHS);
        vm.prank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotSlasher.selector, MALLORY));
        registry.slash(id, 1, BOB, 4);
        _skipEpochs(1);
        vm.assertEq(pool.currentEpoch(), active);
        vm.prank(CAROL);
        registry.withdrawBond(id);
    }

    function test_ASlasherCanBeRemovedAtOnce() external {
        uint32 id = _register(CAROL, CAROL);
        _skipEpochs(1);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.SlasherRemoved(SLASHER);
        vm.prank(TIMELOCK);
        registry.removeSlasher(SLASHER);
        vm.prank(SLASHER);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotSlasher.selector, SLASHER));
        registry.slash(id, 1, BOB, 1);
    }

    function test_RevertWhen_AStrangerNamesSlashers() external {
        vm.startPrank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, MALLORY));
        registry.nameSlasher(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, MALLORY));
        registry.removeSlasher(SLASHER);
        vm.stopPrank();
    }

    function test_APartOfABondGoesAndAnswersUntilItIsFree() external {
        uint32 id = _register(CAROL, CAROL);
        _endEpoch();
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.BondReduced(id, 1000e18, 1 + 1 + ANSWER_EPOCHS);
        vm.prank(CAROL);
        registry.reduceBond(id, 1000e18);
        vm.assertEq(registry.bondAt(id, 1), OPERATOR_BOND);
        // Below the minimum nothing counts.
        vm.assertEq(registry.bondAt(id, 2), 0);
        _holds(id, OPERATOR_BOND - 1000e18, 1000e18);
        _skipEpochs(ANSWER_EPOCHS);
        vm.assertEq(registry.releasedOf(id), 0);
        vm.prank(CAROL);
        vm.expectRevert(IOperatorRegistry.NothingReleased.selector);
        registry.withdrawReleased(id);
        _skipEpochs(1);
        vm.assertEq(registry.releasedOf(id), 1000e18);
        uint256 before = token.balanceOf(CAROL);
        vm.expectEmit(address(registry));
        emit IOperatorRegistry.ReleasedWithdrawn(id, 1000e18);
        vm.prank(CAROL);
        registry.withdrawReleased(id);
        vm.assertEq(token.balanceOf(CAROL) - before, 1000e18);
        _holds(id, OPERATOR_BOND - 1000e18, 0);
        vm.assertEq(registry.releasedOf(id), 0);
    }

    function test_PartsOfABondAreFreeOneAfterTheOther() external {
        uint32 id = _register(CAROL, CAROL);
        vm.prank(CAROL);
        registry.reduceBond(id, 1000e18);
        _endEpoch();
        vm.prank(CAROL);
        registry.reduceBond(id, 500e18);
        _skipEpochs(ANSWER_EPOCHS);
        vm.assertEq(registry.releasedOf(id), 1000e18);
        _skipEpochs(1);
        vm.assertEq(registry.releasedOf(id), 1500e18);
    }

    function test_RevertWhen_MoreOfABondGoesThanThereIs() external {
        uint32 id = _register(CAROL, CAROL);
        vm.startPrank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.BondTooSmall.selector, 0, OPERATOR_BOND));
        registry.reduceBond(id, 0);
        uint128 more = uint128(OPERATOR_BOND + 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.BondTooSmall.selector, more, OPERATOR_BOND));
        registry.reduceBond(id, more);
        registry.reduceBond(id, uint128(OPERATOR_BOND));
        registry.requestExit(id);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorLeaving.selector, id));
        registry.reduceBond(id, 1);
        vm.stopPrank();
        vm.startPrank(MALLORY);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, MALLORY));
        registry.reduceBond(id, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.CallerNotOperatorOwner.selector, MALLORY));
        registry.withdrawReleased(id);
        vm.stopPrank();
    }

    function test_ASlashTakesWhatIsReleasingAfterTheBondTheOldestFirst() external {
        uint32 id = _register(CAROL, CAROL);
        _endEpoch();
        vm.startPrank(CAROL);
        registry.reduceBond(id, 1000e18);
        registry.reduceBond(id, 500e18);
        vm.stopPrank();
        _endEpoch();
        vm.prank(CAROL);
        registry.reduceBond(id, 3000e18);
        vm.prank(SLASHER);
        vm.assertEq(registry.slash(id, 500e18, BOB, 1), 500e18);
        _holds(id, 0, 4500e18);
        vm.prank(SLASHER);
        vm.assertEq(registry.slash(id, 2000e18, BOB, 1), 2000e18);
        _holds(id, 0, 2500e18);
        // Those of epoch 1 are gone, and let nothing of epoch 2's out early.
        _skipEpochs(ANSWER_EPOCHS);
        vm.assertEq(pool.currentEpoch(), 1 + 1 + ANSWER_EPOCHS);
        vm.assertEq(registry.releasedOf(id), 0);
        _skipEpochs(1);
        vm.assertEq(registry.releasedOf(id), 2500e18);
        vm.prank(SLASHER);
        vm.assertEq(registry.slash(id, type(uint256).max, BOB, 3), 2500e18);
        _holds(id, 0, 0);
        vm.assertEq(registry.releasedOf(id), 0);
    }

    function test_HoldingOfNobodyIsNothing() external view {
        (uint256 bondWei, uint256 releasingWei, uint64 exitEpoch) = registry.holdingOf(7);
        vm.assertEq(bondWei + releasingWei + exitEpoch, 0);
        vm.assertEq(registry.releasedOf(7), 0);
    }

    function _holds(uint32 id, uint256 bondWei, uint256 releasingWei) private view {
        (uint256 bond, uint256 releasing,) = registry.holdingOf(id);
        vm.assertEq(bond, bondWei);
        vm.assertEq(releasing, releasingWei);
    }
}

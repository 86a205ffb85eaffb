// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";

/// @title Ends: agreed, by exit, and after them
contract ClosingTest is ChannelFixture {
    bytes32 private id;
    uint256 private before;

    function setUp() public override {
        super.setUp();
        before = token.balanceOf(ALICE);
        id = _open();
    }

    function test_BothEndItAtOnceAndBothArePaid() external {
        _redeem(_signed(0, 3e18));
        vm.expectEmit(address(hub));
        emit IChannelHub.ChannelClosed(id, 10e18, DEPOSIT - 10e18);
        _close(10e18);
        vm.assertEq(token.balanceOf(PAYEE), 10e18);
        vm.assertEq(token.balanceOf(ALICE), before - 10e18);
        _assertGone();
    }

    function test_AnAgreementReachesItsBounds() external {
        _redeem(_signed(0, 3e18));
        uint256 snapshot = vm.snapshotState();
        _close(3e18);
        vm.assertEq(token.balanceOf(PAYEE), 3e18);
        vm.assertEq(token.balanceOf(ALICE), before - 3e18);
        vm.revertToState(snapshot);
        _close(DEPOSIT);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT);
        vm.assertEq(token.balanceOf(ALICE), before - DEPOSIT);
        _assertGone();
    }

    function test_WhoeverCallsNeedNotSign() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory operators = _agreement("payee", 5e18);
        uint256 snapshot = vm.snapshotState();
        vm.prank(ALICE);
        hub.close(ALICE, OPERATOR, 5e18, "", operators);
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
        vm.revertToState(snapshot);
        vm.prank(PAYEE);
        hub.close(ALICE, OPERATOR, 5e18, payers, "");
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
    }

    /// A payee may be a contract that signs nothing.
    function test_TheOperatorsOwnerAgreesAsWell() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory owners = _agreement("owner", 5e18);
        hub.close(ALICE, OPERATOR, 5e18, payers, owners);
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
    }

    function test_RevertWhen_OneOfThemDidNotAgree() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory operators = _agreement("payee", 5e18);
        bytes memory strangers = _agreement("mallory", 5e18);
        bytes memory others = _agreement("other owner", 5e18);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.PayerDidNotAgree.selector, MALLORY));
        hub.close(ALICE, OPERATOR, 5e18, strangers, operators);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorDidNotAgree.selector, MALLORY));
        hub.close(ALICE, OPERATOR, 5e18, payers, strangers);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorDidNotAgree.selector, OTHER_OWNER));
        hub.close(ALICE, OPERATOR, 5e18, payers, others);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.PayerDidNotAgree.selector, address(this)));
        hub.close(ALICE, OPERATOR, 5e18, "", operators);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorDidNotAgree.selector, address(this)));
        hub.close(ALICE, OPERATOR, 5e18, payers, "");
        // Bytes that nobody signed are nobody's word.
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.PayerDidNotAgree.selector, address(0)));
        hub.close(ALICE, OPERATOR, 5e18, new bytes(65), operators);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorDidNotAgree.selector, address(0)));
        hub.close(ALICE, OPERATOR, 5e18, payers, new bytes(64));
    }

    function test_RevertWhen_TheyAgreedToAnotherAmountOrChannel() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory operators = _agreement("payee", 5e18);
        vm.expectRevert();
        hub.close(ALICE, OPERATOR, 6e18, payers, operators);
        _open(ALICE, OTHER, DEPOSIT);
        vm.expectRevert();
        hub.close(ALICE, OTHER, 5e18, payers, operators);
    }

    function test_RevertWhen_AnAgreementTakesBackOrPromisesTooMuch() external {
        _redeem(_signed(0, 3e18));
        uint256 tooLittle = 3e18 - 1;
        bytes memory payers = _agreement("alice", tooLittle);
        bytes memory operators = _agreement("payee", tooLittle);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.CloseOutOfBounds.selector, tooLittle, 3e18, DEPOSIT));
        hub.close(ALICE, OPERATOR, tooLittle, payers, operators);
        uint256 tooMuch = DEPOSIT + 1;
        payers = _agreement("alice", tooMuch);
        operators = _agreement("payee", tooMuch);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.CloseOutOfBounds.selector, tooMuch, 3e18, DEPOSIT));
        hub.close(ALICE, OPERATOR, tooMuch, payers, operators);
    }

    function test_RevertWhen_WhatIsEndedIsNotOpen() external {
        bytes memory notOpen = abi.encodeWithSelector(IChannelHub.ChannelNotOpen.selector, BOB, OPERATOR);
        vm.expectRevert(notOpen);
        hub.close(BOB, OPERATOR, 0, "", "");
        vm.expectRevert(notOpen);
        hub.settle(BOB, OPERATOR);
        vm.prank(BOB);
        vm.expectRevert(notOpen);
        hub.exit(OPERATOR);
    }

    function test_AnExitGivesTheOperatorItsWindow() external {
        uint256 ends = block.timestamp + uint256(WINDOW) * 60;
        vm.expectEmit(address(hub));
        emit IChannelHub.ExitStarted(id, ends);
        vm.assertEq(_exit(), ends);
        // A newer receipt wins until the last second, and the exit goes on.
        _redeem(_signed(0, 3e18));
        vm.warp(ends - 1);
        _redeem(_signed(0, 7e18));
        vm.assertEq(token.balanceOf(PAYEE), 7e18);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).exitEnds, ends);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ExitNotOver.selector, id, ends));
        hub.settle(ALICE, OPERATOR);
        // Then none.
        vm.warp(ends);
        bytes memory late = _signed(0, 9e18);
        vm.expectRevert(_refused(IChannelHub.Refusal.ExitOver));
        _redeem(late);
        vm.expectEmit(address(hub));
        emit IChannelHub.ChannelClosed(id, 7e18, DEPOSIT - 7e18);
        hub.settle(ALICE, OPERATOR);
        vm.assertEq(token.balanceOf(ALICE), before - 7e18);
        vm.assertEq(token.balanceOf(PAYEE), 7e18);
        _assertGone();
    }

    function test_TheLongestWindowEnds() external {
        vm.prank(BOB);
        hub.open(OPERATOR, 43_200, DEPOSIT);
        vm.prank(BOB);
        hub.exit(OPERATOR);
        vm.assertEq(hub.channelOf(BOB, OPERATOR).exitEnds, block.timestamp + 30 days);
    }

    function test_RevertWhen_ItIsSettledWithoutAnExit() external {
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ExitNotOver.selector, id, 0));
        hub.settle(ALICE, OPERATOR);
    }

    function test_BothEndItDuringAnExitAndAfterIt() external {
        uint256 ends = _exit();
        uint256 snapshot = vm.snapshotState();
        _close(5e18);
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
        _assertGone();
        vm.revertToState(snapshot);
        vm.warp(ends + 1);
        _close(5e18);
        vm.assertEq(token.balanceOf(PAYEE), 5e18);
        _assertGone();
    }

    function test_AReopenedChannelResurrectsNoOldReceipt() external {
        bytes memory old = _signed(0, 50e18);
        bytes memory payers = _agreement("alice", 20e18);
        bytes memory operators = _agreement("payee", 20e18);
        _redeem(_signed(0, 3e18));
        _exitAndSettle();
        bytes32 next = _open();
        vm.assertNotEq(next, id);
        vm.assertEq(next, keccak256(abi.encodePacked(address(hub), ALICE, OPERATOR, uint24(1))));
        vm.expectRevert(_refused(IChannelHub.Refusal.OtherChannel));
        _redeem(old);
        vm.expectRevert();
        hub.close(ALICE, OPERATOR, 20e18, payers, operators);
        // Its lanes begin anew, and it is not leaving.
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).exitEnds, 0);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).paidWei, 0);
        _redeem(_signed(0, 1e18));
        vm.assertEq(token.balanceOf(PAYEE), 4e18);
    }

    function test_OtherChannelsAreNotTouched() external {
        _open(ALICE, OTHER, DEPOSIT);
        _open(BOB, OPERATOR, 7e18);
        _exitAndSettle();
        vm.assertEq(hub.channelOf(ALICE, OTHER).depositedWei, DEPOSIT);
        vm.assertEq(hub.channelOf(BOB, OPERATOR).depositedWei, 7e18);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT + 7e18);
    }

    function _assertGone() private view {
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(uint256(channel.depositedWei) + channel.paidWei + channel.exitEnds + channel.windowMinutes, 0);
        vm.assertEq(channel.generation, 1);
        vm.assertEq(token.balanceOf(address(hub)), 0);
    }
}

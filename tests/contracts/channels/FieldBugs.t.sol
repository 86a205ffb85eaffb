// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";
import {UnrulyToken} from "./support/UnrulyToken.sol";

/// @title The bug list of the field
/// @notice Each test is named after the finding (of audits and issues of other channel systems) that it would have caught here. Those of
/// what happens off chain (crediting before confirmation, thawing escrow, frames and lists without bounds) are tests in Rust, named alike.
contract FieldBugsTest is ChannelFixture {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = _open();
    }

    /// A state both agreed to be the last ends the channel; it cannot be used to open a challenge that blocks the end.
    function test_NitroliteHH01_AFinalStateEndsAndChallengesNothing() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory operators = _agreement("payee", 5e18);
        hub.close(ALICE, OPERATOR, 5e18, payers, operators);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelNotOpen.selector, ALICE, OPERATOR));
        vm.prank(ALICE);
        hub.exit(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelNotOpen.selector, ALICE, OPERATOR));
        hub.close(ALICE, OPERATOR, 5e18, payers, operators);
    }

    /// An answer to a challenge does not leave less than it found: neither side's money is counted twice.
    function test_NitroliteMC01_AnAnswerKeepsTheBooksEven() external {
        _exit();
        _redeem(_signed(0, 7e18));
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(uint256(channel.depositedWei) - channel.paidWei, token.balanceOf(address(hub)));
    }

    /// Amounts are unsigned and bounded: whatever is signed, no sum wraps and no field reaches its neighbour.
    function test_NitroliteMC03_MF2C02_AHugeAmountIsPaidUpToTheDeposit() external {
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, type(uint128).max);
        _redeem(_sign(_key("alice"), receipt));
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT);
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(channel.paidWei, DEPOSIT);
        vm.assertEq(channel.depositedWei, DEPOSIT);
        vm.assertEq(channel.exitEnds, 0);
        vm.assertEq(hub.laneAt(_lane(id, 0)).signer, ALICE);
    }

    /// Events tell what is stored, not what was asked for.
    function test_NitroliteMH07_EventsNameTheStoredState() external {
        vm.expectEmit(address(hub));
        emit IChannelHub.Redeemed(id, DEPOSIT);
        _redeem(_signed(0, DEPOSIT + 50e18));
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).paidWei, DEPOSIT);
        vm.expectEmit(address(hub));
        emit IChannelHub.ToppedUp(id, DEPOSIT + 1);
        vm.prank(BOB);
        hub.topUp(ALICE, OPERATOR, 1);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT + 1);
    }

    /// The mark that a channel is leaving outlives every answer.
    function test_NitroliteMF2C01_TheExitOutlivesItsAnswers() external {
        uint256 ends = _exit();
        for (uint256 i = 1; i < 5; ++i) {
            vm.warp(block.timestamp + 10 minutes);
            _redeem(_signed(0, i * 1e18));
            vm.assertEq(hub.channelOf(ALICE, OPERATOR).exitEnds, ends);
        }
        vm.warp(ends);
        hub.settle(ALICE, OPERATOR);
    }

    /// What is signed after the end pays nothing.
    function test_NitroliteMFC02_NothingSignedAfterTheEndCounts() external {
        _close(0);
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, 0, 1e18);
        receipt.channel = id;
        bytes memory signed = _sign(_key("alice"), receipt);
        vm.expectRevert(_refused(IChannelHub.Refusal.OtherChannel));
        _redeem(signed);
    }

    /// An agreed end within an exit leaves nothing behind.
    function test_NitroliteMF2H01_NothingIsStrandedByAnEndWithinAnExit() external {
        _exit();
        _redeem(_signed(0, 7e18));
        _close(9e18);
        vm.assertEq(token.balanceOf(address(hub)), 0);
        vm.assertEq(token.balanceOf(PAYEE), 9e18);
    }

    /// One session key never signs for two payers.
    function test_NitroliteMFH02_ASessionKeyHasOnePayer() external {
        _authorize(ALICE, SESSION);
        _open(BOB, OPERATOR, DEPOSIT);
        bytes memory signed = _sign(SESSION, _receipt(BOB, OPERATOR, 0, 1e18));
        vm.expectRevert(_refused(IChannelHub.Refusal.WrongSigner));
        _redeem(signed);
        vm.expectRevert();
        this.authorize(BOB, SESSION);
    }

    function authorize(address payer, uint256 key) external {
        _authorize(payer, key);
    }

    /// A deposit of nothing is no channel.
    function test_NitroliteMF3H01_ALimitOfNothingIsRefused() external {
        vm.prank(BOB);
        vm.expectRevert(IChannelHub.AmountZero.selector);
        hub.open(OPERATOR, WINDOW, 0);
        vm.prank(BOB);
        vm.expectRevert(IChannelHub.AmountZero.selector);
        token.transferAndCall(address(hub), 0, abi.encode(OPERATOR, WINDOW));
    }

    /// An end that was set is neither prolonged nor cut short, and does not follow into the next channel.
    function test_NitroliteMFL06_NoExpiryIsStale() external {
        uint256 ends = _exit();
        vm.warp(block.timestamp + 10 minutes);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelIsExiting.selector, id));
        hub.exit(OPERATOR);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).exitEnds, ends);
        vm.warp(ends);
        hub.settle(ALICE, OPERATOR);
        _open();
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).exitEnds, 0);
        _redeem(_signed(0, 1e18));
    }

    /// A payee that makes its own transfer fail keeps nobody's money.
    function test_APayeeThatFailsItsOwnTransferHoldsUpNothing() external {
        token.behave(PAYEE, UnrulyToken.Manner.BurnsGas);
        uint256 before = token.balanceOf(ALICE);
        _close(5e18);
        vm.assertEq(token.balanceOf(ALICE), before + DEPOSIT - 5e18);
        vm.assertEq(hub.creditOf(PAYEE), 5e18);
    }

    /// A payer with nothing left can end.
    function test_FilecoinPay274_APayerWithNothingLeftCanEnd() external {
        _redeem(_signed(0, DEPOSIT));
        _exitAndSettle();
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, 0);
        _open();
        _redeem(_signed(0, DEPOSIT));
        _close(DEPOSIT);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).generation, 2);
        vm.assertEq(token.balanceOf(PAYEE), 2 * DEPOSIT);
    }

    /// No deposit leaves under receipts that an operator holds, unless it had its whole window to redeem them.
    function test_GraphIndexer1170_NoDepositThawsUnderUnredeemedReceipts() external {
        bytes memory held = _signed(0, DEPOSIT);
        uint256 ends = _exit();
        vm.warp(ends - 1);
        _redeem(held);
        vm.warp(ends);
        hub.settle(ALICE, OPERATOR);
        vm.assertEq(token.balanceOf(PAYEE), DEPOSIT);
    }

    /// Redeeming a higher amount loses no lower one.
    function test_Hopr_NoLowerAmountIsLostToAHigherOne() external {
        bytes memory low = _signed(0, 1e18);
        bytes memory high = _signed(1, 50e18);
        _redeem(high);
        _redeem(low);
        vm.assertEq(token.balanceOf(PAYEE), 51e18);
    }
}

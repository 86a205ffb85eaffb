// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelHub} from "../../../contracts/channels/ChannelHub.sol";
import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";
import {UnrulyToken} from "./support/UnrulyToken.sol";

/// @title What a token can do to a channel
contract PaymentsTest is ChannelFixture {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = _open();
    }

    /// In every manner in which a transfer can fail, redeeming goes on and the amount is kept.
    function test_ATransferThatFailsBecomesACredit() external {
        UnrulyToken.Manner[6] memory manners = [
            UnrulyToken.Manner.Reverts,
            UnrulyToken.Manner.BurnsGas,
            UnrulyToken.Manner.ReturnsFalse,
            UnrulyToken.Manner.ReturnsTwo,
            UnrulyToken.Manner.ReturnsOneByte,
            UnrulyToken.Manner.ReturnsALot
        ];
        for (uint256 i = 0; i < manners.length; ++i) {
            token.behave(PAYEE, manners[i]);
            vm.expectEmit(address(hub));
            emit IChannelHub.Credited(PAYEE, 1e18);
            _redeem(_signed(i, 1e18));
            vm.assertEq(hub.creditOf(PAYEE), (i + 1) * 1e18);
        }
        vm.assertEq(token.balanceOf(PAYEE), 0);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).paidWei, 6e18);
    }

    /// What is returned lies over the call's own data: with this account its rest and 31 bytes of nothing look like `true`.
    function test_AShortAnswerIsNotMadeWholeByWhatLayThere() external {
        address account = address(uint160(1 << 32));
        vm.prank(OWNER);
        registry.setPayout(OPERATOR, account);
        hub.updatePayee(OPERATOR);
        token.behave(account, UnrulyToken.Manner.ReturnsAByteTooFew);
        _redeem(_signed(0, 1e18));
        vm.assertEq(hub.creditOf(account), 1e18);
    }

    /// Tokens older than the standard's last word return nothing when they agree.
    function test_ATransferThatReturnsNothingIsTaken() external {
        token.behave(PAYEE, UnrulyToken.Manner.ReturnsNothing);
        _redeem(_signed(0, 1e18));
        vm.assertEq(hub.creditOf(PAYEE), 0);
        vm.assertEq(token.balanceOf(PAYEE), 1e18);
    }

    function test_ACreditIsPaidOutByAnybodyOnce() external {
        token.behave(PAYEE, UnrulyToken.Manner.Reverts);
        _redeem(_signed(0, 1e18));
        vm.expectRevert();
        hub.withdrawCredit(PAYEE);
        vm.assertEq(hub.creditOf(PAYEE), 1e18);
        token.behave(PAYEE, UnrulyToken.Manner.Plain);
        vm.expectEmit(address(hub));
        emit IChannelHub.CreditWithdrawn(PAYEE, PAYEE, 1e18);
        vm.prank(MALLORY);
        hub.withdrawCredit(PAYEE);
        vm.assertEq(token.balanceOf(PAYEE), 1e18);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.NothingCredited.selector, PAYEE));
        hub.withdrawCredit(PAYEE);
    }

    function test_ACreditGoesWhereItsOwnerSays() external {
        token.behave(PAYEE, UnrulyToken.Manner.Reverts);
        _redeem(_signed(0, 1e18));
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.NothingCredited.selector, MALLORY));
        vm.prank(MALLORY);
        hub.withdrawCreditTo(MALLORY);
        vm.startPrank(PAYEE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.RecipientInvalid.selector, address(0)));
        hub.withdrawCreditTo(address(0));
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.RecipientInvalid.selector, address(hub)));
        hub.withdrawCreditTo(address(hub));
        vm.expectEmit(address(hub));
        emit IChannelHub.CreditWithdrawn(PAYEE, OTHER_PAYEE, 1e18);
        hub.withdrawCreditTo(OTHER_PAYEE);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(OTHER_PAYEE), 1e18);
        vm.assertEq(hub.creditOf(PAYEE), 0);
    }

    function test_NobodysFailingTransferStopsAnybody() external {
        _open(ALICE, OTHER, DEPOSIT);
        token.behave(PAYEE, UnrulyToken.Manner.BurnsGas);
        hub.redeemMany(bytes.concat(_signed(0, 1e18), _sign(_key("alice"), _receipt(ALICE, OTHER, 0, 2e18))));
        vm.assertEq(hub.creditOf(PAYEE), 1e18);
        vm.assertEq(token.balanceOf(OTHER_PAYEE), 2e18);
        // Both ends: neither needs the other's transfer.
        token.behave(ALICE, UnrulyToken.Manner.Reverts);
        _close(5e18);
        vm.assertEq(hub.creditOf(PAYEE), 5e18);
        vm.assertEq(hub.creditOf(ALICE), DEPOSIT - 5e18);
        token.behave(ALICE, UnrulyToken.Manner.Plain);
        uint256 before = token.balanceOf(ALICE);
        hub.withdrawCredit(ALICE);
        vm.assertEq(token.balanceOf(ALICE), before + DEPOSIT - 5e18);
    }

    function test_APayerWhoseTransferFailsIsOutAllTheSame() external {
        token.behave(ALICE, UnrulyToken.Manner.ReturnsFalse);
        _exitAndSettle();
        vm.assertEq(hub.creditOf(ALICE), DEPOSIT);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).generation, 1);
    }

    /// Too little gas is the caller's own failure: it cannot make a good payment a credit.
    function test_LittleGasMakesNoCredit() external {
        bytes memory call = abi.encodeCall(ChannelHub.redeem, (_words(_signed(0, 1e18))));
        uint256 least = type(uint256).max;
        for (uint256 gas_ = 40_000; gas_ < 300_000; gas_ += 1000) {
            uint256 snapshot = vm.snapshotState();
            (bool ok,) = address(hub).call{gas: gas_}(call);
            vm.assertEq(hub.creditOf(PAYEE), 0);
            vm.assertEq(token.balanceOf(PAYEE), ok ? 1e18 : 0);
            if (ok && gas_ < least) least = gas_;
            vm.revertToState(snapshot);
        }
        vm.assertGt(least, 140_000);
        vm.assertLt(least, 260_000);
        (bool enough, bytes memory why) = address(hub).call{gas: 160_000}(call);
        vm.assertFalse(enough);
        vm.assertTrue(bytes4(why) == IChannelHub.GasTooLow.selector);
    }

    /// With just enough gas even a token that burns all it is given leaves enough to write the credit.
    function test_ABurningTokenLeavesEnoughForTheCredit() external {
        token.behave(PAYEE, UnrulyToken.Manner.BurnsGas);
        bytes memory call = abi.encodeCall(ChannelHub.redeem, (_words(_signed(0, 1e18))));
        for (uint256 gas_ = 150_000; gas_ < 300_000; gas_ += 1000) {
            uint256 snapshot = vm.snapshotState();
            (bool ok, bytes memory why) = address(hub).call{gas: gas_}(call);
            // It either worked, or said that there was too little.
            if (!ok) vm.assertTrue(why.length == 0 || bytes4(why) == IChannelHub.GasTooLow.selector);
            if (gas_ > 260_000) vm.assertTrue(ok);
            vm.assertEq(hub.creditOf(PAYEE), ok ? 1e18 : 0);
            vm.revertToState(snapshot);
        }
    }

    // A token that calls back.

    function test_RedeemingAgainWithinATransferPaysOnce() external {
        bytes memory signed = _signed(0, 1e18);
        token.callBack(address(hub), abi.encodeCall(ChannelHub.redeem, (_words(signed))));
        _redeem(signed);
        vm.assertEq(token.calls(), 1);
        vm.assertFalse(token.callSucceeded());
        vm.assertEq(token.balanceOf(PAYEE), 1e18);
    }

    function test_EndingWithinATransferPaysEverythingOnce() external {
        bytes memory payers = _agreement("alice", 5e18);
        bytes memory operators = _agreement("payee", 5e18);
        token.callBack(address(hub), abi.encodeCall(ChannelHub.close, (ALICE, OPERATOR, 5e18, payers, operators)));
        // Within the bounded gas of a payment there may not be room for it; then it just fails.
        uint256 before = token.balanceOf(ALICE);
        _redeem(_signed(0, 1e18));
        vm.assertEq(token.calls(), 1);
        uint256 leftWei = token.balanceOf(address(hub));
        vm.assertEq(token.balanceOf(PAYEE) + token.balanceOf(ALICE) + leftWei, before + DEPOSIT);
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(
            leftWei, uint256(channel.depositedWei) - channel.paidWei + hub.creditOf(PAYEE) + hub.creditOf(ALICE)
        );
    }

    function test_TakingACreditAgainWithinItsTransferPaysOnce() external {
        token.behave(PAYEE, UnrulyToken.Manner.Reverts);
        _redeem(_signed(0, 1e18));
        token.behave(PAYEE, UnrulyToken.Manner.Plain);
        token.callBack(address(hub), abi.encodeCall(hub.withdrawCredit, (PAYEE)));
        hub.withdrawCredit(PAYEE);
        vm.assertEq(token.calls(), 1);
        vm.assertFalse(token.callSucceeded());
        vm.assertEq(token.balanceOf(PAYEE), 1e18);
    }
}

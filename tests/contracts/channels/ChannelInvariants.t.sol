// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";
import {ChannelHandler} from "./support/ChannelHandler.sol";
import {InvariantTarget} from "../support/InvariantTarget.sol";

/// @title Invariants of channels
/// @notice The numbers are those of docs/contracts/invariants.md. C7 (the payee gets min(owed, deposit)) and C8 (lanes do not disturb
/// each other) are looked at by the handler after each redeeming, C6 (nothing paid of a lane falls) by `observe`.
contract ChannelInvariants is ChannelFixture, InvariantTarget {
    ChannelHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new ChannelHandler(hub, token, pool, registry, OWNER);
        token.transfer(address(handler), 1_000_000e18);
        address[2] memory owners = [OWNER, OTHER_OWNER];
        for (uint32 i = 0; i < 2; ++i) {
            address payer = handler.payerAt(i);
            token.transfer(payer, 50_000_000e18);
            vm.prank(payer);
            token.approve(address(hub), type(uint256).max);
            _authorize(payer, 0x5e51 + i);
            address payee = handler.payeeAt(i);
            vm.prank(owners[i]);
            registry.setPayout(i, payee);
        }
    }

    function _target() internal view override returns (address) {
        return address(handler);
    }

    function _moves() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](15);
        selectors[0] = ChannelHandler.open.selector;
        selectors[1] = ChannelHandler.topUp.selector;
        selectors[2] = ChannelHandler.sign.selector;
        selectors[3] = ChannelHandler.redeem.selector;
        selectors[4] = ChannelHandler.redeemMany.selector;
        selectors[5] = ChannelHandler.exit.selector;
        selectors[6] = ChannelHandler.settle.selector;
        selectors[7] = ChannelHandler.close.selector;
        selectors[8] = ChannelHandler.wait.selector;
        selectors[9] = ChannelHandler.waitLong.selector;
        selectors[10] = ChannelHandler.behave.selector;
        selectors[11] = ChannelHandler.withdrawCredit.selector;
        selectors[12] = ChannelHandler.donate.selector;
        selectors[13] = ChannelHandler.open.selector;
        selectors[14] = ChannelHandler.redeem.selector;
    }

    function invariant_Channels() external {
        handler.observe();
        _c1_TheHubHoldsWhatItOwes();
        _c2_NothingIsMadeOrLost();
        for (uint256 i = 0; i < handler.ghostCount(); ++i) {
            ChannelHandler.Ghost memory ghost = handler.ghostAt(i);
            IChannelHub.Channel memory channel = hub.channelOf(ghost.payer, ghost.operatorId);
            if (ghost.closed) {
                _c9_NothingLeavesClosed(ghost);
                _c10_ClosedIsAccounted(ghost);
            } else {
                _c3_AChannelPaysItsLanes(ghost, channel);
                _c4_NoMoreIsPaidThanCameIn(ghost, channel);
                _c11_AnEndStaysWhereItWasSet(ghost, channel);
            }
            _c5_NoLaneIsPaidMoreThanWasSigned(ghost);
        }
    }

    /// C1: balance = Σ (deposited − paid) of open channels + Σ credits, and donations.
    function _c1_TheHubHoldsWhatItOwes() private view {
        uint256 owedWei = handler.donatedWei();
        for (uint256 i = 0; i < 2; ++i) {
            owedWei += hub.creditOf(handler.payerAt(i)) + hub.creditOf(handler.payeeAt(i));
            for (uint32 operatorId = 0; operatorId < 2; ++operatorId) {
                IChannelHub.Channel memory channel = hub.channelOf(handler.payerAt(i), operatorId);
                owedWei += uint256(channel.depositedWei) - channel.paidWei;
            }
        }
        vm.assertEq(token.balanceOf(address(hub)), owedWei, "C1");
    }

    /// C2: balance = Σ deposits − Σ paid to operators − Σ returned to payers.
    function _c2_NothingIsMadeOrLost() private view {
        uint256 outWei;
        for (uint256 i = 0; i < 2; ++i) {
            outWei += token.balanceOf(handler.payeeAt(i));
        }
        // Payers began with 50 million each and paid in what was deposited.
        uint256 payersWei = token.balanceOf(handler.payerAt(0)) + token.balanceOf(handler.payerAt(1));
        uint256 returnedWei = payersWei + handler.depositedWei() - 100_000_000e18;
        vm.assertEq(
            token.balanceOf(address(hub)) + outWei + returnedWei, handler.depositedWei() + handler.donatedWei(), "C2"
        );
    }

    /// C3: what a channel paid is the sum of what its lanes were paid.
    function _c3_AChannelPaysItsLanes(ChannelHandler.Ghost memory ghost, IChannelHub.Channel memory channel)
        private
        pure
    {
        vm.assertEq(channel.paidWei, _sum(ghost.lanePaidWei), "C3");
    }

    /// C4: no more is paid than came in, and what came in is what is booked.
    function _c4_NoMoreIsPaidThanCameIn(ChannelHandler.Ghost memory ghost, IChannelHub.Channel memory channel)
        private
        pure
    {
        vm.assertEq(channel.depositedWei, ghost.inWei, "C4");
        vm.assertLe(channel.paidWei, channel.depositedWei, "C4");
    }

    /// C5: a payer never pays more than the largest `owed` it signed, per lane.
    function _c5_NoLaneIsPaidMoreThanWasSigned(ChannelHandler.Ghost memory ghost) private pure {
        for (uint256 lane = 0; lane < ghost.signedWei.length; ++lane) {
            vm.assertLe(ghost.lanePaidWei[lane], ghost.signedWei[lane], "C5");
        }
    }

    /// C9: a closed channel's lanes are paid no more, and its id is not the pair's any more.
    function _c9_NothingLeavesClosed(ChannelHandler.Ghost memory ghost) private view {
        vm.assertNotEq(hub.channelIdOf(ghost.payer, ghost.operatorId), ghost.id);
        vm.assertEq(_sum(ghost.lanePaidWei), ghost.paidWei, "C9");
    }

    /// C10: a closed channel is accounted for to the wei: what the operator got and the payer got back came in.
    function _c10_ClosedIsAccounted(ChannelHandler.Ghost memory ghost) private pure {
        vm.assertGe(ghost.agreedWei, ghost.paidWei, "C10");
        vm.assertEq(ghost.agreedWei + ghost.returnedWei, ghost.inWei, "C10");
    }

    /// C11: an exit's end is where the window put it, whatever happens meanwhile, and there is none without an exit.
    function _c11_AnEndStaysWhereItWasSet(ChannelHandler.Ghost memory ghost, IChannelHub.Channel memory channel)
        private
        pure
    {
        vm.assertEq(channel.exitEnds, ghost.exitEnds, "C11");
        vm.assertEq(channel.windowMinutes, ghost.windowMinutes, "C11");
    }

    /// C12: after any walk every payer can leave, with nothing left too, whatever tokens did; nothing but donations stays behind.
    function afterInvariant() external {
        handler.everybodyLeaves();
        vm.assertEq(token.balanceOf(address(hub)), handler.donatedWei(), "C12");
    }

    /// The walks get everywhere: a fixed one, long enough, does each thing there is to do.
    function test_TheHandlerReachesEverything() external {
        uint256 seed = 1;
        for (uint256 i = 0; i < 1500; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _move(seed % 14, seed >> 16, seed >> 32);
        }
        bytes32[14] memory things = [
            bytes32("open"),
            "topUp",
            "sign",
            "redeem",
            "answer",
            "spent",
            "redeemMany",
            "exit",
            "settle",
            "close",
            "wait",
            "behave",
            "withdrawCredit",
            "donate"
        ];
        for (uint256 i = 0; i < things.length; ++i) {
            vm.assertGt(handler.reached(things[i]), 5);
        }
        this.invariant_Channels();
    }

    function _move(uint256 kind, uint256 a, uint256 b) private {
        if (kind <= 1) handler.open(a, b, a, uint16(b), a % 3 == 0);
        else if (kind == 2) handler.topUp(a, b, a >> 8);
        else if (kind == 3) handler.sign(a, b, a >> 8, b >> 8, a % 3 == 0);
        else if (kind <= 5) handler.redeem(a, b, a >> 8, b >> 8, a % 3 == 0);
        else if (kind == 6) handler.redeemMany(a, b, bytes32(b));
        else if (kind == 7) handler.exit(a, b);
        else if (kind == 8) handler.settle(a, b);
        else if (kind == 9) handler.close(a, b, a >> 8);
        else if (kind == 10) (a % 4 == 0) ? handler.waitLong(b) : handler.wait(b);
        else if (kind == 11) handler.behave(a, b % 2 == 0, uint8(a >> 8));
        else if (kind == 12) handler.withdrawCredit(a, b % 2 == 0);
        else handler.donate(a);
    }

    function _sum(uint256[3] memory amounts) private pure returns (uint256) {
        return amounts[0] + amounts[1] + amounts[2];
    }
}

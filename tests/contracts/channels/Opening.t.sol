// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ChannelHub} from "../../../contracts/channels/ChannelHub.sol";
import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "./support/ChannelFixture.sol";

/// @title Opening and topping up
contract OpeningTest is ChannelFixture {
    function test_TheHubSaysWhatItIsMadeOf() external view {
        vm.assertEq(hub.token(), address(token));
        vm.assertEq(hub.operatorRegistry(), address(registry));
        vm.assertEq(hub.stakePool(), address(pool));
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(typehash, keccak256("Tatum"), keccak256("1"), block.chainid, address(hub)));
        vm.assertEq(hub.closeDomainSeparator(), domain);
        (uint16 least, uint16 most) = hub.windowBounds();
        vm.assertEq(least, 60);
        vm.assertEq(most, 43_200);
    }

    function test_RevertWhen_APartIsNoContract() external {
        IERC20 erc20 = IERC20(address(token));
        IOperatorRegistry registry_ = IOperatorRegistry(address(registry));
        IPoolFacts pool_ = IPoolFacts(address(pool));
        vm.expectRevert(IChannelHub.HubParameterInvalid.selector);
        new ChannelHub(IERC20(MALLORY), registry_, pool_);
        vm.expectRevert(IChannelHub.HubParameterInvalid.selector);
        new ChannelHub(erc20, IOperatorRegistry(MALLORY), pool_);
        vm.expectRevert(IChannelHub.HubParameterInvalid.selector);
        new ChannelHub(erc20, registry_, IPoolFacts(MALLORY));
    }

    function test_AChannelIsOpenedWithADepositAndTerms() external {
        uint256 before = token.balanceOf(ALICE);
        bytes32 id = keccak256(abi.encodePacked(address(hub), ALICE, OPERATOR, uint24(0)));
        vm.expectEmit(address(hub));
        emit IChannelHub.PayeeUpdated(OPERATOR, PAYEE);
        vm.expectEmit(address(hub));
        emit IChannelHub.ChannelOpened(id, ALICE, OPERATOR, DEPOSIT, WINDOW);
        vm.assertEq(_open(), id);
        vm.assertEq(token.balanceOf(ALICE), before - DEPOSIT);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT);
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(channel.depositedWei, DEPOSIT);
        vm.assertEq(channel.windowMinutes, WINDOW);
        vm.assertEq(uint256(channel.paidWei) + channel.exitEnds + channel.generation, 0);
        vm.assertEq(hub.payeeOf(OPERATOR), PAYEE);
    }

    function test_WindowsAndDepositsReachTheirBounds() external {
        vm.prank(ALICE);
        hub.open(OPERATOR, 43_200, 1);
        token.transfer(BOB, type(uint88).max);
        vm.startPrank(BOB);
        token.approve(address(hub), type(uint256).max);
        hub.open(OPERATOR, 60, type(uint88).max);
        vm.stopPrank();
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).windowMinutes, 43_200);
        vm.assertEq(hub.channelOf(BOB, OPERATOR).depositedWei, type(uint88).max);
        vm.assertEq(hub.channelOf(BOB, OPERATOR).paidWei, 0);
    }

    function test_RevertWhen_TheWindowIsOutOfBounds() external {
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.WindowOutOfBounds.selector, 59, 60, 43_200));
        hub.open(OPERATOR, 59, DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.WindowOutOfBounds.selector, 43_201, 60, 43_200));
        hub.open(OPERATOR, 43_201, DEPOSIT);
        vm.stopPrank();
    }

    function test_RevertWhen_TheDepositIsNothingOrTooMuch() external {
        vm.startPrank(ALICE);
        vm.expectRevert(IChannelHub.AmountZero.selector);
        hub.open(OPERATOR, WINDOW, 0);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.DepositTooLarge.selector, uint256(1) << 88));
        hub.open(OPERATOR, WINDOW, uint256(1) << 88);
        hub.open(OPERATOR, WINDOW, 2);
        vm.expectRevert(IChannelHub.AmountZero.selector);
        hub.topUp(ALICE, OPERATOR, 0);
        uint256 tooMuch = (uint256(1) << 88) - 2;
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.DepositTooLarge.selector, tooMuch));
        hub.topUp(ALICE, OPERATOR, tooMuch);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.DepositTooLarge.selector, type(uint256).max));
        hub.topUp(ALICE, OPERATOR, type(uint256).max);
        vm.stopPrank();
    }

    function test_RevertWhen_TheOperatorIsUnknown() external {
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorUnknown.selector, 2));
        hub.open(2, WINDOW, DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.OperatorUnknown.selector, 2));
        hub.updatePayee(2);
    }

    function test_RevertWhen_TheChannelIsOpen() external {
        bytes32 id = _open();
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelIsOpen.selector, id));
        hub.open(OPERATOR, WINDOW, DEPOSIT);
        // With another operator, or of another payer, it is another channel.
        vm.assertNotEq(_open(ALICE, OTHER, DEPOSIT), id);
        vm.assertNotEq(_open(BOB, OPERATOR, DEPOSIT), id);
    }

    function test_RevertWhen_TheTokensDoNotCome() external {
        vm.prank(ALICE);
        token.approve(address(hub), DEPOSIT - 1);
        vm.prank(ALICE);
        vm.expectRevert();
        hub.open(OPERATOR, WINDOW, DEPOSIT);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, 0);
    }

    function test_APermitOpens() external {
        vm.prank(ALICE);
        token.approve(address(hub), 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key("alice"), _permit(DEPOSIT));
        vm.prank(ALICE);
        hub.openWithPermit(OPERATOR, WINDOW, DEPOSIT, block.timestamp, v, r, s);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT);
    }

    function test_APermitThatSomebodyUsedDoesNoHarm() external {
        vm.prank(ALICE);
        token.approve(address(hub), 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key("alice"), _permit(DEPOSIT));
        token.permit(ALICE, address(hub), DEPOSIT, block.timestamp, v, r, s);
        vm.prank(ALICE);
        hub.openWithPermit(OPERATOR, WINDOW, DEPOSIT, block.timestamp, v, r, s);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT);
    }

    function test_TransferAndCallOpensAndTopsUp() external {
        vm.startPrank(ALICE);
        token.transferAndCall(address(hub), DEPOSIT, abi.encode(OPERATOR, WINDOW));
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).windowMinutes, WINDOW);
        vm.expectEmit(address(hub));
        emit IChannelHub.ToppedUp(hub.channelIdOf(ALICE, OPERATOR), DEPOSIT + 5);
        token.transferAndCall(address(hub), 5, abi.encode(OPERATOR));
        vm.stopPrank();
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT + 5);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT + 5);
    }

    function test_RevertWhen_AnotherContractClaimsATransfer() external {
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.CallerNotToken.selector, address(this)));
        hub.onTokenTransfer(ALICE, DEPOSIT, abi.encode(OPERATOR, WINDOW));
    }

    function test_RevertWhen_TransferDataIsMalformed() external {
        vm.startPrank(ALICE);
        bytes[6] memory bad = [
            bytes(""),
            new bytes(31),
            new bytes(96),
            abi.encode(uint256(type(uint32).max) + 1),
            abi.encode(uint256(type(uint32).max) + 1, WINDOW),
            abi.encode(OPERATOR, uint256(type(uint16).max) + 1 + WINDOW)
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(IChannelHub.TransferDataMalformed.selector);
            token.transferAndCall(address(hub), DEPOSIT, bad[i]);
        }
        vm.stopPrank();
    }

    function test_AnybodyTopsUp() external {
        bytes32 id = _open();
        vm.expectEmit(address(hub));
        emit IChannelHub.ToppedUp(id, DEPOSIT + 7);
        vm.prank(BOB);
        hub.topUp(ALICE, OPERATOR, 7);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).depositedWei, DEPOSIT + 7);
        vm.assertEq(token.balanceOf(address(hub)), DEPOSIT + 7);
        vm.assertEq(hub.channelOf(BOB, OPERATOR).depositedWei, 0);
    }

    function test_RevertWhen_WhatIsToppedUpIsNotOpenOrLeaving() external {
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelNotOpen.selector, ALICE, OPERATOR));
        hub.topUp(ALICE, OPERATOR, 1);
        hub.open(OPERATOR, WINDOW, DEPOSIT);
        hub.exit(OPERATOR);
        bytes32 id = hub.channelIdOf(ALICE, OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IChannelHub.ChannelIsExiting.selector, id));
        hub.topUp(ALICE, OPERATOR, 1);
        vm.stopPrank();
    }

    function test_APayeeIsTakenOverWhenAnybodyAsks() external {
        _open();
        vm.prank(OWNER);
        registry.setPayout(OPERATOR, MALLORY);
        vm.assertEq(hub.payeeOf(OPERATOR), PAYEE);
        // Another channel does not change where the operator is paid either.
        _open(BOB, OPERATOR, DEPOSIT);
        vm.assertEq(hub.payeeOf(OPERATOR), PAYEE);
        vm.expectEmit(address(hub));
        emit IChannelHub.PayeeUpdated(OPERATOR, MALLORY);
        hub.updatePayee(OPERATOR);
        vm.assertEq(hub.payeeOf(OPERATOR), MALLORY);
    }

    /// Generations end; a channel that could not be closed any more, or one with an old id, would be worse than none.
    function test_RevertWhen_GenerationsAreSpent() external {
        uint256 pair = uint256(uint160(ALICE)) << 32 | OPERATOR;
        bytes32 slot = _slotOf(pair);
        vm.store(address(hub), slot, bytes32(uint256(type(uint24).max - 1) << 216));
        _open();
        _close(0);
        vm.assertEq(hub.channelOf(ALICE, OPERATOR).generation, type(uint24).max);
        vm.prank(ALICE);
        vm.expectRevert(IChannelHub.GenerationsSpent.selector);
        hub.open(OPERATOR, WINDOW, DEPOSIT);
    }

    /// @dev Where the hub keeps a pair's channel: the place in storage that an opening changes.
    function _slotOf(uint256 pair) private returns (bytes32) {
        uint256 before = vm.snapshotState();
        _open();
        for (uint256 slot = 0; slot < 8; ++slot) {
            bytes32 place = keccak256(abi.encode(pair, slot));
            if (vm.load(address(hub), place) != 0) {
                vm.revertToState(before);
                return place;
            }
        }
        revert("no channel in storage");
    }

    function _permit(uint256 amountWei) private view returns (bytes32) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 hash =
            keccak256(abi.encode(typehash, ALICE, address(hub), amountWei, token.nonces(ALICE), block.timestamp));
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash));
    }
}

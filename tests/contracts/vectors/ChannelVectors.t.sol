// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {ReceiptLib} from "../../../contracts/libraries/ReceiptLib.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {ChannelFixture} from "../channels/support/ChannelFixture.sol";

/// @title Shared vectors of channels
/// @notice `tests/vectors/channels.json`, which the crate `channel` makes: the hub names channels as it does, and answers each step of
/// its walks as it does.
contract ChannelVectors is ChannelFixture {
    /// @dev Where the hub keeps its channels. A channel that is written there is read back before it counts.
    uint256 private constant CHANNELS_SLOT = 2;

    string private _json;
    uint256 private _began;

    function setUp() public override {
        super.setUp();
        _json = vm.readFile("tests/vectors/channels.json");
        _authorize(ALICE, SESSION);
    }

    function test_ChannelsAreNamedAsInRust() external {
        uint256 count = _count(".ids");
        vm.assertGt(count, 5);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(".ids", i);
            address elsewhere = vm.parseJsonAddress(_json, string.concat(path, "hub"));
            address payer = vm.parseJsonAddress(_json, string.concat(path, "payer"));
            uint32 operatorId = uint32(_uint(path, "operator_id"));
            uint256 generation = _uint(path, "generation");
            vm.etch(elsewhere, address(hub).code);
            uint256 pair = uint256(uint160(payer)) << 32 | operatorId;
            bytes32 slot = keccak256(abi.encode(pair, CHANNELS_SLOT));
            vm.store(elsewhere, slot, bytes32(generation << 216));
            IChannelHub there = IChannelHub(elsewhere);
            vm.assertEq(there.channelOf(payer, operatorId).generation, generation);
            bytes32 expected = vm.parseJsonBytes32(_json, string.concat(path, "channel"));
            vm.assertEq(there.channelIdOf(payer, operatorId), expected, path);
        }
    }

    function test_LanesAreNamedAsInRust() external view {
        uint256 count = _count(".lanes");
        vm.assertGt(count, 5);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(".lanes", i);
            bytes32 lane = keccak256(
                abi.encodePacked(
                    vm.parseJsonBytes32(_json, string.concat(path, "channel")),
                    vm.parseJsonBytes32(_json, string.concat(path, "node")),
                    vm.parseJsonBytes32(_json, string.concat(path, "stream_key")),
                    uint8(_uint(path, "role")),
                    uint32(_uint(path, "reader"))
                )
            );
            vm.assertEq(lane, vm.parseJsonBytes32(_json, string.concat(path, "lane")), path);
        }
    }

    function test_WhatEndsAChannelIsSignedAsInRust() external {
        uint256 count = _count(".closes");
        vm.assertGt(count, 4);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(".closes", i);
            vm.chainId(_uint(path, "chain_id"));
            address elsewhere = vm.parseJsonAddress(_json, string.concat(path, "hub"));
            vm.etch(elsewhere, address(hub).code);
            bytes32 typehash = keccak256("ChannelClose(bytes32 channel,uint256 totalWei)");
            bytes32 channel = vm.parseJsonBytes32(_json, string.concat(path, "channel"));
            bytes32 hash = keccak256(abi.encode(typehash, channel, _uint(path, "total_wei")));
            bytes32 domain = IChannelHub(elsewhere).closeDomainSeparator();
            bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, hash));
            vm.assertEq(digest, vm.parseJsonBytes32(_json, string.concat(path, "digest")), path);
        }
    }

    function test_EachStepOfTheWalksEndsAsInRust() external {
        uint256 count = _count(".walks");
        vm.assertGt(count, 10);
        uint256 state = vm.snapshotState();
        for (uint256 i = 0; i < count; ++i) {
            _walk(_at(".walks", i));
            vm.revertToState(state);
            state = vm.snapshotState();
        }
    }

    /// @dev What a walk says of the channel after each step; read once, for reading is what takes time here.
    struct Expected {
        string[] outcomes;
        uint256[] deposited;
        uint256[] paid;
        uint256[] exitEnds;
        uint256[] generations;
    }

    function _walk(string memory path) private {
        _began = block.timestamp;
        string[] memory kinds = vm.parseJsonStringArray(_json, string.concat(path, "kinds"));
        uint256[] memory amounts = _uints(path, "amounts_wei");
        uint256[] memory details = _uints(path, "details");
        uint256[] memory signers = _uints(path, "signers");
        Expected memory expected = Expected({
            outcomes: vm.parseJsonStringArray(_json, string.concat(path, "outcomes")),
            deposited: _uints(path, "deposited_wei"),
            paid: _uints(path, "paid_wei"),
            exitEnds: _uints(path, "exit_ends_s"),
            generations: _uints(path, "generations")
        });
        for (uint256 i = 0; i < kinds.length; ++i) {
            vm.assertEq(_outcome(kinds[i], amounts[i], details[i], signers[i]), expected.outcomes[i]);
            _compare(expected, i, string.concat(path, kinds[i], " ", vm.toString(i)));
        }
    }

    function _compare(Expected memory expected, uint256 i, string memory what) private view {
        IChannelHub.Channel memory channel = hub.channelOf(ALICE, OPERATOR);
        vm.assertEq(channel.depositedWei, expected.deposited[i], what);
        vm.assertEq(channel.paidWei, expected.paid[i], what);
        vm.assertEq(channel.exitEnds == 0 ? 0 : channel.exitEnds - _began, expected.exitEnds[i], what);
        vm.assertEq(channel.generation, expected.generations[i], what);
    }

    function _outcome(string memory kind, uint256 amountWei, uint256 detail, uint256 signer)
        private
        returns (string memory)
    {
        try this.take(kind, amountWei, detail, signer) {
            return "ok";
        } catch (bytes memory why) {
            return _code(why);
        }
    }

    /// @dev One step, from outside, so that it can fail.
    function take(string calldata kind, uint256 amountWei, uint256 detail, uint256 signer) external {
        bytes32 what = keccak256(bytes(kind));
        if (what == keccak256("open")) {
            vm.prank(ALICE);
            hub.open(OPERATOR, uint16(detail), amountWei);
        } else if (what == keccak256("top_up")) {
            vm.prank(ALICE);
            hub.topUp(ALICE, OPERATOR, amountWei);
        } else if (what == keccak256("redeem")) {
            _redeem(_brought(hub.channelIdOf(ALICE, OPERATOR), amountWei, detail, signer));
        } else if (what == keccak256("redeem_other")) {
            _redeem(_brought(bytes32(uint256(9) * (type(uint256).max / 255)), amountWei, detail, signer));
        } else if (what == keccak256("exit")) {
            vm.prank(ALICE);
            hub.exit(OPERATOR);
        } else if (what == keccak256("settle")) {
            hub.settle(ALICE, OPERATOR);
        } else if (what == keccak256("close")) {
            _close(amountWei);
        } else {
            vm.warp(block.timestamp + detail);
        }
    }

    function _brought(bytes32 channel, uint256 owedWei, uint256 lane, uint256 signer)
        private
        view
        returns (bytes memory signed)
    {
        ReceiptLib.Receipt memory receipt = _receipt(ALICE, OPERATOR, lane, owedWei);
        receipt.channel = channel;
        uint256[4] memory keys = [_key("alice"), SESSION, _key("mallory"), SESSION];
        signed = _sign(keys[signer], receipt);
        // Nobody's: there is no such `v`.
        if (signer == 3) signed[277] = bytes1(uint8(29));
    }

    function _code(bytes memory why) private pure returns (string memory) {
        bytes4 selector = bytes4(why);
        if (selector == IChannelHub.WindowOutOfBounds.selector) return "window_out_of_bounds";
        if (selector == IChannelHub.AmountZero.selector) return "amount_zero";
        if (selector == IChannelHub.DepositTooLarge.selector) return "deposit_too_large";
        if (selector == IChannelHub.ChannelIsOpen.selector) return "is_open";
        if (selector == IChannelHub.ChannelNotOpen.selector) return "not_open";
        if (selector == IChannelHub.ChannelIsExiting.selector) return "is_exiting";
        if (selector == IChannelHub.ExitNotOver.selector) return "exit_not_over";
        if (selector == IChannelHub.CloseOutOfBounds.selector) return "close_out_of_bounds";
        if (selector != IChannelHub.ReceiptRefused.selector) return "something else";
        uint8 refusal = uint8(why[35]);
        if (refusal == uint8(IChannelHub.Refusal.OtherChannel)) return "other_channel";
        if (refusal == uint8(IChannelHub.Refusal.ExitOver)) return "exit_over";
        if (refusal == uint8(IChannelHub.Refusal.NothingNew)) return "nothing_new";
        if (refusal == uint8(IChannelHub.Refusal.NothingLeft)) return "nothing_left";
        if (refusal == uint8(IChannelHub.Refusal.WrongSigner)) return "wrong_signer";
        return "another refusal";
    }

    function _count(string memory list) private view returns (uint256 count) {
        while (vm.keyExistsJson(_json, string.concat(list, "[", vm.toString(count), "]"))) ++count;
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "].");
    }

    function _uint(string memory path, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(_json, string.concat(path, field));
    }

    function _uints(string memory path, string memory field) private view returns (uint256[] memory) {
        return vm.parseJsonUintArray(_json, string.concat(path, field));
    }
}

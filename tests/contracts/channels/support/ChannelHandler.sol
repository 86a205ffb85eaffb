// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelHub} from "../../../../contracts/channels/ChannelHub.sol";
import {IChannelHub} from "../../../../contracts/interfaces/IChannelHub.sol";
import {ReceiptLib} from "../../../../contracts/libraries/ReceiptLib.sol";
import {OperatorRegistry} from "../../../../contracts/operators/OperatorRegistry.sol";
import {StakePool} from "../../../../contracts/staking/StakePool.sol";
import {vm} from "../../../../scripts/deploy/Vm.sol";
import {UnrulyToken} from "./UnrulyToken.sol";

/// @title Payers and operators at random
/// @notice Moves that may not revert, and ghost state to compare the hub with. Two payers, two operators, three lanes a channel; tokens
/// that fail for anybody; receipts that are held back and brought years later.
contract ChannelHandler {
    uint256 public constant LANES = 3;

    ChannelHub public immutable HUB;
    UnrulyToken private immutable TOKEN;
    StakePool private immutable POOL;
    OperatorRegistry private immutable REGISTRY;
    address private immutable OWNER;

    uint256[2] private _keys = [uint256(0xa11ce), 0xb0b];
    uint256[2] private _payeeKeys = [uint256(0x7a1), 0x7a2];
    uint256[2] private _sessions = [uint256(0x5e51), 0x5e52];

    /// @notice Every channel there ever was.
    struct Ghost {
        bytes32 id;
        address payer;
        uint32 operatorId;
        uint256 inWei;
        bool closed;
        /// What was paid of it when it was closed, and what both agreed to then (or that).
        uint256 paidWei;
        uint256 agreedWei;
        uint256 returnedWei;
        uint256 exitEnds;
        uint256 windowMinutes;
        uint256[LANES] signedWei;
        uint256[LANES] lanePaidWei;
    }

    Ghost[] private _ghosts;
    mapping(bytes32 id => uint256 place) private _places;
    bytes[] private _receipts;

    uint256 public depositedWei;
    uint256 public donatedWei;
    uint256 public movesDone;
    mapping(bytes32 what => uint256) public reached;

    constructor(ChannelHub hub, UnrulyToken token, StakePool pool, OperatorRegistry registry, address owner) {
        (HUB, TOKEN, POOL, REGISTRY, OWNER) = (hub, token, pool, registry, owner);
    }

    // Moves.

    function open(uint256 who, uint256 operator, uint256 amountWei, uint16 window, bool byTransfer) external {
        (address payer, uint32 operatorId) = _pair(who, operator);
        if (HUB.channelOf(payer, operatorId).depositedWei != 0) return;
        amountWei = 1 + amountWei % 1000e18;
        window = uint16(60 + uint256(window) % (43_200 - 59));
        vm.startPrank(payer);
        if (byTransfer) TOKEN.transferAndCall(address(HUB), amountWei, abi.encode(operatorId, window));
        else HUB.open(operatorId, window, amountWei);
        vm.stopPrank();
        Ghost storage ghost = _ghosts.push();
        bytes32 id = HUB.channelIdOf(payer, operatorId);
        require(_places[id] == 0, "an id was used twice");
        (ghost.id, ghost.payer, ghost.operatorId) = (id, payer, operatorId);
        (ghost.inWei, ghost.windowMinutes) = (amountWei, window);
        _places[id] = _ghosts.length;
        depositedWei += amountWei;
        _done("open");
    }

    function topUp(uint256 who, uint256 operator, uint256 amountWei) external {
        Ghost storage ghost = _open(who, operator);
        if (ghost.id == 0 || ghost.exitEnds != 0) return;
        amountWei = 1 + amountWei % 100e18;
        vm.prank(ghost.payer);
        HUB.topUp(ghost.payer, ghost.operatorId, amountWei);
        ghost.inWei += amountWei;
        depositedWei += amountWei;
        _done("topUp");
    }

    /// @dev Signs a receipt, and keeps it for later.
    function sign(uint256 who, uint256 operator, uint256 lane, uint256 owedWei, bool bySession) public {
        Ghost storage ghost = _open(who, operator);
        if (ghost.id == 0) return;
        _receipts.push(_signed(ghost, lane % LANES, owedWei % 600e18, who % 2, bySession));
        _done("sign");
    }

    /// @dev Signs one and redeems it at once: the lane gets what it is owed, or the channel has nothing left.
    function redeem(uint256 who, uint256 operator, uint256 lane, uint256 moreWei, bool bySession) external {
        Ghost storage ghost = _open(who, operator);
        if (ghost.id == 0 || (ghost.exitEnds != 0 && block.timestamp >= ghost.exitEnds)) return;
        lane %= LANES;
        IChannelHub.Channel memory channel = HUB.channelOf(ghost.payer, ghost.operatorId);
        if (channel.paidWei == channel.depositedWei) return;
        uint256 owedWei = lanePaid(ghost.id, lane) + 1 + moreWei % 400e18;
        uint256[LANES] memory others = _lanesOf(ghost.id);
        bytes memory signed = _signed(ghost, lane, owedWei, who % 2, bySession);
        _receipts.push(signed);
        HUB.redeem(abi.decode(bytes.concat(signed, new bytes(10)), (bytes32[9])));
        channel = HUB.channelOf(ghost.payer, ghost.operatorId);
        bool spent = channel.paidWei == channel.depositedWei;
        require(spent || lanePaid(ghost.id, lane) == owedWei, "the payee got less than min(owed, deposit)");
        for (uint256 i = 0; i < LANES; ++i) {
            require(i == lane || lanePaid(ghost.id, i) == others[i], "a lane changed another");
        }
        _done(ghost.exitEnds == 0 ? bytes32("redeem") : bytes32("answer"));
        if (spent) _done("spent");
    }

    /// @dev Old receipts and rubbish, many at once.
    function redeemMany(uint256 from, uint256 count, bytes32 rubbish) external {
        if (_receipts.length == 0) return;
        bytes memory all;
        count = 1 + count % 6;
        for (uint256 i = 0; i < count; ++i) {
            all = bytes.concat(all, _receipts[(from % 1e9 + i * 7) % _receipts.length]);
        }
        all = bytes.concat(all, rubbish, new bytes(246), _receipts[from % _receipts.length]);
        HUB.redeemMany(all);
        _done("redeemMany");
    }

    function exit(uint256 who, uint256 operator) external {
        Ghost storage ghost = _open(who, operator);
        if (ghost.id == 0 || ghost.exitEnds != 0) return;
        vm.prank(ghost.payer);
        HUB.exit(ghost.operatorId);
        ghost.exitEnds = block.timestamp + ghost.windowMinutes * 60;
        _done("exit");
    }

    function settle(uint256 who, uint256 operator) external {
        Ghost storage ghost = _open(who, operator);
        if (ghost.id == 0 || ghost.exitEnds == 0 || block.timestamp < ghost.exitEnds) return;
        _closing(ghost, HUB.channelOf(ghost.payer, ghost.operatorId).paidWei);
        HUB.settle(ghost.payer, ghost.operatorId);
        _done("settle");
    }

    function close(uint256 who, uint256 operator, uint256 share) external {
        Ghost storage ghost = _open(who, operator);
        // Rarely: an exit should often get to its end.
        if (ghost.id == 0 || share % 4 != 0) return;
        IChannelHub.Channel memory channel = HUB.channelOf(ghost.payer, ghost.operatorId);
        uint256 totalWei = channel.paidWei + share % (uint256(channel.depositedWei) - channel.paidWei + 1);
        _closing(ghost, totalWei);
        _closeBySignatures(ghost, totalWei, _keys[who % 2], _payeeKeys[ghost.operatorId]);
        _done("close");
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + 1 + seconds_ % 12 hours);
        _done("wait");
    }

    function waitLong(uint256 seconds_) external {
        vm.warp(block.timestamp + 1 + seconds_ % 40 days);
        _done("waitLong");
    }

    function behave(uint256 who, bool payer, uint8 manner) external {
        address account = payer ? vm.addr(_keys[who % 2]) : vm.addr(_payeeKeys[who % 2]);
        UnrulyToken.Manner[4] memory manners = [
            UnrulyToken.Manner.Plain,
            UnrulyToken.Manner.Reverts,
            UnrulyToken.Manner.BurnsGas,
            UnrulyToken.Manner.ReturnsFalse
        ];
        TOKEN.behave(account, manners[manner % 4]);
        _done("behave");
    }

    function withdrawCredit(uint256 who, bool payer) external {
        address account = payer ? vm.addr(_keys[who % 2]) : vm.addr(_payeeKeys[who % 2]);
        if (HUB.creditOf(account) == 0 || TOKEN.manners(account) != UnrulyToken.Manner.Plain) return;
        HUB.withdrawCredit(account);
        _done("withdrawCredit");
    }

    function donate(uint256 amountWei) external {
        amountWei %= 1e18;
        TOKEN.transfer(address(HUB), amountWei);
        donatedWei += amountWei;
        _done("donate");
    }

    // What there was.

    function ghostCount() external view returns (uint256) {
        return _ghosts.length;
    }

    function ghostAt(uint256 index) external view returns (Ghost memory) {
        return _ghosts[index];
    }

    function payerAt(uint256 index) external view returns (address) {
        return vm.addr(_keys[index]);
    }

    function payeeAt(uint256 index) external view returns (address) {
        return vm.addr(_payeeKeys[index]);
    }

    function lanePaid(bytes32 id, uint256 lane) public view returns (uint256) {
        return HUB.laneAt(_lane(id, lane)).paidWei;
    }

    /// @dev Looks at every lane once more, and remembers it.
    function observe() external {
        for (uint256 i = 0; i < _ghosts.length; ++i) {
            for (uint256 lane = 0; lane < LANES; ++lane) {
                uint256 paidWei = lanePaid(_ghosts[i].id, lane);
                require(paidWei >= _ghosts[i].lanePaidWei[lane], "what a lane was paid fell");
                _ghosts[i].lanePaidWei[lane] = paidWei;
            }
        }
    }

    /// @dev All payers leave, whatever operators do, and all credits are taken.
    function everybodyLeaves() external {
        for (uint256 i = 0; i < 2; ++i) {
            TOKEN.behave(vm.addr(_keys[i]), UnrulyToken.Manner.Plain);
            TOKEN.behave(vm.addr(_payeeKeys[i]), UnrulyToken.Manner.Plain);
            for (uint32 operatorId = 0; operatorId < 2; ++operatorId) {
                address payer = vm.addr(_keys[i]);
                IChannelHub.Channel memory channel = HUB.channelOf(payer, operatorId);
                if (channel.depositedWei == 0) continue;
                vm.prank(payer);
                if (channel.exitEnds == 0) HUB.exit(operatorId);
                vm.warp(HUB.channelOf(payer, operatorId).exitEnds);
                HUB.settle(payer, operatorId);
            }
            if (HUB.creditOf(vm.addr(_keys[i])) != 0) HUB.withdrawCredit(vm.addr(_keys[i]));
            if (HUB.creditOf(vm.addr(_payeeKeys[i])) != 0) HUB.withdrawCredit(vm.addr(_payeeKeys[i]));
        }
    }

    function _done(bytes32 what) private {
        ++reached[what];
        ++movesDone;
    }

    function _closing(Ghost storage ghost, uint256 totalWei) private {
        IChannelHub.Channel memory channel = HUB.channelOf(ghost.payer, ghost.operatorId);
        (ghost.closed, ghost.paidWei, ghost.agreedWei) = (true, channel.paidWei, totalWei);
        ghost.returnedWei = channel.depositedWei - totalWei;
    }

    function _closeBySignatures(Ghost storage ghost, uint256 totalWei, uint256 payerKey, uint256 operatorKey) private {
        bytes32 typehash = keccak256("ChannelClose(bytes32 channel,uint256 totalWei)");
        bytes32 hash = keccak256(abi.encode(typehash, ghost.id, totalWei));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", HUB.closeDomainSeparator(), hash));
        (bytes memory payers, bytes memory operators) = (_sign(payerKey, digest), _sign(operatorKey, digest));
        HUB.close(ghost.payer, ghost.operatorId, totalWei, payers, operators);
    }

    function _open(uint256 who, uint256 operator) private view returns (Ghost storage ghost) {
        (address payer, uint32 operatorId) = _pair(who, operator);
        uint256 place = _places[HUB.channelIdOf(payer, operatorId)];
        if (place != 0 && HUB.channelOf(payer, operatorId).depositedWei != 0) return _ghosts[place - 1];
        // A place that no channel is in.
        assembly {
            ghost.slot := 0xdead
        }
    }

    function _pair(uint256 who, uint256 operator) private view returns (address, uint32) {
        return (vm.addr(_keys[who % 2]), uint32(operator % 2));
    }

    function _lanesOf(bytes32 id) private view returns (uint256[LANES] memory paidWei) {
        for (uint256 i = 0; i < LANES; ++i) {
            paidWei[i] = lanePaid(id, i);
        }
    }

    function _lane(bytes32 id, uint256 lane) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(id, keccak256("node"), bytes32(lane), uint8(lane), uint32(lane)));
    }

    function _signed(Ghost storage ghost, uint256 lane, uint256 owedWei, uint256 who, bool bySession)
        private
        returns (bytes memory)
    {
        ReceiptLib.Receipt memory receipt = ReceiptLib.Receipt({
            payer: ghost.payer,
            operatorId: ghost.operatorId,
            node: keccak256("node"),
            streamKey: bytes32(lane),
            role: uint8(lane),
            reader: uint32(lane),
            epoch: POOL.currentEpoch(),
            sequence: 1,
            messages: 1,
            payloadBytes: 1,
            bytesOnTime: 1,
            contents: 0,
            channel: ghost.id,
            owed: uint128(owedWei)
        });
        if (owedWei > ghost.signedWei[lane]) ghost.signedWei[lane] = owedWei;
        bytes32 digest = ReceiptLib.digest(receipt, POOL.receiptDomainSeparator());
        return bytes.concat(ReceiptLib.encode(receipt), _sign(bySession ? _sessions[who] : _keys[who], digest));
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}

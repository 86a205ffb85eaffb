// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ChannelHub} from "../../../contracts/channels/ChannelHub.sol";
import {IChannelHub} from "../../../contracts/interfaces/IChannelHub.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../../../contracts/interfaces/IPoolFacts.sol";
import {vm} from "../../../scripts/deploy/Vm.sol";
import {AnyFacts} from "./support/AnyFacts.sol";
import {TakingToken} from "./support/TakingToken.sol";

/// @title Proofs about channels
/// @notice For every amount, every state of a channel and a lane that keeps to `paid ≤ deposit`, and every time.
contract ChannelProofs {
    address private constant PAYER = address(0xA11CE);
    uint32 private constant OPERATOR = 7;
    uint24 private constant GENERATION = 5;
    bytes32 private constant NODE = keccak256("node");
    bytes32 private constant STREAM = keccak256("stream");
    uint256 private constant PAIR = uint256(uint160(PAYER)) << 32 | OPERATOR;
    bytes32 private constant SLOT = keccak256(abi.encode(PAIR, uint256(2)));

    TakingToken private token;
    AnyFacts private facts;
    ChannelHub private hub;

    function setUp() public {
        token = new TakingToken();
        facts = new AnyFacts();
        hub = new ChannelHub(IERC20(address(token)), IOperatorRegistry(address(facts)), IPoolFacts(address(facts)));
        // Somebody to be paid.
        vm.store(address(hub), keccak256(abi.encode(uint256(OPERATOR), uint256(0))), bytes32(uint256(0xBEEF)));
    }

    /// @dev Of a channel that redeems: its amounts, its exit and window, and what was paid of the lane and whose it is.
    struct Books {
        uint88 deposited;
        uint88 paid;
        uint40 exitEnds;
        uint16 window;
        uint96 lanePaid;
        address signer;
    }

    /// What was paid of the lane rises, to at most what is owed; the channel pays as much, of what is left of its deposit; that much
    /// is sent; and nothing else of either changes but who signed. The names of the channel and the lane are fixed here.
    function check_ARedemptionPaysWhatIsOwedAndLeft(
        Books calldata books,
        uint128 owed,
        uint64[5] calldata counts,
        bytes32[3] calldata rest,
        uint8 v,
        uint40 time
    ) external {
        // No more is paid than was deposited, and what was paid of a lane is part of what was paid of its channel.
        vm.assume(books.paid <= books.deposited && books.lanePaid <= books.paid);
        uint256 word = _wordOf(books);
        vm.store(address(hub), SLOT, bytes32(word));
        vm.store(address(hub), _fixedLane(), bytes32(abi.encodePacked(books.signer, books.lanePaid)));
        vm.warp(time);
        (bool done,) = address(hub).call(bytes.concat(hub.redeem.selector, _signed(owed, counts, rest, v)));
        uint256 after_ = uint256(vm.load(address(hub), SLOT));
        uint256 laneAfter = uint96(uint256(vm.load(address(hub), _fixedLane())));
        if (!done) {
            assert(after_ == word && laneAfter == books.lanePaid && token.transfers() == 0);
            return;
        }
        assert(laneAfter > books.lanePaid && laneAfter <= owed);
        uint256 paid = laneAfter - books.lanePaid;
        assert(paid <= books.deposited - books.paid);
        assert(after_ == word + (paid << 88));
        assert(token.paidWei(address(0xBEEF)) == paid && token.transfers() == 1);
        assert(books.exitEnds == 0 || time < books.exitEnds);
    }

    /// A receipt of an older channel of the two moves nothing, open or not.
    function check_AClosedChannelsReceiptIsRefused(
        bytes32[9] calldata receipt,
        uint256 word,
        uint256 lane,
        uint40 time,
        uint24 generation
    ) external {
        vm.assume(generation != uint24(word >> 216));
        vm.assume(_channelOf(receipt) == keccak256(abi.encodePacked(address(hub), PAYER, OPERATOR, generation)));
        _prepare(receipt, word, lane, time);
        (bool done,) = address(hub).call(abi.encodeCall(hub.redeem, (receipt)));
        assert(!done && uint256(vm.load(address(hub), SLOT)) == word && token.transfers() == 0);
    }

    /// After its end a channel is nothing but its generation, one more than it was, so its id is never used again; and both get
    /// exactly the deposit.
    function check_ASettledChannelIsClosed(uint256 word, uint40 time) external {
        _assumeState(word);
        vm.store(address(hub), SLOT, bytes32(word));
        vm.warp(time);
        hub.settle(PAYER, OPERATOR);
        assert(uint40(word >> 176) != 0 && time >= uint40(word >> 176));
        _assertClosed(word);
        assert(token.paidWei(PAYER) == uint88(word) - uint88(word >> 88) && token.paidWei(address(0xBEEF)) == 0);
    }

    function check_AChannelClosedByBothIsClosed(uint256 word, uint256 totalWei) external {
        _assumeState(word);
        vm.store(address(hub), SLOT, bytes32(word));
        // The payer is the payee as well, so that one call is both signatures.
        vm.store(address(hub), keccak256(abi.encode(uint256(OPERATOR), uint256(0))), bytes32(uint256(uint160(PAYER))));
        vm.prank(PAYER);
        hub.close(PAYER, OPERATOR, totalWei, "", "");
        assert(totalWei >= uint88(word >> 88) && totalWei <= uint88(word));
        _assertClosed(word);
        assert(token.paidWei(PAYER) == uint88(word) - uint88(word >> 88));
    }

    /// Nothing but an opening makes something of a closed channel, and it keeps the generation.
    function check_AClosedChannelDoesNothing(bytes32[9] calldata receipt, uint256 lane, uint24 generation, uint40 time)
        external
    {
        uint256 word = uint256(generation) << 216;
        _prepare(receipt, word, lane, time);
        vm.startPrank(PAYER);
        _assertRefused(abi.encodeCall(hub.redeem, (receipt)));
        _assertRefused(abi.encodeCall(hub.topUp, (PAYER, OPERATOR, lane)));
        _assertRefused(abi.encodeCall(hub.exit, (OPERATOR)));
        _assertRefused(abi.encodeCall(hub.settle, (PAYER, OPERATOR)));
        _assertRefused(abi.encodeCall(hub.close, (PAYER, OPERATOR, lane, "", "")));
        assert(uint256(vm.load(address(hub), SLOT)) == word && token.transfers() == 0);
    }

    function check_AnOpeningKeepsTheGeneration(uint256 word, uint16 windowMinutes, uint256 depositWei) external {
        _assumeState(word);
        vm.store(address(hub), SLOT, bytes32(word));
        vm.prank(PAYER);
        hub.open(OPERATOR, windowMinutes, depositWei);
        uint256 after_ = uint256(vm.load(address(hub), SLOT));
        assert(uint88(word) == 0 && depositWei != 0);
        assert(after_ == (uint256(windowMinutes) << 240 | uint256(uint24(word >> 216)) << 216 | depositWei));
        assert(token.cameInWei() == depositWei);
    }

    /// A top-up adds to the deposit, an exit sets its end; neither touches anything else.
    function check_ATopUpAndAnExitKeepTheRest(uint256 word, uint256 amountWei, uint40 time) external {
        _assumeState(word);
        vm.assume(time < 2 ** 39);
        vm.store(address(hub), SLOT, bytes32(word));
        vm.warp(time);
        vm.startPrank(PAYER);
        hub.topUp(PAYER, OPERATOR, amountWei);
        uint256 topped = uint256(vm.load(address(hub), SLOT));
        assert(topped == word + amountWei && uint88(topped) == uint88(word) + amountWei && uint88(word) != 0);
        hub.exit(OPERATOR);
        uint256 ends = uint256(time) + uint256(uint16(word >> 240)) * 60;
        assert(uint256(vm.load(address(hub), SLOT)) == topped + (ends << 176) && ends <= type(uint40).max);
    }

    /// @dev A receipt of the two, at any time, in any state that keeps to the books.
    function _prepare(bytes32[9] calldata receipt, uint256 word, uint256 lane, uint40 time) private {
        _assumeState(word);
        vm.assume(uint256(receipt[0]) >> 64 == PAIR);
        // What was paid of a lane is part of what was paid of its channel.
        vm.assume(uint96(lane) <= uint88(word >> 88));
        vm.store(address(hub), SLOT, bytes32(word));
        vm.store(address(hub), _laneSlot(receipt), bytes32(lane));
        vm.warp(time);
    }

    /// @dev No more is paid than was deposited, and a channel without a deposit is nothing but its generation.
    function _assumeState(uint256 word) private pure {
        vm.assume(uint88(word >> 88) <= uint88(word));
        vm.assume(uint88(word) != 0 || word == uint256(uint24(word >> 216)) << 216);
    }

    function _assertClosed(uint256 word) private view {
        assert(uint88(word) != 0);
        assert(uint256(vm.load(address(hub), SLOT)) == (uint256(uint24(word >> 216)) + 1) << 216);
        assert(uint24(word >> 216) != type(uint24).max);
    }

    function _assertRefused(bytes memory call) private {
        (bool done,) = address(hub).call(call);
        assert(!done);
    }

    function _wordOf(Books calldata b) private pure returns (uint256) {
        return uint256(bytes32(abi.encodePacked(b.window, GENERATION, b.exitEnds, b.paid, b.deposited)));
    }

    /// @dev A receipt with its signature, padded to nine words; role and reader are 1 and 9.
    function _signed(uint128 owed, uint64[5] calldata counts, bytes32[3] calldata rest, uint8 v)
        private
        view
        returns (bytes memory)
    {
        bytes memory head = abi.encodePacked(PAYER, OPERATOR, NODE, STREAM, uint8(1), uint32(9));
        bytes memory body = abi.encodePacked(counts[0], counts[1], counts[2], counts[3], counts[4], rest[0]);
        bytes memory signature = abi.encodePacked(rest[1], rest[2], v, bytes10(0));
        return bytes.concat(head, body, hub.channelIdOf(PAYER, OPERATOR), bytes16(owed), signature);
    }

    function _fixedLane() private view returns (bytes32) {
        bytes32 channel = keccak256(abi.encodePacked(address(hub), PAYER, OPERATOR, GENERATION));
        bytes32 lane = keccak256(abi.encodePacked(channel, NODE, STREAM, uint8(1), uint32(9)));
        return keccak256(abi.encode(lane, uint256(3)));
    }

    function _channelOf(bytes32[9] calldata receipt) private pure returns (bytes32) {
        return bytes32(_wordAt(abi.encodePacked(receipt), 165));
    }

    /// @dev Where `_lanes[keccak256(channel ‖ node ‖ stream ‖ role ‖ reader)]` is kept.
    function _laneSlot(bytes32[9] calldata receipt) private pure returns (bytes32) {
        bytes memory flat = abi.encodePacked(receipt);
        bytes memory lane = abi.encodePacked(
            _wordAt(flat, 165), _wordAt(flat, 24), _wordAt(flat, 56), bytes5(bytes32(_wordAt(flat, 88)))
        );
        return keccak256(abi.encode(keccak256(lane), uint256(3)));
    }

    function _wordAt(bytes memory flat, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(flat, 32), offset))
        }
    }
}

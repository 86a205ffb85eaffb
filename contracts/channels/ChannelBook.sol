// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IChannelHub} from "../interfaces/IChannelHub.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ReceiptLib} from "../libraries/ReceiptLib.sol";
import {ChannelReceipt, ReceiptWords} from "./ChannelReceipt.sol";
import {ChannelWord, ChannelWords, LaneWord, LaneWords} from "./ChannelWord.sol";
import {Payments} from "./Payments.sol";

/// @title Books of the channels
/// @notice One slot a channel, one slot a lane. A channel is unopened, open, exiting, and then unopened again under another id:
///
///     deposit > 0 ⇔ open or exiting      exitEnds > 0 ⇔ exiting      paid = Σ paid of the lanes ≤ deposit
///
/// Nothing leads back: what was paid of a lane never falls and never exceeds the `owed` that was signed, and a closed channel's id is
/// never used again.
abstract contract ChannelBook is Payments {
    /// @dev An hour; whoever watches the chain less often should ask for more.
    uint16 private constant LEAST_WINDOW_MINUTES = 60;
    /// @dev 30 days: what a payer can be made to wait for by an operator that has vanished.
    uint16 private constant MOST_WINDOW_MINUTES = 43_200;
    uint256 private constant MOST_DEPOSIT_WEI = type(uint88).max;

    /// @dev A place in a mapping, so that it is looked for once to be read and written.
    struct ChannelSlot {
        ChannelWord word;
    }

    struct LaneSlot {
        LaneWord word;
    }

    IPoolFacts private immutable POOL;
    uint256 private immutable CHAIN_ID;
    bytes32 private immutable RECEIPT_DOMAIN;

    /// @dev By payer (160 bits) and operator id (32 bits), as a receipt begins.
    mapping(uint256 pair => ChannelSlot) private _channels;
    mapping(bytes32 lane => LaneSlot) private _lanes;

    constructor(IERC20 token_, IOperatorRegistry registry, IPoolFacts pool) Payments(token_, registry) {
        if (address(pool).code.length == 0) revert HubParameterInvalid();
        (POOL, CHAIN_ID, RECEIPT_DOMAIN) = (pool, block.chainid, pool.receiptDomainSeparator());
    }

    /// @inheritdoc IChannelHub
    function channelOf(address payer, uint32 operatorId) external view returns (Channel memory) {
        return _channels[_pair(payer, operatorId)].word.unpack();
    }

    /// @inheritdoc IChannelHub
    function channelIdOf(address payer, uint32 operatorId) external view returns (bytes32) {
        uint256 pair = _pair(payer, operatorId);
        return _id(pair, _channels[pair].word);
    }

    /// @inheritdoc IChannelHub
    function laneAt(bytes32 lane) external view returns (Lane memory) {
        LaneWord word = _lanes[lane].word;
        return Lane(uint96(word.paidWei()), word.signer());
    }

    /// @inheritdoc IChannelHub
    function windowBounds() external pure returns (uint16, uint16) {
        return (LEAST_WINDOW_MINUTES, MOST_WINDOW_MINUTES);
    }

    /// @notice The pool in whose domain receipts are signed, and where session keys are looked up.
    function stakePool() external view returns (address) {
        return address(POOL);
    }

    /// @dev Opens, but for the tokens.
    function _open(address payer, uint32 operatorId, uint16 windowMinutes, uint256 depositWei) internal {
        // Check: terms in bounds, and no channel yet.
        if (windowMinutes < LEAST_WINDOW_MINUTES || windowMinutes > MOST_WINDOW_MINUTES) {
            revert WindowOutOfBounds(windowMinutes, LEAST_WINDOW_MINUTES, MOST_WINDOW_MINUTES);
        }
        if (depositWei == 0) revert AmountZero();
        if (depositWei > MOST_DEPOSIT_WEI) revert DepositTooLarge(depositWei);
        uint256 pair = _pair(payer, operatorId);
        ChannelWord channel = _channels[pair].word;
        bytes32 id = _id(pair, channel);
        if (channel.depositedWei() != 0) revert ChannelIsOpen(id);
        uint256 generation = channel.generation();
        if (generation == type(uint24).max) revert GenerationsSpent();

        // Effect: it is open, and there is an operator to be paid.
        if (_payees[operatorId] == address(0)) _updatePayee(operatorId);
        _channels[pair].word = ChannelWords.open(depositWei, generation, windowMinutes);
        emit ChannelOpened(id, payer, operatorId, depositWei, windowMinutes);
    }

    /// @dev Tops up, but for the tokens.
    function _topUp(address payer, uint32 operatorId, uint256 amountWei) internal {
        // Check: something for an open channel that nobody is leaving.
        if (amountWei == 0) revert AmountZero();
        (uint256 pair, ChannelWord channel, bytes32 id) = _opened(payer, operatorId);
        if (channel.exitEnds() != 0) revert ChannelIsExiting(id);
        uint256 depositedWei = channel.depositedWei();
        if (amountWei > MOST_DEPOSIT_WEI - depositedWei) revert DepositTooLarge(amountWei);

        // Effect: more deposit.
        _channels[pair].word = channel.withDeposit(amountWei);
        emit ToppedUp(id, depositedWei + amountWei);
    }

    /// @dev Begins an exit.
    function _exit(address payer, uint32 operatorId) internal {
        // Check: it is open, and its end is not set: an exit is neither prolonged nor cut short.
        (uint256 pair, ChannelWord channel, bytes32 id) = _opened(payer, operatorId);
        if (channel.exitEnds() != 0) revert ChannelIsExiting(id);

        // Effect: receipts count until the window is over.
        uint256 exitEnds = block.timestamp + uint256(channel.windowMinutes()) * 1 minutes;
        _channels[pair].word = channel.exiting(exitEnds);
        emit ExitStarted(id, exitEnds);
    }

    /// @dev Books what the signed receipt at `place` in calldata pays, which is for the caller to send; nothing if it is refused.
    /// @param receipt A room for it.
    function _book(uint256 place, ReceiptWords receipt) internal returns (Refusal, uint256 amountWei) {
        unchecked {
            // Check: the receipt belongs to a channel that still pays, and owes more.
            receipt.read(place);
            if (receipt.role() > ReceiptLib.LAST_ROLE) return (Refusal.RoleUnknown, 0);
            uint256 pair = ChannelReceipt.pair(place);
            ChannelSlot storage slot = _channels[pair];
            ChannelWord channel = slot.word;
            if (receipt.channel() != _id(pair, channel)) return (Refusal.OtherChannel, 0);
            // Without an exit this wraps to a time that never comes.
            if (block.timestamp > channel.exitEnds() - 1) return (Refusal.ExitOver, 0);
            LaneSlot storage laneSlot = _lanes[ChannelReceipt.lane(place)];
            LaneWord lane = laneSlot.word;
            uint256 paidWei = lane.paidWei();
            amountWei = receipt.owedWei();
            if (amountWei <= paidWei) return (Refusal.NothingNew, 0);
            // A channel that is not open yet has no deposit.
            uint256 leftWei = channel.depositedWei() - channel.paidWei();
            if (leftWei == 0) return (Refusal.NothingLeft, 0);
            address signer = receipt.signer(place, _receiptDomain());
            // Nobody signed for a lane that nobody was paid in either.
            if (signer == lane.signer() ? signer == address(0) : !_maySign(receipt, signer)) {
                return (Refusal.WrongSigner, 0);
            }

            // Effect: lane and channel are paid, up to what is owed and what there is. Neither sum has more than 88 bits.
            amountWei -= paidWei;
            if (amountWei > leftWei) amountWei = leftWei;
            channel = channel.withPayment(amountWei);
            slot.word = channel;
            laneSlot.word = LaneWords.pack(paidWei + amountWei, signer);
            emit Redeemed(receipt.channel(), channel.paidWei());
            return (Refusal.None, amountWei);
        }
    }

    /// @dev Forgets a channel but for its generation, and pays: `totalWei` of the deposit is the operator's, the rest the payer's.
    function _end(uint256 pair, ChannelWord channel, bytes32 id, uint256 totalWei) internal {
        // Effect: the next channel of the two has another id. Generations end in `_open`, so none is ever used twice.
        uint256 dueWei = totalWei - channel.paidWei();
        uint256 returnedWei = channel.depositedWei() - totalWei;
        _channels[pair].word = channel.closed();
        emit ChannelClosed(id, totalWei, returnedWei);

        // Interaction: pay both, whatever becomes of the other's payment.
        if (dueWei != 0) _pay(_payees[uint32(pair)], dueWei);
        if (returnedWei != 0) _pay(address(uint160(pair >> 32)), returnedWei);
    }

    /// @dev The channel of the two, which is open.
    function _opened(address payer, uint32 operatorId)
        internal
        view
        returns (uint256 pair, ChannelWord channel, bytes32 id)
    {
        pair = _pair(payer, operatorId);
        channel = _channels[pair].word;
        if (channel.depositedWei() == 0) revert ChannelNotOpen(payer, operatorId);
        id = _id(pair, channel);
    }

    /// @dev Whether the payer's own key or a session key of the receipt's epoch signed. A lane remembers its signer and asks no more:
    /// a receipt's epoch is its signer's own word, so a key that was good once can date a receipt back, and asking again would
    /// protect nobody. What a lost key can cost is the deposit; see docs/contracts/ChannelHub.md.
    function _maySign(ReceiptWords receipt, address signer) private view returns (bool) {
        if (signer == address(0)) return false;
        return signer == receipt.payer() || POOL.isAuthorized(receipt.payer(), signer, receipt.epoch());
    }

    /// @dev The pool's domain follows the chain's id when a chain splits.
    function _receiptDomain() private view returns (bytes32) {
        return block.chainid == CHAIN_ID ? RECEIPT_DOMAIN : POOL.receiptDomainSeparator();
    }

    /// @dev The hash of this contract, payer, operator and generation: 20, 24 and 3 bytes.
    function _id(uint256 pair, ChannelWord channel) private view returns (bytes32 id) {
        uint256 generation = channel.generation();
        assembly ("memory-safe") {
            mstore(0x00, shl(96, address()))
            mstore(0x14, shl(64, pair))
            // Its last 12 bytes, zeros, lie over the first 12 of the free pointer, which are zeros as well.
            mstore(0x2c, shl(232, generation))
            id := keccak256(0x00, 47)
        }
    }

    function _pair(address payer, uint32 operatorId) private pure returns (uint256) {
        return uint256(uint160(payer)) << 32 | operatorId;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IChannelHub} from "../interfaces/IChannelHub.sol";
import {IERC677Receiver} from "../interfaces/IERC677Receiver.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ChannelBook} from "./ChannelBook.sol";
import {ChannelReceipt, ReceiptWords} from "./ChannelReceipt.sol";
import {ChannelWord} from "./ChannelWord.sol";

/// @title Payment channels
/// @notice See IChannelHub. The ways in and out; the books are kept by ChannelBook, money is sent by Payments.
/// @dev Nobody owns it, and nothing of it can be changed or paused.
contract ChannelHub is ChannelBook, EIP712, IERC677Receiver {
    using SafeERC20 for IERC20;

    bytes32 private constant CLOSE_TYPEHASH = keccak256("ChannelClose(bytes32 channel,uint256 totalWei)");

    constructor(IERC20 token_, IOperatorRegistry registry, IPoolFacts pool)
        ChannelBook(token_, registry, pool)
        EIP712("Tatum", "1")
    {}

    /// @inheritdoc IChannelHub
    function open(uint32 operatorId, uint16 windowMinutes, uint256 depositWei) external {
        _open(msg.sender, operatorId, windowMinutes, depositWei);
        _take(depositWei);
    }

    /// @inheritdoc IChannelHub
    function openWithPermit(
        uint32 operatorId,
        uint16 windowMinutes,
        uint256 depositWei,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // A permit in the mempool can be used by anyone; if it was, the allowance is there already.
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), depositWei, deadline, v, r, s) {} catch {}
        _open(msg.sender, operatorId, windowMinutes, depositWei);
        _take(depositWei);
    }

    /// @inheritdoc IChannelHub
    function topUp(address payer, uint32 operatorId, uint256 amountWei) external {
        _topUp(payer, operatorId, amountWei);
        _take(amountWei);
    }

    /// @inheritdoc IChannelHub
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data)
        external
        override(IChannelHub, IERC677Receiver)
    {
        // Check: the tokens really came in, and what for.
        if (msg.sender != address(TOKEN)) revert CallerNotToken(msg.sender);
        if (data.length == 64) {
            _open(sender, _operatorIdIn(data), uint16(_bounded(data[32:], type(uint16).max)), amountWei);
        } else if (data.length == 32) {
            _topUp(sender, _operatorIdIn(data), amountWei);
        } else {
            revert TransferDataMalformed();
        }
    }

    /// @inheritdoc IChannelHub
    function redeem(bytes32[9] calldata signedReceipt) external {
        // 278 bytes are eight words and 22 bytes.
        if (uint80(uint256(signedReceipt[8])) != 0) revert ReceiptRefused(Refusal.Malformed);
        uint256 place;
        assembly ("memory-safe") {
            place := signedReceipt
        }
        ReceiptWords receipt = ChannelReceipt.room();
        (Refusal refusal, uint256 amountWei) = _book(place, receipt);
        if (amountWei == 0) revert ReceiptRefused(refusal);
        _pay(_payees[receipt.operatorId()], amountWei);
    }

    /// @inheritdoc IChannelHub
    function redeemMany(bytes calldata signedReceipts) external {
        uint256 count = signedReceipts.length / ChannelReceipt.LENGTH;
        if (count * ChannelReceipt.LENGTH != signedReceipts.length) revert ReceiptsMalformed(signedReceipts.length);
        uint256 place;
        assembly ("memory-safe") {
            place := signedReceipts.offset
        }
        ReceiptWords receipt = ChannelReceipt.room();
        // What is booked for the operator of the receipts just before, and not sent yet.
        uint256 dueWei;
        uint32 operatorId;
        for (uint256 index = 0; index < count; ++index) {
            (Refusal refusal, uint256 amountWei) = _book(place, receipt);
            if (amountWei != 0) {
                if (receipt.operatorId() != operatorId) {
                    if (dueWei != 0) _pay(_payees[operatorId], dueWei);
                    (operatorId, dueWei) = (receipt.operatorId(), 0);
                }
                // Each is at most a deposit, and deposits came in.
                unchecked {
                    dueWei += amountWei;
                }
            } else {
                emit RedeemRefused(index, refusal);
            }
            place += ChannelReceipt.LENGTH;
        }
        if (dueWei != 0) _pay(_payees[operatorId], dueWei);
    }

    /// @inheritdoc IChannelHub
    function close(
        address payer,
        uint32 operatorId,
        uint256 totalWei,
        bytes calldata payerSignature,
        bytes calldata operatorSignature
    ) external {
        // Check: it takes nothing back and promises no more than there is, and both agreed to it.
        (uint256 pair, ChannelWord channel, bytes32 id) = _opened(payer, operatorId);
        if (totalWei < channel.paidWei() || totalWei > channel.depositedWei()) {
            revert CloseOutOfBounds(totalWei, channel.paidWei(), channel.depositedWei());
        }
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLOSE_TYPEHASH, id, totalWei)));
        address signer = _signerOrCaller(digest, payerSignature);
        if (signer != payer) revert PayerDidNotAgree(signer);
        signer = _signerOrCaller(digest, operatorSignature);
        // The owner is asked for last, which costs nothing where the payee agreed.
        if (signer != _payees[operatorId] && signer != REGISTRY.operatorAt(operatorId).owner) {
            revert OperatorDidNotAgree(signer);
        }

        // Effect and interaction.
        _end(pair, channel, id, totalWei);
    }

    /// @inheritdoc IChannelHub
    function exit(uint32 operatorId) external {
        _exit(msg.sender, operatorId);
    }

    /// @inheritdoc IChannelHub
    function settle(address payer, uint32 operatorId) external {
        // Check: an exit that is over.
        (uint256 pair, ChannelWord channel, bytes32 id) = _opened(payer, operatorId);
        uint256 exitEnds = channel.exitEnds();
        if (exitEnds == 0 || block.timestamp < exitEnds) revert ExitNotOver(id, exitEnds);

        // Effect and interaction: the operator has what it redeemed.
        _end(pair, channel, id, channel.paidWei());
    }

    /// @inheritdoc IChannelHub
    function closeDomainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev The caller's tokens come in, last: without them everything before is undone.
    function _take(uint256 amountWei) private {
        TOKEN.safeTransferFrom(msg.sender, address(this), amountWei);
    }

    /// @dev Zero if the signature is nobody's.
    function _signerOrCaller(bytes32 digest, bytes calldata signature) private view returns (address signer) {
        if (signature.length == 0) return msg.sender;
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    function _operatorIdIn(bytes calldata data) private pure returns (uint32) {
        return uint32(_bounded(data, type(uint32).max));
    }

    /// @dev The first word, which is at most `most`.
    function _bounded(bytes calldata data, uint256 most) private pure returns (uint256 word) {
        word = uint256(bytes32(data));
        if (word > most) revert TransferDataMalformed();
    }
}

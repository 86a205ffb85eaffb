// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Payment channels
/// @notice A payer's deposit for one operator, moved by the receipts that it signs anyway: one with `channel` set states what is owed
/// in its *lane* (node, stream, role, reader) since the channel was opened. Lanes only grow and know nothing of each other, so receipts
/// that are issued in parallel never invalidate one another, and a lost or late one costs nobody anything.
interface IChannelHub {
    /// @notice A payer's channel with an operator. There is one for each two of them; it is open while it has a deposit.
    struct Channel {
        /// All that came in.
        uint88 depositedWei;
        /// What the operator was paid of it, in all lanes.
        uint88 paidWei;
        /// When receipts stop counting, in seconds of chain time; zero while the payer has not asked to leave.
        uint40 exitEnds;
        /// Channels of the two that were closed before. It is part of the channel's id: no receipt outlives its channel.
        uint24 generation;
        /// How long the operator has to answer an exit.
        uint16 windowMinutes;
    }

    /// @notice What is known of a lane.
    struct Lane {
        /// What the operator was paid for it.
        uint96 paidWei;
        /// Who signed the receipt that was redeemed last.
        address signer;
    }

    /// @notice Why a receipt redeems nothing, in the order in which the rules are asked.
    enum Refusal {
        None,
        /// More than 278 bytes.
        Malformed,
        /// No role has this number.
        RoleUnknown,
        /// Not the id of the channel of its payer and operator: a closed one, or another's.
        OtherChannel,
        /// The payer's exit is over.
        ExitOver,
        /// No more is owed than was paid for the lane.
        NothingNew,
        /// The whole deposit is paid out, or the channel is not open yet.
        NothingLeft,
        /// Signed by nobody who may sign for the payer.
        WrongSigner
    }

    event ChannelOpened(
        bytes32 indexed channel,
        address indexed payer,
        uint32 indexed operatorId,
        uint256 depositedWei,
        uint256 windowMinutes
    );
    /// @param depositedWei All that came in, with this.
    event ToppedUp(bytes32 indexed channel, uint256 depositedWei);
    /// @notice A receipt was redeemed. Its lane is in the transaction, and costs too much to be told once more.
    /// @param paidWei What the operator was paid of the channel in all, with this.
    event Redeemed(bytes32 indexed channel, uint256 paidWei);
    /// @notice A receipt among many redeemed nothing.
    /// @param index Its place among them, from 0.
    event RedeemRefused(uint256 indexed index, Refusal refusal);
    event ExitStarted(bytes32 indexed channel, uint256 exitEnds);
    /// @param paidWei What the operator got of the deposit in all.
    /// @param returnedWei What the payer got back.
    event ChannelClosed(bytes32 indexed channel, uint256 paidWei, uint256 returnedWei);
    event PayeeUpdated(uint32 indexed operatorId, address payee);
    /// @notice The token refused a payment, which is kept for `account`.
    event Credited(address indexed account, uint256 amountWei);
    event CreditWithdrawn(address indexed account, address indexed recipient, uint256 amountWei);

    /// @notice Thrown when a deployment parameter is out of its range.
    error HubParameterInvalid();
    /// @notice Thrown when a channel's window is too short for an operator, or too long for a payer.
    error WindowOutOfBounds(uint256 windowMinutes, uint256 leastMinutes, uint256 mostMinutes);
    /// @notice Thrown when a deposit is nothing.
    error AmountZero();
    /// @notice Thrown when a channel would hold more than 2^88 − 1 wei.
    error DepositTooLarge(uint256 depositWei);
    /// @notice Thrown when no operator has this id.
    error OperatorUnknown(uint32 operatorId);
    /// @notice Thrown when a payer opens what is open.
    error ChannelIsOpen(bytes32 channel);
    /// @notice Thrown when payer and operator have no open channel.
    error ChannelNotOpen(address payer, uint32 operatorId);
    /// @notice Thrown when a payer and an operator have used up all their channels.
    error GenerationsSpent();
    /// @notice Thrown when a channel whose exit has begun is to grow, or to be left once more.
    error ChannelIsExiting(bytes32 channel);
    /// @notice Thrown when a channel is settled without an exit, or before it is over.
    error ExitNotOver(bytes32 channel, uint256 exitEnds);
    /// @notice Thrown when a receipt redeems nothing.
    error ReceiptRefused(Refusal refusal);
    /// @notice Thrown when receipts are not of 278 bytes each.
    error ReceiptsMalformed(uint256 lengthBytes);
    /// @notice Thrown when a close pays the operator less than it has, or more than there is.
    error CloseOutOfBounds(uint256 totalWei, uint256 paidWei, uint256 depositedWei);
    /// @notice Thrown when the payer did not agree to a close.
    error PayerDidNotAgree(address signer);
    /// @notice Thrown when nobody agreed to a close who may for the operator.
    error OperatorDidNotAgree(address signer);
    /// @notice Thrown when nothing is kept for an account.
    error NothingCredited(address account);
    /// @notice Thrown when a credit is to go to the zero address or back to this contract.
    error RecipientInvalid(address recipient);
    /// @notice Thrown when a payment is reached with so little gas that the token could fail for the lack of it.
    error GasTooLow(uint256 gasLeft);
    /// @notice Thrown when a contract other than the token calls `onTokenTransfer`.
    error CallerNotToken(address caller);
    /// @notice Thrown when ERC-677 data is neither 32 nor 64 bytes, or a word of it is out of range.
    error TransferDataMalformed();

    /// @notice Opens the caller's channel with an operator, with `depositWei` of its tokens, approved before.
    /// @param windowMinutes How long the operator has to answer an exit.
    function open(uint32 operatorId, uint16 windowMinutes, uint256 depositWei) external;
    /// @notice As `open`, with an EIP-2612 permit in place of the approval. A permit that was already used (by a front-runner,
    /// say) does no harm: the allowance is what counts.
    function openWithPermit(
        uint32 operatorId,
        uint16 windowMinutes,
        uint256 depositWei,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    /// @notice Adds the caller's tokens to anybody's open channel, whose exit has not begun.
    function topUp(address payer, uint32 operatorId, uint256 amountWei) external;
    /// @notice ERC-677 hook. `abi.encode(operatorId, windowMinutes)` opens the sender's channel, `abi.encode(operatorId)` tops it up.
    function onTokenTransfer(address sender, uint256 amountWei, bytes calldata data) external;

    /// @notice Pays the operator what the receipt's lane is owed beyond what it was paid, as far as the deposit goes. Anyone may call;
    /// within the window of an exit, this is the answer.
    /// @param signedReceipt The receipt's 213 canonical bytes and its signature's 65, then zeros to nine whole words: without a length,
    /// which is always the same, a transaction costs 600 gas less.
    function redeem(bytes32[9] calldata signedReceipt) external;
    /// @notice As `redeem` for each, across channels, lanes and operators. One that redeems nothing costs the others nothing.
    /// Neighbours of one operator are paid in one transfer.
    /// @param signedReceipts As many times 278 bytes as there are receipts.
    function redeemMany(bytes calldata signedReceipts) external;

    /// @notice Ends a channel at once, by an agreement of both: the operator gets `totalWei` of the deposit, with what it was paid before,
    /// the payer the rest. Both sign `ChannelClose(bytes32 channel,uint256 totalWei)` in this contract's domain; whoever
    /// calls itself need not sign.
    /// @param payerSignature 65 bytes; empty if the payer calls.
    /// @param operatorSignature 65 bytes, of the operator's payee here or of its owner; empty if that one calls.
    function close(
        address payer,
        uint32 operatorId,
        uint256 totalWei,
        bytes calldata payerSignature,
        bytes calldata operatorSignature
    ) external;
    /// @notice Begins the caller's exit from its channel: the operator can redeem until the window is over.
    function exit(uint32 operatorId) external;
    /// @notice Ends a channel whose exit is over: what is left of the deposit goes back to the payer. Anyone may call.
    function settle(address payer, uint32 operatorId) external;

    /// @notice Takes over where the registry says that the operator is paid. Anyone may call.
    function updatePayee(uint32 operatorId) external;
    /// @notice Pays out what is kept for `account`, to it. Anyone may call.
    function withdrawCredit(address account) external;
    /// @notice Pays out what is kept for the caller, to `recipient`.
    function withdrawCreditTo(address recipient) external;

    /// @notice The channel of a payer and an operator as it stands; all zero but for its generation if it is not open.
    function channelOf(address payer, uint32 operatorId) external view returns (Channel memory);
    /// @notice What receipts in the channel of the two have to name, now or, if it is not open, once it is: the hash of this
    /// contract, payer, operator and generation, packed.
    function channelIdOf(address payer, uint32 operatorId) external view returns (bytes32 channel);
    /// @notice What is known of a lane: `keccak256(channel ‖ node ‖ streamKey ‖ role ‖ reader)`, packed.
    function laneAt(bytes32 lane) external view returns (Lane memory);
    /// @notice Where the operator is paid; zero before its first channel.
    function payeeOf(uint32 operatorId) external view returns (address);
    /// @notice What the token refused to pay to `account`.
    function creditOf(address account) external view returns (uint256 amountWei);
    /// @notice This contract's EIP-712 domain separator (name "Tatum", version "1"), for closes. Receipts are signed in the pool's.
    function closeDomainSeparator() external view returns (bytes32);
    /// @notice The bounds of a window.
    function windowBounds() external view returns (uint16 leastMinutes, uint16 mostMinutes);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "./ISettlement.sol";

/// @title Demands
/// @notice Whoever commits to data that it keeps to itself is asked for it, word by word, down to a line. A demand pays whoever
/// answers it, so showing data costs nobody anything; unanswered, it cancels the proposal.
interface IDemands {
    enum Tree {
        Receipts,
        Edges,
        Entries
    }

    /// @notice What is asked for: what lies under a word that is committed to.
    struct Asked {
        /// The proposal's.
        uint64 counter;
        Tree tree;
        /// 0: the bytes of a line. Else the words up to six levels below.
        uint8 level;
        uint32 index;
        /// How many words lie there; 0 for a line.
        uint8 words;
        bytes32 word;
    }

    struct Demand {
        address demander;
        /// The deadline of the answer; once answered, that of asking on.
        uint40 until;
        /// Answered, or paid back.
        bool answered;
        uint256 offerWei;
    }

    event Demanded(
        uint64 indexed counter,
        bytes32 indexed id,
        address indexed demander,
        Asked asked,
        uint256 offerWei,
        uint64 answerBy
    );
    event WordsShown(uint64 indexed counter, bytes32 indexed id, bytes32[] words);
    event LineShown(uint64 indexed counter, bytes32 indexed id, bytes leaf);

    /// @notice Thrown when a word does not stand where it is said to, or not so many lie under it.
    error WordNotThere();
    /// @notice Thrown when the same was asked before.
    error AlreadyAsked(bytes32 id);
    /// @notice Thrown when a demand offers less than what its answer costs.
    error PriceTooLow(uint256 offeredWei, uint256 priceWei);
    /// @notice Thrown when a further demand is for nothing that was shown, or comes too late after it.
    error NotShown();
    /// @notice Thrown when there is no such demand, or it was answered or paid back.
    error DemandNotOpen(bytes32 id);
    /// @notice Thrown when an answer comes too late.
    error AnswerTooLate(uint64 answerBy);
    /// @notice Thrown when an answer is not what was asked for.
    error AnswerWrong();
    /// @notice Thrown when a proposal is to be cancelled for an answer that may still come.
    error AnswerNotOverdue(uint64 answerBy);
    /// @notice Thrown when an offer is to be paid back while its proposal is open.
    error ProposalStillOpen(uint64 counter);
    /// @notice Thrown when coins could not be paid.
    error PaymentRefused(address to);

    /// @notice Asks for what lies under a word, which `path` proves. The caller offers at least `priceWei`.
    /// @param shown Of a first demand, within the challenge window: all zero. Else the answered demand that showed the word.
    function demand(
        ISettlement.Proposal calldata proposal,
        Asked calldata asked,
        bytes32[] calldata path,
        Asked calldata shown
    ) external payable;
    /// @notice Shows the words. Anyone may call, and is paid what was offered.
    function answerWords(Asked calldata asked, bytes32[] calldata words) external;
    /// @notice Shows the line. Anyone may call, and is paid what was offered.
    function answerLine(Asked calldata asked, bytes calldata leaf) external;
    /// @notice Cancels a proposal that left a demand unanswered; the demander gets the reward. Anyone may call.
    function expire(ISettlement.Proposal calldata proposal, Asked calldata asked) external;
    /// @notice Pays a demander back whose proposal is over.
    function reclaim(Asked calldata asked) external;
    /// @notice The demand with an id: keccak256 of the ABI-encoded `Asked`.
    function demandOf(bytes32 id) external view returns (Demand memory);
    /// @notice What a demand has to offer at the current base fee: one and a half times what its answer costs.
    function priceWei(bool ofLine) external view returns (uint256);
}

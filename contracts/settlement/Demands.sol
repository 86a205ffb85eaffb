// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDemands} from "../interfaces/IDemands.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";
import {EntryMath} from "./EntryMath.sol";
import {RunningList} from "./RunningList.sol";

/// @title Demands
/// @notice See IDemands. Only committed words can be asked for, so an answer needs no path: it folds, or hashes, to the word. Each
/// demand has its own deadline, and there is no limit to their number: a common clock could be used up by somebody who
/// pays for demands, and a limit by the proposer.
contract Demands is IDemands {
    /// @notice Gas of an answer of 64 words, and of one of a line, as whole transactions.
    uint256 public constant WORDS_GAS = 150_000;
    uint256 public constant LINE_GAS = 75_000;

    uint256 private constant STEP = 6;
    uint256 private constant HIGHEST = 32;

    ISettlement private immutable SETTLEMENT;
    IOperatorFacts private immutable OPERATORS;
    uint64 private immutable ANSWER;
    uint64 private immutable FOLLOW;

    mapping(bytes32 id => Demand) private _demands;

    constructor(ISettlement settlement, IOperatorFacts operators, ISettlement.Windows memory windows) {
        SETTLEMENT = settlement;
        OPERATORS = operators;
        ANSWER = windows.answer;
        FOLLOW = windows.follow;
    }

    /// @inheritdoc IDemands
    function demand(
        ISettlement.Proposal calldata proposal,
        Asked calldata asked,
        bytes32[] calldata path,
        Asked calldata shown
    ) external payable {
        // Check: the word is committed to, was not asked for yet, and the offer is enough.
        _checkWord(proposal, asked, path);
        bytes32 id = _idOf(asked);
        if (_demands[id].until != 0) revert AlreadyAsked(id);
        uint256 price = priceWei(asked.level == 0);
        if (msg.value < price) revert PriceTooLow(msg.value, price);
        bool first = shown.counter == 0;
        if (!first) _checkShown(asked, shown);

        // Effect: the proposal waits for the answer.
        uint256 answerBy = block.timestamp + ANSWER;
        _demands[id] = Demand(msg.sender, uint40(answerBy), false, msg.value);
        emit Demanded(asked.counter, id, msg.sender, asked, msg.value, uint64(answerBy));
        SETTLEMENT.demanded(proposal, first);
    }

    /// @inheritdoc IDemands
    function answerWords(Asked calldata asked, bytes32[] calldata words) external {
        if (words.length != asked.words || words.length == 0) revert AnswerWrong();
        bytes32 folded = asked.tree == Tree.Entries ? _foldSums(words) : RunningList.fold(words);
        if (folded != asked.word) revert AnswerWrong();
        bytes32 id = _idOf(asked);
        emit WordsShown(asked.counter, id, words);
        _settle(asked.counter, id);
    }

    /// @inheritdoc IDemands
    function answerLine(Asked calldata asked, bytes calldata leaf) external {
        if (asked.level != 0 || keccak256(leaf) != asked.word) revert AnswerWrong();
        bytes32 id = _idOf(asked);
        emit LineShown(asked.counter, id, leaf);
        _settle(asked.counter, id);
    }

    /// @inheritdoc IDemands
    function expire(ISettlement.Proposal calldata proposal, Asked calldata asked) external {
        bytes32 id = _idOf(asked);
        Demand memory found = _open(id);
        if (asked.counter != proposal.counter) revert DemandNotOpen(id);
        if (block.timestamp <= found.until) revert AnswerNotOverdue(found.until);
        SETTLEMENT.cancel(proposal, found.demander);
    }

    /// @inheritdoc IDemands
    function reclaim(Asked calldata asked) external {
        // Check: nobody can be paid for an answer any more.
        bytes32 id = _idOf(asked);
        Demand memory found = _open(id);
        if (SETTLEMENT.isOpen(asked.counter)) revert ProposalStillOpen(asked.counter);

        // Effect and interaction: the offer goes back, once.
        _demands[id].answered = true;
        _pay(found.demander, found.offerWei);
    }

    /// @inheritdoc IDemands
    function demandOf(bytes32 id) external view returns (Demand memory) {
        return _demands[id];
    }

    /// @inheritdoc IDemands
    function priceWei(bool ofLine) public view returns (uint256) {
        return (ofLine ? LINE_GAS : WORDS_GAS) * block.basefee * 3 / 2;
    }

    /// @dev Takes an answer that was found right, and pays the caller for it.
    function _settle(uint64 counter, bytes32 id) private {
        // Check: it was asked for, and is in time.
        Demand memory found = _open(id);
        if (block.timestamp > found.until) revert AnswerTooLate(found.until);

        // Effect: it is answered, and for a while one can ask on.
        _demands[id].answered = true;
        _demands[id].until = uint40(block.timestamp + FOLLOW);
        SETTLEMENT.answered(counter);

        // Interaction: pay the answer.
        _pay(msg.sender, found.offerWei);
    }

    function _pay(address to, uint256 amountWei) private {
        (bool paid,) = to.call{value: amountWei}("");
        if (!paid) revert PaymentRefused(to);
    }

    function _open(bytes32 id) private view returns (Demand memory found) {
        found = _demands[id];
        if (found.until == 0 || found.answered) revert DemandNotOpen(id);
    }

    /// @dev The word stands in the proposal, and as many words lie under it as is said.
    function _checkWord(ISettlement.Proposal calldata proposal, Asked calldata asked, bytes32[] calldata path)
        private
        view
    {
        if (asked.counter != proposal.counter) revert WordNotThere();
        bool there = asked.tree == Tree.Entries
            ? _isEntriesWord(proposal.draft, asked, path)
            : asked.tree == Tree.Receipts
                ? _isListWord(proposal.draft.receiptsTop, proposal.draft.receiptsCount, asked, path)
                : _isListWord(proposal.draft.edgesTop, proposal.draft.edgesCount, asked, path);
        if (!there) revert WordNotThere();
    }

    function _isListWord(bytes32 top, uint256 n, Asked calldata asked, bytes32[] calldata path)
        private
        pure
        returns (bool)
    {
        uint256 level = asked.level;
        if (level > HIGHEST) return false;
        // Nothing lies between the top and what would stand above it.
        if (level != 0 && RunningList.countAt(n, level - 1) <= 1) return false;
        if (asked.words != _wordsBelow(n, level, asked.index)) return false;
        return RunningList.opens(top, RunningList.countAt(n, level), asked.index, asked.word, path);
    }

    /// @dev A leaf of the entries has no preimage that a disproof would need.
    function _isEntriesWord(ISettlement.Draft calldata draft, Asked calldata asked, bytes32[] calldata path)
        private
        view
        returns (bool)
    {
        uint256 depth = EntryMath.depthOf(OPERATORS.operatorCount(draft.epoch));
        uint256 level = asked.level;
        if (level == 0 || level + path.length != depth || asked.index >> path.length != 0) return false;
        if (asked.words != 1 << (level - _below(level))) return false;
        return MerkleSum.climb(asked.word, asked.index, path) == draft.entriesTop;
    }

    /// @dev A further demand is for a word that an answer showed, or one that went up to it unchanged, soon after.
    function _checkShown(Asked calldata asked, Asked calldata shown) private view {
        Demand memory found = _demands[_idOf(shown)];
        if (!found.answered || block.timestamp > found.until) revert NotShown();
        if (
            shown.counter != asked.counter || shown.tree != asked.tree || shown.level == 0
                || asked.level > _below(shown.level)
        ) revert NotShown();
        if (asked.index >> (shown.level - asked.level) != shown.index) revert NotShown();
    }

    /// @dev The level whose words an answer shows.
    function _below(uint256 level) private pure returns (uint256) {
        return level > STEP ? level - STEP : 0;
    }

    function _wordsBelow(uint256 n, uint256 level, uint256 index) private pure returns (uint256) {
        if (level == 0) return 0;
        uint256 steps = level - _below(level);
        uint256 count = RunningList.countAt(n, _below(level));
        uint256 start = index << steps;
        if (start >= count) return 0;
        return count - start < 1 << steps ? count - start : 1 << steps;
    }

    /// @dev As `RunningList.fold`, for words that end in their sums. Sums that do not fit give no word.
    function _foldSums(bytes32[] memory words) private pure returns (bytes32) {
        for (uint256 count = words.length; count > 1; count /= 2) {
            for (uint256 i = 0; i < count; i += 2) {
                uint256 sum = uint256(MerkleSum.nanoOf(words[i])) + MerkleSum.nanoOf(words[i + 1]);
                if (sum > type(uint64).max) return 0;
                bytes32 hash = RunningList.join(words[i], words[i + 1]);
                words[i / 2] = bytes32(abi.encodePacked(bytes24(hash), uint64(sum)));
            }
        }
        return words[0];
    }

    function _idOf(Asked calldata asked) private pure returns (bytes32) {
        return keccak256(abi.encode(asked));
    }
}

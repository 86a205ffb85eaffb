// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {BondVault} from "../distribution/BondVault.sol";
import {IAssents} from "../interfaces/IAssents.sol";
import {IForcedReceipts} from "../interfaces/IForcedReceipts.sol";
import {IOperatorFacts} from "../interfaces/IOperatorFacts.sol";
import {IPoolFacts} from "../interfaces/IPoolFacts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";
import {Calendar} from "./Calendar.sol";
import {Funding} from "./Funding.sol";

/// @title Proposals
/// @notice See ISettlement. A proposal is kept as its commitment and its standing, both under its counter. Nothing but its own
/// faults, its own demands and the guardian can end or delay it.
/// @dev A cancellation calls no token, so no token can hold it up.
abstract contract Proposals is Funding, Calendar {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    struct Parameters {
        IERC20 token;
        IPoolFacts pool;
        IOperatorFacts operators;
        IForcedReceipts forced;
        IAssents assents;
        address disproofs;
        address demands;
        /// What every proposal posts, and how much more for each receipt.
        uint96 baseBondWei;
        uint64 bondPerReceiptWei;
        /// The part of every pot that is its final proposal's proposer's.
        uint16 proposerBps;
        Windows windows;
        /// Nobody, or who may veto, how often, and until when.
        address guardian;
        uint32 vetoes;
        uint64 guardianUntil;
    }

    /// @dev What has happened to a proposal since it was made. Most never need this slot.
    struct Record {
        /// Until when one can ask on.
        uint40 asksUntil;
        uint24 openDemands;
        /// `Final`, `Vetoed`, or nothing yet.
        State state;
        /// What the proposer of a final one gets with its bond.
        uint64 proposerNano;
    }

    struct Progress {
        uint64 nextEpoch;
        /// The newest counter; the first proposal has 1.
        uint64 proposals;
        /// The newest counter when the next epoch became that.
        uint64 before;
        uint32 vetoes;
    }

    struct Latest {
        uint64 epoch;
        uint64 counter;
    }

    /// @dev Bytes of a proposal as it is committed to: 18 words.
    uint256 private constant PROPOSAL_LENGTH = 576;

    /// @notice Where the burnt half of a bond goes; nobody has its key.
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @notice Keeps the bonds.
    BondVault public immutable bondVault;

    IOperatorFacts internal immutable OPERATORS;
    IForcedReceipts private immutable FORCED;
    IAssents private immutable ASSENTS;
    address private immutable DISPROOFS;
    address private immutable DEMANDS;
    uint256 private immutable BASE_BOND_WEI;
    uint256 private immutable BOND_PER_RECEIPT_WEI;
    uint64 private immutable CHALLENGE;
    uint64 private immutable ANSWER;
    uint64 private immutable FOLLOW;
    address private immutable GUARDIAN;
    uint64 private immutable GUARDIAN_UNTIL;

    Progress internal _progress;
    uint256 private _burntWei;
    /// @dev `keccak256(proposal) (27 bytes) ‖ its time (5)`. Of one that was cancelled, what its bond is divided by:
    /// `reporter (20) ‖ receipts (4) ‖ assented (3) ‖ no time (5)`; no slot but this one is written then, so it costs the same
    /// whoever reports. Zero again once the bond has left.
    mapping(uint64 counter => bytes32) private _commitments;
    mapping(uint64 counter => Record) internal _records;
    mapping(address proposer => Latest) private _latest;

    constructor(Parameters memory parameters)
        Funding(parameters.token, parameters.pool, parameters.proposerBps)
        Calendar(parameters.pool, parameters.windows)
    {
        if (parameters.baseBondWei == 0) {
            revert SettlementParameterInvalid();
        }
        OPERATORS = parameters.operators;
        FORCED = parameters.forced;
        ASSENTS = parameters.assents;
        DISPROOFS = parameters.disproofs;
        DEMANDS = parameters.demands;
        BASE_BOND_WEI = parameters.baseBondWei;
        BOND_PER_RECEIPT_WEI = parameters.bondPerReceiptWei;
        CHALLENGE = parameters.windows.challenge;
        ANSWER = parameters.windows.answer;
        FOLLOW = parameters.windows.follow;
        GUARDIAN = parameters.guardian;
        GUARDIAN_UNTIL = parameters.guardianUntil;
        _progress.vetoes = parameters.vetoes;
        bondVault = new BondVault(parameters.token);
    }

    /// @inheritdoc ISettlement
    function propose(Draft calldata draft, string calldata uri) external returns (uint64 counter) {
        // Check: all that needs no data.
        Progress memory progress = _progress;
        counter = progress.proposals + 1;
        _checkTime(draft.epoch, progress.nextEpoch);
        _checkAlone(draft.epoch);
        Proposal memory proposal = _fill(draft, counter, uri);
        _checkDraft(draft, MerkleSum.nanoOf(proposal.oldRoot), proposal.availableNano);

        // Effect: it is open.
        uint256 amountWei = bondWei(draft.receiptsCount, proposal.assentRound != 0);
        _progress.proposals = counter;
        _latest[msg.sender] = Latest(draft.epoch, counter);
        // The event's data begins with the proposal's words, which are what is committed to.
        bytes memory data = abi.encode(proposal, uri);
        _commitments[counter] = _commitmentTo(_hashOf(data), block.timestamp);
        _emitProposed(counter, draft.epoch, data);

        // Interaction: the bond comes in.
        TOKEN.safeTransferFrom(msg.sender, address(bondVault), amountWei);
    }

    /// @inheritdoc ISettlement
    function withdrawBond(Proposal calldata proposal) external {
        // Check: it is final or taken back, or its window has passed.
        uint64 counter = proposal.counter;
        _checkMade(proposal);
        Record memory record = _records[counter];
        if (record.state == State.None) _checkRipe(counter);

        // Effect: it answers for nothing any more, and is paid for at most once.
        delete _commitments[counter];
        address proposer = proposal.proposer;
        uint256 amountWei = _bondOf(proposal);
        emit BondReturned(counter, proposer, amountWei);
        if (record.proposerNano != 0) emit ProposerPaid(counter, proposer, record.proposerNano);

        // Interaction: pay it out.
        bondVault.pay(proposer, amountWei);
        if (record.proposerNano != 0) TOKEN.safeTransfer(proposer, record.proposerNano * WEI_PER_NANO);
    }

    /// @inheritdoc ISettlement
    function withdrawReward(uint64 counter) external {
        // Check: it was cancelled, and its bond is there.
        (address reporter, uint256 rewardWei, uint256 burntWei) = _dividedBy(counter);
        if (reporter == address(0)) revert NothingThere();

        // Effect: both halves have left the proposal.
        delete _commitments[counter];
        _burntWei += burntWei;
        emit RewardWithdrawn(counter, reporter, rewardWei);

        // Interaction: pay the reporter.
        bondVault.pay(reporter, rewardWei);
    }

    /// @inheritdoc ISettlement
    function burn() external {
        uint256 amountWei = _burntWei;
        if (amountWei == 0) revert NothingThere();
        _burntWei = 0;
        emit Burnt(amountWei);
        bondVault.pay(BURN, amountWei);
    }

    /// @inheritdoc ISettlement
    function veto(Proposal calldata proposal) external {
        uint32 vetoes = _progress.vetoes;
        if (msg.sender != GUARDIAN || vetoes == 0 || block.timestamp >= GUARDIAN_UNTIL) revert VetoNotAllowed();
        _checkOpen(proposal);
        _records[proposal.counter].state = State.Vetoed;
        _progress.vetoes = vetoes - 1;
        emit Vetoed(proposal.counter);
    }

    /// @inheritdoc ISettlement
    function cancel(Proposal calldata proposal, address reporter) external {
        // Check: it is shown by what can show it.
        if (msg.sender != DISPROOFS && msg.sender != DEMANDS) revert CallerNotTrusted(msg.sender);
        _checkOpen(proposal);

        // Effect: the bond is the reporter's and the fire's; a cheat that reports itself pays as well.
        bool assented = proposal.assentRound != 0;
        uint256 receipts = proposal.draft.receiptsCount;
        _commitments[proposal.counter] =
            bytes32(uint256(uint160(reporter)) << 96 | receipts << 64 | uint256(assented ? 1 : 0) << 40);
        emit Cancelled(proposal.counter, reporter, bondWei(receipts, assented) / 2);
    }

    /// @inheritdoc ISettlement
    function demanded(Proposal calldata proposal, bool first) external {
        if (msg.sender != DEMANDS) revert CallerNotTrusted(msg.sender);
        _checkOpen(proposal);
        if (first && block.timestamp >= proposal.time + CHALLENGE) revert ChallengeWindowClosed();
        ++_records[proposal.counter].openDemands;
    }

    /// @inheritdoc ISettlement
    function answered(uint64 counter) external {
        if (msg.sender != DEMANDS) revert CallerNotTrusted(msg.sender);
        // Later answers come later, so this only rises.
        Record storage record = _records[counter];
        --record.openDemands;
        record.asksUntil = (block.timestamp + FOLLOW).toUint40();
    }

    /// @inheritdoc ISettlement
    function isOpen(uint64 counter) public view returns (bool) {
        return _timeOf(counter) != 0 && _records[counter].state == State.None;
    }

    /// @inheritdoc ISettlement
    function nextEpoch() external view returns (uint64) {
        return _progress.nextEpoch;
    }

    /// @inheritdoc ISettlement
    function proposalCount() external view returns (uint64) {
        return _progress.proposals;
    }

    /// @inheritdoc ISettlement
    function standingOf(uint64 counter) external view returns (Standing memory) {
        Record memory record = _records[counter];
        State state = record.state == State.None ? State.Open : record.state;
        if (_timeOf(counter) == 0) {
            state = counter == 0 || counter > _progress.proposals ? State.None : State.Over;
        }
        return Standing(_finalizableAt(counter).toUint40(), record.openDemands, state);
    }

    /// @inheritdoc ISettlement
    function rewardOf(uint64 counter) external view returns (address reporter, uint256 amountWei) {
        (reporter, amountWei,) = _dividedBy(counter);
    }

    /// @inheritdoc ISettlement
    function proposerNano(uint64 counter) external view returns (uint64) {
        return _timeOf(counter) == 0 ? 0 : _records[counter].proposerNano;
    }

    /// @inheritdoc ISettlement
    function proposableAt(uint64 epoch) external view returns (uint256) {
        return _proposableAt(epoch);
    }

    /// @inheritdoc ISettlement
    function windows() external view returns (Windows memory) {
        return _windows(CHALLENGE, ANSWER, FOLLOW);
    }

    /// @inheritdoc ISettlement
    function guardian() external view returns (address account, uint32 vetoes, uint64 until) {
        return (GUARDIAN, _progress.vetoes, GUARDIAN_UNTIL);
    }

    /// @inheritdoc ISettlement
    function bondWei(uint256 receipts, bool assented) public view returns (uint256) {
        return assented ? BASE_BOND_WEI : BASE_BOND_WEI + receipts * BOND_PER_RECEIPT_WEI;
    }

    /// @dev The draft with what the chain adds.
    function _fill(Draft calldata draft, uint64 counter, string calldata uri)
        private
        view
        returns (Proposal memory proposal)
    {
        IAssents.Assent memory assented = ASSENTS.assentOf(draft.epoch);
        proposal.draft = draft;
        proposal.counter = counter;
        proposal.proposer = msg.sender;
        proposal.time = uint64(block.timestamp);
        proposal.oldRoot = finalizedRoot;
        proposal.availableNano = availableNano(draft.epoch, draft.workNano);
        proposal.assentRound = assented.round;
        proposal.assentTop = assented.top;
        proposal.assentCount = assented.count;
        proposal.uriHash = keccak256(bytes(uri));
    }

    function _checkTime(uint64 epoch, uint64 next) private view {
        if (epoch != next) revert EpochNotNext(epoch, next);
        uint256 earliest = _proposableAt(epoch);
        if (block.timestamp < earliest) revert ProposalTooEarly(earliest.toUint64());
    }

    /// @dev One open proposal of a proposer and epoch.
    function _checkAlone(uint64 epoch) private view {
        Latest memory latest = _latest[msg.sender];
        if (latest.epoch == epoch && isOpen(latest.counter)) {
            revert AlreadyProposed(latest.counter);
        }
    }

    function _checkDraft(Draft calldata draft, uint64 oldNano, uint64 available) private view {
        bytes32 forcedHash = FORCED.hashOf(draft.epoch);
        if (draft.forcedHash != forcedHash) revert ForcedHashDiffers(forcedHash);
        if (
            (draft.receiptsCount == 0) != (draft.receiptsTop == 0) || (draft.edgesCount == 0) != (draft.edgesTop == 0)
                || draft.edgesCount > draft.receiptsCount
        ) revert CountsWrong();
        if (draft.workNano > available) revert SumWrong(draft.workNano, available);
        uint256 sumNano = MerkleSum.nanoOf(draft.entriesTop);
        if (sumNano < oldNano || sumNano - oldNano > available) revert SumWrong(sumNano, available);
    }

    /// @dev It is the very proposal that was made under its counter, and not over. Its words lie side by side in calldata, so they are
    /// hashed as they lie: dirty ones are no proposal's that was made.
    function _checkMade(Proposal calldata proposal) private view {
        bytes32 hash;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, proposal, PROPOSAL_LENGTH)
            hash := keccak256(pointer, PROPOSAL_LENGTH)
        }
        bytes32 kept = _commitments[proposal.counter];
        // What a cancelled one leaves has no time, and is no commitment.
        if (kept != _commitmentTo(hash, proposal.time) || uint40(uint256(kept)) == 0) {
            revert ProposalNotOpen(proposal.counter);
        }
    }

    function _checkOpen(Proposal calldata proposal) internal view {
        _checkMade(proposal);
        if (_records[proposal.counter].state != State.None) revert ProposalNotOpen(proposal.counter);
    }

    function _checkRipe(uint64 counter) internal view {
        if (_isRipe(counter)) return;
        revert ChallengeWindowOpen(_finalizableAt(counter).toUint64(), _records[counter].openDemands);
    }

    function _isRipe(uint64 counter) internal view returns (bool) {
        return isOpen(counter) && _records[counter].openDemands == 0 && block.timestamp >= _finalizableAt(counter);
    }

    /// @dev When the window of a proposal that is not over has passed, and nobody can ask on.
    function _finalizableAt(uint64 counter) private view returns (uint256) {
        uint256 windowEnds = _timeOf(counter) + CHALLENGE;
        uint256 asksUntil = _records[counter].asksUntil;
        return asksUntil > windowEnds ? asksUntil : windowEnds;
    }

    /// @dev What its proposer posted.
    function _bondOf(Proposal calldata proposal) private view returns (uint256) {
        return bondWei(proposal.draft.receiptsCount, proposal.assentRound != 0);
    }

    /// @dev When a proposal was made; zero if there is none, or it is over.
    function _timeOf(uint64 counter) private view returns (uint256) {
        return uint40(uint256(_commitments[counter]));
    }

    /// @dev Whose half of a cancelled proposal's bond is, and what both halves are; nobody's if the bond answers still or has left.
    function _dividedBy(uint64 counter) private view returns (address reporter, uint256 rewardWei, uint256 burntWei) {
        uint256 left = uint256(_commitments[counter]);
        if (left == 0 || uint40(left) != 0) return (address(0), 0, 0);
        uint256 amountWei = bondWei(uint32(left >> 64), uint24(left >> 40) != 0);
        rewardWei = amountWei / 2;
        return (address(uint160(left >> 96)), rewardWei, amountWei - rewardWei);
    }

    /// @dev Of the proposal that `data` begins with.
    function _hashOf(bytes memory data) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(add(data, 32), PROPOSAL_LENGTH)
        }
    }

    /// @dev `Proposed`, whose data are encoded already.
    function _emitProposed(uint64 counter, uint64 epoch, bytes memory data) private {
        bytes32 topic = Proposed.selector;
        assembly ("memory-safe") {
            log4(add(data, 32), mload(data), topic, counter, epoch, caller())
        }
    }

    /// @dev 27 bytes of the hash are beyond anybody's reach, and the time beside them spares a second slot.
    function _commitmentTo(bytes32 hash, uint256 time) private pure returns (bytes32) {
        return bytes32((uint256(hash) & ~uint256(type(uint40).max)) | uint40(time));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IDistributor} from "../interfaces/IDistributor.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {MerkleSum} from "../libraries/MerkleSum.sol";
import {Claims} from "./Claims.sol";
import {Contests} from "./Contests.sol";

/// @title Distributor
/// @notice See IDistributor. Proposals and challenges; Claims pays, Contests and ProposerBonds keep what was staked.
/// @dev Nobody owns it. The guardian (an address, or nobody) can hold up new proposals for a bounded time and nothing else.
contract Distributor is Claims, Contests {
    struct Parameters {
        IERC20 token;
        IStakePool stakePool;
        IOperatorRegistry registry;
        uint256 proposerBondWei;
        uint256 demandBondWei;
        uint64 challengeWindow;
        uint64 answerWindow;
        address guardian;
        uint64 maximumPause;
    }

    /// @dev `finalizableAt` is zero if nothing is pending. The slot never returns to zero, nor does the commitment's: the next
    /// proposal pays for an update only.
    struct Pending {
        address proposer;
        uint40 finalizableAt;
        uint24 openDemands;
        /// How many proposals of the contest it outbid.
        uint8 round;
        /// How many proposals there were before it, in the lowest 24 bits. Part of the commitment: without it, the same
        /// proposal made again in the same second would find the demands and the contest of the one that is gone.
        uint24 counter;
    }

    struct Status {
        /// One more than the finalized epoch; zero if none is.
        uint64 finalizedEpochs;
        uint64 pausedUntil;
        /// After a cancelled proposal: only bonds from before this moment count, until `reservedUntil`.
        uint64 reservedFor;
        uint64 reservedUntil;
    }

    struct Demand {
        address demander;
        uint64 minimumNano;
        uint32 answerBy;
    }

    /// @dev No window or pause may be longer.
    uint256 private constant LONGEST = 30 days;

    IStakePool private immutable STAKE_POOL;
    IOperatorRegistry private immutable REGISTRY;
    address private immutable GUARDIAN;
    uint64 private immutable MAXIMUM_PAUSE;
    /// @inheritdoc IDistributor
    uint64 public immutable challengeWindow;
    /// @inheritdoc IDistributor
    uint64 public immutable answerWindow;

    bytes32 private _commitment;
    Pending private _pending;
    Status private _status;
    mapping(bytes32 commitment => mapping(uint32 operatorId => Demand)) private _demands;

    constructor(Parameters memory parameters)
        Claims(parameters.token)
        Contests(parameters.token, parameters.proposerBondWei, parameters.demandBondWei)
    {
        if (
            address(parameters.token) == address(0) || address(parameters.stakePool) == address(0)
                || address(parameters.registry) == address(0) || parameters.challengeWindow == 0
                || parameters.challengeWindow > LONGEST || parameters.answerWindow == 0
                || parameters.answerWindow > LONGEST || parameters.maximumPause > LONGEST
        ) revert DistributorParameterInvalid();
        STAKE_POOL = parameters.stakePool;
        REGISTRY = parameters.registry;
        GUARDIAN = parameters.guardian;
        MAXIMUM_PAUSE = parameters.maximumPause;
        challengeWindow = parameters.challengeWindow;
        answerWindow = parameters.answerWindow;
    }

    /// @inheritdoc IDistributor
    function propose(Proposal calldata proposal) external {
        // Check: the caller may propose now.
        Status memory status = _status;
        if (block.timestamp < status.pausedUntil) revert ProposalsArePaused(status.pausedUntil);
        if (_pending.finalizableAt != 0) revert ProposalPending();
        _post(proposal, 0, status);
    }

    /// @inheritdoc IDistributor
    function outbid(Proposal calldata proposal, Proposal calldata rival) external {
        // Check: there is something to outbid with another root.
        Pending memory pending = _checkPending(proposal);
        if (block.timestamp >= pending.finalizableAt) revert ChallengeWindowClosed();
        if (rival.epoch != proposal.epoch || rival.root == proposal.root) revert RivalInvalid();

        // Effect: the pending one's stake waits for the end of the contest, and the rival is pending.
        _outbid(_commitment, proposal.root, pending.proposer, pending.round);
        _post(rival, pending.round + 1, _status);
    }

    /// @inheritdoc IDistributor
    function finalize(Proposal calldata proposal) external {
        // Check: it is pending, its window has passed, and every demand was answered.
        Pending memory pending = _checkPending(proposal);
        if (block.timestamp < pending.finalizableAt) revert ChallengeWindowOpen(pending.finalizableAt);
        if (pending.openDemands != 0) revert DemandsOpen(pending.openDemands);

        // Effect: it is the root, and the reservation after an earlier cheat is over.
        _pending.finalizableAt = 0;
        if (pending.round != 0) _endContest(Outcome.Decided, proposal.root, pending.proposer);
        finalizedRoot = proposal.root;
        Status storage status = _status;
        status.finalizedEpochs = proposal.epoch + 1;
        status.reservedUntil = 0;
        emit Finalized(proposal.epoch, proposal.root);

        // Interaction: the pool hands over the pots.
        STAKE_POOL.distributionFinalized(proposal.epoch);
    }

    /// @inheritdoc IDistributor
    function challengeDecrease(
        Proposal calldata proposal,
        bytes32 entry,
        bytes32[] calldata entryProof,
        bytes32 leaf,
        bytes32[] calldata leafProof
    ) external {
        Pending memory pending = _checkPending(proposal);
        if (!MerkleSum.verify(finalizedRoot, entry, entryProof)) revert ProofInvalid();
        uint256 place = MerkleSum.operatorIdOf(entry);
        uint256 depth = leafProof.length;
        if (depth > MerkleSum.MAX_DEPTH) revert ProofInvalid();
        uint256 wrapped = place & ((1 << depth) - 1);
        if (!MerkleSum.verifyWord(proposal.root, leaf, wrapped, leafProof)) revert ProofInvalid();
        uint256 proposedNano = wrapped == place ? MerkleSum.nanoOf(leaf) : 0;
        if (proposedNano >= MerkleSum.nanoOf(entry)) revert NothingWrong();
        _cancel(proposal, pending, msg.sender, 0);
    }

    /// @inheritdoc IDistributor
    function challengePayout(Proposal calldata proposal, bytes32 entry, bytes32[] calldata proof) external {
        Pending memory pending = _checkPending(proposal);
        if (!MerkleSum.verify(proposal.root, entry, proof)) revert ProofInvalid();
        if (_isPayoutNamed(proposal, entry)) revert NothingWrong();
        _cancel(proposal, pending, msg.sender, 0);
    }

    /// @inheritdoc IDistributor
    function challengeUnknownOperator(
        Proposal calldata proposal,
        uint32 operatorId,
        bytes32 leaf,
        bytes32[] calldata leafProof
    ) external {
        Pending memory pending = _checkPending(proposal);
        if (!MerkleSum.verifyWord(proposal.root, leaf, operatorId, leafProof)) revert ProofInvalid();
        if (operatorId < REGISTRY.operatorCount(proposal.epoch) || MerkleSum.nanoOf(leaf) == 0) revert NothingWrong();
        _cancel(proposal, pending, msg.sender, 0);
    }

    /// @inheritdoc IDistributor
    function demandEntry(Proposal calldata proposal, bytes32 entry, bytes32[] calldata entryProof) external {
        // Check: within the window, for something that was promised, and not twice.
        Pending memory pending = _checkPending(proposal);
        if (block.timestamp >= pending.finalizableAt) revert ChallengeWindowClosed();
        if (!MerkleSum.verify(finalizedRoot, entry, entryProof)) revert ProofInvalid();
        uint32 operatorId = MerkleSum.operatorIdOf(entry);
        uint64 minimumNano = MerkleSum.nanoOf(entry);
        bytes32 commitment = _commitment;
        Demand storage demand = _demands[commitment][operatorId];
        if (minimumNano == 0 || demand.answerBy != 0) revert DemandPointless();

        // Effect: the proposal waits for the answer.
        uint64 answerBy = uint64(block.timestamp) + answerWindow;
        _demands[commitment][operatorId] = Demand(msg.sender, minimumNano, uint32(answerBy));
        _pending.openDemands = pending.openDemands + 1;
        emit EntryDemanded(commitment, operatorId, msg.sender, minimumNano, answerBy);

        // Interaction: the demander's bond comes in.
        _collectBond(demandBondWei);
    }

    /// @inheritdoc IDistributor
    function answerDemand(Proposal calldata proposal, bytes32 entry, bytes32[] calldata proof) external {
        // Check: it is what was demanded.
        Pending memory pending = _checkPending(proposal);
        uint32 operatorId = MerkleSum.operatorIdOf(entry);
        bytes32 commitment = _commitment;
        Demand memory demand = _demands[commitment][operatorId];
        if (demand.demander == address(0)) revert DemandUnknown();
        if (!MerkleSum.verify(proposal.root, entry, proof)) revert ProofInvalid();
        if (MerkleSum.nanoOf(entry) < demand.minimumNano || !_isPayoutNamed(proposal, entry)) revert AnswerWrong();

        // Effect: the demand is answered for good.
        _demands[commitment][operatorId].demander = address(0);
        _pending.openDemands = pending.openDemands - 1;
        emit DemandAnswered(commitment, operatorId, entry);

        // Interaction: the demander's bond pays the proposer's trouble.
        bondVault.pay(pending.proposer, demandBondWei);
    }

    /// @inheritdoc IDistributor
    function cancelUnanswered(Proposal calldata proposal, uint32 operatorId) external {
        Pending memory pending = _checkPending(proposal);
        bytes32 commitment = _commitment;
        Demand memory demand = _demands[commitment][operatorId];
        if (demand.demander == address(0)) revert DemandUnknown();
        if (block.timestamp <= demand.answerBy) revert AnswerNotOverdue(demand.answerBy);
        _demands[commitment][operatorId].demander = address(0);
        _cancel(proposal, pending, demand.demander, demandBondWei);
    }

    /// @inheritdoc IDistributor
    function reclaimDemandBond(bytes32 commitment, uint32 operatorId) external {
        // Check: its proposal was cancelled; a finalized one has no open demands.
        address demander = _demands[commitment][operatorId].demander;
        if (demander == address(0)) revert DemandUnknown();
        if (pendingCommitment() == commitment) revert DemandStillOpen();

        // Effect: the demand is over.
        _demands[commitment][operatorId].demander = address(0);
        emit DemandBondReturned(commitment, operatorId, demander);

        // Interaction: pay the bond back.
        bondVault.pay(demander, demandBondWei);
    }

    /// @inheritdoc IDistributor
    function pauseProposals() external {
        uint64 pausedUntil = _status.pausedUntil;
        bool tooSoon = pausedUntil != 0 && block.timestamp < pausedUntil + MAXIMUM_PAUSE;
        if (msg.sender != GUARDIAN || tooSoon) revert PauseNotAllowed();
        pausedUntil = uint64(block.timestamp) + MAXIMUM_PAUSE;
        _status.pausedUntil = pausedUntil;
        emit ProposalsPaused(pausedUntil);
    }

    /// @inheritdoc IDistributor
    function finalizedEpoch() external view returns (bool any, uint64 epoch) {
        uint64 epochs = _status.finalizedEpochs;
        return epochs == 0 ? (false, 0) : (true, epochs - 1);
    }

    /// @inheritdoc IDistributor
    function pendingProposal()
        external
        view
        returns (address proposer, uint64 finalizableAt, uint256 openDemands, uint256 stakeWei)
    {
        Pending memory pending = _pending;
        if (pending.finalizableAt == 0) return (address(0), 0, 0, 0);
        return (pending.proposer, pending.finalizableAt, pending.openDemands, _stakeAt(pending.round));
    }

    /// @inheritdoc IDistributor
    function pendingCommitment() public view returns (bytes32) {
        return _pending.finalizableAt == 0 ? bytes32(0) : _commitment;
    }

    /// @dev The pending proposal goes, its proposer pays, and for a window those bonded before it have the next word.
    function _cancel(Proposal calldata proposal, Pending memory pending, address challenger, uint256 extraWei) private {
        // Effect: nothing is pending. A series of cheats keeps the moment of the first; it goes on as long as each was
        // proposed within the reservation, however late it is cancelled.
        Status memory status = _status;
        uint64 proposedAt = pending.finalizableAt - challengeWindow;
        if (proposedAt > status.reservedUntil) status.reservedFor = proposedAt;
        status.reservedUntil = uint64(block.timestamp) + challengeWindow;
        _status = status;
        _pending.finalizableAt = 0;

        uint256 stakeWei = _stakeAt(pending.round);
        uint256 rewardWei = stakeWei / 2;
        _slash(pending.proposer, stakeWei);
        if (pending.round != 0) _endContest(Outcome.Void, 0, address(0));
        emit ProposalCancelled(proposal.epoch, proposal.root, challenger, rewardWei);

        // Interaction: the stake is split.
        _splitStake(challenger, stakeWei, rewardWei, extraWei);
    }

    /// @dev Makes the caller's proposal the pending one, if its bond and the proposal allow it.
    function _post(Proposal calldata proposal, uint8 round, Status memory status) private {
        // Check: the stake is there, and old enough if there is a reservation.
        Bond memory bond = _bonds[msg.sender];
        uint256 stakeWei = _stakeAt(round);
        if (bond.amountWei < stakeWei) revert ProposerBondTooSmall(bond.amountWei, stakeWei);
        if (block.timestamp <= status.reservedUntil && bond.since >= status.reservedFor) {
            revert ProposalsReserved(status.reservedUntil);
        }
        _checkProposal(proposal, status.finalizedEpochs);

        // Effect: it is pending.
        Pending memory pending =
            Pending(msg.sender, uint40(block.timestamp + challengeWindow), 0, round, _nextCounter());
        _commitment = _commitmentTo(proposal, pending);
        _pending = pending;
        emit Proposed(
            proposal.epoch,
            proposal.root,
            msg.sender,
            proposal.receiptsRoot,
            proposal.manifestHash,
            pending.finalizableAt,
            pending.counter,
            proposal.uri
        );
    }

    /// @dev It may wrap: 2^24 proposals do not fit into one second, and the time is part of the commitment too.
    function _nextCounter() private view returns (uint24) {
        unchecked {
            return _pending.counter + 1;
        }
    }

    function _checkProposal(Proposal calldata proposal, uint64 finalizedEpochs) private view {
        if (proposal.epoch < finalizedEpochs) revert EpochNotNewer(proposal.epoch, finalizedEpochs - 1);
        uint64 sumNano = MerkleSum.nanoOf(proposal.root);
        uint64 finalizedNano = MerkleSum.nanoOf(finalizedRoot);
        if (sumNano < finalizedNano) revert SumFalls(sumNano, finalizedNano);
        uint256 fundedNano = STAKE_POOL.fundedThroughWei(proposal.epoch) / 1e9;
        if (sumNano > fundedNano) revert SumExceedsFunds(sumNano, fundedNano);
    }

    function _checkPending(Proposal calldata proposal) private view returns (Pending memory pending) {
        pending = _pending;
        if (pending.finalizableAt == 0 || _commitment != _commitmentTo(proposal, pending)) revert ProposalNotPending();
    }

    function _isPayoutNamed(Proposal calldata proposal, bytes32 entry) private view returns (bool) {
        uint32 operatorId = MerkleSum.operatorIdOf(entry);
        return operatorId < REGISTRY.operatorCount(proposal.epoch)
            && REGISTRY.payoutAt(operatorId, proposal.epoch) == MerkleSum.payoutOf(entry);
    }

    function _isPendingProposer(address account) internal view override returns (bool) {
        Pending memory pending = _pending;
        return pending.finalizableAt != 0 && pending.proposer == account;
    }

    function _commitmentTo(Proposal calldata proposal, Pending memory pending) private pure returns (bytes32) {
        return keccak256(abi.encode(proposal, pending.proposer, pending.finalizableAt, pending.counter));
    }
}

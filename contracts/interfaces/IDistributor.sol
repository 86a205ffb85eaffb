// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Distributor
/// @notice Pays operators their cumulative earnings from the newest finalized Merkle sum tree.
interface IDistributor {
    struct Proposal {
        uint64 epoch;
        /// 24-byte truncated keccak, then the 8-byte total in nano.
        bytes32 root;
        /// Plain keccak tree with sorted pairs over the epoch's receipts.
        bytes32 receiptsRoot;
        bytes32 manifestHash;
        string uri;
    }

    /// @param counter How many proposals there were before, in the lowest 24 bits; with it, no two have the same commitment.
    event Proposed(
        uint64 indexed epoch,
        bytes32 indexed root,
        address indexed proposer,
        bytes32 receiptsRoot,
        bytes32 manifestHash,
        uint64 finalizableAt,
        uint24 counter,
        string uri
    );
    event Finalized(uint64 indexed epoch, bytes32 indexed root);
    event ProposalCancelled(uint64 indexed epoch, bytes32 indexed root, address indexed challenger, uint256 rewardWei);
    event Claimed(uint32 indexed operatorId, address indexed payout, uint64 amountNano);
    /// @notice One `claimRange`. Each word of `paidLanes` holds what four neighbours were paid now, in nano, 64 bits each: the
    /// first word those whose ids, divided by 4, equal `firstOperatorId / 4`, the lowest id in the lowest bits. Zero where
    /// nothing was due or the token refused.
    event RangeClaimed(uint32 indexed firstOperatorId, uint256[] paidLanes);
    event ProposerBondDeposited(address indexed proposer, uint256 amountWei, uint256 bondWei);
    event ProposerBondWithdrawn(address indexed proposer, uint256 amountWei);
    /// @notice Somebody asked to see an operator's entry of the pending proposal; unanswered by `answerBy`, it is cancelled.
    event EntryDemanded(
        bytes32 indexed commitment,
        uint32 indexed operatorId,
        address indexed demander,
        uint64 minimumNano,
        uint64 answerBy
    );
    event DemandAnswered(bytes32 indexed commitment, uint32 indexed operatorId, bytes32 entry);
    event DemandBondReturned(bytes32 indexed commitment, uint32 indexed operatorId, address indexed demander);
    /// @notice A cheater's bond was divided. Not `paid`: the challenger's part was added to its own bond. Not `burnt`: the other
    /// half stays in the vault for good.
    event BondSplit(address indexed challenger, uint256 partWei, bool paid, bool burnt);
    /// @notice A pending proposal made room for one that stakes twice as much. `contest` is the commitment of the first that was
    /// outbid; the new one's `Proposed` follows.
    event Outbid(bytes32 indexed contest, uint256 round, address indexed proposer, bytes32 root);
    /// @notice The stake of a proposal that was outbid went back to its proposer's bond, or half to the winner's and half away.
    event RoundSettled(
        bytes32 indexed contest, uint256 round, address indexed proposer, uint256 stakeWei, bool returned
    );
    event ProposalsPaused(uint64 until);

    /// @notice Thrown when a deployment parameter is out of its range.
    error DistributorParameterInvalid();
    /// @notice Thrown when a proposer's bond is below `proposerBondWei`.
    error ProposerBondTooSmall(uint256 bondWei, uint256 requiredWei);
    /// @notice Thrown when a bond is withdrawn while its owner's proposal is pending, or there is none.
    error ProposerBondLocked();
    /// @notice Thrown when proposals are paused.
    error ProposalsArePaused(uint64 until);
    /// @notice Thrown when another proposal is pending.
    error ProposalPending();
    /// @notice Thrown when, after a cancelled proposal, a proposer was not bonded before that proposal was made.
    error ProposalsReserved(uint64 until);
    /// @notice Thrown when an epoch is not newer than the finalized one.
    error EpochNotNewer(uint64 epoch, uint64 finalizedEpoch);
    /// @notice Thrown when a root promises less than the finalized one.
    error SumFalls(uint64 sumNano, uint64 finalizedNano);
    /// @notice Thrown when a root promises more than the fees of all epochs up to its own.
    error SumExceedsFunds(uint64 sumNano, uint256 fundedNano);
    /// @notice Thrown when a proposal is not the pending one.
    error ProposalNotPending();
    /// @notice Thrown when a proposal is finalized before its window has passed.
    error ChallengeWindowOpen(uint64 finalizableAt);
    /// @notice Thrown when an entry is demanded, or a proposal outbid, after the window has passed.
    error ChallengeWindowClosed();
    /// @notice Thrown when a proposal is finalized with demands unanswered.
    error DemandsOpen(uint256 demands);
    /// @notice Thrown when a rival is for another epoch, or has the root that is pending.
    error RivalInvalid();
    /// @notice Thrown when a contest is still running, or there was none.
    error ContestUnknown(bytes32 contest);
    /// @notice Thrown when a contest had no such round, or it is settled.
    error RoundUnknown(uint256 round);
    /// @notice Thrown when an entry or word does not stand in the tree it is said to stand in.
    error ProofInvalid();
    /// @notice Thrown when a challenge shows nothing wrong.
    error NothingWrong();
    /// @notice Thrown when an entry is demanded twice, or of an operator that was never promised anything.
    error DemandPointless();
    /// @notice Thrown when there is no such demand.
    error DemandUnknown();
    /// @notice Thrown when an answer is another operator's entry, lowers it, or pays an address that operator never named.
    error AnswerWrong();
    /// @notice Thrown when a demand's answer is not overdue yet.
    error AnswerNotOverdue(uint64 answerBy);
    /// @notice Thrown when a demand's bond is reclaimed while its proposal is pending.
    error DemandStillOpen();
    /// @notice Thrown when an entry promises no more than was claimed.
    error NothingToClaim(uint32 operatorId);
    /// @notice Thrown when somebody but the payout address redirects a claim.
    error CallerNotPayout(address caller);
    /// @notice Thrown when a pause is asked for by somebody else, or too soon after the last.
    error PauseNotAllowed();

    /// @notice Posts the caller's proposer bond; needed before `propose`. Bonds are kept apart from operators' earnings, in the
    /// bond vault; the approval is the distributor's.
    function depositProposerBond(uint256 amountWei) external;
    /// @notice Returns the caller's whole bond, unless its proposal is pending.
    function withdrawProposerBond() external;
    function proposerBondOf(address proposer) external view returns (uint256);
    function proposerBondWei() external view returns (uint256);
    /// @notice What a demand for an entry costs its demander if the entry is shown.
    function demandBondWei() external view returns (uint256);

    /// @notice Proposes the next distribution, for a closed epoch newer than the finalized one. At once it is checked that its
    /// sum is covered by the fees of all epochs up to its own and does not fall. One proposal is pending at a time; after a
    /// cancelled one, only those may propose whose bond was in place before that one was made, until a window has passed
    /// without a proposal. So a proposer with a bond waits at most as many windows as others had bonds before it, and
    /// each of them costs its cheater the bond.
    function propose(Proposal calldata proposal) external;
    /// @notice Replaces the pending proposal by a rival for the same epoch with another root: against what breaks no rule that
    /// can be proven here. The caller stakes twice what the pending one does, from its bond, and the window begins anew.
    /// The stake that was outbid is lost if the rival becomes final (half to its proposer, half burnt), and comes back
    /// if its own root does, or if nothing comes of the contest. So cheats that cannot be proven cost more each time,
    /// and whoever is ready to stake more than they have gets through after as many windows as they can double.
    function outbid(Proposal calldata proposal, Proposal calldata rival) external;
    /// @notice Settles what the proposal of `round` of an ended contest staked. Anyone may call; once for each round.
    function settleRound(bytes32 contest, uint256 round) external;
    /// @notice How many proposals of a contest were outbid.
    function roundsOf(bytes32 contest) external view returns (uint256);
    /// @notice Makes the pending proposal the root that claims are paid from. Anyone may call after the challenge window.
    function finalize(Proposal calldata proposal) external;
    /// @notice Proves that `proposal` lowers what the finalized root already promised `operatorId`, or leaves it out.
    /// @param entry The operator's entry in the finalized tree, with its proof.
    /// @param leaf The word at the same place of the proposed tree, with its proof. If the proposed tree is too shallow to
    /// have that place, any of its leaves, with its proof, shows that: then the one at the place modulo the tree's width.
    function challengeDecrease(
        Proposal calldata proposal,
        bytes32 entry,
        bytes32[] calldata entryProof,
        bytes32 leaf,
        bytes32[] calldata leafProof
    ) external;
    /// @notice Proves that `proposal` pays an address that the operator did not name, with the entry's proof in its tree.
    function challengePayout(Proposal calldata proposal, bytes32 entry, bytes32[] calldata proof) external;
    /// @notice Proves that `proposal` promises something to an id that no operator had in its epoch, with the leaf's proof.
    function challengeUnknownOperator(
        Proposal calldata proposal,
        uint32 operatorId,
        bytes32 leaf,
        bytes32[] calldata leafProof
    ) external;
    /// @notice Asks to see an operator's entry in the proposed tree, so that a proposer cannot escape challenges by keeping its
    /// tree to itself. Within the challenge window only; the bond goes to the proposer if the entry is shown.
    /// @param entry The operator's entry in the finalized tree, with its proof.
    function demandEntry(Proposal calldata proposal, bytes32 entry, bytes32[] calldata entryProof) external;
    /// @notice Shows the demanded entry in the proposed tree: same operator, no less than before, a payout address that the
    /// operator named. Anyone may call.
    function answerDemand(Proposal calldata proposal, bytes32 entry, bytes32[] calldata proof) external;
    /// @notice Cancels the proposal if a demand was not answered in time; the demander gets the reward and its bond back.
    function cancelUnanswered(Proposal calldata proposal, uint32 operatorId) external;
    /// @notice Returns the bond of a demand that was open when its proposal was cancelled.
    function reclaimDemandBond(bytes32 commitment, uint32 operatorId) external;
    /// @notice Keeps anyone from proposing for a while. The guardian only, not again until as long has passed without a pause.
    /// A pending proposal, its challenges and all claims go on.
    function pauseProposals() external;

    /// @notice Pays one operator what its entry promises beyond what was claimed. Anyone may call.
    /// @param entry `operatorId (4 bytes) ‖ payout address (20) ‖ cumulative nano (8)`.
    function claim(bytes32 entry, bytes32[] calldata proof) external;
    /// @notice As `claim`, to another address: for a payout address that the token does not pay. The payout address only.
    function claimTo(bytes32 entry, bytes32[] calldata proof, address recipient) external;
    /// @notice Pays a run of neighbours. An operator whose transfer the token refuses is passed over; its claim stays open.
    /// @param entries Entries of neighbouring operators, in order of id, without gaps.
    /// @param boundary Sibling words left and right of the run, bottom level first, left before right.
    function claimRange(bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth) external;
    function claimedNano(uint32 operatorId) external view returns (uint64);

    function finalizedRoot() external view returns (bytes32);
    function finalizedEpoch() external view returns (bool any, uint64 epoch);
    /// @notice keccak256 of the ABI-encoded pending proposal, its proposer, its time and its counter; zero if none is pending.
    function pendingCommitment() external view returns (bytes32);
    function challengeWindow() external view returns (uint64 seconds_);
    function answerWindow() external view returns (uint64 seconds_);
    /// @notice The pending proposal's proposer, when it can be finalized, its unanswered demands, and what it stakes; zeros if
    /// none is pending.
    function pendingProposal()
        external
        view
        returns (address proposer, uint64 finalizableAt, uint256 openDemands, uint256 stakeWei);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Settlement
/// @notice Takes proposals of the next epoch's distribution, side by side, each with a bond of its own. One that a disproof or an
/// unanswered demand cancels pays half of its bond to whoever showed it; of those that survive their window the oldest
/// becomes final.
interface ISettlement {
    /// @notice What a proposer states.
    struct Draft {
        uint64 epoch;
        /// Top word of the sum tree of entries; its depth follows from the number of operators.
        bytes32 entriesTop;
        bytes32 receiptsTop;
        uint32 receiptsCount;
        bytes32 edgesTop;
        uint32 edgesCount;
        /// Sum of all edges.
        uint64 workNano;
        /// The rolling hash of the receipts that were forced in the epoch.
        bytes32 forcedHash;
        bytes32 manifestHash;
    }

    /// @notice A draft with what the chain adds. All of it is committed to and handed to whatever judges the proposal, so that it
    /// can be judged after another has become final.
    struct Proposal {
        Draft draft;
        /// How many proposals there were before. No two have the same commitment.
        uint64 counter;
        address proposer;
        /// When it was made.
        uint64 time;
        /// The finalized root then.
        bytes32 oldRoot;
        /// What could be paid out beyond that root.
        uint64 availableNano;
        /// The assent that counts, and its list; round 0 if there is none.
        uint32 assentRound;
        bytes32 assentTop;
        uint32 assentCount;
        bytes32 uriHash;
    }

    enum State {
        /// Never made.
        None,
        Open,
        Final,
        Vetoed,
        /// Cancelled, or its bond withdrawn.
        Over
    }

    /// @notice What has become of a proposal.
    struct Standing {
        /// When its window has passed, and nobody can ask on. Says nothing of one that is over.
        uint40 finalizableAt;
        uint24 openDemands;
        State state;
    }

    /// @notice One line of a list.
    struct Line {
        uint32 index;
        bytes leaf;
        bytes32[] path;
    }

    /// @notice Two neighbours of a list, lines `index − 1` and `index`. At either end of the list one of them is empty.
    struct Gap {
        uint32 index;
        bytes left;
        bytes32[] leftPath;
        bytes right;
        bytes32[] rightPath;
    }

    /// @notice How long each part of an epoch's settlement takes, in seconds.
    struct Windows {
        /// After an epoch's end: operators assent to the list of receipts.
        uint64 grace;
        /// After the grace: whoever was left out forces its own.
        uint64 force;
        /// After the forcing: so that no reorganisation changes what was forced.
        uint64 settle;
        /// For a proposal to be challenged.
        uint64 challenge;
        /// For a demand to be answered.
        uint64 answer;
        /// After an answer: to ask on.
        uint64 follow;
    }

    event Proposed(
        uint64 indexed counter, uint64 indexed epoch, address indexed proposer, Proposal proposal, string uri
    );
    event Finalized(uint64 indexed counter, uint64 indexed epoch, bytes32 root);
    /// @notice A proposal was shown to be wrong, or its data withheld. Half of its bond is the reporter's, half is burnt.
    event Cancelled(uint64 indexed counter, address indexed reporter, uint256 rewardWei);
    event Vetoed(uint64 indexed counter);
    event BondReturned(uint64 indexed counter, address indexed proposer, uint256 amountWei);
    /// @notice The proposer of a final proposal got its part of the epoch's pot.
    event ProposerPaid(uint64 indexed counter, address indexed proposer, uint64 nano);
    event RewardWithdrawn(uint64 indexed counter, address indexed reporter, uint256 amountWei);
    event Burnt(uint256 amountWei);

    /// @notice Thrown when a deployment parameter is out of its range.
    error SettlementParameterInvalid();
    /// @notice Thrown when a proposal is not for the epoch after the finalized one.
    error EpochNotNext(uint64 epoch, uint64 next);
    /// @notice Thrown when a proposal is made before forcing and settling are over. The pool refuses an epoch that is not closed.
    error ProposalTooEarly(uint64 proposableAt);
    /// @notice Thrown when other receipts were forced than the proposer saw.
    error ForcedHashDiffers(bytes32 forcedHash);
    /// @notice Thrown when a list is empty and its top is not zero or the other way round, or there are more edges than receipts.
    error CountsWrong();
    /// @notice Thrown when work or entries exceed what is there to be paid, or the entries' sum falls.
    error SumWrong(uint256 nano, uint64 availableNano);
    /// @notice Thrown when the caller has an open proposal for the epoch already.
    error AlreadyProposed(uint64 counter);
    /// @notice Thrown when a proposal is not the one that was made under its counter, or is over.
    error ProposalNotOpen(uint64 counter);
    /// @notice Thrown when a proposal is finalized, or its bond withdrawn, while it can still be challenged or a demand is open.
    error ChallengeWindowOpen(uint64 finalizableAt, uint256 openDemands);
    /// @notice Thrown when a first demand comes after the challenge window.
    error ChallengeWindowClosed();
    /// @notice Thrown when an older proposal for the epoch can be finalized.
    error OlderSurvives(uint64 counter);
    /// @notice Thrown when a contract other than the one meant for it calls.
    error CallerNotTrusted(address caller);
    /// @notice Thrown when somebody but the guardian vetoes, or its vetoes are used up or expired.
    error VetoNotAllowed();
    /// @notice Thrown when there is nothing to withdraw or burn.
    error NothingThere();

    /// @notice Proposes the distribution of the next epoch, against a bond that grows with the number of receipts, so that even
    /// reading all of them out by demands is paid by half of it. With an assent everybody has them, and the base is enough.
    /// At once it is checked what needs no data.
    function propose(Draft calldata draft, string calldata uri) external returns (uint64 counter);
    /// @notice Makes the oldest surviving proposal final, and has the pool hand over the pots. Anyone may call.
    function finalize(Proposal calldata proposal) external;
    /// @notice Returns a proposal's bond once its own window has passed, whichever became final; of the one that did, with the
    /// proposer's part of the epoch's pot. Anyone may call.
    function withdrawBond(Proposal calldata proposal) external;
    /// @notice Pays the half of a cancelled proposal's bond to whoever showed it to be wrong, and gives up the other half to be burnt.
    /// Anyone may call.
    function withdrawReward(uint64 counter) external;
    /// @notice Sends away the halves that were given up. Anyone may call.
    function burn() external;
    /// @notice Takes a proposal back, bond and all. The guardian only, a bounded number of times, until it expires.
    function veto(Proposal calldata proposal) external;

    /// @notice Ends an open proposal for what `reporter` showed. Disproofs and demands only.
    function cancel(Proposal calldata proposal, address reporter) external;
    /// @notice A demand is made of an open proposal; the first ones within its challenge window. Demands only.
    function demanded(Proposal calldata proposal, bool first) external;
    /// @notice A demand was answered. Demands only.
    function answered(uint64 counter) external;

    function isOpen(uint64 counter) external view returns (bool);
    /// @notice What has become of the proposal with this counter.
    function standingOf(uint64 counter) external view returns (Standing memory);
    /// @notice The newest counter; the first proposal has 1.
    function proposalCount() external view returns (uint64);
    function finalizedRoot() external view returns (bytes32);
    /// @notice The epoch that can be proposed: one more than the finalized one.
    function nextEpoch() external view returns (uint64);
    /// @notice The first moment at which `epoch` can be proposed: forcing and settling are over.
    function proposableAt(uint64 epoch) external view returns (uint256);
    /// @notice What a proposal for the next epoch with so much work could pay out beyond the finalized root: what is funded, but for
    /// what proposers get.
    function availableNano(uint64 epoch, uint64 workNano) external view returns (uint64);
    /// @notice What the proposer of a final proposal gets of its epoch's pot when it withdraws its bond; zero for any other.
    function proposerNano(uint64 counter) external view returns (uint64);
    /// @notice The part of every pot that is the proposer's.
    function proposerBps() external view returns (uint16);
    function windows() external view returns (Windows memory);
    /// @notice Who may veto, how often still, and until when.
    function guardian() external view returns (address account, uint32 vetoes, uint64 until);
    /// @notice `keccak256(top ‖ count)` of the receipts of a final epoch, which stays when its proposal's data is long gone.
    function receiptsHashOf(uint64 epoch) external view returns (bytes32);
    /// @notice What a proposal with so many receipts has to post.
    function bondWei(uint256 receipts, bool assented) external view returns (uint256);
    /// @notice Who showed a cancelled proposal to be wrong, and what is still to be withdrawn for it; nobody and nothing for any other.
    function rewardOf(uint64 counter) external view returns (address reporter, uint256 amountWei);
}

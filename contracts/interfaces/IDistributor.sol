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
        /// Used quota as a share of offered capacity, in basis points; steers the fee rate.
        uint16 utilisationBps;
        string uri;
    }

    event Proposed(
        uint64 indexed epoch,
        bytes32 indexed root,
        address indexed proposer,
        bytes32 receiptsRoot,
        bytes32 manifestHash,
        uint16 utilisationBps,
        uint64 finalizableAt,
        string uri
    );
    event Finalized(uint64 indexed epoch, bytes32 indexed root);
    event ProposalCancelled(uint64 indexed epoch, bytes32 indexed root, address indexed challenger, uint256 rewardWei);
    event Claimed(uint32 indexed operatorId, address indexed payout, uint64 amountNano);

    /// @notice Posts the caller's proposer bond; needed before `propose`.
    function depositProposerBond(uint256 amountWei) external;
    function withdrawProposerBond() external;
    function proposerBondOf(address proposer) external view returns (uint256);
    function proposerBondWei() external view returns (uint256);

    function propose(Proposal calldata proposal) external;
    /// @notice Makes the pending proposal the root that claims are paid from. Anyone may call after the challenge window.
    function finalize(Proposal calldata proposal) external;
    /// @notice Proves that `proposal` lowers what the finalized root already promised `operatorId`.
    /// @param entry The operator's entry in the finalized tree, with its proof.
    /// @param leaf The word at the same place of the proposed tree, with its proof.
    function challengeDecrease(
        Proposal calldata proposal,
        bytes32 entry,
        bytes32[] calldata entryProof,
        bytes32 leaf,
        bytes32[] calldata leafProof
    ) external;

    /// @param entry `operatorId (4 bytes) ‖ payout address (20) ‖ cumulative nano (8)`.
    function claim(bytes32 entry, bytes32[] calldata proof) external;
    /// @param entries Entries of neighbouring operators, in order of id, without gaps.
    /// @param boundary Sibling words left and right of the run, bottom level first, left before right.
    function claimRange(bytes32[] calldata entries, bytes32[] calldata boundary, uint256 depth) external;
    function claimedNano(uint32 operatorId) external view returns (uint64);

    function finalizedRoot() external view returns (bytes32);
    function finalizedEpoch() external view returns (bool any, uint64 epoch);
    /// @notice keccak256 of the ABI-encoded pending proposal, its proposer and its time; zero if none is pending.
    function pendingCommitment() external view returns (bytes32);
    function challengeWindow() external view returns (uint64 seconds_);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "./ISettlement.sol";

/// @title Distributor
/// @notice Settles each epoch's distribution, and pays operators their cumulative earnings from the newest final one, a Merkle sum
/// tree. What an operator can claim, it can claim for ever.
interface IDistributor is ISettlement {
    event Claimed(uint32 indexed operatorId, address indexed payout, uint64 amountNano);
    /// @notice One `claimRange`. Each word of `paidLanes` holds what four neighbours were paid now, in nano, 64 bits each: the
    /// first word those whose ids, divided by 4, equal `firstOperatorId / 4`, the lowest id in the lowest bits. Zero where
    /// nothing was due or the token refused.
    event RangeClaimed(uint32 indexed firstOperatorId, uint256[] paidLanes);

    /// @notice Thrown when an entry does not stand in the tree that claims are paid from.
    error ProofInvalid();
    /// @notice Thrown when an entry promises no more than was claimed.
    error NothingToClaim(uint32 operatorId);
    /// @notice Thrown when somebody but the payout address redirects a claim.
    error CallerNotPayout(address caller);

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
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Assents
/// @notice Which receipts there are, no proof can say: operators with more than half of the bond sign the list that they were
/// shown, each having found its own in it. Whoever is left out sees it and forces its own.
interface IAssents {
    /// @param round 0 if there is no assent.
    struct Assent {
        uint32 round;
        uint32 count;
        bytes32 top;
    }

    event Assented(uint64 indexed epoch, uint32 indexed round, bytes32 top, uint32 count);

    /// @notice Thrown when an epoch is not over yet, or its grace is.
    error AssentNotInTime(uint64 epoch);
    /// @notice Thrown when an assent of this round or a later one was posted.
    error RoundNotNewer(uint32 round, uint32 newest);
    /// @notice Thrown when there are not as many signatures as operators, or an operator is named twice or out of order.
    error SignersWrong();
    /// @notice Thrown when a signature is not that of the operator's owner.
    error SignatureInvalid(uint32 operatorId);
    /// @notice Thrown when the signers hold no more than half of the bond.
    error BondTooSmall(uint256 bondWei, uint256 totalWei);

    /// @notice Posts operators' EIP-712 signatures over `Assent(uint64 epoch,uint32 round,bytes32 top,uint32 count)`, in order of
    /// id. Within the grace after the epoch's end; the highest round counts. Anyone may call.
    function assent(uint64 epoch, Assent calldata list, uint32[] calldata operatorIds, bytes[] calldata signatures)
        external;
    /// @notice The list that counts for a proposal made now. An assent lapses after seven days, for then nobody may have its data.
    function assentOf(uint64 epoch) external view returns (Assent memory);
}

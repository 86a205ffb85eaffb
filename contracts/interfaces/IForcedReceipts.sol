// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Forced receipts
/// @notice Takes receipts that would be left out of a distribution. Whether one is admissible is judged later, where it matters.
interface IForcedReceipts {
    event ReceiptForced(uint64 indexed epoch, bytes32 indexed signedHash, bytes receipt);

    /// @notice Thrown when forcing for the epoch is over.
    error ForcingIsOver(uint64 epoch);
    /// @notice Thrown when something has not the length of a receipt and its signature, or is of another epoch.
    error NoReceiptOf(uint64 epoch);

    /// @notice Forces receipts of `epoch`, each with its signature; those that are forced already are passed over.
    function forceReceipts(uint64 epoch, bytes[] calldata receipts) external;
    /// @notice `hash = keccak256(hash ‖ keccak256(receipt ‖ signature))` over all that was forced, in order; zero at first.
    function hashOf(uint64 epoch) external view returns (bytes32);
    /// @notice Whether the receipt with its signature, of this hash, was forced.
    function isForced(uint64 epoch, bytes32 signedHash) external view returns (bool);
}

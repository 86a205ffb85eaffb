// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Makes sponsors' vaults
/// @notice One for each owner, set of streams and end, at an address that follows from them.
interface ISponsorFactory {
    /// @notice Thrown when a vault would be for nobody's streams.
    error StreamOwnerZero();
    /// @notice Thrown when a vault would be over already, or go on for too long.
    error EndEpochInvalid(uint64 endEpoch, uint64 first, uint64 last);

    /// @notice Makes the vault. Anyone may, for anybody's streams.
    function create(address streamOwner, bytes32 streams, uint64 endEpoch) external returns (address vault);
    /// @notice Where the vault is, or would be.
    function vaultOf(address streamOwner, bytes32 streams, uint64 endEpoch) external view returns (address vault);
    /// @notice Whether the vault is there.
    function isCreated(address streamOwner, bytes32 streams, uint64 endEpoch) external view returns (bool);
}

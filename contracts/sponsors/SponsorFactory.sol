// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ISponsorFactory} from "../interfaces/ISponsorFactory.sol";
import {ISponsorVault} from "../interfaces/ISponsorVault.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {SponsorVault} from "./SponsorVault.sol";

/// @title Makes sponsors' vaults
/// @notice See ISponsorFactory.
/// @dev Nobody owns it. The clones' code cannot be changed: they name one implementation for good.
contract SponsorFactory is ISponsorFactory {
    /// @dev No vault goes on for longer: by then a share is worth 1/23 000 of what it was, and its numbers still fit.
    uint64 private constant LONGEST_EPOCHS = 1000;

    IStakePool private immutable POOL;

    /// @notice What every vault runs.
    address public immutable implementation;

    constructor(IERC20 token, IStakePool pool) {
        POOL = pool;
        implementation = address(new SponsorVault(token, pool));
    }

    /// @inheritdoc ISponsorFactory
    function create(address streamOwner, bytes32 streams, uint64 endEpoch) external returns (address vault) {
        // Check: it is for somebody, and for a time.
        if (streamOwner == address(0)) revert StreamOwnerZero();
        uint64 epoch = POOL.currentEpoch();
        if (endEpoch <= epoch || endEpoch > epoch + LONGEST_EPOCHS) {
            revert EndEpochInvalid(endEpoch, epoch + 1, epoch + LONGEST_EPOCHS);
        }

        // Effect and interaction: there is none yet, or this fails.
        vault = Clones.cloneDeterministic(implementation, _salt(streamOwner, streams, endEpoch));
        ISponsorVault(vault).initialize(streamOwner, streams, endEpoch);
    }

    /// @inheritdoc ISponsorFactory
    function vaultOf(address streamOwner, bytes32 streams, uint64 endEpoch) public view returns (address) {
        return Clones.predictDeterministicAddress(implementation, _salt(streamOwner, streams, endEpoch));
    }

    /// @inheritdoc ISponsorFactory
    function isCreated(address streamOwner, bytes32 streams, uint64 endEpoch) external view returns (bool) {
        return vaultOf(streamOwner, streams, endEpoch).code.length != 0;
    }

    function _salt(address streamOwner, bytes32 streams, uint64 endEpoch) private pure returns (bytes32) {
        return keccak256(abi.encode(streamOwner, streams, endEpoch));
    }
}

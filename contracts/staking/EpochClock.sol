// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStakePool} from "../interfaces/IStakePool.sol";

/// @title Epoch clock
/// @notice Epoch `e` lasts from `genesis + e · length` to `genesis + (e + 1) · length`, in seconds of chain time. Before
/// genesis, epoch 0 is running.
abstract contract EpochClock is IStakePool {
    /// @dev No epoch is longer, and the first begins no later.
    uint256 private constant LONGEST = 366 days;

    uint64 private immutable GENESIS;
    uint64 private immutable EPOCH_LENGTH;

    constructor(uint64 genesis_, uint64 epochLength_) {
        if (epochLength_ == 0 || epochLength_ > LONGEST || genesis_ > block.timestamp + LONGEST) {
            revert PoolParameterInvalid();
        }
        GENESIS = genesis_;
        EPOCH_LENGTH = epochLength_;
    }

    /// @inheritdoc IStakePool
    function genesis() external view returns (uint64) {
        return GENESIS;
    }

    /// @inheritdoc IStakePool
    function epochLength() external view returns (uint64) {
        return EPOCH_LENGTH;
    }

    /// @inheritdoc IStakePool
    function currentEpoch() public view returns (uint64) {
        if (block.timestamp <= GENESIS) return 0;
        return uint64((block.timestamp - GENESIS) / EPOCH_LENGTH);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {QuotaController} from "../libraries/QuotaController.sol";
import {PoolLedger} from "./PoolLedger.sol";

/// @title Quotas of the stake pool
/// @notice What stakes buy: a quota per DATA that QuotaController moves by one step each time that epochs are closed. Epochs that one
/// closing opens together have the quota per DATA that was fixed for the first of them, so it is known in advance even while
/// nobody closes; what of it is in force follows from each epoch's own stakes and capacity.
abstract contract QuotaLedger is PoolLedger {
    /// @dev What an epoch began with.
    struct Opening {
        uint96 openWei;
        uint64 capacityBytes;
        uint64 quotaBytesPerData;
    }

    IOperatorRegistry private immutable REGISTRY;
    uint256 private immutable INITIAL_QUOTA;

    mapping(uint256 epoch => Opening) private _openings;

    /// @param registry Where operators' capacity is counted. It may be deployed after this.
    constructor(address registry, uint256 initialQuota) {
        if (
            registry == address(0) || initialQuota < QuotaController.MIN_INITIAL_QUOTA
                || initialQuota > QuotaController.MAX_INITIAL_QUOTA
        ) revert PoolParameterInvalid();
        REGISTRY = IOperatorRegistry(registry);
        INITIAL_QUOTA = initialQuota;
        _openings[0].quotaBytesPerData = uint64(initialQuota);
    }

    /// @inheritdoc IStakePool
    function operatorRegistry() external view returns (address) {
        return address(REGISTRY);
    }

    /// @inheritdoc IStakePool
    function initialQuotaBytesPerData() external view returns (uint256) {
        return INITIAL_QUOTA;
    }

    /// @inheritdoc IStakePool
    function quotaOf(address user, uint64 epoch) external view returns (uint256) {
        (uint256 bytesPerData,) = _inForce(epoch);
        return _stakeAtStartOf(user, epoch) * bytesPerData / 1e18;
    }

    /// @inheritdoc IStakePool
    function quotaBytesPerData(uint64 epoch) external view returns (uint256 bytesPerData) {
        (bytesPerData,) = _inForce(epoch);
    }

    /// @inheritdoc IStakePool
    function soldBps(uint64 epoch) external view returns (uint256 bps) {
        (, bps) = _inForce(epoch);
    }

    /// @inheritdoc IStakePool
    function nextQuotaBytesPerData() external view returns (uint256) {
        return _quotaAfter(_openingOf(currentEpoch()));
    }

    /// @inheritdoc PoolLedger
    function _opens(uint256 closing, uint256 epoch, uint256 openWei) internal override {
        uint256 quota = _quotaAfter(_openings[closing]);
        uint256 capacityBytes = _capacityAt(epoch);
        _openings[epoch] = Opening(uint96(openWei), uint64(capacityBytes), uint64(quota));
        emit EpochOpened(uint64(epoch), openWei, capacityBytes, quota);
    }

    function _inForce(uint64 epoch) private view returns (uint256 bytesPerData, uint256 bps) {
        if (epoch > currentEpoch()) revert EpochNotBegun(epoch);
        Opening memory opening = _openingOf(epoch);
        return QuotaController.inForce(opening.quotaBytesPerData, opening.openWei, opening.capacityBytes);
    }

    /// @dev Ended epochs count as closed. Inside a stretch, and while nobody closes, an epoch has the quota per DATA and the capacity of
    /// the first one, and its own stakes.
    function _openingOf(uint256 epoch) private view returns (Opening memory opening) {
        opening = _openings[epoch];
        if (opening.quotaBytesPerData != 0) return opening;
        uint256 closed = _book.closedEpochs;
        if (epoch > closed) {
            opening.quotaBytesPerData = uint64(_quotaAfter(_openings[closed]));
            opening.capacityBytes = uint64(_capacityAt(epoch));
        } else {
            opening = _openings[_stretchAt(epoch).first];
        }
        (Totals memory totals,) = _totalsAt(epoch);
        opening.openWei = totals.totalWei;
    }

    function _quotaAfter(Opening memory opening) private view returns (uint256) {
        (, uint256 bps) = QuotaController.inForce(opening.quotaBytesPerData, opening.openWei, opening.capacityBytes);
        return QuotaController.next(opening.quotaBytesPerData, bps, INITIAL_QUOTA);
    }

    /// @dev Nobody bonds what does not fit; if somebody did, more than that would count as that.
    function _capacityAt(uint256 epoch) private view returns (uint256) {
        uint256 capacityBytes = REGISTRY.totalCapacityAt(uint64(epoch));
        return capacityBytes < type(uint64).max ? capacityBytes : type(uint64).max;
    }
}

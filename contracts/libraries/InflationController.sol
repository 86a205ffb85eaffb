// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Inflation controller
/// @notice Price discovery: moves the fee rate each epoch by a bounded step toward the rate at which measured utilisation
/// (used quota / offered capacity) meets a target, between a floor and a ceiling.
///
///     above the target:  rate' = rate + max(1, rate · maxStep · (utilisation − target) / (1 − target))
///     below the target:  rate' = rate − max(1, rate · maxStep · (target − utilisation) / target)
///
/// Rates are parts per billion of a stake per epoch, the shares basis points. Products are floored, so a step is never
/// larger than the bound; the 1 ppb keeps small rates from standing still off the target.
/// @dev Pure. `testFuzz_ConvergesFromAnyStart` and `testFuzz_NeverLeavesItsBounds` prove what is said above.
library InflationController {
    struct Parameters {
        uint32 floorPpb;
        uint32 ceilingPpb;
        uint16 targetBps;
        /// The largest step, as a share of the rate.
        uint16 maxStepBps;
    }

    /// @notice Thrown when parameters contradict each other or leave the range in which the fee's rounding is proven.
    error ParametersInvalid();

    /// @notice The smallest floor: from here on, one epoch's fee outweighs the rounding of a power over any number of epochs.
    uint256 internal constant MIN_FLOOR_PPB = 1000;

    /// @notice The largest ceiling: 10 % of every stake per epoch.
    uint256 internal constant MAX_CEILING_PPB = 100_000_000;

    uint256 private constant BPS = 10_000;

    /// @notice Reverts unless the parameters make sense together.
    function check(Parameters memory parameters) internal pure {
        bool ratesFit = parameters.floorPpb >= MIN_FLOOR_PPB && parameters.floorPpb <= parameters.ceilingPpb
            && parameters.ceilingPpb <= MAX_CEILING_PPB;
        bool sharesFit = parameters.targetBps > 0 && parameters.targetBps < BPS && parameters.maxStepBps > 0
            && parameters.maxStepBps <= BPS / 2;
        if (!ratesFit || !sharesFit) revert ParametersInvalid();
    }

    /// @notice The rate of the next epoch.
    /// @param utilisationBps At most 10 000; more counts as 10 000.
    function next(uint256 ratePpb, uint256 utilisationBps, Parameters memory parameters)
        internal
        pure
        returns (uint256 nextPpb)
    {
        uint256 target = parameters.targetBps;
        if (utilisationBps > BPS) utilisationBps = BPS;
        nextPpb = ratePpb;
        if (utilisationBps > target) {
            nextPpb += _step(ratePpb, parameters.maxStepBps, utilisationBps - target, BPS - target);
        } else if (utilisationBps < target) {
            uint256 step = _step(ratePpb, parameters.maxStepBps, target - utilisationBps, target);
            nextPpb = step < ratePpb ? ratePpb - step : 0;
        }
        return clamp(nextPpb, parameters);
    }

    /// @notice The nearest rate between floor and ceiling.
    function clamp(uint256 ratePpb, Parameters memory parameters) internal pure returns (uint256) {
        if (ratePpb < parameters.floorPpb) return parameters.floorPpb;
        if (ratePpb > parameters.ceilingPpb) return parameters.ceilingPpb;
        return ratePpb;
    }

    function _step(uint256 ratePpb, uint256 maxStepBps, uint256 distance, uint256 reach)
        private
        pure
        returns (uint256)
    {
        uint256 step = ratePpb * maxStepBps * distance / (reach * BPS);
        return step > 0 ? step : 1;
    }
}

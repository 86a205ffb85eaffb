// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Fee of the stake pool
/// @notice What is left of a total after n epochs at one rate, in O(log n):
///
///     remaining(total, rate, n) = max(floor, ceil(total · (1 − rate)^n))   if total > floor, else total
///
/// total and floor in wei, rate in parts per billion per epoch; the power in 27 decimal places, each product rounded down,
/// so the result is at most `2n` units of the 27th place low (the pot gains) and never high. At n = 1 it is exact. It
/// never rises with n, because for rates ≥ 1000 ppb and a result above the floor one epoch's step outweighs that error;
/// so the pot of every single epoch of a stretch is the difference of two values, and the pots of a stretch add up exactly.
/// The floor keeps fees from grinding the pool to dust, at which a share would be worth too little to count in.
/// @dev `testFuzz_RemainingNeverRises`, `testFuzz_CatchUpIsEpochByEpoch`.
library FeeMath {
    uint256 private constant UNIT = 1e27;
    uint256 private constant UNIT_PER_PPB = 1e18;

    /// @notice What is left of `totalWei` after `epochs` fees.
    function remaining(uint256 totalWei, uint256 ratePpb, uint256 epochs, uint256 floorWei)
        internal
        pure
        returns (uint256)
    {
        if (totalWei <= floorWei) return totalWei;
        uint256 left = (totalWei * power(UNIT - ratePpb * UNIT_PER_PPB, epochs) + UNIT - 1) / UNIT;
        return left > floorWei ? left : floorWei;
    }

    /// @notice `base^exponent`, all in 27 decimal places, for a base of at most one.
    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        result = UNIT;
        while (exponent != 0) {
            if (exponent & 1 != 0) result = result * base / UNIT;
            exponent >>= 1;
            if (exponent != 0) base = base * base / UNIT;
        }
    }
}

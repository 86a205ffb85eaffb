// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Quota controller
/// @notice Price discovery: how many bytes an epoch a staked DATA buys. The fee is a constant share of every stake, so this is the
/// price of a byte, and all that moves it is on the chain: the quota sold to stakes, over the capacity that operators bonded.
/// It is fixed when epoch e opens, for e + 1, and moves by at most 5 % toward the quota at which 70 % of the capacity is sold.
///
///     quota sold  u = min(1, open · q / C)              open: wei that count in e; C: bytes of capacity in e
///     above 70 %: q' = q − q · 5 % · (u − 70 %) / 30 %    below: q' = q + q · 5 % · (70 % − u) / 70 %
///
/// between q0 / 10^5 and q0 · 10^4, where q0 is the quota per DATA of epoch 0. A quota is never sold for more than four times
/// what is bonded: if q would, less is in force, and none at all while nothing is bonded. Everything is floored.
/// Where nobody stakes or nobody serves, u counts as on target and q stays.
/// @dev Pure. `testFuzz_AStepIsBoundedAndTheRightWay`, `testFuzz_NoMoreThanFourTimesTheCapacityIsSold`, `test_Vectors`.
library QuotaController {
    uint256 internal constant TARGET_BPS = 7000;
    uint256 internal constant STEP_BPS = 500;
    /// @dev What is sold is at most so many times the capacity.
    uint256 internal constant MOST_OVERSOLD = 4;
    /// @dev With it, the smallest quota per DATA still moves by whole bytes.
    uint256 internal constant MIN_INITIAL_QUOTA = 10_000_000;
    uint256 internal constant MAX_INITIAL_QUOTA = 1_000_000_000_000_000;

    uint256 private constant BPS = 10_000;
    uint256 private constant WEI_PER_DATA = 1e18;

    /// @notice What a DATA buys in an epoch, and how much of the capacity is sold by it.
    /// @param quota Bytes per DATA, as they were fixed one epoch before.
    function inForce(uint256 quota, uint256 openWei, uint256 capacityBytes)
        internal
        pure
        returns (uint256 bytesPerData, uint256 soldBps)
    {
        if (capacityBytes == 0) return (0, TARGET_BPS);
        if (openWei == 0) return (quota, TARGET_BPS);
        uint256 most = MOST_OVERSOLD * capacityBytes * WEI_PER_DATA / openWei;
        if (quota > most) return (most, BPS);
        soldBps = openWei * quota / WEI_PER_DATA * BPS / capacityBytes;
        return (quota, soldBps < BPS ? soldBps : BPS);
    }

    /// @notice The quota per DATA of the epoch after one in which `quota` was fixed and `soldBps` of the capacity sold.
    function next(uint256 quota, uint256 soldBps, uint256 initialQuota) internal pure returns (uint256) {
        uint256 moved = soldBps > TARGET_BPS
            ? quota - quota * STEP_BPS * (soldBps - TARGET_BPS) / ((BPS - TARGET_BPS) * BPS)
            : quota + quota * STEP_BPS * (TARGET_BPS - soldBps) / (TARGET_BPS * BPS);
        return clamp(moved, initialQuota);
    }

    /// @notice The nearest quota per DATA within the bounds.
    function clamp(uint256 quota, uint256 initialQuota) internal pure returns (uint256) {
        uint256 least = initialQuota / 100_000;
        uint256 most = initialQuota * 10_000;
        if (quota < least) return least;
        return quota > most ? most : quota;
    }
}

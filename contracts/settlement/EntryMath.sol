// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ReceiptLib} from "../libraries/ReceiptLib.sol";

/// @title What a payer's fee pays, and what an operator is paid
/// @notice The rule of the payout in nano, every division floored:
///
///     steered   = fee − fee · poolBps / 10 000                     what the payer's own receipts steer
///     edge      = steered · units / payerUnits                     0 if there are no units
///     cap       = pot · capacity / Σ capacity                      0 if Σ capacity = 0
///     paid      = a + min(work − a, 2 · cap) / 2                   a = min(work, cap)
///     pool      = min(common · bond / Σ bond, paid · limitBps / 10 000)   0 if Σ bond = 0; limitBps 0: no limit
///     overage   = steered · min(2 · (units − quota), 4 · quota) / quota   0 within the tolerance, and without a quota
///
/// A common pool that nobody may have is carried. The same in Rust is `crates/rewards`.
/// @dev Fees and pots are below 2^64 nano, units below 2^128, bonds and capacities below 2^128: no product overflows.
library EntryMath {
    uint256 private constant WEI_PER_NANO = 1e9;
    uint256 private constant BPS = 10_000;

    function steeredNano(uint256 feeWei, uint256 poolBps) internal pure returns (uint256) {
        uint256 feeNano = feeWei / WEI_PER_NANO;
        return feeNano - feeNano * poolBps / BPS;
    }

    function edgeNano(uint256 steered, uint256 units, uint256 payerUnits) internal pure returns (uint256) {
        return payerUnits == 0 ? 0 : steered * units / payerUnits;
    }

    function capNano(uint256 potWei, uint256 capacity, uint256 totalCapacity) internal pure returns (uint256) {
        return totalCapacity == 0 ? 0 : potWei / WEI_PER_NANO * capacity / totalCapacity;
    }

    function paidNano(uint256 workNano, uint256 cap) internal pure returns (uint256) {
        uint256 whole = Math.min(workNano, cap);
        return whole + Math.min(workNano - whole, 2 * cap) / 2;
    }

    function poolNano(uint256 commonNano, uint256 bond, uint256 totalBond, uint256 paid, uint256 limitBps)
        internal
        pure
        returns (uint256)
    {
        if (totalBond == 0) return 0;
        uint256 share = commonNano * bond / totalBond;
        return limitBps == 0 ? share : Math.min(share, paid * limitBps / BPS);
    }

    /// @notice What a payer is billed whose receipts state `units` bytes on time in all: at most four times what they steer.
    function overageNano(uint256 steered, uint256 quotaBytes, uint256 units) internal pure returns (uint256) {
        if (quotaBytes == 0 || units <= ReceiptLib.withTolerance(quotaBytes)) return 0;
        return steered * Math.min(2 * (units - quotaBytes), 4 * quotaBytes) / quotaBytes;
    }

    /// @notice The depth of the sum tree of `operators` entries: 2^depth places, as few as hold them.
    function depthOf(uint256 operators) internal pure returns (uint256 depth) {
        while (1 << depth < operators) ++depth;
    }
}

//! Price discovery: the twin of `contracts/libraries/QuotaController.sol`, and the laws that were tried and left.
//!
//! ```text
//! top = OVER · C · 10^18 / open          in force = min(q, top), u = min(1, open · q / 10^18 / C), 1 beyond the top
//! q′ = q − q · STEP · (u − TARGET) / (1 − TARGET)  above the target,  q + q · STEP · (TARGET − u) / TARGET  below it
//! ```
//!
//! Invariant: under the chosen law `19q ≤ 20q′ ≤ 21q` (before the clamp to `q0 / 10^5 … q0 · 10^4`), `q′` rises with `q` and falls
//! with `u`, and no more than four times the capacity is sold. Everything is floored. `tests/vectors/controller.json` holds it
//! to Solidity; the properties are in `tests/ledger.rs`.

use tatum_primitives::U256;

use crate::rules::{Law, PriceRule};

const BPS: u64 = 10_000;
const WEI_PER_DATA: u64 = 1_000_000_000_000_000_000;

/// What an epoch opens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// What a staked DATA buys in the epoch.
    pub quota_bytes_per_data: u64,
    /// How much of the capacity is sold by it.
    pub sold_bps: u64,
}

impl PriceRule {
    /// What is in force of a quota per DATA that was fixed an epoch before.
    #[must_use]
    pub fn in_force(&self, quota: u64, open_wei: u128, capacity_bytes: u64) -> InForce {
        let target = u64::from(self.target_bps);
        if capacity_bytes == 0 {
            return InForce { quota_bytes_per_data: 0, sold_bps: target };
        }
        if open_wei == 0 {
            return InForce { quota_bytes_per_data: quota, sold_bps: target };
        }
        let (open, capacity) = (U256::from(open_wei), U256::from(capacity_bytes));
        if self.most_oversold > 0 {
            let most = U256::from(self.most_oversold) * capacity * U256::from(WEI_PER_DATA) / open;
            if U256::from(quota) > most {
                return InForce { quota_bytes_per_data: narrow(most), sold_bps: BPS };
            }
        }
        // Floored to bytes before it is multiplied on.
        let sold = open * U256::from(quota) / U256::from(WEI_PER_DATA);
        let sold_bps = narrow(sold * U256::from(BPS) / capacity).min(BPS);
        InForce { quota_bytes_per_data: quota, sold_bps }
    }

    /// The quota per DATA of the epoch after one in which `quota` was fixed and the signal was `signal_bps`.
    #[must_use]
    pub fn next(&self, quota: u64, signal_bps: u64, open_wei: u128, capacity_bytes: u64) -> u64 {
        match self.law {
            Law::Step => self.clamp(self.stepped(quota, signal_bps.min(BPS))),
            Law::WholeWay if open_wei == 0 || capacity_bytes == 0 => quota,
            Law::WholeWay => {
                let aim = U256::from(self.target_bps) * U256::from(capacity_bytes);
                let aim = aim * U256::from(WEI_PER_DATA) / (U256::from(BPS) * U256::from(open_wei));
                self.clamp(narrow(aim))
            }
        }
    }

    fn stepped(&self, quota: u64, signal_bps: u64) -> u64 {
        let (target, step) = (u64::from(self.target_bps), u128::from(self.step_bps));
        let part = |distance: u64, reach: u64| {
            let moved = u128::from(quota) * step * u128::from(distance);
            let moved = moved.checked_div(u128::from(reach) * u128::from(BPS)).unwrap_or(0);
            u64::try_from(moved).unwrap_or(u64::MAX)
        };
        if signal_bps > target {
            quota.saturating_sub(part(signal_bps - target, BPS - target))
        } else {
            quota.saturating_add(part(target - signal_bps, target))
        }
    }

    /// The nearest quota per DATA within the bounds.
    #[must_use]
    pub fn clamp(&self, quota: u64) -> u64 {
        quota.clamp(self.least_quota(), self.most_quota())
    }

    /// The lower bound of the quota per DATA.
    #[must_use]
    pub const fn least_quota(&self) -> u64 {
        self.initial_quota_bytes_per_data / self.least_part
    }

    /// The upper bound of the quota per DATA.
    #[must_use]
    pub const fn most_quota(&self) -> u64 {
        self.initial_quota_bytes_per_data.saturating_mul(self.most_fold)
    }
}

fn narrow(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// What a stake buys: `⌊stake · quota per DATA / 10^18⌋` bytes.
#[must_use]
pub fn quota_down(stake_wei: u128, quota_bytes_per_data: u64) -> u64 {
    let bytes = super::mul_div_down(stake_wei, quota_bytes_per_data.into(), WEI_PER_DATA.into());
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

//! What a stream needs of a stake, what that costs, and how long a stake lasts.
//!
//! Invariant: whole numbers only, rounded so that the plan never promises more than it buys: stakes and fees up, epochs down.

use tatum_primitives::{Address, PPB, U256};
use tatum_protocol::web::{PayerPlan, StakePlan};

use crate::StakeTerms;

const DAY_MS: u64 = 86_400_000;
/// As far as a plan looks ahead.
pub const MOST_PLANNED_EPOCHS: u64 = 100_000;

impl StakeTerms {
    /// The plan for a stream that carries `needed_bytes` an epoch and whose stake shall last for `epochs`; nothing if no stake
    /// buys so much. The terms are of `payer`, if one is named.
    #[must_use]
    pub fn plan(
        self,
        needed_bytes: U256,
        epochs: u64,
        epoch_length_ms: u64,
        payer: Option<Address>,
    ) -> Option<StakePlan> {
        let epochs = epochs.clamp(1, MOST_PLANNED_EPOCHS);
        let (one_wei, lasting_wei) =
            (lasting(self, needed_bytes, 1), lasting(self, needed_bytes, epochs));
        if lasting_wei == U256::MAX {
            return None;
        }
        let fee_wei = fee(one_wei, self.fee_rate_ppb);
        let in_time = |ms: u64| {
            fee_wei.saturating_mul(U256::from(ms)).div_ceil(U256::from(epoch_length_ms.max(1)))
        };
        let staked = |address| PayerPlan {
            address,
            stake_wei: self.stake_wei,
            missing_wei: lasting_wei.saturating_sub(self.stake_wei),
            lasts_epochs: lasts(self, needed_bytes),
        };
        Some(StakePlan {
            epoch: self.epoch,
            epoch_length_ms,
            needed_bytes_per_epoch: needed_bytes,
            quota_bytes_per_data: self.next_quota_bytes_per_data,
            epochs,
            stake_needed_wei: lasting_wei,
            fee_per_epoch_wei: fee_wei,
            fee_per_day_wei: in_time(DAY_MS),
            fee_per_year_wei: in_time(DAY_MS.saturating_mul(365)),
            payer: payer.map(staked),
        })
    }
}

/// What a fee takes.
fn fee(stake_wei: U256, rate_ppb: u64) -> U256 {
    stake_wei.saturating_mul(U256::from(rate_ppb)).div_ceil(U256::from(PPB))
}

/// The stake that buys `bytes` in each of `epochs`, the fee of every one taken; `U256::MAX` if none does.
fn lasting(terms: StakeTerms, bytes: U256, epochs: u64) -> U256 {
    let mut stake_wei = StakeTerms { stake_wei: U256::ZERO, ..terms }.missing_wei(bytes);
    let kept_ppb = U256::from(PPB.saturating_sub(terms.fee_rate_ppb));
    for _ in 1..epochs {
        match stake_wei.checked_mul(U256::from(PPB)) {
            Some(product) if !kept_ppb.is_zero() => stake_wei = product.div_ceil(kept_ppb),
            _ => return U256::MAX,
        }
    }
    stake_wei
}

/// For how many epochs the stake buys `bytes`, if nothing is added.
fn lasts(mut terms: StakeTerms, bytes: U256) -> u64 {
    let mut epochs = 0;
    while epochs < MOST_PLANNED_EPOCHS && terms.missing_wei(bytes).is_zero() {
        epochs = epochs.saturating_add(1);
        terms.stake_wei = terms.stake_wei.saturating_sub(fee(terms.stake_wei, terms.fee_rate_ppb));
    }
    epochs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tatum_primitives::{Epoch, WEI_PER_DATA as DATA};

    use super::*;

    fn terms(stake_wei: u128, fee_rate_ppb: u64) -> StakeTerms {
        StakeTerms {
            epoch: Epoch(0),
            stake_wei: U256::from(stake_wei),
            least_wei: U256::ZERO,
            fee_rate_ppb,
            next_quota_bytes_per_data: U256::from(100),
        }
    }

    #[test]
    fn a_fee_of_a_tenth_makes_a_stake_for_two_epochs_a_ninth_larger() {
        let free = terms(9 * DATA, 0);
        assert_eq!(lasting(free, U256::from(900), 7), U256::from(9 * DATA));
        assert_eq!(lasts(free, U256::from(900)), MOST_PLANNED_EPOCHS);
        assert_eq!(lasts(free, U256::from(901)), 0);
        let tenth = terms(100 * DATA, PPB / 10);
        assert_eq!(lasting(tenth, U256::from(810), 1), U256::from(9 * DATA));
        assert_eq!(lasting(tenth, U256::from(810), 2), U256::from(10 * DATA));
        assert_eq!(lasts(terms(10 * DATA, PPB / 10), U256::from(810)), 2);
        assert_eq!(lasting(terms(0, PPB), U256::from(1), 2), U256::MAX);
    }

    proptest! {
        #[test]
        fn a_stake_lasts_as_long_as_was_planned(bytes in 1..=u64::MAX, fee_ppb in 0..PPB / 2, epochs in 1..200_u64) {
            let bytes = U256::from(bytes);
            let stake_wei = lasting(terms(0, fee_ppb), bytes, epochs);
            let staked = StakeTerms { stake_wei, ..terms(0, fee_ppb) };
            prop_assert!(stake_wei == U256::MAX || lasts(staked, bytes) >= epochs);
        }
    }
}

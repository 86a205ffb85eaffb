//! Whom a report convicts: what trackers go by when they recruit.
//!
//! Invariant: whoever pays for no more than half of an operator's service in a stream convicts it there of nothing, whoever else is
//! silent, and whoever pays for less than [`LEAST_SHARE_PPM`] of all that the operator serves convicts it nowhere. Leaving readers' words out of
//! a dataset frees operators, and convicts none.
//!
//! The rule is stricter than [`OperatorService::is_below`], which goes by the median of those who speak: a payer that says nothing
//! counts for the operator. Otherwise whoever writes the dataset could leave the lines of honest readers out and have the liars judge;
//! and a stream that a liar makes up for itself would cost the operator all others.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use tatum_primitives::{OperatorId, StreamKey};

use super::{OperatorService, PayerWord, ServiceReport, WHOLE_PPM};

/// What payers must pay for whose words convict an operator, of all that is paid for streams that it serves.
pub const LEAST_SHARE_PPM: u64 = 10_000;

/// An operator that served badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The operator.
    pub operator_id: OperatorId,
    /// The stream that it served worst.
    pub stream: StreamKey,
    /// How complete its service was there.
    pub completeness_ppm: u64,
    /// The payer, if only one says so.
    pub sole_payer: Option<Address>,
}

/// What speaks against an operator, over all streams.
#[derive(Default)]
struct Case {
    all_wei: u128,
    below_wei: u128,
    accusers: BTreeSet<Address>,
    worst: Option<(u64, StreamKey)>,
}

impl ServiceReport {
    /// The operators that served worse than `least_ppm`, each with its worst stream, by id.
    #[must_use]
    pub fn findings(&self, least_ppm: u64) -> Vec<Finding> {
        let mut cases: BTreeMap<OperatorId, Case> = BTreeMap::new();
        for stream in &self.streams {
            for operator in &stream.operators {
                let case = cases.entry(operator.operator_id).or_default();
                case.hear(stream.stream, operator, least_ppm);
            }
        }
        cases.into_iter().filter_map(|(operator_id, case)| case.closed(operator_id)).collect()
    }
}

impl Case {
    fn hear(&mut self, stream: StreamKey, operator: &OperatorService, least_ppm: u64) {
        let is_below = |word: &&PayerWord| word.completeness_ppm.is_some_and(|ppm| ppm < least_ppm);
        let accusing =
            || operator.payers.iter().filter(is_below).filter(|word| word.weight_wei > 0);
        let all_wei = weight(operator.payers.iter());
        let below_wei = weight(accusing());
        self.all_wei = self.all_wei.saturating_add(all_wei);
        let Some(ppm) = operator.completeness_ppm else { return };
        if below_wei.saturating_mul(2) <= all_wei {
            return;
        }
        self.below_wei = self.below_wei.saturating_add(below_wei);
        self.accusers.extend(accusing().map(|word| word.payer));
        let worst = (ppm, stream);
        self.worst = Some(self.worst.map_or(worst, |held| held.min(worst)));
    }

    fn closed(self, operator_id: OperatorId) -> Option<Finding> {
        let (completeness_ppm, stream) = self.worst?;
        let share = self.below_wei.saturating_mul(u128::from(WHOLE_PPM));
        let is_enough = share >= self.all_wei.saturating_mul(u128::from(LEAST_SHARE_PPM));
        let mut accusers = self.accusers.into_iter();
        let sole_payer = accusers.next().filter(|_| accusers.next().is_none());
        is_enough.then_some(Finding { operator_id, stream, completeness_ppm, sole_payer })
    }
}

fn weight<'a>(words: impl Iterator<Item = &'a PayerWord>) -> u128 {
    words.fold(0, |sum, word| sum.saturating_add(word.weight_wei))
}

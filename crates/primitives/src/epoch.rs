//! Epochs: the steps of chain time at which fees are taken.
//!
//! Invariant: `Epoch` numbers only ever come from a schedule and a time given by the caller; there is no clock here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of an epoch, counted from 0 by the stake pool.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch before, unless this is the first.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The epoch after.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// When epochs begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochSchedule {
    /// Start of epoch 0, seconds since 1970.
    pub genesis_s: u64,
    /// Length of every epoch in seconds; at least 1.
    pub length_s: u64,
}

impl EpochSchedule {
    /// The epoch that `now_ms` (milliseconds since 1970) falls in; epoch 0 before genesis.
    pub fn epoch_at_ms(&self, now_ms: u64) -> Epoch {
        let since_ms = now_ms.saturating_sub(self.genesis_s.saturating_mul(1000));
        let length_ms = self.length_s.max(1).saturating_mul(1000);
        Epoch(since_ms.checked_div(length_ms).unwrap_or_default())
    }

    /// The first millisecond of `epoch`.
    pub fn start_ms(&self, epoch: Epoch) -> u64 {
        let offset_s = epoch.0.saturating_mul(self.length_s.max(1));
        self.genesis_s.saturating_add(offset_s).saturating_mul(1000)
    }

    /// The first millisecond after `epoch`.
    pub fn end_ms(&self, epoch: Epoch) -> u64 {
        self.start_ms(epoch.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_holds_its_first_millisecond_and_not_its_end() {
        let schedule = EpochSchedule { genesis_s: 100, length_s: 20 };
        assert_eq!(schedule.epoch_at_ms(0), Epoch(0));
        assert_eq!(schedule.epoch_at_ms(119_999), Epoch(0));
        assert_eq!(schedule.epoch_at_ms(120_000), Epoch(1));
        assert_eq!(schedule.end_ms(Epoch(0)), schedule.start_ms(Epoch(1)));
        assert_eq!(schedule.start_ms(Epoch(1)), 120_000);
    }
}

//! A receipt names an epoch that has begun and still takes receipts.

use tatum_primitives::{Epoch, EpochSchedule};

use crate::{DeliveryReceipt, Rejection};

/// The epochs that take receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochWindow {
    /// The earliest epoch that takes receipts.
    pub earliest_open: Epoch,
    /// The running epoch.
    pub running: Epoch,
}

impl EpochWindow {
    /// The running epoch, and the one before it until `grace_ms` after its end.
    pub fn at(schedule: EpochSchedule, now_ms: u64, grace_ms: u64) -> Self {
        Self {
            earliest_open: schedule.epoch_at_ms(now_ms.saturating_sub(grace_ms)),
            running: schedule.epoch_at_ms(now_ms),
        }
    }

    /// Only `epoch`: for looking back at a closed one.
    pub fn only(epoch: Epoch) -> Self {
        Self { earliest_open: epoch, running: epoch }
    }
}

pub(super) fn check(receipt: &DeliveryReceipt, window: EpochWindow) -> Result<(), Rejection> {
    let got = receipt.epoch;
    if got > window.running {
        return Err(Rejection::FutureEpoch { got, running: window.running });
    }
    if got < window.earliest_open {
        return Err(Rejection::PastEpoch { got, earliest_open: window.earliest_open });
    }
    Ok(())
}

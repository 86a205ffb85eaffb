//! The orderly end of a client.
//!
//! Invariant: it ends when all its receipts are settled, or when its patience is over, whichever comes first.

use tatum_overlay::Now;

use super::Tab;
use crate::Output;

/// How long an ending publisher waits for relays that have not said yet what they accepted.
const LAST_WORDS_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Finishing(Option<Times>);

#[derive(Debug)]
struct Times {
    close_by_ms: u64,
    deadline_ms: u64,
    closed: bool,
    told: bool,
}

impl Finishing {
    pub(super) fn begin(&mut self, patience_ms: u64, now: &Now) {
        if self.0.is_none() {
            let close_by_ms = now.monotonic_ms.saturating_add(patience_ms.min(LAST_WORDS_MS));
            let deadline_ms = now.monotonic_ms.saturating_add(patience_ms);
            self.0 = Some(Times { close_by_ms, deadline_ms, closed: false, told: false });
        }
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.0.is_some()
    }
}

impl Tab {
    /// Goes on with an end that has begun.
    pub(super) fn finish(&mut self) {
        let now = self.now();
        let (in_flight, unsettled) = (self.overlay.in_flight(), self.overlay.unsettled());
        let Some(times) = &mut self.finishing.0 else { return };
        if !times.closed {
            if in_flight == 0 || now.monotonic_ms >= times.close_by_ms {
                times.closed = true;
                self.overlay.leave_all();
                self.overlay.close_accounts(&now);
            }
        } else if !times.told && (unsettled == 0 || now.monotonic_ms >= times.deadline_ms) {
            times.told = true;
            self.outputs.push(Output::Finished { unsettled });
        }
    }
}

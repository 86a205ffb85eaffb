//! The orderly end of an engine.
//!
//! Invariant: it ends when all its receipts are settled and its clients had time for theirs, or
//! when its patience is over, whichever comes first.

use std::time::Duration;

use tatum_primitives::millis;
use tokio::sync::oneshot;

use super::{Closing, Engine};

/// How long an ending publisher waits for relays that have not said yet what they accepted.
const LAST_WORDS_MS: u64 = 1_000;

pub(super) struct Finishing {
    close_by_ms: u64,
    deadline_ms: u64,
    /// Since when nothing changed; `None` until accounts are closed.
    quiet_since_ms: Option<u64>,
    unreceipted: u64,
    reply: Option<oneshot::Sender<Closing>>,
}

impl Engine {
    pub(super) fn finish(&mut self, patience: Duration, reply: oneshot::Sender<Closing>) {
        let now = self.now();
        let patience_ms = millis(patience);
        self.finishing = Some(Finishing {
            close_by_ms: now.monotonic_ms.saturating_add(patience_ms.min(LAST_WORDS_MS)),
            deadline_ms: now.monotonic_ms.saturating_add(patience_ms),
            quiet_since_ms: None,
            unreceipted: 0,
            reply: Some(reply),
        });
    }

    /// Whether an orderly end is complete: relays said what they accepted, our receipts are
    /// settled, and clients had time for theirs.
    pub(super) fn finished(&mut self) -> bool {
        const QUIET_MS: u64 = 600;
        let now = self.now();
        let unsettled = self.overlay.unsettled();
        let unreceipted = self.overlay.unreceipted_bytes(&now);
        let in_flight = self.overlay.in_flight();
        let Some(finishing) = &mut self.finishing else { return false };
        let Some(quiet_since_ms) = &mut finishing.quiet_since_ms else {
            if in_flight == 0 || now.monotonic_ms >= finishing.close_by_ms {
                finishing.quiet_since_ms = Some(now.monotonic_ms);
                self.overlay.end_service();
                self.overlay.leave_all();
                self.overlay.close_accounts(&now);
            }
            return false;
        };
        if unsettled > 0 || unreceipted != finishing.unreceipted {
            finishing.unreceipted = unreceipted;
            *quiet_since_ms = now.monotonic_ms;
        }
        let quiet_ms = now.monotonic_ms.saturating_sub(*quiet_since_ms);
        let quiet = quiet_ms >= QUIET_MS || unreceipted == 0;
        let done = (unsettled == 0 && quiet) || now.monotonic_ms >= finishing.deadline_ms;
        if done && let Some(reply) = finishing.reply.take() {
            // Whoever asked may have gone.
            let _ = reply.send(Closing { unsettled });
        }
        done
    }
}

//! A client that nobody serves: it says so, and says so again for as long as it lasts.
//!
//! Invariant: of a stream that a client wants something of, the caller hears within ten seconds that no relay
//! gives it, and then every ten seconds, so that it looks for others and its owner knows.

use tatum_primitives::Role;

use super::peer::Attachment;
use super::{Output, Overlay};
use crate::Now;

/// A relay that is asked answers sooner than this.
const FIRST_MS: u64 = 5_000;
/// How often it is said again.
const AGAIN_MS: u64 = 10_000;

/// Since when nobody serves us in a stream.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Search {
    since_ms: Option<u64>,
    said_ms: Option<u64>,
}

impl Search {
    /// For how long nobody has served us, if it is time to say so.
    fn look(&mut self, served: bool, now_ms: u64) -> Option<u64> {
        if served {
            *self = Self::default();
            return None;
        }
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        let due_ms = match self.said_ms {
            None => since_ms.saturating_add(FIRST_MS),
            Some(said_ms) => said_ms.saturating_add(AGAIN_MS),
        };
        if now_ms < due_ms {
            return None;
        }
        self.said_ms = Some(now_ms);
        Some(now_ms.saturating_sub(since_ms))
    }
}

impl Overlay {
    /// Once a second: looks for streams in which no relay does what we want of it.
    pub(super) fn note_unserved(&mut self, now: &Now) {
        if self.client.is_none() {
            return;
        }
        for (key, stream) in &mut self.streams {
            let peers = || {
                let links = self.links.on(key).into_iter();
                links.filter_map(|link| self.links.peer(link, key))
            };
            let wanted = [
                (stream.subscribed, Role::Subscriber, &mut stream.reading),
                (stream.published, Role::Publisher, &mut stream.writing),
            ];
            for (_, role, search) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
                let served = peers().any(|peer| match role {
                    Role::Publisher => peer.accepts_us == Attachment::Admitted,
                    Role::Subscriber | Role::Storage => peer.serves_us == Attachment::Admitted,
                });
                if let Some(for_ms) = search.look(served, now.monotonic_ms) {
                    self.outputs.push_back(Output::Unserved { stream: *key, role, for_ms });
                }
            }
        }
    }
}

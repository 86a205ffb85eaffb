//! Signals of links that are being made, passed on between neighbours.
//!
//! Invariant: a node is passed signals of its neighbours only, so many from each and so many from all; each costs it a
//! signature check, and an offer a whole session.

use tatum_primitives::NodeId;
use tatum_protocol::tracker::{FromTracker, Signal};

use crate::signal_rates::Signals;
use crate::{Refusal, Tracker};

impl Tracker {
    /// Whether a signal may be passed on now.
    pub(crate) fn may_signal(
        &mut self,
        from: NodeId,
        to: NodeId,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.related(from, to)?;
        let Signals { between, received } = &mut self.signals;
        // The pair first: who says too much to one node does not use up what others may say to it.
        if between.take((from, to), 1, now_ms) && received.take(to, 1, now_ms) {
            Ok(())
        } else {
            Err(Refusal::Signals(to))
        }
    }

    /// Passes a signal on.
    pub(crate) fn signal(
        &mut self,
        from: NodeId,
        to: NodeId,
        signal: Signal,
    ) -> Result<(), Refusal> {
        // They may have been parted while the signature was checked.
        self.related(from, to)?;
        self.pass_on(to, FromTracker::Signal { from, signal });
        Ok(())
    }

    /// Whether the two are neighbours somewhere, and the other is here.
    fn related(&self, from: NodeId, to: NodeId) -> Result<(), Refusal> {
        let sender = self.members.get(&from).ok_or(Refusal::Gone)?;
        let mut shared = sender.streams.keys().chain(&sender.recruited);
        let related = shared.any(|key| {
            let stream = self.streams.get(key);
            stream.is_some_and(|stream| stream.topology.are_neighbours(&from, &to))
        });
        if !related {
            return Err(Refusal::NoNeighbour(to));
        }
        self.members.get(&to).map(|_| ()).ok_or(Refusal::NotConnected(to))
    }
}

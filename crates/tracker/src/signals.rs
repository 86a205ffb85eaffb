//! Signals of links that are being made, passed on between neighbours.
//!
//! Invariant: a node is passed signals of its neighbours only, so many from each and so many from all; each costs it a
//! signature check, and an offer a whole session.

use tatum_overlay::limit::{Limiter, Rate};
use tatum_primitives::NodeId;
use tatum_protocol::tracker::{FromTracker, Signal};

use crate::{Refusal, Tracker};

/// From one node to another. Who dials waits longer each time, so an honest one stays below this.
pub(crate) const BETWEEN: Rate = Rate { per_second: 1, burst: 8 };
/// Pairs whose rates are remembered.
pub(crate) const MAX_PAIRS: usize = 65_536;
/// From all nodes to one: at a relay's start all its neighbours come at once.
pub(crate) const RECEIVED: Rate = Rate { per_second: 100, burst: 2_048 };
/// Receivers whose rates are remembered.
pub(crate) const MAX_RECEIVERS: usize = 16_384;

/// How many signals may be passed on.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) between: Limiter<(NodeId, NodeId)>,
    pub(crate) received: Limiter<NodeId>,
}

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

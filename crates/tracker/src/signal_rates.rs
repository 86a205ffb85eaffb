//! How many signals pass between nodes.
//!
//! Invariant: what is remembered of nodes and pairs of them is bounded.

use tatum_overlay::limit::{Limiter, Rate};
use tatum_primitives::NodeId;

/// From one node to another. Who dials waits longer each time, so an honest one stays below this.
const BETWEEN: Rate = Rate { per_second: 1, burst: 8 };
/// Pairs whose rates are remembered.
const MAX_PAIRS: usize = 65_536;
/// From all nodes to one: at a relay's start all its neighbours come at once.
const RECEIVED: Rate = Rate { per_second: 100, burst: 2_048 };
/// Receivers whose rates are remembered.
const MAX_RECEIVERS: usize = 16_384;

/// How many signals may be passed on.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) between: Limiter<(NodeId, NodeId)>,
    pub(crate) received: Limiter<NodeId>,
}

impl Signals {
    pub(crate) const fn new() -> Self {
        Self {
            between: Limiter::new(BETWEEN, MAX_PAIRS),
            received: Limiter::new(RECEIVED, MAX_RECEIVERS),
        }
    }
}

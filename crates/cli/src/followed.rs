//! The chain as the commands of nodes and clients follow it.
//!
//! Invariant: it is followed for as long as somebody holds it, and no longer.

use std::sync::Arc;
use std::time::Duration;

use tatum_chain::{ChainView, Follower, follow, follow_with_fees};
use tatum_node::{Clock, SystemClock};
use tatum_primitives::Domain;

use crate::args::ChainArgs;

/// How often the chain is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// The chain, followed for as long as this lives.
#[derive(Debug)]
pub(crate) struct Followed {
    /// What the receipt rules ask.
    pub(crate) view: ChainView,
    /// What receipts are signed for.
    pub(crate) domain: Domain,
    _follower: Follower,
}

impl Followed {
    /// Connects and reads the chain up to now.
    pub(crate) async fn new(args: &ChainArgs, confirmations: u64) -> anyhow::Result<Self> {
        let chain = args.read_only().await?;
        let domain = chain.domain();
        let (view, follower) = follow(chain, confirmations, FOLLOW_EVERY).await?;
        Ok(Self { view, domain, _follower: follower })
    }

    /// The same, with what payers paid in the last closed epoch.
    pub(crate) async fn with_fees(args: &ChainArgs, confirmations: u64) -> anyhow::Result<Self> {
        let chain = args.read_only().await?;
        let domain = chain.domain();
        let (view, follower) = follow_with_fees(chain, confirmations, FOLLOW_EVERY).await?;
        Ok(Self { view, domain, _follower: follower })
    }

    /// The machine's clock with the chain's epochs.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::new(self.view.schedule()))
    }
}

//! What relays ask: those that the operator of this service named are asked for their status now and then.
//!
//! Invariant: nobody is asked because a request says so, and no more than [`AT_ONCE`] at a time. What is told is of one round: a relay that
//! did not answer in it is counted, and its ask is not guessed. Where a relay serves its status is told to nobody.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tatum_chain::{ChainView, median};
use tatum_primitives::{Nano, NodeId};
use tatum_protocol::client::NodeClient;
use tatum_protocol::web::{Ask, Asks};
use tokio::sync::watch;

use crate::heads::since_1970;

/// Relays that are asked, at most.
pub(crate) const MOST_RELAYS: usize = 200;
/// Answers that are read at once: each may be of some megabytes.
const AT_ONCE: usize = 4;
/// How often they are asked.
const EVERY: Duration = Duration::from_secs(30);

/// What one relay said.
type Said = (NodeId, Option<Nano>);

/// The last round's answers.
#[derive(Clone, Debug, Default)]
struct Round {
    asked_at_s: Option<u64>,
    silent: usize,
    said: Vec<Said>,
}

/// What is known of asks. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct KnownAsks {
    last: watch::Receiver<Round>,
}

impl KnownAsks {
    /// Asks `relays` until the task is aborted; nobody, if there are none.
    pub(crate) fn follow(relays: Vec<NodeClient>) -> (Self, tokio::task::JoinHandle<()>) {
        let (set, last) = watch::channel(Round::default());
        let task = tokio::spawn(async move {
            while !relays.is_empty() {
                set.send_replace(round(&relays).await);
                tokio::time::sleep(EVERY).await;
            }
        });
        (Self { last }, task)
    }

    /// What they ask, and whose they are by the chain.
    pub(crate) fn told(&self, view: &ChainView) -> Asks {
        let Round { asked_at_s, silent, said } = self.last.borrow().clone();
        let told = |(node, ask_nano_per_gib): Said| Ask {
            node,
            operator: view.operator_of(node),
            ask_nano_per_gib,
        };
        let median_ask_nano_per_gib = median(said.iter().filter_map(|(_, ask)| *ask).collect());
        let relays = said.into_iter().map(told).collect();
        Asks { asked_at_s, silent, median_ask_nano_per_gib, relays }
    }
}

async fn round(relays: &[NodeClient]) -> Round {
    let asked_at_s = Some(since_1970() / 1_000);
    let answers: Vec<Option<Said>> =
        stream::iter(relays.to_vec()).map(ask).buffered(AT_ONCE).collect().await;
    let silent = answers.iter().filter(|answer| answer.is_none()).count();
    let mut said: Vec<Said> = answers.into_iter().flatten().collect();
    // Named twice, it is one relay.
    said.sort_unstable();
    said.dedup_by_key(|(node, _)| *node);
    Round { asked_at_s, silent, said }
}

async fn ask(relay: NodeClient) -> Option<Said> {
    match relay.status().await {
        Ok(status) => Some((status.node, status.ask_nano_per_gib)),
        Err(error) => {
            tracing::debug!(%error, "a relay did not tell its ask");
            None
        }
    }
}

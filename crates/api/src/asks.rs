//! What relays ask and carry: those that the operator of this service named are asked for their status now and then.
//!
//! Invariant: nobody is asked because a request says so, and no more than [`AT_ONCE`] at a time. What is told is of one round: a relay that
//! did not answer in it is counted, and its ask is not guessed. Where a relay serves its status is told to nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tatum_chain::{ChainView, median};
use tatum_primitives::{B256, Nano, NodeId, StreamKey};
use tatum_protocol::client::NodeClient;
use tatum_protocol::status::NodeStatus;
use tatum_protocol::web::{Ask, Asks};
use tokio::sync::watch;

use crate::heads::since_1970;

/// Relays that are asked, at most.
pub(crate) const MOST_RELAYS: usize = 200;
/// Answers that are read at once: each may be of some megabytes.
const AT_ONCE: usize = 4;
/// How often they are asked.
const EVERY: Duration = Duration::from_secs(30);

/// Streams that are kept of a relay's answer.
const MOST_STREAMS: usize = 1_000;
/// A longer delay is no delay but a clock.
const LONGEST_DELAY_MS: u64 = 86_400_000;

/// What one relay asks.
type Said = (NodeId, Option<Nano>);
/// What each relay carries.
type AllCarried = BTreeMap<(StreamKey, NodeId), Carried>;

/// What a relay says of a stream that it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    /// How old first copies are when they come.
    pub(crate) delay_ms: u64,
    /// How many came since it started.
    pub(crate) messages: u64,
}

/// The last round's answers.
#[derive(Clone, Debug, Default)]
struct Round {
    asked_at_s: Option<u64>,
    silent: usize,
    said: Vec<Said>,
    carried: Arc<AllCarried>,
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
        let Round { asked_at_s, silent, said, .. } = self.last.borrow().clone();
        let told = |(node, ask_nano_per_gib): Said| Ask {
            node,
            operator: view.operator_of(node),
            ask_nano_per_gib,
        };
        let median_ask_nano_per_gib = median(said.iter().filter_map(|(_, ask)| *ask).collect());
        let relays = said.into_iter().map(told).collect();
        Asks { asked_at_s, silent, median_ask_nano_per_gib, relays }
    }

    /// When they were asked, and what those said of a stream that carry it.
    pub(crate) fn carried(&self, stream: StreamKey) -> (Option<u64>, BTreeMap<NodeId, Carried>) {
        let round = self.last.borrow();
        let (first, last) = (NodeId::default(), NodeId(B256::repeat_byte(0xff)));
        let of_stream = round.carried.range((stream, first)..=(stream, last));
        (round.asked_at_s, of_stream.map(|((_, node), carried)| (*node, *carried)).collect())
    }
}

async fn round(relays: &[NodeClient]) -> Round {
    let asked_at_s = Some(since_1970() / 1_000);
    let answers: Vec<Option<NodeStatus>> =
        stream::iter(relays.to_vec()).map(ask).buffered(AT_ONCE).collect().await;
    let silent = answers.iter().filter(|answer| answer.is_none()).count();
    let (mut said, mut carried) = (Vec::<Said>::new(), AllCarried::new());
    for status in answers.into_iter().flatten() {
        said.push((status.node, status.ask_nano_per_gib));
        carried.extend(all_carried(&status));
    }
    // Named twice, it is one relay.
    said.sort_unstable();
    said.dedup_by_key(|(node, _)| *node);
    Round { asked_at_s, silent, said, carried: Arc::new(carried) }
}

fn all_carried(status: &NodeStatus) -> impl Iterator<Item = ((StreamKey, NodeId), Carried)> {
    status.streams.iter().take(MOST_STREAMS).map(|of| {
        let carried =
            Carried { delay_ms: of.delay_ms.min(LONGEST_DELAY_MS), messages: of.messages };
        ((of.stream, status.node), carried)
    })
}

/// What a relay says, without what is not used: an answer may be of some megabytes.
async fn ask(relay: NodeClient) -> Option<NodeStatus> {
    match relay.status().await {
        Ok(status) => Some(NodeStatus { peers: Vec::new(), ..status }),
        Err(error) => {
            tracing::debug!(%error, "a relay did not tell its ask");
            None
        }
    }
}

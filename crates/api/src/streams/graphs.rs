//! Who carries a stream for whom, as its tracker says.
//!
//! Invariant: a stream's trackers are asked once in [`FRESH`], however many ask; [`AT_ONCE`] streams at a time. No more than
//! [`MOST_GRAPHS`] are held, and of each no more than [`MOST_NODES`] and [`MOST_LINKS`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::client::TrackerClient;
use tatum_protocol::web::StreamLink;
use tatum_protocol::{Graph, LONGEST_ROUND_TRIP_US};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use super::Place;
use crate::error::ApiError;
use crate::heads::since_1970;

/// How long an answer is told on.
const FRESH: Duration = Duration::from_secs(5);
/// Streams whose trackers are asked at the same time.
const AT_ONCE: usize = 4;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// How long a tracker may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Answers that are held.
const MOST_GRAPHS: usize = 32;
/// Nodes of a graph that are told.
const MOST_NODES: usize = 2_000;
/// Links of a graph that are told.
const MOST_LINKS: usize = 10_000;

/// A graph as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) asked_at_s: u64,
    pub(crate) is_cut: bool,
    pub(crate) nodes: Vec<Place>,
    pub(crate) links: Vec<StreamLink>,
}

/// An answer, or the question for it.
#[derive(Debug)]
struct Slot {
    since: Instant,
    drawn: OnceCell<Arc<Drawn>>,
}

/// Graphs that were asked for lately.
#[derive(Debug)]
pub(crate) struct Graphs {
    trackers: Vec<TrackerClient>,
    held: Mutex<HashMap<StreamKey, Arc<Slot>>>,
    turns: Semaphore,
}

impl Graphs {
    pub(super) fn new(trackers: Vec<TrackerClient>) -> Self {
        Self { trackers, held: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// The graph of a stream that these trackers know.
    pub(crate) async fn of(
        &self,
        stream: StreamKey,
        trackers: &[usize],
    ) -> Result<Arc<Drawn>, ApiError> {
        let slot = self.slot(stream);
        slot.drawn.get_or_try_init(|| self.ask(stream, trackers)).await.cloned()
    }

    fn slot(&self, stream: StreamKey) -> Arc<Slot> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, slot| slot.since.elapsed() < FRESH);
        let slot = || Arc::new(Slot { since: Instant::now(), drawn: OnceCell::new() });
        if held.len() >= MOST_GRAPHS && !held.contains_key(&stream) {
            return slot();
        }
        Arc::clone(held.entry(stream).or_insert_with(slot))
    }

    async fn ask(&self, stream: StreamKey, trackers: &[usize]) -> Result<Arc<Drawn>, ApiError> {
        let busy = || ApiError::busy("too many graphs are asked for; try again shortly");
        let turn = timeout(TURN, self.turns.acquire()).await;
        let _turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let asked = trackers.iter().filter_map(|tracker| self.trackers.get(*tracker));
        let answers = join_all(asked.map(|tracker| timeout(PATIENCE, tracker.graph(stream)))).await;
        let answers = answers.into_iter().filter_map(|answer| answer.ok()?.ok());
        let graph = answers
            .filter(|graph| graph.stream == stream)
            .max_by_key(|graph| graph.nodes.len())
            .ok_or_else(|| ApiError::busy("the stream's tracker does not answer"))?;
        Ok(Arc::new(drawn(graph, since_1970() / 1_000)))
    }
}

fn drawn(graph: Graph, asked_at_s: u64) -> Drawn {
    let mut all: BTreeMap<NodeId, bool> = BTreeMap::new();
    for vertex in &graph.nodes {
        all.insert(vertex.node, vertex.relay);
    }
    let count = all.len();
    // Relays before clients, so that what is cut off is its edge.
    let mut nodes: Vec<Place> = all.into_iter().collect();
    nodes.sort_by_key(|(node, is_relay)| (!is_relay, *node));
    nodes.truncate(MOST_NODES);
    let shown: BTreeMap<NodeId, bool> = nodes.iter().copied().collect();
    // A relay's word of another's link, or of one that is none, is nobody's to ask for.
    let said = graph.round_trips.into_iter().filter(|said| shown.get(&said.by) == Some(&true));
    let said: HashMap<(NodeId, NodeId), u32> = said
        .map(|said| ((said.by, said.to), said.round_trip_us.min(LONGEST_ROUND_TRIP_US)))
        .collect();
    let pairs = graph.links.into_iter().filter(|(a, b)| a < b);
    let pairs = pairs.filter(|(a, b)| shown.contains_key(a) && shown.contains_key(b));
    let mut links: Vec<StreamLink> = pairs
        .map(|(a, b)| StreamLink {
            a,
            b,
            round_trip_by_a_us: said.get(&(a, b)).copied(),
            round_trip_by_b_us: said.get(&(b, a)).copied(),
        })
        .collect();
    let is_cut = count > MOST_NODES || links.len() > MOST_LINKS;
    links.truncate(MOST_LINKS);
    Drawn { asked_at_s, is_cut, nodes, links }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tatum_primitives::B256;
    use tatum_protocol::{ToldRoundTrip, Vertex};

    use super::*;

    fn node(number: usize) -> NodeId {
        NodeId(B256::left_padding_from(&number.to_be_bytes()))
    }

    /// One relay, and clients at it.
    fn star(clients: usize) -> Graph {
        let vertex =
            |number| Vertex { node: node(number), relay: number == 9_999, operator_id: None };
        let nodes = (0..clients).chain([9_999]).map(vertex).collect();
        let links = (0..clients).map(|number| (node(number), node(9_999))).collect();
        Graph { stream: StreamKey(B256::ZERO), nodes, links, round_trips: Vec::new() }
    }

    #[test]
    fn a_graph_is_cut_at_its_edge_and_says_so() {
        let small = drawn(star(3), 7);
        assert_eq!((small.nodes.len(), small.links.len(), small.is_cut), (4, 3, false));
        assert_eq!(small.nodes[0], (node(9_999), true));
        let large = drawn(star(MOST_NODES), 7);
        assert_eq!((large.nodes.len(), large.links.len()), (MOST_NODES, MOST_NODES - 1));
        assert!(large.is_cut && large.nodes[0].1);
    }

    #[test]
    fn links_of_nobody_and_to_oneself_are_not_told() {
        let mut graph = star(2);
        graph.links = BTreeSet::from([
            (node(0), node(9_999)),
            (node(9_999), node(0)),
            (node(1), node(1)),
            (node(5), node(6)),
        ]);
        let pairs: Vec<_> = drawn(graph, 7).links.iter().map(|link| (link.a, link.b)).collect();
        assert_eq!(pairs, [(node(0), node(9_999))]);
    }

    #[test]
    fn how_long_a_link_takes_is_a_relays_word_and_bounded() {
        let mut graph = star(2);
        let said =
            |by, to, round_trip_us| ToldRoundTrip { by: node(by), to: node(to), round_trip_us };
        graph.round_trips = vec![
            said(9_999, 0, 1_500),
            said(9_999, 1, u32::MAX),
            said(9_999, 7, 3),
            said(0, 9_999, 9),
        ];
        let links = drawn(graph, 7).links;
        let told: Vec<_> =
            links.iter().map(|link| (link.round_trip_by_a_us, link.round_trip_by_b_us)).collect();
        assert_eq!(told, [(None, Some(1_500)), (None, Some(LONGEST_ROUND_TRIP_US))]);
    }

    #[tokio::test]
    async fn no_more_graphs_are_held_than_said_and_who_has_no_tracker_is_told_so() {
        let graphs = Graphs::new(Vec::new());
        for number in 0..MOST_GRAPHS + 5 {
            let stream = StreamKey(node(number).0);
            assert!(graphs.of(stream, &[0]).await.is_err());
        }
        assert_eq!(graphs.held.lock().unwrap().len(), MOST_GRAPHS);
    }
}

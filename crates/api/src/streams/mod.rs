//! Streams: the trackers that the operator of this service named are asked for theirs now and then, and for a stream's graph when it is
//! asked for.
//!
//! Invariant: a request makes no tracker be asked but for the graph of a stream that one listed, once in a while for all who ask
//! ([`graphs`]). A tracker that does not answer holds up nothing that others tell, and is counted. What is told is of one round.

mod graphs;
mod list;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tatum_primitives::{NodeId, StreamId, StreamKey};
use tatum_protocol::client::TrackerClient;
use tatum_protocol::web::{AsOf, StreamShown, Streams};
use tokio::sync::watch;

pub(crate) use graphs::Graphs;

use crate::heads::since_1970;

/// Trackers that are asked, at most.
pub(crate) const MOST_TRACKERS: usize = 32;
/// How often they are asked for their streams.
const EVERY: Duration = Duration::from_secs(30);

/// A stream that trackers listed.
#[derive(Clone, Debug)]
struct Known {
    shown: StreamShown,
    /// Which trackers did.
    trackers: Vec<usize>,
}

/// The last round's answers.
#[derive(Clone, Debug, Default)]
struct Round {
    asked_at_s: Option<u64>,
    silent: usize,
    is_complete: bool,
    streams: Arc<BTreeMap<StreamKey, Known>>,
}

/// What is known of streams. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct KnownStreams {
    last: watch::Receiver<Round>,
    graphs: Arc<Graphs>,
}

impl KnownStreams {
    /// Asks `trackers` until the task is aborted; nobody, if there are none.
    pub(crate) fn follow(trackers: Vec<TrackerClient>) -> (Self, tokio::task::JoinHandle<()>) {
        let (set, last) = watch::channel(Round::default());
        let graphs = Arc::new(Graphs::new(trackers.clone()));
        let task = tokio::spawn(async move {
            while !trackers.is_empty() {
                set.send_replace(round(&trackers).await);
                tokio::time::sleep(EVERY).await;
            }
        });
        (Self { last, graphs }, task)
    }

    /// Those after one key, or of one name.
    pub(crate) fn told(
        &self,
        as_of: AsOf,
        (after, id): (Option<StreamKey>, Option<&StreamId>),
        limit: usize,
    ) -> Streams {
        let Round { asked_at_s, silent, is_complete, streams } = self.last.borrow().clone();
        let from = after.map_or(Unbounded, Excluded);
        let mut rest = streams
            .range((from, Unbounded))
            .map(|(_, known)| &known.shown)
            .filter(|shown| id.is_none_or(|id| shown.id == *id));
        let streams: Vec<StreamShown> = rest.by_ref().take(limit).cloned().collect();
        let last = streams.last().map(|last| last.stream);
        let next = last.filter(|_| rest.next().is_some());
        Streams { as_of, asked_at_s, silent, is_complete, streams, next }
    }

    /// A stream that a tracker listed, and which did.
    pub(crate) fn known(&self, stream: StreamKey) -> Option<(StreamShown, Vec<usize>)> {
        let round = self.last.borrow();
        let known = round.streams.get(&stream)?;
        Some((known.shown.clone(), known.trackers.clone()))
    }

    /// Their graphs.
    pub(crate) fn graphs(&self) -> &Graphs {
        &self.graphs
    }
}

async fn round(trackers: &[TrackerClient]) -> Round {
    let asked_at_s = Some(since_1970() / 1_000);
    let answers = join_all(trackers.iter().map(list::of)).await;
    let silent = answers.iter().filter(|answer| answer.is_none()).count();
    let is_complete = answers.iter().flatten().all(|listed| listed.is_complete);
    let lists = answers.into_iter().enumerate();
    let lists = lists.filter_map(|(tracker, listed)| Some((tracker, listed?.streams)));
    Round { asked_at_s, silent, is_complete, streams: Arc::new(merged(lists)) }
}

/// All that they know. While a stream moves from one tracker to another both know it: the one with more of its nodes tells.
fn merged(lists: impl Iterator<Item = (usize, Vec<StreamShown>)>) -> BTreeMap<StreamKey, Known> {
    let mut all = BTreeMap::<StreamKey, Known>::new();
    for (tracker, streams) in lists {
        for shown in streams {
            match all.entry(shown.stream) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(Known { shown, trackers: vec![tracker] });
                }
                std::collections::btree_map::Entry::Occupied(mut held) => {
                    let known = held.get_mut();
                    known.trackers.push(tracker);
                    if nodes(&shown) > nodes(&known.shown) {
                        known.shown = shown;
                    }
                }
            }
        }
    }
    all
}

const fn nodes(shown: &StreamShown) -> usize {
    shown.relays.saturating_add(shown.clients)
}

/// A node of a graph, with whether it relays.
type Place = (NodeId, bool);

#[cfg(test)]
mod tests {
    use tatum_primitives::B256;

    use super::*;

    fn shown(id: &str, clients: usize) -> StreamShown {
        let id = StreamId::new(id).unwrap();
        let (stream, owner) = (id.key(0), id.owner());
        let (relays, publishers, bytes_per_s) = (1, 0, 0);
        StreamShown { stream, id, partition: 0, owner, relays, clients, publishers, bytes_per_s }
    }

    fn known(streams: BTreeMap<StreamKey, Known>) -> KnownStreams {
        let round = Round { asked_at_s: Some(1), is_complete: true, ..Round::default() };
        let (_, last) = watch::channel(Round { streams: Arc::new(streams), ..round });
        KnownStreams { last, graphs: Arc::new(Graphs::new(Vec::new())) }
    }

    fn as_of() -> AsOf {
        AsOf { block: 1, hash: B256::ZERO, time_s: 0, finalized: true }
    }

    #[test]
    fn a_stream_that_two_trackers_know_is_told_once_by_the_one_that_knows_more_of_it() {
        let lists = [vec![shown("a", 1), shown("b", 9)], vec![shown("a", 5), shown("c", 1)]];
        let all = merged(lists.into_iter().enumerate());
        let a = &all[&shown("a", 0).stream];
        assert_eq!((all.len(), a.shown.clients, a.trackers.as_slice()), (3, 5, [0, 1].as_slice()));
        assert_eq!(all[&shown("b", 0).stream].trackers, [0]);
    }

    #[test]
    fn streams_are_told_in_pages_and_by_name() {
        let names = ["a", "b", "c"];
        let list = names.map(|name| shown(name, 1)).to_vec();
        let all = known(merged([(0, list)].into_iter()));
        let first = all.told(as_of(), (None, None), 2);
        assert_eq!((first.streams.len(), first.next), (2, Some(first.streams[1].stream)));
        let rest = all.told(as_of(), (first.next, None), 2);
        assert_eq!((rest.streams.len(), rest.next), (1, None));
        assert!(first.streams[1].stream < rest.streams[0].stream);
        let named = all.told(as_of(), (None, Some(&StreamId::new("b").unwrap())), 2);
        assert_eq!((named.streams, named.next), (vec![shown("b", 1)], None));
        assert!(
            all.known(shown("c", 1).stream).is_some() && all.known(shown("d", 1).stream).is_none()
        );
    }
}

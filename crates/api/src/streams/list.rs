//! One tracker's streams.
//!
//! Invariant: a name is believed only if its key is made from it, and a list only if it goes on; no more than [`MOST_STREAMS`] are
//! kept, and no number that a page could not show.

use std::time::Duration;

use tatum_primitives::StreamKey;
use tatum_protocol::client::TrackerClient;
use tatum_protocol::web::StreamShown;
use tatum_protocol::{MOST_LISTED, StreamEntry, StreamList};
use tokio::time::timeout;

/// Streams of a tracker that are kept.
const MOST_STREAMS: usize = 20_000;
/// How long a tracker may take for all of them.
const PATIENCE: Duration = Duration::from_secs(10);
/// More nodes of a stream than there are anywhere.
const MOST_NODES: usize = 1_000_000;

/// What a tracker lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) streams: Vec<StreamShown>,
    /// Whether these are all.
    pub(super) is_complete: bool,
}

/// All streams of a tracker; nothing if it does not answer in time, or with what cannot be.
pub(super) async fn of(tracker: &TrackerClient) -> Option<Listed> {
    let listed = timeout(PATIENCE, pages(tracker)).await.ok().flatten();
    if listed.is_none() {
        tracing::debug!(tracker = tracker.base(), "a tracker did not tell its streams");
    }
    listed
}

async fn pages(tracker: &TrackerClient) -> Option<Listed> {
    let mut listed = Listed::default();
    let mut after = None;
    while listed.streams.len() < MOST_STREAMS {
        let page = tracker.streams(after).await.ok()?;
        after = page.next;
        listed.streams.extend(checked(page, listed.streams.last().map(|last| last.stream))?);
        if after.is_none() {
            listed.is_complete = true;
            break;
        }
    }
    Some(listed)
}

/// A page, if it goes on after the last one.
fn checked(page: StreamList, after: Option<StreamKey>) -> Option<Vec<StreamShown>> {
    let StreamList { streams, next } = page;
    let last = streams.last().map(|entry| entry.stream);
    let goes_on = streams.is_sorted_by(|one, other| one.stream < other.stream)
        && streams.first().is_none_or(|first| after.is_none_or(|after| after < first.stream))
        && next.is_none_or(|next| Some(next) == last);
    let fits = streams.len() <= MOST_LISTED;
    let are_named = streams.iter().all(|entry| entry.id.key(entry.partition) == entry.stream);
    (goes_on && fits && are_named).then(|| streams.into_iter().map(shown).collect())
}

fn shown(entry: StreamEntry) -> StreamShown {
    let StreamEntry { stream, id, partition, relays, clients, publishers, bytes_per_second } =
        entry;
    let (relays, clients) = (relays.min(MOST_NODES), clients.min(MOST_NODES));
    StreamShown {
        stream,
        owner: id.owner(),
        id,
        partition,
        relays,
        clients,
        publishers: publishers.min(clients),
        bytes_per_s: bytes_per_second,
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::StreamId;

    use super::*;

    fn entry(id: &str) -> StreamEntry {
        let id = StreamId::new(id).unwrap();
        let (relays, clients, publishers) = (usize::MAX, 3, 7);
        let stream = id.key(0);
        StreamEntry { stream, id, partition: 0, relays, clients, publishers, bytes_per_second: 5 }
    }

    fn page(ids: &[&str], goes_on: bool) -> StreamList {
        let mut streams: Vec<_> = ids.iter().copied().map(entry).collect();
        streams.sort_by_key(|entry| entry.stream);
        let next = streams.last().map(|last| last.stream).filter(|_| goes_on);
        StreamList { streams, next }
    }

    #[test]
    fn a_page_that_cannot_be_is_no_answer() {
        let good = page(&["a", "b", "c"], true);
        let told = checked(good.clone(), None).unwrap();
        assert_eq!((told.len(), told[0].relays, told[0].publishers), (3, MOST_NODES, 3));
        let (first, last) = (good.streams[0].stream, good.next);
        assert!(checked(good.clone(), Some(first)).is_none(), "it begins again");
        assert!(checked(page(&[], false), last).is_some());
        let mut unordered = good.clone();
        unordered.streams.swap(0, 1);
        let mut renamed = good.clone();
        renamed.streams[1].partition = 1;
        let elsewhere = StreamList { next: Some(first), ..good };
        let names: Vec<String> = (0..=MOST_LISTED).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let endless = StreamList { streams: Vec::new(), next: last };
        for wrong in [unordered, renamed, elsewhere, page(&names, false), endless] {
            assert!(checked(wrong, None).is_none());
        }
    }
}

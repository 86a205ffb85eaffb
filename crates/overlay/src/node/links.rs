//! The open links, and which of them each stream passes on.
//!
//! Invariant: `by_stream` names a link exactly where its [`Peers`] hold the stream, so what concerns one
//! stream costs work in proportion to its own links, however many others there are.

use std::collections::{BTreeMap, BTreeSet};

use tatum_channel::Price;
use tatum_primitives::{B256, NodeId, OperatorId, StreamKey};

use super::peer::Peer;
use crate::Link;
use crate::score::Block;

/// What passes on a link, by stream. Streams come and go through [`Links`] only.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<StreamKey, Peer>);

impl Peers {
    pub(super) fn get(&self, stream: &StreamKey) -> Option<&Peer> {
        self.0.get(stream)
    }

    pub(super) fn get_mut(&mut self, stream: &StreamKey) -> Option<&mut Peer> {
        self.0.get_mut(stream)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&StreamKey, &Peer)> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&StreamKey, &mut Peer)> {
        self.0.iter_mut()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (StreamKey, Peer)> {
        self.0.into_iter()
    }

    pub(super) fn contains(&self, stream: &StreamKey) -> bool {
        self.0.contains_key(stream)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A link, and what is known of the node at its other end.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) node: NodeId,
    pub(super) relay: bool,
    pub(super) operator: Option<OperatorId>,
    pub(super) peers: Peers,
    /// Bytes served on request in the running second.
    pub(super) answered_bytes: usize,
    /// Receipts and requests for service in the running second.
    pub(super) requests: u32,
    /// What its news of messages cost us in the running second, in numbers looked at.
    pub(super) news: u64,
    /// Where its packets come from, if that says anything.
    pub(super) block: Option<Block>,
    /// It was sent away; the caller is about to close the link.
    pub(super) dismissed: bool,
    /// The tracker was asked for another neighbour in its place.
    pub(super) distrusted: bool,
    /// It was told in the running second that it publishes too much.
    pub(super) told_rate: bool,
    /// It brought in the running second what the stream's owner does not permit.
    pub(super) unpermitted: bool,
    /// It brought in the running second what is dated too far ahead.
    pub(super) untimely: bool,
    /// It said what it is, and a moment later we knew whether it offers channels.
    pub(super) greeted: bool,
    pub(super) ready: bool,
    /// Its price for channels, and whether our owner was told that it is too dear.
    pub(super) offer: Option<Price>,
    pub(super) told_dear: bool,
    /// The channel that pays for what is asked for on this link; zero for the stake.
    pub(super) pays_by: B256,
}

impl LinkState {
    pub(super) fn new(node: NodeId, operator: Option<OperatorId>) -> Self {
        Self {
            node,
            relay: false,
            operator,
            peers: Peers::default(),
            answered_bytes: 0,
            requests: 0,
            news: 0,
            block: None,
            dismissed: false,
            distrusted: false,
            told_rate: false,
            unpermitted: false,
            untimely: false,
            greeted: false,
            ready: false,
            offer: None,
            told_dear: false,
            pays_by: B256::ZERO,
        }
    }

    /// A second passed.
    pub(super) fn next_second(&mut self) {
        self.answered_bytes = 0;
        self.requests = 0;
        self.news = 0;
        self.told_rate = false;
        self.unpermitted = false;
        self.untimely = false;
        for reader in self.peers.iter_mut().filter_map(|(_, peer)| peer.subscriber.as_mut()) {
            reader.before = std::mem::take(&mut reader.recent);
        }
    }
}

/// All open links.
#[derive(Debug, Default)]
pub(super) struct Links {
    open: BTreeMap<Link, LinkState>,
    by_stream: BTreeMap<StreamKey, BTreeSet<Link>>,
}

impl Links {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&self, link: &Link) -> Option<&LinkState> {
        self.open.get(link)
    }

    pub(super) fn get_mut(&mut self, link: &Link) -> Option<&mut LinkState> {
        self.open.get_mut(link)
    }

    /// What passes on a link in a stream.
    pub(super) fn peer(&self, link: Link, stream: &StreamKey) -> Option<&Peer> {
        self.open.get(&link)?.peers.get(stream)
    }

    pub(super) fn peer_mut(&mut self, link: Link, stream: &StreamKey) -> Option<&mut Peer> {
        self.open.get_mut(&link)?.peers.get_mut(stream)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Link> {
        self.open.keys()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &LinkState> {
        self.open.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut LinkState> {
        self.open.values_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Link, &LinkState)> {
        self.open.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Link, &mut LinkState)> {
        self.open.iter_mut()
    }

    /// The links of a stream.
    pub(super) fn on(&self, stream: &StreamKey) -> Vec<Link> {
        self.by_stream.get(stream).into_iter().flatten().copied().collect()
    }

    pub(super) fn open(&mut self, link: Link, state: LinkState) {
        self.close(link);
        self.open.insert(link, state);
    }

    pub(super) fn close(&mut self, link: Link) -> Option<LinkState> {
        let state = self.open.remove(&link)?;
        for (stream, _) in state.peers.iter() {
            forget(&mut self.by_stream, link, stream);
        }
        Some(state)
    }

    /// A stream passes on a link from now on, if it did not before.
    pub(super) fn join(&mut self, link: Link, stream: StreamKey) -> Option<&mut Peer> {
        let state = self.open.get_mut(&link)?;
        self.by_stream.entry(stream).or_default().insert(link);
        Some(state.peers.0.entry(stream).or_default())
    }

    /// A stream passes on a link no more.
    pub(super) fn part(&mut self, link: Link, stream: &StreamKey) -> Option<Peer> {
        let peer = self.open.get_mut(&link)?.peers.0.remove(stream)?;
        forget(&mut self.by_stream, link, stream);
        Some(peer)
    }

    /// Drops a stream from a link if neither end wants anything of the other in it.
    pub(super) fn part_if_idle(&mut self, link: Link, stream: &StreamKey) {
        if self.peer(link, stream).is_some_and(Peer::is_idle) {
            self.part(link, stream);
        }
    }

    /// Nothing passes on a link any more.
    pub(super) fn part_all(&mut self, link: Link) {
        let Some(state) = self.open.get_mut(&link) else { return };
        for stream in std::mem::take(&mut state.peers.0).into_keys() {
            forget(&mut self.by_stream, link, &stream);
        }
    }
}

fn forget(by_stream: &mut BTreeMap<StreamKey, BTreeSet<Link>>, link: Link, stream: &StreamKey) {
    if let Some(links) = by_stream.get_mut(stream) {
        links.remove(&link);
        if links.is_empty() {
            by_stream.remove(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tatum_primitives::{B256, NodeId};

    fn stream(byte: u8) -> StreamKey {
        StreamKey(B256::repeat_byte(byte))
    }

    proptest! {
        #[test]
        fn a_stream_names_exactly_the_links_that_it_passes_on(
            steps in prop::collection::vec((0_u8..6, 0_u64..5, 0_u8..4), 0..80),
        ) {
            let mut links = Links::default();
            for (step, link, byte) in steps {
                let link = Link(link);
                match step {
                    0 => links.open(link, LinkState::new(NodeId(B256::ZERO), None)),
                    1 => drop(links.close(link)),
                    2 => drop(links.part(link, &stream(byte))),
                    3 => links.part_all(link),
                    4 => links.part_if_idle(link, &stream(byte)),
                    _ => {
                        if let Some(peer) = links.join(link, stream(byte)) {
                            peer.relay = byte.is_multiple_of(2);
                        }
                    }
                }
                for byte in 0..4 {
                    let walked = links.iter().filter(|(_, state)| state.peers.contains(&stream(byte)));
                    let walked: Vec<Link> = walked.map(|(link, _)| *link).collect();
                    prop_assert_eq!(links.on(&stream(byte)), walked);
                }
                prop_assert!(links.by_stream.values().all(|links| !links.is_empty()));
            }
        }
    }
}

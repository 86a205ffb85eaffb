//! Requests for group keys and their answers, passed on between clients of a stream.
//!
//! Invariant: only who takes part in a stream asks its publishers, only a publisher answers, and
//! neither says anything that the tracker could read a key from.

use std::collections::BTreeSet;

use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_primitives::{Address, NodeId};

use super::state::{State, Stream};
use tatum_protocol::tracker::FromTracker;

/// Nodes that may publish with one key; a further one is asked for no keys.
const MAX_NODES: usize = 16;

impl Stream {
    /// A client publishes with a key.
    pub(super) fn publishes(&mut self, publisher: Address, node: NodeId) {
        let nodes = self.publishers.entry(publisher).or_default();
        if nodes.len() < MAX_NODES {
            nodes.insert(node);
        }
    }

    /// A client is gone.
    pub(super) fn publishes_no_more(&mut self, node: &NodeId) {
        self.publishers.retain(|_, nodes| {
            nodes.remove(node);
            !nodes.is_empty()
        });
    }
}

impl State {
    /// A subscriber needs a group key. Where the publisher is gone nobody answers; it may be back
    /// when the subscriber asks again.
    pub(super) fn ask_key(&mut self, from: NodeId, request: Box<KeyRequest>) -> Result<(), String> {
        let stream = self.streams.get(&request.name.stream);
        let Some(stream) = stream.filter(|stream| stream.topology.contains(&from)) else {
            return Err("only who takes part in a stream may ask for its keys".to_owned());
        };
        let nodes: BTreeSet<NodeId> =
            stream.publishers.get(&request.name.publisher).cloned().unwrap_or_default();
        for node in nodes {
            self.pass_on(node, FromTracker::KeyAsked { from, request: request.clone() });
        }
        Ok(())
    }

    /// A publisher answers a request.
    pub(super) fn give_key(
        &mut self,
        from: NodeId,
        to: NodeId,
        answer: Box<KeyAnswer>,
    ) -> Result<(), String> {
        let name = answer.name();
        let stream = self.streams.get(&name.stream).filter(|stream| {
            let nodes = stream.publishers.get(&name.publisher);
            nodes.is_some_and(|nodes| nodes.contains(&from)) && stream.topology.contains(&to)
        });
        if stream.is_none() {
            return Err("only a publisher answers for its keys, to who takes part".to_owned());
        }
        self.pass_on(to, FromTracker::KeyGiven { answer });
        Ok(())
    }

    /// Hands a text on if there is room; unlike an assignment it may be lost.
    fn pass_on(&self, to: NodeId, text: FromTracker) {
        if let Some(member) = self.members.get(&to) {
            let _ = member.outbox.try_send(text);
        }
    }
}

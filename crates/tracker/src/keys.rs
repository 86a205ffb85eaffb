//! Requests for group keys and their answers, passed on between clients of a stream.
//!
//! Invariant: only who takes part in a stream asks its publishers, only a publisher answers, and
//! neither says anything that the tracker could read a key from.

use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_primitives::NodeId;
use tatum_protocol::tracker::FromTracker;

use crate::{Refusal, Tracker};

impl Tracker {
    /// A subscriber needs a group key. Where the publisher is gone nobody answers; it may be back
    /// when the subscriber asks again.
    pub(crate) fn ask_key(
        &mut self,
        from: NodeId,
        request: Box<KeyRequest>,
    ) -> Result<(), Refusal> {
        let stream = self.streams.get(&request.name.stream);
        let Some(stream) = stream.filter(|stream| stream.topology.contains(&from)) else {
            return Err(Refusal::KeyAsked);
        };
        let nodes: Vec<NodeId> = stream.nodes_of(&request.name.publisher).collect();
        for node in nodes {
            self.pass_on(node, FromTracker::KeyAsked { from, request: request.clone() });
        }
        Ok(())
    }

    /// A publisher answers a request.
    pub(crate) fn give_key(
        &mut self,
        from: NodeId,
        to: NodeId,
        answer: Box<KeyAnswer>,
    ) -> Result<(), Refusal> {
        let name = answer.name();
        let may = self.streams.get(&name.stream).is_some_and(|stream| {
            stream.nodes_of(&name.publisher).any(|node| node == from)
                && stream.topology.contains(&to)
        });
        if !may {
            return Err(Refusal::KeyGiven);
        }
        self.pass_on(to, FromTracker::KeyGiven { answer });
        Ok(())
    }
}

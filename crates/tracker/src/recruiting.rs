//! Which relays carry a stream.
//!
//! Invariant: relays are recruited for streams with clients that count, the least burdened first, and released when such a
//! stream has had no clients for a while. A relay carries no more streams than it offered to, and one whose operator served badly
//! gets no new ones while there are others.

use tatum_overlay::Now;
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::Stream;
use tatum_protocol::tracker::FromTracker;

use crate::Tracker;
use crate::member::Member;
use crate::stream::StreamState;

impl Tracker {
    /// Recruits to every stream that has clients and too few relays.
    pub(crate) fn recruit_everywhere(&mut self, now: &Now) {
        if !self.members.values().any(|member| member.has_room(now.monotonic_ms)) {
            return;
        }
        let keys: Vec<StreamKey> = self.streams.keys().copied().collect();
        for key in keys {
            self.recruit(key, now);
        }
    }

    /// Recruits the least burdened relays to a stream that has clients and too few relays.
    pub(crate) fn recruit(&mut self, key: StreamKey, now: &Now) {
        loop {
            let Some(stream) = self.streams.get(&key) else { return };
            let (relays, clients) = (stream.topology.relay_count(), stream.topology.client_count());
            let each = self.config.shape.client_degree;
            let needed = stream.load.relays_needed(self.config.relays_per_stream, clients, each);
            if clients == 0 || relays >= needed {
                return;
            }
            let free = |(node, member): &(&NodeId, &Member)| {
                member.has_room(now.monotonic_ms) && !stream.topology.contains(node)
            };
            let free = self.members.iter().filter(free);
            // Who served badly comes last, however idle.
            let order = |member: &Member| (self.against(member, now).is_some(), member.burden());
            let Some((node, member)) = free.min_by_key(|(_, member)| order(member)) else { return };
            if self.barred(member, key, now).is_some() {
                return;
            }
            let (node, name) = (*node, stream.name.clone());
            self.carry(node, name, now);
        }
    }

    /// A relay carries a stream already; for as long as clients may come it is as good as recruited.
    pub(crate) fn offer(&mut self, node: NodeId, name: &Stream, now: &Now) {
        let key = name.key();
        let Some(member) = self.members.get(&node) else { return };
        let room = member.is_relay() && member.burden() < member.limit();
        if !room || member.takes_part(&key) || self.has_room_for(&key).is_err() {
            return;
        }
        // Else who served badly would take up new streams by saying that it carries them.
        if self.barred(member, key, now).is_some() {
            return;
        }
        let shape = self.config.shape;
        self.streams.entry(key).or_insert_with(|| StreamState::new(name.clone(), shape));
        self.carry(node, name.clone(), now);
    }

    /// Makes a relay carry a stream.
    fn carry(&mut self, node: NodeId, stream: Stream, now: &Now) {
        let key = stream.key();
        if let Some(member) = self.members.get_mut(&node) {
            member.recruited.insert(key);
        }
        self.tell(node, FromTracker::Carry { stream });
        self.tell_permissions(node, key);
        self.enter(node, key, false, now);
    }

    /// Releases recruited relays from streams that had no clients for a while.
    pub(crate) fn release_idle(&mut self, now: &Now) {
        let linger_ms = self.config.linger_ms;
        let idle = |stream: &StreamState| stream.is_idle(linger_ms, now.monotonic_ms);
        let idle: Vec<StreamKey> =
            self.streams.iter().filter(|(_, stream)| idle(stream)).map(|(key, _)| *key).collect();
        for key in idle {
            let relays: Vec<NodeId> =
                self.streams.get(&key).into_iter().flat_map(|s| s.topology.relays()).collect();
            for node in relays {
                let member = self.members.get_mut(&node);
                if member.is_some_and(|member| member.recruited.remove(&key)) {
                    self.tell(node, FromTracker::Release { stream: key });
                    self.exit(node, key, now);
                }
            }
        }
    }
}

//! What a stream's owner permits, at the place where messages and requests come in.
//!
//! Invariant: nothing is forwarded, delivered or asked for that the newest list known here does not
//! permit, and whoever a new list leaves out is told so and served no more.

use tatum_primitives::{Address, Role, StreamKey};

use super::Overlay;
use crate::count::Count;
use crate::frame::{Attach, Refusal};
use crate::permissions::Access;
use crate::score::Deed;
use crate::{Frame, Link, Now};

/// A neighbour may hear of a new list so much later than we do; until then what it forwards in good
/// faith is dropped without being held against it.
const HEARSAY_MS: u64 = 60_000;

impl Overlay {
    /// Sets what a stream's owner permits, and ends what it permits no more. A stream that was never
    /// told of is open.
    pub fn set_access(&mut self, key: StreamKey, access: Access, now: &Now) {
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.access != access)
        else {
            return;
        };
        stream.access = access;
        stream.access_since_ms = now.monotonic_ms;
        self.end_unpermitted(key);
    }

    /// Whether the stream's owner permits a request that `signer` signed. Streams that are not
    /// carried are refused elsewhere, with a better reason.
    pub(super) fn permits(&self, attach: &Attach, signer: &Address) -> bool {
        let Some(stream) = self.streams.get(&attach.stream) else { return true };
        match attach.role {
            Role::Subscriber | Role::Storage => stream.access.may_subscribe(&attach.payer, signer),
            Role::Publisher => stream.access.may_publish(signer),
        }
    }

    /// A message of a publisher without permission. It was dropped before its signature was looked
    /// at, so it costs us no more than a duplicate.
    pub(super) fn on_unpermitted(&mut self, link: Link, key: &StreamKey, now: &Now) {
        self.counters.unpermitted.count(1);
        let since_ms = self.streams.get(key).map_or(0, |stream| stream.access_since_ms);
        let Some(state) = self.links.get_mut(&link) else { return };
        let first = !std::mem::replace(&mut state.unpermitted, true);
        if first && now.monotonic_ms >= since_ms.saturating_add(HEARSAY_MS) {
            self.note(link, Deed::Conduct);
        }
    }

    fn end_unpermitted(&mut self, key: StreamKey) {
        let Some(access) = self.streams.get(&key).map(|stream| &stream.access) else { return };
        let mut ended = Vec::new();
        let mut readers = Vec::new();
        let mut accepted = Vec::new();
        for link in self.links.on(&key) {
            let Some(peer) = self.links.peer_mut(link, &key) else { continue };
            let out = peer.subscriber.take_if(|r| !access.may_subscribe(&r.key.payer, &r.signer));
            if let Some(reader) = out {
                ended.push((link, Role::Subscriber));
                readers.push(reader);
            }
            let out = peer.publisher.take_if(|writer| !access.may_publish(&writer.signer));
            if let Some(mut writer) = out {
                accepted.extend(writer.flush().into_iter().map(|span| (link, span)));
                ended.push((link, Role::Publisher));
            }
            self.links.part_if_idle(link, &key);
        }
        self.parked
            .retain(|(_, stream), writer| *stream != key || access.may_publish(&writer.signer));
        for reader in readers {
            self.release(&reader);
        }
        for (link, span) in accepted {
            self.send(link, &Frame::Accepted { stream: key, span });
        }
        for (link, role) in ended {
            self.refuse(link, key, role, Refusal::NotPermitted);
        }
    }
}

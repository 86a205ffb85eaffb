//! A publisher's group keys: drawn, handed on in the stream, wrapped for subscribers that ask.
//!
//! Invariant: only whoever the newest permission list admits is given a key. After a list left somebody
//! out, the next message is sealed with a key that was handed on nowhere. A key that is due is named to
//! the caller before it seals anything ([`Keyring::due`]), so that it can be on disk by then.

use std::time::Duration;

use tatum_primitives::{Address, NodeId, StreamKey};

use crate::CLOCKS_MS;
use crate::exchange::{KeyAnswer, KeyRequest};
use crate::limit::{Limiter, Rate};
use crate::permissions::Access;
use crate::seal::GroupKey;

/// Keys that are kept to be given to subscribers that still need them.
const MAX_HELD: usize = 16;
/// Requests that one node may make; each costs us a signature check and two X25519 products.
const NODE_RATE: Rate = Rate { per_second: 2, burst: 16 };
/// Requests that all of them may make.
const TOTAL_RATE: Rate = Rate { per_second: 500, burst: 1_000 };
/// Nodes whose rates are remembered.
const MAX_NODES: usize = 4_096;

/// Where group keys come from.
#[derive(Debug, Clone)]
pub enum Keys {
    /// One key that publishers and subscribers were given by other means.
    Static(GroupKey),
    /// The publisher draws them and gives them to whom the stream's owner permits.
    Exchanged(Rotation),
}

/// How long a key is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// It seals at most so many messages.
    pub messages: u64,
    /// It is in use at most for so long.
    pub interval: Duration,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { messages: 100_000, interval: Duration::from_secs(3_600) }
    }
}

impl From<GroupKey> for Keys {
    fn from(key: GroupKey) -> Self {
        Self::Static(key)
    }
}

/// The newest keys of a publisher, the current one last.
#[derive(Debug, Clone)]
pub struct Held(Vec<GroupKey>);

impl Held {
    /// The keys of earlier runs, the newest last, and the one that is current now.
    #[must_use]
    pub fn new(earlier: Vec<GroupKey>, current: GroupKey) -> Self {
        Self(earlier).with(current)
    }

    /// With one more, which is current from then on.
    #[must_use]
    pub fn with(&self, next: GroupKey) -> Self {
        let mut keys = self.0.clone();
        keys.push(next);
        keys.drain(..keys.len().saturating_sub(MAX_HELD));
        Self(keys)
    }

    /// All of them.
    #[must_use]
    pub fn keys(&self) -> &[GroupKey] {
        &self.0
    }
}

/// The keys of one publisher in one stream partition.
#[derive(Debug)]
pub struct Keyring {
    stream: StreamKey,
    publisher: Address,
    access: Access,
    held: Held,
    current: GroupKey,
    /// `None` for a key that others hand out.
    rotation: Option<Rotation>,
    sealed: u64,
    since_ms: u64,
    nodes: Limiter<NodeId>,
    total: Limiter<()>,
}

/// When a request came, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// Milliseconds that never run backwards.
    pub monotonic_ms: u64,
}

impl Keyring {
    /// A publisher's ring that seals with `current` first: a new key, because somebody may have been left
    /// out since `earlier` ones were drawn; or one that others hand out, without `rotation`.
    #[must_use]
    pub fn new(
        (stream, publisher): (StreamKey, Address),
        (earlier, current): (Vec<GroupKey>, GroupKey),
        rotation: Option<Rotation>,
        now_ms: u64,
    ) -> Self {
        Self {
            stream,
            publisher,
            access: Access::open(),
            held: Held::new(earlier, current.clone()),
            current,
            rotation,
            sealed: 0,
            since_ms: now_ms,
            nodes: Limiter::new(NODE_RATE, MAX_NODES),
            total: Limiter::new(TOTAL_RATE, 1),
        }
    }

    /// The key that seals what is published now.
    #[must_use]
    pub const fn current(&self) -> &GroupKey {
        &self.current
    }

    /// What a disk should hold.
    #[must_use]
    pub const fn held(&self) -> &Held {
        &self.held
    }

    /// Whether readers ask us for keys, and get none by other means.
    #[must_use]
    pub const fn is_exchanged(&self) -> bool {
        self.rotation.is_some()
    }

    /// Whether the owner permits us to publish, as far as we know.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        self.access.may_publish(&self.publisher)
    }

    /// A message was sealed.
    pub const fn count(&mut self) {
        self.sealed = self.sealed.saturating_add(1);
    }

    /// If it is time for a new key: the keys with one drawn from `random`, to be on disk before
    /// [`Keyring::rotate`] takes them.
    pub fn due(&mut self, now_ms: u64, random: [u8; 32]) -> Option<Held> {
        let rotation = self.rotation?;
        let age_ms = u128::from(now_ms.saturating_sub(self.since_ms));
        if self.sealed < rotation.messages && age_ms < rotation.interval.as_millis() {
            return None;
        }
        if self.sealed == 0 {
            // Nobody has seen it yet, so there is nothing to hand on under it.
            self.since_ms = now_ms;
            return None;
        }
        Some(self.held.with(GroupKey::new(random)))
    }

    /// Seals with the last of `held` from now on; gives the key before and that one, which is to be
    /// handed on under it.
    pub fn rotate(&mut self, held: Held, now_ms: u64) -> (GroupKey, GroupKey) {
        let old = self.current.clone();
        self.take(held, now_ms);
        (old, self.current.clone())
    }

    /// The owner's permissions are these now. If somebody is left out, the next message is sealed
    /// with a new key that is handed on under none; then true is given, and the disk should hold it.
    #[must_use]
    pub fn permit(&mut self, access: Access, now_ms: u64, random: [u8; 32]) -> bool {
        let before = std::mem::replace(&mut self.access, access);
        let left_out = self.rotation.is_some() && before.is_narrowed_by(&self.access);
        if left_out {
            // It is in use whatever the disk says: what is lost then is only that a restart can hand it out.
            self.take(self.held.with(GroupKey::new(random)), now_ms);
        }
        left_out
    }

    fn take(&mut self, held: Held, now_ms: u64) {
        if let Some(newest) = held.0.last() {
            self.current = newest.clone();
        }
        self.held = held;
        (self.sealed, self.since_ms) = (0, now_ms);
    }

    /// Answers a subscriber's request; nothing if it is none of ours to answer. `acts_for` says whether a
    /// payer authorised a key, as far as the caller knows the chain.
    pub fn answer(
        &mut self,
        from: NodeId,
        request: &KeyRequest,
        acts_for: impl FnOnce(Address, Address) -> bool,
        at: Asked,
        random: [u8; 32],
    ) -> Option<KeyAnswer> {
        let name = request.name;
        let ours = (name.stream, name.publisher) == (self.stream, self.publisher);
        if !ours || self.rotation.is_none() {
            return None;
        }
        // The bucket of all comes last: what one node wastes must not come out of it.
        let now_ms = at.monotonic_ms;
        if !self.nodes.take(from, 1, now_ms) || !self.total.take((), 1, now_ms) {
            return None;
        }
        let key = self.held.0.iter().find(|key| key.id() == name.key_id)?;
        let refused = |reason: &str| KeyAnswer::Refused { name, reason: reason.to_owned() };
        if at.wall_ms.abs_diff(request.signed_at_ms) > CLOCKS_MS {
            return Some(refused("the request was signed too long ago, or in the future"));
        }
        let Ok(signer) = request.signer(from) else {
            return Some(refused("the request's signature is wrong"));
        };
        // Who does not follow the chain cannot know for whom a session key acts.
        let acts = signer == request.payer || acts_for(request.payer, signer);
        let payer = if acts { request.payer } else { signer };
        if !self.access.may_subscribe(&payer, &signer) {
            return Some(refused("the stream's owner does not permit it"));
        }
        match request.grant(key, random) {
            Ok(grant) => Some(KeyAnswer::Granted(grant)),
            Err(error) => Some(refused(&error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{AskSecret, KeyName};
    use crate::permissions::{Audience, PermissionList};
    use tatum_primitives::{B256, StreamId};
    use tatum_receipt::SessionKey;

    const NODE: NodeId = NodeId(B256::repeat_byte(4));

    fn session(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn id() -> StreamId {
        StreamId::new(format!("{}/x", session(1).address())).unwrap()
    }

    fn access(subscribers: &[u8]) -> Access {
        let subscribers: Audience =
            subscribers.iter().map(|byte| session(*byte).address()).collect();
        let publishers = Audience::nobody();
        Access::under(&PermissionList { stream: id(), version: 1, publishers, subscribers })
    }

    fn group(byte: u8) -> GroupKey {
        GroupKey::new([byte; 32])
    }

    fn ring() -> Keyring {
        let rotation = Rotation { messages: 3, interval: Duration::from_secs(10) };
        let place = (id().key(0), session(1).address());
        let mut ring = Keyring::new(place, (Vec::new(), group(100)), Some(rotation), 0);
        assert!(ring.permit(access(&[2, 3]), 0, [101; 32]), "an open stream was closed");
        ring
    }

    fn answer(ring: &mut Keyring, request: &KeyRequest, at: Asked) -> Option<KeyAnswer> {
        ring.answer(NODE, request, |_, _| false, at, [77; 32])
    }

    fn ask(ring: &mut Keyring, who: u8, key_id: [u8; 8], now_ms: u64) -> Option<KeyAnswer> {
        let name = KeyName { stream: ring.stream, publisher: ring.publisher, key_id };
        let secret = AskSecret::new([who; 32]);
        let payer = session(who).address();
        let request = KeyRequest::sign(name, payer, NODE, &secret, 5, &session(who));
        answer(ring, &request, Asked { wall_ms: 5, monotonic_ms: now_ms })
    }

    #[test]
    fn keys_rotate_by_messages_and_by_time_and_old_ones_are_still_given() {
        let mut ring = ring();
        let first = ring.current().id();
        assert!(ring.due(9_999, [102; 32]).is_none());
        for _ in 0..3 {
            ring.count();
        }
        let held = ring.due(5, [102; 32]).unwrap();
        assert_eq!(ring.current().id(), first, "not before it is on disk");
        let (old, next) = ring.rotate(held, 5);
        assert_eq!((old.id(), next.id()), (first, ring.current().id()));
        assert_ne!(next.id(), first);
        assert!(ring.due(9_999, [103; 32]).is_none());
        assert!(ring.due(20_000, [103; 32]).is_none(), "nothing was sealed with it");
        ring.count();
        assert!(ring.due(40_000, [103; 32]).is_some());
        assert!(matches!(ask(&mut ring, 2, first, 0), Some(KeyAnswer::Granted(_))));
        assert!(ask(&mut ring, 2, [7; 8], 0).is_none());
    }

    #[test]
    fn only_who_is_permitted_is_given_a_key() {
        let mut ring = ring();
        let key_id = ring.current().id();
        for (who, granted) in [(1, true), (2, true), (3, true), (4, false)] {
            let answer = ask(&mut ring, who, key_id, 0);
            assert_eq!(matches!(answer, Some(KeyAnswer::Granted(_))), granted, "{who}");
        }
        let name = KeyName { stream: ring.stream, publisher: ring.publisher, key_id };
        let secret = AskSecret::new([9; 32]);
        // A stranger in the name of a permitted payer.
        let payer = session(2).address();
        let request = KeyRequest::sign(name, payer, NODE, &secret, 5, &session(4));
        let now = Asked { wall_ms: 5, monotonic_ms: 0 };
        assert!(matches!(answer(&mut ring, &request, now), Some(KeyAnswer::Refused { .. })));
        let granted = ring.answer(
            NODE,
            &request,
            |of, key| (of, key) == (payer, session(4).address()),
            now,
            [77; 32],
        );
        assert!(matches!(granted, Some(KeyAnswer::Granted(_))), "the chain says it may");
        let request = KeyRequest::sign(name, payer, NODE, &secret, 5, &session(2));
        let late = Asked { wall_ms: 5 + CLOCKS_MS + 1, ..now };
        assert!(matches!(answer(&mut ring, &request, late), Some(KeyAnswer::Refused { .. })));
    }

    #[test]
    fn who_is_left_out_gets_nothing_new_and_a_new_key_is_drawn() {
        let mut ring = ring();
        let first = ring.current().id();
        ring.count();
        assert!(!ring.permit(access(&[2, 3, 4]), 1, [102; 32]));
        assert_eq!(ring.current().id(), first, "more readers need no new key");
        assert!(ring.permit(access(&[2]), 2, [102; 32]));
        let second = ring.current().id();
        assert_ne!(second, first);
        assert!(ring.due(3, [103; 32]).is_none(), "it is handed on under none");
        assert!(matches!(ask(&mut ring, 3, second, 3), Some(KeyAnswer::Refused { .. })));
        assert!(matches!(ask(&mut ring, 3, first, 3), Some(KeyAnswer::Refused { .. })));
        assert!(matches!(ask(&mut ring, 2, second, 3), Some(KeyAnswer::Granted(_))));
    }

    #[test]
    fn one_node_cannot_make_us_work_without_end() {
        let mut ring = ring();
        let key_id = ring.current().id();
        let answered = (0..100).filter(|_| ask(&mut ring, 2, key_id, 0).is_some()).count();
        assert_eq!(answered, 16);
        assert!(ask(&mut ring, 2, key_id, 1_000).is_some());
    }

    #[test]
    fn the_newest_keys_are_kept_and_those_of_an_earlier_run_are_still_given() {
        let place = (id().key(0), session(1).address());
        let earlier = (0..20).map(group).collect();
        let ring = Keyring::new(place, (earlier, group(50)), Some(Rotation::default()), 0);
        assert_eq!(ring.current().id(), group(50).id());
        let held: Vec<_> = ring.held().keys().iter().map(GroupKey::id).collect();
        let expected: Vec<_> = (5..20).chain([50]).map(|byte| group(byte).id()).collect();
        assert_eq!(held, expected);
    }

    #[test]
    fn a_key_that_others_hand_out_is_neither_changed_nor_given() {
        let place = (id().key(0), session(1).address());
        let mut ring = Keyring::new(place, (Vec::new(), group(5)), None, 0);
        assert!(!ring.permit(access(&[2, 3]), 0, [1; 32]));
        assert!(!ring.permit(access(&[2]), 0, [1; 32]));
        for _ in 0..10 {
            ring.count();
        }
        assert!(ring.due(u64::MAX, [103; 32]).is_none());
        let key_id = GroupKey::new([5; 32]).id();
        assert_eq!(ring.current().id(), key_id);
        assert!(ask(&mut ring, 2, key_id, 0).is_none());
    }
}

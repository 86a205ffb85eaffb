//! A publisher's group keys: drawn, handed on in the stream, wrapped for subscribers that ask.
//!
//! Invariant: a key is on disk (if there is a disk) before it seals anything, and only whoever the
//! newest permission list admits is given one. After a list left somebody out, the next message is
//! sealed with a key that was handed on nowhere.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngCore;
use serde::{Deserialize, Serialize};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::limit::{Limiter, Rate};
use tatum_overlay::permissions::Access;
use tatum_primitives::{Address, B256, Epoch, NodeId, StreamKey};

use crate::relay::SharedFacts;
use crate::{GroupKey, NodeError};

/// Keys that are kept to be given to subscribers that still need them.
const MAX_HELD: usize = 16;
/// How far a request's time may be from ours.
const REQUEST_AGE_MS: u64 = 120_000;
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
    /// At most for so many messages,
    pub messages: u64,
    /// and for so long.
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

/// The keys of one publisher in one stream partition.
#[derive(Debug)]
pub(super) struct Keyring {
    stream: StreamKey,
    publisher: Address,
    access: Access,
    /// The newest last; never empty.
    held: Vec<GroupKey>,
    current: GroupKey,
    /// `None` for a key that others hand out.
    rotation: Option<Rotation>,
    sealed: u64,
    since_ms: u64,
    file: Option<PathBuf>,
    nodes: Limiter<NodeId>,
    total: Limiter<()>,
}

/// What is kept on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The newest last.
    keys: Vec<B256>,
}

impl Keyring {
    /// The keys of an earlier run, if `folder` holds any, and a new one. A new one, because somebody
    /// may have been left out meanwhile.
    pub(super) fn open(
        keys: &Keys,
        (stream, publisher): (StreamKey, Address),
        folder: Option<&Path>,
        now_ms: u64,
    ) -> Result<Self, NodeError> {
        let (current, rotation) = match keys {
            Keys::Static(key) => (key.clone(), None),
            Keys::Exchanged(rotation) => (drawn(), Some(*rotation)),
        };
        let file = folder
            .filter(|_| rotation.is_some())
            .map(|folder| folder.join(format!("group-keys-{stream}-{publisher:#x}.json")));
        let held = file.as_deref().map(read).transpose()?.unwrap_or_default();
        let mut ring = Self {
            stream,
            publisher,
            access: Access::open(),
            held,
            current: current.clone(),
            rotation,
            sealed: 0,
            since_ms: now_ms,
            file,
            nodes: Limiter::new(NODE_RATE, MAX_NODES),
            total: Limiter::new(TOTAL_RATE, 1),
        };
        ring.keep(current)?;
        Ok(ring)
    }

    /// The key that seals what is published now.
    pub(super) const fn current(&self) -> &GroupKey {
        &self.current
    }

    /// Whether the owner permits us to publish, as far as we know.
    pub(super) fn may_publish(&self) -> bool {
        self.access.may_publish(&self.publisher)
    }

    /// A message was sealed.
    pub(super) const fn count(&mut self) {
        self.sealed = self.sealed.saturating_add(1);
    }

    /// Draws a new key if it is time; gives the old one and the new one, to be handed on under it.
    pub(super) fn rotate(
        &mut self,
        now_ms: u64,
    ) -> Result<Option<(GroupKey, GroupKey)>, NodeError> {
        let Some(rotation) = self.rotation else { return Ok(None) };
        let age_ms = u128::from(now_ms.saturating_sub(self.since_ms));
        if self.sealed < rotation.messages && age_ms < rotation.interval.as_millis() {
            return Ok(None);
        }
        if self.sealed == 0 {
            // Nobody has seen it yet, so there is nothing to hand on under it.
            self.since_ms = now_ms;
            return Ok(None);
        }
        let (old, next) = (self.current.clone(), drawn());
        self.keep(next.clone())?;
        (self.sealed, self.since_ms) = (0, now_ms);
        Ok(Some((old, next)))
    }

    /// The owner's permissions are these now. If somebody is left out, the next message is sealed
    /// with a new key that is handed on under none.
    pub(super) fn permit(&mut self, access: Access, now_ms: u64) {
        let before = std::mem::replace(&mut self.access, access);
        if self.rotation.is_none() || !before.is_narrowed_by(&self.access) {
            return;
        }
        (self.sealed, self.since_ms) = (0, now_ms);
        tracing::info!(stream = %self.stream, "a new group key, as the owner left somebody out");
        if let Err(error) = self.keep(drawn()) {
            // It is in use all the same: what is lost is only that a restart can hand it out.
            tracing::error!(%error, "a group key is not on disk");
        }
    }

    /// Answers a subscriber's request; nothing if it is none of ours to answer.
    pub(super) fn answer(
        &mut self,
        from: NodeId,
        request: &KeyRequest,
        facts: Option<(&SharedFacts, Epoch)>,
        (wall_ms, now_ms): (u64, u64),
    ) -> Option<KeyAnswer> {
        let name = request.name;
        let ours = (name.stream, name.publisher) == (self.stream, self.publisher);
        if !ours || self.rotation.is_none() {
            return None;
        }
        if !self.total.take((), 1, now_ms) || !self.nodes.take(from, 1, now_ms) {
            return None;
        }
        let key = self.held.iter().find(|key| key.id() == name.key_id)?;
        let refused = |reason: &str| KeyAnswer::Refused { name, reason: reason.to_owned() };
        if wall_ms.abs_diff(request.signed_at_ms) > REQUEST_AGE_MS {
            return Some(refused("the request was signed too long ago, or in the future"));
        }
        let Ok(signer) = request.signer(from) else {
            return Some(refused("the request's signature is wrong"));
        };
        // Who does not follow the chain cannot know for whom a session key acts.
        let acts = signer == request.payer
            || facts
                .is_some_and(|(facts, epoch)| facts.is_authorized(request.payer, signer, epoch));
        let payer = if acts { request.payer } else { signer };
        if !self.access.may_subscribe(&payer, &signer) {
            tracing::info!(node = %from, %payer, "refused a group key: the owner does not permit it");
            return Some(refused("the stream's owner does not permit it"));
        }
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        match request.grant(key, random) {
            Ok(grant) => Some(KeyAnswer::Granted(grant)),
            Err(error) => Some(refused(&error.to_string())),
        }
    }

    /// Makes `key` the current one, on disk first.
    fn keep(&mut self, key: GroupKey) -> Result<(), NodeError> {
        self.current = key.clone();
        self.held.push(key);
        self.held.drain(..self.held.len().saturating_sub(MAX_HELD));
        let Some(file) = &self.file else { return Ok(()) };
        write(file, &self.held)
    }
}

fn drawn() -> GroupKey {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    GroupKey::new(bytes)
}

fn read(file: &Path) -> Result<Vec<GroupKey>, NodeError> {
    let failed = |source| NodeError::GroupKeys { path: file.display().to_string(), source };
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let kept: Kept =
        serde_json::from_slice(&text).map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(kept.keys.iter().map(|key| GroupKey::new(key.0)).collect())
}

/// Writes the keys for the user's eyes only; a file is there in full or not at all.
fn write(file: &Path, keys: &[GroupKey]) -> Result<(), NodeError> {
    let failed = |source| NodeError::GroupKeys { path: file.display().to_string(), source };
    let kept = Kept { keys: keys.iter().map(|key| B256::from(*key.bytes())).collect() };
    let text = serde_json::to_vec(&kept).map_err(|error| failed(std::io::Error::other(error)))?;
    let written = || {
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder)?;
        let new = file.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut to = options.open(&new)?;
        to.write_all(&text)?;
        to.sync_all()?;
        std::fs::rename(&new, file)?;
        std::fs::File::open(folder)?.sync_all()
    };
    written().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_overlay::exchange::{AskSecret, KeyName};
    use tatum_overlay::permissions::{Audience, PermissionList};
    use tatum_primitives::StreamId;
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

    fn ring(folder: Option<&Path>) -> Keyring {
        let rotation = Rotation { messages: 3, interval: Duration::from_secs(10) };
        let place = (id().key(0), session(1).address());
        let mut ring = Keyring::open(&Keys::Exchanged(rotation), place, folder, 0).unwrap();
        ring.permit(access(&[2, 3]), 0);
        ring
    }

    fn ask(ring: &mut Keyring, who: u8, key_id: [u8; 8], now_ms: u64) -> Option<KeyAnswer> {
        let name = KeyName { stream: ring.stream, publisher: ring.publisher, key_id };
        let secret = AskSecret::new([who; 32]);
        let payer = session(who).address();
        let request = KeyRequest::sign(name, payer, NODE, &secret, 5, &session(who));
        ring.answer(NODE, &request, None, (5, now_ms))
    }

    #[test]
    fn keys_rotate_by_messages_and_by_time_and_old_ones_are_still_given() {
        let mut ring = ring(None);
        let first = ring.current().id();
        assert!(ring.rotate(9_999).unwrap().is_none());
        for _ in 0..3 {
            ring.count();
        }
        let (old, next) = ring.rotate(5).unwrap().unwrap();
        assert_eq!((old.id(), next.id()), (first, ring.current().id()));
        assert_ne!(next.id(), first);
        assert!(ring.rotate(9_999).unwrap().is_none());
        assert!(ring.rotate(20_000).unwrap().is_none(), "nothing was sealed with it");
        ring.count();
        assert!(ring.rotate(40_000).unwrap().is_some());
        assert!(matches!(ask(&mut ring, 2, first, 0), Some(KeyAnswer::Granted(_))));
        assert!(ask(&mut ring, 2, [7; 8], 0).is_none());
    }

    #[test]
    fn only_who_is_permitted_is_given_a_key() {
        let mut ring = ring(None);
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
        let answer = ring.answer(NODE, &request, None, (5, 0));
        assert!(matches!(answer, Some(KeyAnswer::Refused { .. })));
        let request = KeyRequest::sign(name, payer, NODE, &secret, 5, &session(2));
        let late = ring.answer(NODE, &request, None, (5 + REQUEST_AGE_MS + 1, 0));
        assert!(matches!(late, Some(KeyAnswer::Refused { .. })));
    }

    #[test]
    fn who_is_left_out_gets_nothing_new_and_a_new_key_is_drawn() {
        let mut ring = ring(None);
        let first = ring.current().id();
        ring.count();
        ring.permit(access(&[2, 3, 4]), 1);
        assert_eq!(ring.current().id(), first, "more readers need no new key");
        ring.permit(access(&[2]), 2);
        let second = ring.current().id();
        assert_ne!(second, first);
        assert!(ring.rotate(3).unwrap().is_none(), "it is handed on under none");
        assert!(matches!(ask(&mut ring, 3, second, 3), Some(KeyAnswer::Refused { .. })));
        assert!(matches!(ask(&mut ring, 3, first, 3), Some(KeyAnswer::Refused { .. })));
        assert!(matches!(ask(&mut ring, 2, second, 3), Some(KeyAnswer::Granted(_))));
    }

    #[test]
    fn one_node_cannot_make_us_work_without_end() {
        let mut ring = ring(None);
        let key_id = ring.current().id();
        let answered = (0..100).filter(|_| ask(&mut ring, 2, key_id, 0).is_some()).count();
        assert_eq!(answered, 16);
        assert!(ask(&mut ring, 2, key_id, 1_000).is_some());
    }

    #[test]
    fn keys_are_for_the_users_eyes_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = ring(Some(folder.path())).current().id();
        let mut again = ring(Some(folder.path()));
        assert_ne!(again.current().id(), first);
        assert!(matches!(ask(&mut again, 2, first, 0), Some(KeyAnswer::Granted(_))));
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = files[0].as_ref().unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_others_hand_out_is_neither_changed_nor_given() {
        let place = (id().key(0), session(1).address());
        let keys = Keys::from(GroupKey::new([5; 32]));
        let mut ring = Keyring::open(&keys, place, None, 0).unwrap();
        ring.permit(access(&[2, 3]), 0);
        ring.permit(access(&[2]), 0);
        for _ in 0..10 {
            ring.count();
        }
        assert!(ring.rotate(u64::MAX).unwrap().is_none());
        let key_id = GroupKey::new([5; 32]).id();
        assert_eq!(ring.current().id(), key_id);
        assert!(ask(&mut ring, 2, key_id, 0).is_none());
    }
}

//! A publisher's group keys on disk and under one lock.
//!
//! Invariant: a key is on disk (if there is a disk) before it seals anything; only a key that is drawn
//! because somebody was left out is in use all the same.

use std::io::Write;
use std::path::{Path, PathBuf};

use rand::RngCore;
use serde::{Deserialize, Serialize};
use tatum_overlay::client::{Asked, Held, Keyring, Keys};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::permissions::Access;
use tatum_primitives::{Address, B256, NodeId, StreamKey};

use crate::facts::SharedFacts;
use crate::{Clock, GroupKey, NodeError};

/// A keyring and its file.
#[derive(Debug)]
pub(super) struct KeptKeyring {
    pub(super) ring: Keyring,
    file: Option<PathBuf>,
}

/// What is kept on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The newest last.
    keys: Vec<B256>,
}

impl KeptKeyring {
    /// The keys of an earlier run, if `folder` holds any, and a new one.
    pub(super) fn open(
        keys: &Keys,
        (stream, publisher): (StreamKey, Address),
        folder: Option<&Path>,
        now_ms: u64,
    ) -> Result<Self, NodeError> {
        let (current, rotation) = match keys {
            Keys::Static(key) => (key.clone(), None),
            Keys::Exchanged(rotation) => (GroupKey::new(random()), Some(*rotation)),
        };
        let file = folder
            .filter(|_| rotation.is_some())
            .map(|folder| folder.join(format!("group-keys-{stream}-{publisher:#x}.json")));
        let earlier = file.as_deref().map(read).transpose()?.unwrap_or_default();
        let ring = Keyring::new((stream, publisher), (earlier, current), rotation, now_ms);
        let kept = Self { ring, file };
        kept.write(kept.ring.held())?;
        Ok(kept)
    }

    /// Draws a new key if it is time; gives the old one and the new one, to be handed on under it.
    pub(super) fn rotate(
        &mut self,
        now_ms: u64,
    ) -> Result<Option<(GroupKey, GroupKey)>, NodeError> {
        let Some(held) = self.ring.due(now_ms, random()) else { return Ok(None) };
        self.write(&held)?;
        Ok(Some(self.ring.rotate(held, now_ms)))
    }

    /// The owner's permissions are these now.
    pub(super) fn permit(&mut self, access: Access, now_ms: u64) {
        if !self.ring.permit(access, now_ms, random()) {
            return;
        }
        tracing::info!("a new group key, as the owner left somebody out");
        if let Err(error) = self.write(self.ring.held()) {
            tracing::error!(%error, "a group key is not on disk");
        }
    }

    /// Answers a subscriber's request; nothing if it is none of ours to answer.
    pub(super) fn answer(
        &mut self,
        from: NodeId,
        request: &KeyRequest,
        facts: Option<&SharedFacts>,
        clock: &dyn Clock,
    ) -> Option<KeyAnswer> {
        let now = clock.now();
        let acts_for =
            |payer, key| facts.is_some_and(|facts| facts.is_authorized(payer, key, now.epoch));
        let at = Asked { wall_ms: now.wall_ms, monotonic_ms: now.monotonic_ms };
        let answer = self.ring.answer(from, request, acts_for, at, random())?;
        if let KeyAnswer::Refused { reason, .. } = &answer {
            tracing::info!(node = %from, payer = %request.payer, reason, "refused a group key");
        }
        Some(answer)
    }

    fn write(&self, held: &Held) -> Result<(), NodeError> {
        self.file.as_deref().map_or(Ok(()), |file| write(file, held))
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
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
fn write(file: &Path, held: &Held) -> Result<(), NodeError> {
    let failed = |source| NodeError::GroupKeys { path: file.display().to_string(), source };
    let keys = held.keys().iter().map(|key| B256::from(*key.bytes())).collect();
    let text =
        serde_json::to_vec(&Kept { keys }).map_err(|error| failed(std::io::Error::other(error)))?;
    let written = || {
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder)?;
        let new = file.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut to = options.open(&new)?;
        // One that a crash left there may be another's to read: the mode above is that of a new file only.
        #[cfg(unix)]
        to.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
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
    use tatum_overlay::client::Rotation;
    use tatum_primitives::StreamId;

    fn open(folder: &Path) -> KeptKeyring {
        let place = (StreamId::new("x/y").unwrap().key(0), Address::repeat_byte(3));
        KeptKeyring::open(&Keys::Exchanged(Rotation::default()), place, Some(folder), 0).unwrap()
    }

    fn ids(held: &Held) -> Vec<[u8; 8]> {
        held.keys().iter().map(GroupKey::id).collect()
    }

    #[test]
    fn keys_are_for_the_users_eyes_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = open(folder.path());
        let beside = first.file.as_ref().unwrap().with_extension("new");
        std::fs::write(beside, "left by a crash, for everybody to read").unwrap();
        first.ring.count();
        let rotated = first.rotate(u64::MAX).unwrap().unwrap();
        assert_eq!(rotated.1.id(), first.ring.current().id());
        let again = open(folder.path());
        let expected = [rotated.0.id(), rotated.1.id(), again.ring.current().id()];
        assert_eq!(ids(again.ring.held()), expected);
        assert_ne!(expected[2], expected[1]);
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
    fn what_is_not_on_disk_seals_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = open(folder.path());
        let before = kept.ring.current().id();
        kept.ring.count();
        kept.file = Some(folder.path().join("no-folder").join("\0"));
        assert!(kept.rotate(u64::MAX).is_err());
        assert_eq!(kept.ring.current().id(), before);
    }
}

//! What the owners of our streams permit: from the tracker or from disk, to the overlay and to our
//! own owner.
//!
//! Invariant: the overlay never goes back to an older list, not even over a restart with a store.

use tatum_overlay::permissions::{Entered, SignedPermissions};
use tatum_primitives::{StreamId, StreamKey};

use super::store::StoreJob;
use super::{Engine, Notice};
use crate::NodeError;
use tatum_protocol::Stream;

/// Memory for lists, in addresses. Lists of streams that we take part in stay whatever they weigh;
/// there are only so many streams, and each list is bounded.
const MAX_WEIGHT: usize = 1 << 20;

impl Engine {
    /// Begins to know a stream by its name, before anything of it is let in.
    pub(super) async fn permit(&mut self, stream: Stream) -> Result<(), NodeError> {
        let key = stream.key();
        let id = stream.id.clone();
        self.names.insert(key, stream);
        self.apply(key, &id).await
    }

    /// The tracker handed on a list.
    pub(super) async fn permissions(&mut self, signed: SignedPermissions) -> Result<(), NodeError> {
        let id = signed.list.stream.clone();
        let keys: Vec<StreamKey> =
            self.names.iter().filter(|(_, stream)| stream.id == id).map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        match self.book.enter(signed.clone()) {
            Ok(Entered::Newest) => {
                let version = signed.list.version;
                tracing::info!(stream = %id, version, "the stream's owner changed its permissions");
                self.store_job(StoreJob::Permissions(Box::new(signed))).await;
            }
            Ok(Entered::Known) => return Ok(()),
            Ok(Entered::Older { held }) => {
                let version = signed.list.version;
                tracing::warn!(stream = %id, version, held, "refused an older permission list");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(stream = %id, %error, "refused a permission list");
                return Ok(());
            }
        }
        let names = &self.names;
        let in_use = |id: &StreamId| names.values().any(|stream| stream.id == *id);
        for dropped in self.book.shrink(MAX_WEIGHT, in_use) {
            self.store_job(StoreJob::ForgetPermissions(dropped)).await;
        }
        for key in keys {
            self.apply(key, &id).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, stream: StreamKey, id: &StreamId) -> Result<(), NodeError> {
        let now = self.now();
        let access = self.book.access(id);
        self.overlay.set_access(stream, access.clone(), &now);
        self.notice(Notice::Access { stream, access: Box::new(access) }).await
    }
}

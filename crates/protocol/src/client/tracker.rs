//! A tracker, asked over HTTP.

use std::time::Duration;

use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{StreamId, StreamKey};

use super::ClientError;
use super::server::{Server, json};
use crate::status::TrackerStatus;
use crate::{Graph, ProblemKind, Published, StreamList};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A tracker.
#[derive(Clone, Debug)]
pub struct TrackerClient {
    server: Server,
}

impl TrackerClient {
    /// The tracker at `base`.
    ///
    /// # Errors
    /// If that is no address of a web server.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Ok(Self { server: Server::new(base, PATIENCE)? })
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        self.server.base()
    }

    /// Who is whose neighbour in a stream partition; nobody, if the tracker knows nobody in it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn graph(&self, stream: StreamKey) -> Result<Graph, ClientError> {
        json(self.server.get(&format!("/v1/streams/{stream}"))).await
    }

    /// The stream partitions that it knows, those after one key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn streams(&self, after: Option<StreamKey>) -> Result<StreamList, ClientError> {
        let after = after.map(|key| ("after", key.to_string()));
        json(self.server.get("/v1/streams").query(after.as_slice())).await
    }

    /// Whom it knows.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<TrackerStatus, ClientError> {
        json(self.server.get("/status")).await
    }

    /// What a stream's owner permits, as the tracker keeps it. The caller checks the owner's signature.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn permissions(
        &self,
        stream: &StreamId,
    ) -> Result<Option<SignedPermissions>, ClientError> {
        let request = self.server.get("/v1/permissions").query(&[("stream", stream.as_str())]);
        match json(request).await {
            Ok(signed) => Ok(Some(signed)),
            Err(error) if error.problem().is_some_and(|p| p.kind == ProblemKind::NotFound) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Publishes a list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish(&self, signed: &SignedPermissions) -> Result<Published, ClientError> {
        json(self.server.post("/v1/permissions").json(signed)).await
    }
}

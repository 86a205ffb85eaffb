//! A node's status page.

use std::time::Duration;

use super::ClientError;
use super::server::{Server, json};
use crate::status::NodeStatus;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node that serves its status.
#[derive(Clone, Debug)]
pub struct NodeClient {
    server: Server,
}

impl NodeClient {
    /// The node at `base`.
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

    /// What it says of itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<NodeStatus, ClientError> {
        json(self.server.get("/status")).await
    }
}

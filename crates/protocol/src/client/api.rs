//! A web API, asked what it pays the gas of.

use std::time::Duration;

use super::ClientError;
use super::server::{Server, json};
use crate::web::Relay;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A web API.
#[derive(Clone, Debug)]
pub struct ApiClient {
    server: Server,
}

impl ApiClient {
    /// The web API at `base`.
    ///
    /// # Errors
    /// If that is no address of a web server.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Ok(Self { server: Server::new(base, PATIENCE)? })
    }

    /// Whether it pays for gas, and what it has for that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn relay(&self) -> Result<Relay, ClientError> {
        json(self.server.get("/v1/relay")).await
    }
}

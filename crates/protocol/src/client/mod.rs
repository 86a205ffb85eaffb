//! The HTTP client of every service, typed by the same types that the services answer with.
//!
//! Invariant: no server can keep a caller waiting for ever, or fill its memory: connecting, silence and the whole of a request
//! have their time, and an answer its size.

mod aggregator;
mod api;
mod error;
mod node;
mod server;
mod tracker;

use std::time::Duration;

pub use aggregator::AggregatorClient;
pub use api::ApiClient;
pub use error::ClientError;
pub use node::NodeClient;
pub use tracker::TrackerClient;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(20);

/// What every HTTP client of this software begins with. A request as a whole has no bound here, for some fetch what is large:
/// whoever sends a small one sets it.
pub fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE)
}

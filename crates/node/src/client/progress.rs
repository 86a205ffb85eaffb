//! How far a publisher has come, as its owner watches it.

use tokio::time::Instant;

/// How far a publisher has come.
#[derive(Debug, Default, Clone)]
pub(super) struct Progress {
    pub(super) accepted: u64,
    pub(super) admitted: bool,
    pub(super) settled: u64,
    pub(super) keys_given: u64,
    pub(super) keys_refused: u64,
    /// When a relay last accepted, or somebody asked for a key.
    pub(super) last: Option<Instant>,
    pub(super) refusal: Option<String>,
}

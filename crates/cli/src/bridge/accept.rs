//! When a message is published: the same by every door.
//!
//! Invariant: who is told that a message is accepted was told so by a relay before; who waited too long is told that the message
//! may be published all the same.

use std::time::Duration;

use tatum_node::client::{Acceptance, MAX_PAYLOAD_BYTES, Stream};
use tatum_protocol::{Problem, ProblemKind};
use tokio::time::timeout;

use super::Bridge;

/// How long relays may take to accept a message.
pub(super) const RELAY_PATIENCE: Duration = Duration::from_secs(30);

/// Hands a message over to its stream's publisher.
pub(super) async fn publish(
    bridge: &Bridge,
    stream: Stream,
    payload: &[u8],
) -> Result<Acceptance, Problem> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Problem::new(ProblemKind::TooLarge, too_large()));
    }
    let publishing = bridge.publishers.of(stream).await?;
    let published = timeout(RELAY_PATIENCE, publishing.publish(payload.to_vec())).await;
    published.unwrap_or_else(|_| Err(unanswered(0, None)))
}

/// Waits until a relay has accepted it.
pub(super) async fn accepted(mut acceptance: Acceptance) -> Result<(), Problem> {
    match timeout(RELAY_PATIENCE, acceptance.told()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(unanswered(0, acceptance.refusal())),
    }
}

/// What is said when not every message was accepted in time.
pub(super) fn unanswered(accepted: usize, refusal: Option<String>) -> Problem {
    let why = refusal.map(|refusal| format!(" ({refusal})")).unwrap_or_default();
    let detail = format!(
        "relays accepted {accepted} messages in time{why}; the others may have been accepted, or be so yet: who sends them again may publish them twice"
    );
    Problem::new(ProblemKind::Busy, detail)
}

/// What is said of a payload that no message holds.
pub(super) fn too_large() -> String {
    format!("a message holds {MAX_PAYLOAD_BYTES} bytes")
}

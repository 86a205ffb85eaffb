//! Events of a range of blocks, asked for in pieces that the provider takes.
//!
//! Invariant: no request covers more blocks than [`MOST_BLOCKS`] or than the provider last accepted, so its size does not
//! grow with the chain's age; a refused piece is halved until it passes or is a single block. This is the only place that
//! asks for logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};
use alloy::transports::TransportError;

use crate::Result;

/// Blocks asked for at once, at most; public endpoints refuse more than a few thousand.
const MOST_BLOCKS: u64 = 2_000;

/// How many blocks the provider takes at once, learnt from its refusals. Clones learn together.
#[derive(Clone, Debug)]
pub(crate) struct PieceSize(Arc<AtomicU64>);

impl Default for PieceSize {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(MOST_BLOCKS)))
    }
}

impl PieceSize {
    /// What `filter` finds in the blocks `from ..= to`, in chain order.
    pub(crate) async fn logs(
        &self,
        provider: &DynProvider,
        filter: &Filter,
        mut from: u64,
        to: u64,
    ) -> Result<Vec<Log>> {
        let mut found = Vec::new();
        while from <= to {
            let blocks = self.0.load(Ordering::Relaxed);
            let last = to.min(from.saturating_add(blocks.saturating_sub(1)));
            let piece = filter.clone().from_block(from).to_block(last);
            match provider.get_logs(&piece).await {
                Ok(logs) => found.extend(logs),
                Err(error) if last > from && is_refusal(&error) => {
                    self.halve(last.saturating_sub(from).saturating_add(1));
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let Some(next) = last.checked_add(1) else { break };
            from = next;
        }
        Ok(found)
    }

    fn halve(&self, refused: u64) {
        let half = (refused / 2).max(1);
        self.0.fetch_min(half, Ordering::Relaxed);
        tracing::debug!(
            blocks = half,
            "the provider refused a range of blocks; asking for smaller ones"
        );
    }
}

/// Whether the provider answered, but not with logs: what a too large range gets, in words that differ everywhere.
fn is_refusal(error: &TransportError) -> bool {
    match error {
        TransportError::ErrorResp(_) => true,
        TransportError::Transport(kind) => {
            kind.as_http_error().is_some_and(|http| matches!(http.status, 400 | 413 | 422 | 500))
        }
        _ => false,
    }
}

//! `GET /v1/epochs/{epoch}/evidence` and `…/evidence/receipts`: what was delivered and is paid by channels.
//!
//! Invariant: the figures are sums of the receipts that the other route gives, and no file of the epoch's dataset has any of them.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use tatum_primitives::Epoch;
use tatum_protocol::receipts::{self, RECEIPTS};
use tatum_protocol::{Cursor, Evidence, ServiceSums};
use tatum_receipt::{ReceiptKey, SignedReceipt, StoredReceipt};

use super::Publication;
use crate::http::{ApiError, Path, Query};

/// Receipts in one answer, at most.
const MAX_RECEIPTS: u32 = 1_000;

pub(super) async fn figures(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
) -> Result<Json<Evidence>, ApiError> {
    // Everybody gets a turn: an epoch's evidence is bounded, and there are few who can read at a time.
    let _turn = publication.evidence_turn.lock().await;
    let mut sums = ServiceSums::default();
    let mut scan = publication.database.scan_evidence(epoch);
    while let Some(page) = scan.next().await? {
        page.iter().for_each(|stored| sums.add(stored.receipt()));
    }
    Ok(Json(sums.evidence(epoch)))
}

/// Which receipts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those behind this one: the first 93 bytes of a receipt, in hexadecimal.
    pub(super) after: Option<Cursor>,
    /// At most so many.
    pub(super) limit: Option<u32>,
}

impl Page {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(MAX_RECEIPTS).clamp(1, MAX_RECEIPTS)
    }
}

pub(super) async fn receipts(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
    Query(page): Query<Page>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), ApiError> {
    let limit = page.limit();
    let after = page.after.map(|cursor| key(&cursor, epoch)).transpose()?;
    let mut scan = publication.database.scan_evidence_after(epoch, after.as_ref(), limit);
    let found = scan.next().await?.unwrap_or_default();
    let found: Vec<SignedReceipt> = found.into_iter().map(StoredReceipt::into_signed).collect();
    Ok(([(CONTENT_TYPE, RECEIPTS)], receipts::encode(&found)))
}

pub(super) fn key(cursor: &Cursor, epoch: Epoch) -> Result<ReceiptKey, ApiError> {
    let message = "after is the first 93 bytes of a receipt in hexadecimal";
    cursor.key(epoch).ok_or_else(|| ApiError::BadRequest(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is asked for.
    #[test]
    fn nitrolite_mf_h01_a_list_comes_in_pages() {
        let of = |limit| Page { after: None, limit }.limit();
        let asked = [None, Some(0), Some(7), Some(1_001), Some(u32::MAX)];
        assert_eq!(asked.map(of), [1_000, 1, 7, 1_000, 1_000]);
    }
}

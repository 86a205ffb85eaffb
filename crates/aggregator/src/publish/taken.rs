//! `GET /v1/epochs/{epoch}/taken`: the receipts that are held of an epoch, from its first moment on, as they are handed in.
//!
//! Invariant: as in the database, so what a page lacks that comes later is in the next one, or came too late for its place.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use tatum_primitives::Epoch;
use tatum_protocol::receipts::{self, RECEIPTS};
use tatum_receipt::Witnessed;

use super::Publication;
use super::evidence::{Page, key};
use crate::http::{ApiError, Path, Query};

/// Receipts in one answer, at most; what lies beside one can have thirty times its size.
const MOST_RECEIPTS: u32 = 250;

pub(super) async fn receipts(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
    Query(page): Query<Page>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), ApiError> {
    let limit = page.limit.unwrap_or(MOST_RECEIPTS).clamp(1, MOST_RECEIPTS);
    let after = page.after.map(|cursor| key(&cursor, epoch)).transpose()?;
    let mut scan = publication.database.scan_receipts_after(epoch, after.as_ref(), limit);
    let found = scan.next_witnessed().await?.unwrap_or_default();
    let found: Vec<Witnessed> = found
        .into_iter()
        .map(|(stored, contents)| Witnessed { signed: stored.into_signed(), contents })
        .collect();
    Ok(([(CONTENT_TYPE, RECEIPTS)], receipts::encode(&found)))
}

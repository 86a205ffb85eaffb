//! `GET /v1/epochs/{epoch}/payers/{payer}`: what a payer used of its quota, as far as receipts were handed in.
//!
//! Invariant: sums of the receipts that are held, which are those that count; a sum that stops before the last of them says so.

use axum::Json;
use axum::extract::State;
use tatum_database::EpochRecord;
use tatum_primitives::{Address, Epoch, U256};
use tatum_protocol::{EpochState, PayerUse};

use super::Publication;
use crate::http::{ApiError, Path};

/// Receipts that are added up for one answer, at most.
const MAX_RECEIPTS: u64 = 50_000;

pub(super) async fn used(
    State(publication): State<Publication>,
    Path((epoch, payer)): Path<(Epoch, Address)>,
) -> Result<Json<PayerUse>, ApiError> {
    let mut used = PayerUse::none(epoch, payer);
    let mut scan = publication.database.scan_receipts_of(epoch, payer);
    while let Some(page) = scan.next().await? {
        for stored in page {
            let receipt = stored.receipt();
            used.receipts = used.receipts.saturating_add(1);
            used.messages = used.messages.saturating_add(U256::from(receipt.messages));
            used.bytes = used.bytes.saturating_add(U256::from(receipt.bytes));
            used.bytes_on_time =
                used.bytes_on_time.saturating_add(U256::from(receipt.bytes_on_time));
        }
        if used.receipts >= MAX_RECEIPTS {
            used.is_complete = false;
            break;
        }
    }
    let is_final = |record: EpochRecord| record.state == EpochState::Finalized;
    if used.receipts == 0 && publication.database.epoch(epoch).await?.is_some_and(is_final) {
        // They may have been forgotten since.
        let reason =
            format!("epoch {epoch} is final and no receipts are held of it: its dataset has them");
        return Err(ApiError::NotFound(reason));
    }
    Ok(Json(used))
}

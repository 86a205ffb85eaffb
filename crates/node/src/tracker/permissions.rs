//! Permission lists at the tracker: owners publish them over HTTP.
//!
//! Invariant: a list is on disk before its owner is told that it is kept.

use axum::extract::rejection::{QueryRejection, StringRejection};
use axum::extract::{DefaultBodyLimit, Query, State as AxumState};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::StreamId;
use tatum_protocol::tracker::MAX_TRACKER_TEXT_BYTES;
use tatum_protocol::{ProblemKind, Published};
use tatum_receipt::Verifier;
use tatum_tracker::{Admitted, CheckedList, ListRefusal};

use super::Shared;
use super::refusal::{Refusal, refused};
use crate::permissions::keep_permissions;

/// A refusal of the mind's.
fn refused_list(refusal: &ListRefusal) -> Refusal {
    let kind = match refusal {
        ListRefusal::NoDeployment => ProblemKind::NotOffered,
        ListRefusal::Signature(_) => ProblemKind::BadRequest,
        ListRefusal::NoStake(_) => ProblemKind::Forbidden,
        ListRefusal::Older { .. } => ProblemKind::Outdated,
        ListRefusal::Full => ProblemKind::Full,
        ListRefusal::TooFast => ProblemKind::TooManyRequests,
    };
    refused(kind, refusal.in_full())
}

/// `GET` and `POST /v1/permissions`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/permissions", get(show).post(publish))
        .layer(DefaultBodyLimit::max(MAX_TRACKER_TEXT_BYTES))
}

#[derive(Debug, Deserialize)]
struct Asked {
    stream: StreamId,
}

async fn show(
    AxumState(shared): AxumState<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<SignedPermissions>, Refusal> {
    let asked = asked.map_err(|error| refused(ProblemKind::BadRequest, error.body_text()))?;
    let Query(Asked { stream }) = asked;
    let list = shared.lock().tracker.list(&stream).cloned();
    let reason = || refused(ProblemKind::NotFound, format!("{stream} has no permission list"));
    list.map(Json).ok_or_else(reason)
}

async fn publish(
    AxumState(shared): AxumState<Shared>,
    body: Result<String, StringRejection>,
) -> Result<Json<Published>, Refusal> {
    let body = body.map_err(|error| match error {
        StringRejection::InvalidUtf8(_) => refused(ProblemKind::BadRequest, "the body is no text"),
        _ => refused(ProblemKind::TooLarge, error.body_text()),
    })?;
    let signed: SignedPermissions = serde_json::from_str(&body).map_err(|error| {
        refused(ProblemKind::BadRequest, format!("no permission list: {error}"))
    })?;
    let (stream, version) = (signed.list.stream.clone(), signed.list.version);
    let verifier = shared.config.domain.map(Verifier::new);
    let (list, now) = shared.checking(|checks| {
        let list = CheckedList::check(signed, verifier, checks.facts, checks.now.epoch);
        (list, checks.now)
    });
    let list = list.map_err(|refusal| refused_list(&refusal))?;
    let admitted = shared.lock().tracker.admit_list(&list, &now);
    if admitted.map_err(|refusal| refused_list(&refusal))? == Admitted::Known {
        return Ok(Json(Published { stream, version, told: 0 }));
    }
    if let Some(store) = &shared.store {
        keep_permissions(store, list.signed()).await.map_err(|error| {
            tracing::error!(%error, "the store of permissions failed");
            refused(ProblemKind::Busy, "the list could not be stored")
        })?;
    }
    let told = enter(&shared, list);
    tracing::info!(%stream, version, told, "a stream's owner changed its permissions");
    Ok(Json(Published { stream, version, told }))
}

fn enter(shared: &Shared, list: CheckedList) -> usize {
    let mut mind = shared.lock();
    let told = mind.tracker.enter_list(list);
    mind.send();
    told
}

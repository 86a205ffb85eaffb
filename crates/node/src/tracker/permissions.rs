//! Permission lists at the tracker: owners publish them, and everybody who takes part is told.
//!
//! Invariant: a list is on disk before its owner is told that it is kept, and a stream's list is
//! never replaced by an older one. The tracker can withhold a list, but nobody needs its word for
//! one: every node checks the owner's signature.

use std::collections::BTreeMap;

use axum::extract::rejection::{QueryRejection, StringRejection};
use axum::extract::{DefaultBodyLimit, Query, State as AxumState};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tatum_overlay::limit::{Limiter, Rate};
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{Address, NodeId, StreamId, StreamKey};
use tatum_receipt::Verifier;

use super::Shared;
use super::refusal::{Refusal, refused};
use super::state::State;
use crate::engine::store::keep_permissions;
use crate::error::in_full;
use crate::permissions::{Book, Entered};
use tatum_protocol::tracker::{FromTracker, MAX_TRACKER_TEXT_BYTES};
use tatum_protocol::{ProblemKind, Published};

/// Memory for lists, in addresses.
const MAX_WEIGHT: usize = 1 << 22;
/// Lists that an owner may publish; each is sent to everybody in its stream.
const OWNER_RATE: Rate = Rate { per_second: 2, burst: 32 };
/// Owners whose rates are remembered.
const MAX_OWNERS: usize = 16_384;

/// The newest list of each stream, if the tracker takes any.
#[derive(Debug)]
pub(super) struct Lists {
    book: Option<(Verifier, Book)>,
    owners: Limiter<Address>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { book: None, owners: Limiter::new(OWNER_RATE, MAX_OWNERS) }
    }
}

impl Lists {
    /// The lists that `kept` holds, for the deployment of `verifier`.
    pub(super) fn new(verifier: Verifier, kept: &[String]) -> Self {
        Self { book: Some((verifier, Book::read(verifier, kept))), ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.book.as_ref().map_or(0, |(_, book)| book.len())
    }

    fn list(&self, stream: &StreamId) -> Option<&SignedPermissions> {
        self.book.as_ref().and_then(|(_, book)| book.list(stream))
    }

    /// Whether a verified list would be taken now; false if it was taken before.
    fn may_enter(
        &mut self,
        signed: &SignedPermissions,
        owner: Address,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        let Some((_, book)) = &self.book else { return Ok(false) };
        match book.look_up(signed) {
            Entered::Known => return Ok(false),
            Entered::Older { held } => {
                let version = signed.list.version;
                let reason = format!("version {version} is not newer than {held}, which is kept");
                return Err(refused(ProblemKind::Outdated, reason));
            }
            Entered::Newest => {}
        }
        if book.weight().saturating_add(book.growth(signed)) > MAX_WEIGHT {
            let reason = "this tracker has no room for more permissions";
            return Err(refused(ProblemKind::Full, reason));
        }
        if !self.owners.take(owner, 1, now_ms) {
            let reason = "too many lists of one owner; try again in a second";
            return Err(refused(ProblemKind::TooManyRequests, reason));
        }
        Ok(true)
    }
}

impl State {
    /// Tells a node what the owner of a stream permits, if the owner ever said so.
    pub(super) fn tell_permissions(&mut self, node: NodeId, key: StreamKey) {
        let Some(stream) = self.streams.get(&key) else { return };
        if let Some(signed) = self.lists.list(&stream.name.id) {
            let text = FromTracker::Permissions(Box::new(signed.clone()));
            self.tell(node, text);
        }
    }

    /// Enters a list that is on disk and tells everybody whom it concerns; gives how many.
    fn enter_list(&mut self, signed: SignedPermissions) -> usize {
        let stream = signed.list.stream.clone();
        let Some((_, book)) = &mut self.lists.book else { return 0 };
        if book.enter(signed) != Ok(Entered::Newest) {
            return 0;
        }
        let mut told = BTreeMap::new();
        for (key, state) in self.streams.iter().filter(|(_, state)| state.name.id == stream) {
            let nodes = state.topology.relays().chain(state.topology.clients());
            told.extend(nodes.map(|node| (node, *key)));
        }
        for (node, key) in &told {
            self.tell_permissions(*node, *key);
        }
        told.len()
    }
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
    let list = shared.lock().lists.list(&stream).cloned();
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
    let Some(verifier) = shared.config.domain.map(Verifier::new) else {
        let reason = "this tracker follows no deployment, so it takes no permissions";
        return Err(refused(ProblemKind::NotOffered, reason));
    };
    let owner = signed
        .verify(&verifier)
        .map_err(|error| refused(ProblemKind::BadRequest, in_full(&error)))?;
    let epoch = shared.config.clock.epoch();
    let staked = |facts: &crate::relay::SharedFacts| facts.quota_bytes(owner, epoch).is_some();
    if !shared.config.facts.as_ref().is_none_or(staked) {
        // An address costs nothing to make, a stake does.
        let reason = format!("the owner {owner} has no stake that counts in this epoch");
        return Err(refused(ProblemKind::Forbidden, reason));
    }
    let (stream, version) = (signed.list.stream.clone(), signed.list.version);
    let now_ms = shared.config.clock.wall_ms();
    let new = shared.lock().lists.may_enter(&signed, owner, now_ms)?;
    if !new {
        return Ok(Json(Published { stream, version, told: 0 }));
    }
    if let Some(store) = &shared.store {
        keep_permissions(store, &signed).await.map_err(|error| {
            tracing::error!(%error, "the store of permissions failed");
            refused(ProblemKind::Busy, "the list could not be stored")
        })?;
    }
    let told = shared.lock().enter_list(signed);
    tracing::info!(%stream, version, told, "a stream's owner changed its permissions");
    Ok(Json(Published { stream, version, told }))
}

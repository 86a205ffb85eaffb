//! What auditors, operators and payers read: epochs, datasets, proofs, rejections, and how the service is.
//!
//! Invariant: read-only; a file is served only under one of a dataset's fixed names; everything that can be large is paged
//! or streamed.

mod dataset_store;
mod earnings;
mod epochs;
mod evidence;
mod files;
mod overages;
mod payers;
mod proofs;
mod rejections;
mod status;
mod taken;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tatum_database::Database;
use tokio::sync::Mutex;

pub use dataset_store::DatasetStore;
pub use status::{Probe, Pulse};

use crate::{Identity, Metrics};

/// Everything the routes read.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Epochs and rejections.
    pub database: Database,
    /// Datasets.
    pub datasets: DatasetStore,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// When the chain last answered.
    pub pulse: Pulse,
    /// Whether something can be written.
    pub probe: Probe,
    /// Signs what is said of rejections.
    pub identity: Identity,
    /// Whose turn it is to have an epoch's evidence added up.
    pub evidence_turn: Arc<Mutex<()>>,
}

/// The read-only routes.
pub fn router(publication: Publication) -> Router {
    Router::new()
        .route("/v1/epochs", get(epochs::list))
        .route("/v1/epochs/{epoch}", get(epochs::show))
        .route("/v1/epochs/{epoch}/manifest", get(files::manifest))
        .route("/v1/epochs/{epoch}/files/{name}", get(files::file))
        .route("/v1/epochs/{epoch}/operators/{operator}", get(proofs::operator))
        .route("/v1/epochs/{epoch}/payouts/{operator}", get(proofs::payout))
        .route("/v1/epochs/{epoch}/receipts", get(proofs::receipts))
        .route("/v1/epochs/{epoch}/receipts/{leaf}", get(proofs::receipt))
        .route("/v1/epochs/{epoch}/taken", get(taken::receipts))
        .route("/v1/epochs/{epoch}/evidence", get(evidence::figures))
        .route("/v1/epochs/{epoch}/evidence/receipts", get(evidence::receipts))
        .route("/v1/epochs/{epoch}/overages", get(overages::list))
        .route("/v1/epochs/{epoch}/overages/{payer}", get(overages::proof))
        .route("/v1/epochs/{epoch}/payers/{payer}", get(payers::used))
        .route("/v1/operators/{operator}/earnings", get(earnings::earnings))
        .route("/v1/rejections", get(rejections::list))
        .route("/v1/identity", get(rejections::identity))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .with_state(publication)
}

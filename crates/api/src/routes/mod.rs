//! What can be asked, a file for each kind of thing.
//!
//! Invariant: every route is in the OpenAPI description, with its parameters and the problems that it answers with.

mod accounts;
mod actions;
mod channels;
mod delegations;
mod epochs;
mod events;
mod extract;
mod network;
mod operators;
mod overages;
mod plan;
mod prices;
mod relay;
mod sponsors;
mod status;
mod streams;
mod transactions;
mod warnings;

pub(crate) use extract::Path;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// All of them.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(network::network))
        .routes(routes!(network::prices))
        .routes(routes!(prices::payers))
        .routes(routes!(prices::asks))
        .routes(routes!(streams::list))
        .routes(routes!(streams::show))
        .routes(routes!(plan::plan))
        .routes(routes!(accounts::account))
        .routes(routes!(channels::of_payer))
        .routes(routes!(delegations::of_account))
        .routes(routes!(overages::billed))
        .routes(routes!(operators::list))
        .routes(routes!(operators::show))
        .routes(routes!(epochs::list))
        .routes(routes!(epochs::show))
        .routes(routes!(epochs::proof))
        .routes(routes!(epochs::payer))
        .routes(routes!(epochs::receipts))
        .routes(routes!(epochs::payout))
        .routes(routes!(overages::owed))
        .routes(routes!(operators::earnings))
        .routes(routes!(channels::of_operator))
        .routes(routes!(channels::show))
        .routes(routes!(delegations::pool))
        .routes(routes!(delegations::of_delegator))
        .routes(routes!(sponsors::of_account))
        .routes(routes!(sponsors::list))
        .routes(routes!(sponsors::vault))
        .routes(routes!(sponsors::of_sponsor))
        .routes(routes!(actions::prepare))
        .routes(routes!(relay::terms, relay::carry))
        .routes(routes!(transactions::hand_over))
        .routes(routes!(transactions::status))
        .routes(routes!(events::listen))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
}

//! The OpenAPI description, made from the routes.
//!
//! Invariant: `docs/openapi.json` is what this makes, byte for byte; a test compares them.

use tatum_protocol::{Problem, schema};
use utoipa::OpenApi as Described;
use utoipa::openapi::OpenApi;

use crate::routes;

/// What the description says about the whole.
#[derive(Described)]
#[openapi(
    info(
        title = "Tatum",
        version = "1",
        description = "Stakes, channels, operators, delegations, sponsors, epochs and payouts of a Tatum deployment. Amounts in wei (10^18 are a DATA), nano (10^9 are a DATA) and bytes are whole numbers in decimal text. What is read from the chain says of which block. No key of anybody that asks is here: actions are answered as transactions and messages that the caller's own wallet signs.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This service")),
    security(()),
    tags(
        (name = "network", description = "The deployment and its rules"),
        (name = "publishers", description = "Stakes and quotas"),
        (name = "operators", description = "Who runs nodes, and what they earn"),
        (name = "delegators", description = "Pools of delegators behind operators"),
        (name = "sponsors", description = "Vaults that pay for somebody's streams"),
        (name = "auditors", description = "Epochs and proofs"),
        (name = "actions", description = "What wallets sign"),
        (name = "service", description = "How this service is"),
    ),
    // What only paths and queries name is not found by itself.
    components(schemas(Problem, schema::Number, schema::OperatorNumber, schema::StreamIdText))
)]
struct Description;

/// The description that the routes' own parts are added to.
pub(crate) fn description() -> OpenApi {
    Description::openapi()
}

/// The whole description, as it is served at `/openapi.json`.
///
/// # Errors
/// If it cannot be written as JSON, which would be a fault of this crate.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, openapi) = utoipa_axum::router::OpenApiRouter::with_openapi(description())
        .merge(routes::router())
        .split_for_parts();
    Ok(openapi.to_pretty_json()? + "\n")
}

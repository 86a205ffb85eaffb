//! The OpenAPI description, made from the routes.
//!
//! Invariant: `docs/openapi.json` is what this makes, byte for byte; a test compares them.

use std::collections::BTreeMap;

use tatum_protocol::{PROBLEM_JSON, Problem, ProblemKind};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi as Described};

use crate::routes;

/// What the description says about the whole.
#[derive(Described)]
#[openapi(
    info(
        title = "Tatum",
        version = "1",
        description = "Stakes, operators, epochs and payouts of a Tatum deployment. Amounts in wei (10^18 are a DATA), nano (10^9 are a DATA) and bytes are whole numbers in decimal text. What is read from the chain says of which block. Nothing here holds a key: actions are answered as transactions and messages that the caller's own wallet signs.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This service")),
    security(()),
    tags(
        (name = "network", description = "The deployment and its rules"),
        (name = "publishers", description = "Stakes and quotas"),
        (name = "operators", description = "Who runs nodes, and what they earn"),
        (name = "auditors", description = "Epochs and proofs"),
        (name = "actions", description = "What wallets sign"),
        (name = "service", description = "How this service is"),
    ),
    components(schemas(Problem))
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

/// The problems that any route may answer with.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut by_status = BTreeMap::<String, Vec<&'static str>>::new();
        for kind in [
            ProblemKind::BadRequest,
            ProblemKind::NotFound,
            ProblemKind::MethodNotAllowed,
            ProblemKind::NotYet,
            ProblemKind::TooLarge,
            ProblemKind::UnsupportedMediaType,
            ProblemKind::Refused,
            ProblemKind::TooManyRequests,
            ProblemKind::Internal,
            ProblemKind::Busy,
        ] {
            by_status.entry(kind.status().as_str().to_owned()).or_default().push(kind.title());
        }
        let answer = |titles: Vec<&str>| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new()
                .description(titles.join("; "))
                .content(PROBLEM_JSON, content)
                .build()
        };
        by_status.into_iter().map(|(status, titles)| (status, answer(titles).into())).collect()
    }
}

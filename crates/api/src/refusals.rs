//! The problems that every route may answer with, for the OpenAPI description.

use std::collections::BTreeMap;

use tatum_protocol::{PROBLEM_JSON, ProblemKind};
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

const OF_ANY: [ProblemKind; 10] = [
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
];
const OF_RELAY: [ProblemKind; 3] =
    [ProblemKind::RelayOff, ProblemKind::RelaySpent, ProblemKind::RelayEmpty];

/// The problems that any route may answer with.
pub(crate) struct Problems;

/// Those, and the relay's.
pub(crate) struct RelayProblems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described(&OF_ANY)
    }
}

impl IntoResponses for RelayProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described(&[&OF_ANY[..], &OF_RELAY[..]].concat())
    }
}

fn described(kinds: &[ProblemKind]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<String, Vec<&'static str>>::new();
    for kind in kinds {
        by_status.entry(kind.status().as_str().to_owned()).or_default().push(kind.title());
    }
    let answer = |titles: Vec<&str>| {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new().description(titles.join("; ")).content(PROBLEM_JSON, content).build()
    };
    by_status.into_iter().map(|(status, titles)| (status, answer(titles).into())).collect()
}

//! `GET /v1/plan`: what a stream needs of a stake, what that costs, how long a stake lasts.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, U256};
use tatum_protocol::ProblemKind;
use tatum_protocol::schema::AddressText;
use tatum_protocol::web::{AsOf, StakePlan};
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// More than any stream has, of each.
const MOST: u64 = 1_000_000_000;
/// Relays at which a publisher's message counts.
const PUBLISHED_COPIES: u64 = 4;

/// A stream, and for how long it is planned.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Stream {
    /// Messages a second.
    #[param(minimum = 1, maximum = 1_000_000_000)]
    rate_per_s: u64,
    /// Payload bytes of a message.
    #[param(minimum = 1, maximum = 1_000_000_000)]
    size_bytes: u64,
    /// Relays at which each message counts: a publisher gives it to 4, a subscriber has it of 1.
    #[param(minimum = 1, maximum = 64)]
    copies: Option<u64>,
    /// How many epochs the stake shall last without being topped up.
    #[param(minimum = 1, maximum = 100_000)]
    epochs: Option<u64>,
    /// Whose stake counts already.
    #[param(value_type = Option<AddressText>)]
    payer: Option<Address>,
}

/// A plan, and of when its price is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// When this was read.
    as_of: AsOf,
    /// What to stake, and what that costs.
    #[serde(flatten)]
    plan: StakePlan,
}

/// What a stream needs of a stake, at the price of the next epoch.
#[utoipa::path(get, path = "/v1/plan", tag = "publishers", operation_id = "plan", params(Stream), responses(
    (status = 200, description = "The plan", body = Plan), Problems
))]
pub(super) async fn plan(
    State(api): State<Api>,
    Query(stream): Query<Stream>,
) -> Result<Json<Plan>, ApiError> {
    let (copies, epochs) = (stream.copies.unwrap_or(PUBLISHED_COPIES), stream.epochs.unwrap_or(1));
    let bounded = |what: &str, value: u64, most: u64| {
        let wrong = || ApiError::bad_request(format!("{what} is from 1 to {most}"));
        (1..=most).contains(&value).then_some(value).ok_or_else(wrong)
    };
    let rate = bounded("rate_per_s", stream.rate_per_s, MOST)?;
    let size = bounded("size_bytes", stream.size_bytes, MOST)?;
    let copies = bounded("copies", copies, 64)?;
    let epochs = bounded("epochs", epochs, tatum_chain::MOST_PLANNED_EPOCHS)?;
    let as_of = api.as_of()?;
    let length_s = api.shared.view.schedule().length_s;
    let factors = [rate, size, copies, length_s].map(U256::from);
    let needed_bytes = factors.into_iter().fold(U256::from(1), U256::saturating_mul);
    let terms = {
        let _turn = api.turn().await?;
        api.shared.chain.stake_terms(stream.payer.unwrap_or_default()).await?
    };
    let plan = terms.plan(needed_bytes, epochs, length_s.saturating_mul(1_000), stream.payer);
    let plan = plan.ok_or_else(|| {
        let bought = terms.next_quota_bytes_per_data;
        let detail = format!(
            "no stake buys {needed_bytes} bytes in an epoch: a DATA buys {bought} in the next one"
        );
        ApiError::new(ProblemKind::Refused, detail)
    })?;
    Ok(Json(Plan { as_of, plan }))
}

//! `/v1/epochs/{epoch}/payouts/{operator}`: why an operator is paid what it is paid; `/v1/operators/{operator}/earnings`: what
//! it earned, epoch by epoch.
//!
//! Invariant: amounts, units and sums are decimal text, for most JSON readers stop at 2^53. What an epoch's rule is stands in
//! "Payout of an epoch" in `docs/dataset.md`; each figure here is one of its lines.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, Nano, OperatorId};
use utoipa::ToSchema;

use crate::schema::{AddressText, DecimalText};

use crate::EpochState;

/// What one payer's receipts brought an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayoutEdge {
    /// The payer.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// How many of its receipts count for the operator.
    pub receipts: u64,
    /// The bytes on time in them.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub units_bytes: u128,
    /// The bytes on time in all of the payer's receipts.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub payer_units_bytes: u128,
    /// What all of the payer's receipts steer together.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub payer_steers_nano: Nano,
    /// `⌊payer_steers_nano · units_bytes / payer_units_bytes⌋`.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub work_nano: Nano,
}

/// Why an operator is paid what it is paid for an epoch: a page of its edges, and what the rule makes of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payout {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The operator.
    #[schema(value_type = u32)]
    pub operator: OperatorId,
    /// Its edges, in order of payer.
    pub work: Vec<PayoutEdge>,
    /// Where the next page of them starts, if there may be one.
    pub next_offset: Option<u64>,
    /// The sum of all its edges.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub work_nano: Nano,
    /// What its capacity lets it earn at the full price.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub cap_nano: Nano,
    /// What it is paid of its work: the full price up to the cap, half of it up to three times the cap.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub paid_nano: Nano,
    /// What it gets of the common pool.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub pool_nano: Nano,
    /// What the epoch adds beyond that, for another role than a relay's; nothing where the rule knows no other role.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub role_nano: Nano,
    /// What the epoch adds.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub total_nano: Nano,
    /// Everything it was promised before.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub before_nano: Nano,
    /// Everything it is promised with it: its entry in the distribution.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub cumulative_nano: Nano,
}

impl Payout {
    /// Whether all sums in it come out, for one whose edges are all there. What each edge comes to is for whoever has the receipts.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let sum =
            |parts: &[Nano]| parts.iter().try_fold(Nano::ZERO, |sum, part| sum.checked_add(*part));
        let works: Vec<Nano> = self.work.iter().map(|edge| edge.work_nano).collect();
        sum(&works) == Some(self.work_nano)
            && sum(&[self.paid_nano, self.pool_nano, self.role_nano]) == Some(self.total_nano)
            && sum(&[self.before_nano, self.total_nano]) == Some(self.cumulative_nano)
    }
}

/// What an operator earned in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochEarning {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// How far it has come: what is not final may still become something else.
    pub state: EpochState,
    /// What receipts steered to it.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub work_nano: Nano,
    /// What it is paid of that.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub paid_nano: Nano,
    /// What it gets of the common pool.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub pool_nano: Nano,
    /// What the epoch adds.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub total_nano: Nano,
    /// Everything since epoch 0.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub cumulative_nano: Nano,
}

/// What an operator earned, the newest epoch first; epochs that it was no operator in, or that have no dataset yet, are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Earnings {
    /// The operator.
    #[schema(value_type = u32)]
    pub operator: OperatorId,
    /// Epoch by epoch.
    pub epochs: Vec<EpochEarning>,
}

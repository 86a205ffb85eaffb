//! Realised prices and asks: what payers paid for a GiB of their quotas, and what relays ask for one.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, Nano, NodeId, OperatorId};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText, WordText};

/// What a payer paid in a closed epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayerPrice {
    /// The payer.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// Its fee.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub fee_nano: Nano,
    /// The part of it that its receipts give to operators.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub steered_nano: Nano,
    /// Its quota.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes: u64,
    /// What is steered for a GiB of the quota, rounded down; nothing for who had no quota: it has no price yet.
    #[serde(with = "tatum_primitives::decimal::optional")]
    #[schema(value_type = Option<DecimalText>)]
    pub nano_per_gib: Option<u128>,
}

/// Realised prices of a closed epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RealisedPrices {
    /// When this was read.
    pub as_of: AsOf,
    /// The newest closed epoch, which relays compare their asks with; nothing before any payer paid in one that is no older than two.
    #[schema(value_type = Option<u64>)]
    pub epoch: Option<Epoch>,
    /// Whether every payer's figures are known by now.
    pub is_complete: bool,
    /// The middle one of all that have a price; the lower of two.
    #[serde(with = "tatum_primitives::decimal::optional")]
    #[schema(value_type = Option<DecimalText>)]
    pub median_nano_per_gib: Option<u128>,
    /// Some of those with a fee or a quota, by address.
    pub payers: Vec<PayerPrice>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<AddressText>)]
    pub next: Option<Address>,
}

/// What the relays ask that this service was told to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asks {
    /// When they were asked, in seconds since 1970; nothing while none has been.
    pub asked_at_s: Option<u64>,
    /// How many did not answer then.
    pub silent: usize,
    /// The middle one of those that ask something; the lower of two.
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    #[schema(value_type = Option<DecimalText>)]
    pub median_ask_nano_per_gib: Option<Nano>,
    /// Those that answered.
    pub relays: Vec<Ask>,
}

/// What a relay asks, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ask {
    /// The relay.
    #[schema(value_type = WordText)]
    pub node: NodeId,
    /// Whose node that is, as the chain has it.
    #[schema(value_type = Option<u32>)]
    pub operator: Option<OperatorId>,
    /// What it asks of those who pay from their stakes; nothing if it declines nobody.
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    #[schema(value_type = Option<DecimalText>)]
    pub ask_nano_per_gib: Option<Nano>,
}

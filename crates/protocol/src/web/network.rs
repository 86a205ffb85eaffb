//! The deployment: its contracts, its rules, and where its epochs are.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText};

/// A deployment as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// When this was read.
    pub as_of: AsOf,
    /// The chain's id.
    pub chain_id: u64,
    /// Where the contracts are.
    pub deployment: Contracts,
    /// The token that is staked and paid.
    pub token: TokenSummary,
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// When it began, in seconds since 1970.
    pub epoch_started_at_s: u64,
    /// When it ends.
    pub epoch_ends_at_s: u64,
    /// How long an epoch lasts.
    pub epoch_length_s: u64,
    /// How many epochs are closed: their fees are taken.
    pub closed_epochs: u64,
    /// The newest epoch whose distribution is final.
    #[schema(value_type = Option<u64>)]
    pub finalized_epoch: Option<Epoch>,
    /// What is taken of every stake in an epoch, in parts per billion.
    pub fee_rate_ppb: u64,
    /// Bytes that a DATA staked buys in the running epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes_per_data: U256,
    /// Bytes that a DATA staked buys in the next epoch, unless that sells more than four times the capacity bonded.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub next_quota_bytes_per_data: U256,
    /// The least that a stake may be.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub minimum_stake_wei: U256,
    /// The least that an operator bonds.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub minimum_bond_wei: U256,
    /// For so many epochs what leaves a stake waits, at least.
    pub unbonding_epochs: u64,
    /// How many operators have registered.
    pub operators: u32,
    /// Which version of the service answers.
    pub version: String,
}

/// The contracts of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contracts {
    /// The token.
    #[schema(value_type = AddressText)]
    pub token: Address,
    /// Where stakes are.
    #[schema(value_type = AddressText)]
    pub stake_pool: Address,
    /// Where operators register.
    #[schema(value_type = AddressText)]
    pub operator_registry: Address,
    /// Where distributions are proposed and claimed from.
    #[schema(value_type = AddressText)]
    pub distributor: Address,
    /// Where payment channels are.
    #[schema(value_type = AddressText)]
    pub channel_hub: Address,
    /// Where payers are billed that signed for more than their quotas.
    #[schema(value_type = AddressText)]
    pub overage: Address,
    /// Where pools of delegators come from.
    #[schema(value_type = AddressText)]
    pub delegation_factory: Address,
    /// Where sponsors' vaults come from.
    #[schema(value_type = AddressText)]
    pub sponsor_factory: Address,
}

/// The token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenSummary {
    /// Its name.
    pub name: String,
    /// Its short name.
    pub symbol: String,
    /// How many digits of an amount stand after the point.
    pub decimals: u8,
}

/// What a DATA bought, epoch by epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaPrices {
    /// When this was read.
    pub as_of: AsOf,
    /// Oldest first; the last one is the running epoch's.
    pub prices: Vec<QuotaPrice>,
}

/// What a DATA staked buys in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaPrice {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The bytes.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes_per_data: U256,
}

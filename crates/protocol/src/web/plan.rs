//! What a stream needs of a stake, at the price of the next epoch.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, U256};
use utoipa::ToSchema;

use crate::schema::{AddressText, DecimalText};

/// What to stake, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakePlan {
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// How long an epoch lasts.
    pub epoch_length_ms: u64,
    /// What the stream carries in an epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub needed_bytes_per_epoch: U256,
    /// Bytes that a DATA staked buys in the next epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes_per_data: U256,
    /// How many epochs the stake shall last.
    pub epochs: u64,
    /// The stake that lasts so long.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub stake_needed_wei: U256,
    /// What the fee takes in an epoch of a stake that is kept just large enough.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub fee_per_epoch_wei: U256,
    /// The same in a day.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub fee_per_day_wei: U256,
    /// The same in a year.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub fee_per_year_wei: U256,
    /// How far what somebody has staked already goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<PayerPlan>,
}

/// How far what somebody has staked already goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayerPlan {
    /// Who.
    #[schema(value_type = AddressText)]
    pub address: Address,
    /// Its stake.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub stake_wei: U256,
    /// What has to be added.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub missing_wei: U256,
    /// Epochs, from the next one on, that the stake as it is suffices for.
    pub lasts_epochs: u64,
}

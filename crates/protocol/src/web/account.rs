//! An account: what it holds, what it staked, what it used, which keys sign for it, which operators it owns.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, OperatorId, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::PayerUse;
use crate::schema::{AddressText, DecimalText};

/// An account as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// When this was read.
    pub as_of: AsOf,
    /// The account.
    #[schema(value_type = AddressText)]
    pub address: Address,
    /// What it has of the chain's own coin, to pay for gas.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub coin_wei: U256,
    /// DATA in its wallet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub balance_wei: U256,
    /// DATA that the stake pool may take of it.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub allowance_wei: U256,
    /// Its stake.
    pub stake: StakeStatus,
    /// What it used of its quota in the running epoch, as far as the aggregator was told; nothing if that does not answer.
    pub used: Option<PayerUse>,
    /// Keys that sign receipts for it, or did.
    pub session_keys: Vec<SessionKeySummary>,
    /// Operators that it owns, or runs by their pools of delegators.
    #[schema(value_type = Vec<u32>)]
    pub operators: Vec<OperatorId>,
}

/// A key that signs receipts for an account, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionKeySummary {
    /// The key's address.
    #[schema(value_type = AddressText)]
    pub key: Address,
    /// Whether it may sign on.
    pub state: SessionKeyState,
    /// The first epoch that it may sign for.
    #[schema(value_type = u64)]
    pub from_epoch: Epoch,
    /// The last one, if it was revoked.
    #[schema(value_type = Option<u64>)]
    pub last_epoch: Option<Epoch>,
}

/// Whether a key may sign on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKeyState {
    /// Until it is revoked.
    Active,
    /// Until its last epoch.
    Revoked,
}

/// A payer's stake as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakeStatus {
    /// The payer.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// Its stake, without what it asked to take out.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub stake_wei: U256,
    /// What it asked to take out and can withdraw now.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub withdrawable_wei: U256,
    /// What it asked to take out and has to wait for, before fees that are still to be paid.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub unbonding_wei: U256,
    /// The requests that make it up, oldest first.
    pub unbonding: Vec<Unbonding>,
    /// What is taken of every stake in an epoch, in parts per billion.
    pub fee_rate_ppb: u64,
    /// What was taken from this one in the newest closed epochs.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub fees_paid_wei: U256,
    /// The first of those epochs.
    #[schema(value_type = u64)]
    pub fees_since_epoch: Epoch,
    /// Payload bytes it may have carried in the running epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes: U256,
    /// Bytes that a DATA staked buys in the running epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes_per_data: U256,
    /// Bytes that a DATA staked buys in the next epoch, unless that sells more than four times the capacity bonded.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub next_quota_bytes_per_data: U256,
    /// What the stake of now buys in the next epoch, after the running one's fee.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub next_quota_bytes: U256,
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// When the next one begins, in seconds since 1970.
    pub next_epoch_at_s: u64,
    /// DATA in its wallet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub balance_wei: U256,
}

/// Something on its way out of a stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unbonding {
    /// What was asked for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub amount_wei: U256,
    /// The first epoch in which it can be withdrawn.
    #[schema(value_type = u64)]
    pub withdrawable_epoch: Epoch,
    /// When that begins, in seconds since 1970.
    pub withdrawable_at_s: u64,
}

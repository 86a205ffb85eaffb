//! Sponsors' vaults: payers whose stake many put together for somebody's streams, and what each has of them.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, U256};
use utoipa::ToSchema;

use super::{AsOf, SessionKeySummary};
use crate::schema::{AddressText, DecimalText, WordText};

/// A sponsors' vault as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultStatus {
    /// Where it is; the payer of what its keys sign.
    #[schema(value_type = AddressText)]
    pub vault: Address,
    /// Whose streams it pays for; names the keys.
    #[schema(value_type = AddressText)]
    pub stream_owner: Address,
    /// Which of them: a stream's key, or the hash of a set of keys, as the owner reads it.
    #[schema(value_type = WordText)]
    pub streams: B256,
    /// The first epoch in which nothing is sponsored or staked any more.
    #[schema(value_type = u64)]
    pub end_epoch: Epoch,
    /// Whether that has come.
    pub ended: bool,
    /// All shares, in 1e-27.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What all shares stand for: what is staked, what is idle, and the rest.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub total_wei: U256,
    /// What is staked, which has a quota.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub staked_wei: U256,
    /// What lies in the vault to be staked.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub idle_wei: U256,
    /// What was asked back from the pool for the shares, because it was too little to stay, or the vault has ended.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub rest_wei: U256,
    /// What sponsors asked back and have not redeemed.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub owed_wei: U256,
    /// The least that a stake may be: less than that waits, idle.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub least_stake_wei: U256,
    /// What is taken of the stake in an epoch, in parts per billion.
    pub fee_rate_ppb: u64,
    /// Payload bytes that the vault may have carried in the running epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes: U256,
    /// What the stake of now buys in the next epoch, after the running one's fee.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub next_quota_bytes: U256,
    /// The keys that sign for the vault, or did, in order.
    pub keys: Vec<SessionKeySummary>,
    /// Epochs between a request and its redemption, at least.
    pub unbonding_epochs: u64,
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// When the next one begins, in seconds since 1970.
    pub next_epoch_at_s: u64,
    /// What somebody has of it, if that was asked.
    pub sponsor: Option<Sponsor>,
}

/// What somebody has of a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sponsor {
    /// Who.
    #[schema(value_type = AddressText)]
    pub account: Address,
    /// Shares, in 1e-27.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What they stand for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
    /// DATA in the account's wallet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub balance_wei: U256,
    /// What was asked for and is not redeemed, oldest first.
    pub requests: Vec<SponsorRequest>,
}

/// What was asked for in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SponsorRequest {
    /// The epoch, which is the request's id.
    #[schema(value_type = u64)]
    pub requested: Epoch,
    /// What it is worth now.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
    /// The first epoch in which it can be redeemed, if the distribution of its own is final by then.
    #[schema(value_type = u64)]
    pub redeemable_from: Epoch,
    /// When that begins, in seconds since 1970.
    pub redeemable_at_s: u64,
    /// Whether it would be paid now.
    pub redeemable: bool,
}

/// A vault, and of when that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sponsorship {
    /// When this was read.
    pub as_of: AsOf,
    /// The vault, and what somebody has of it, if that was asked.
    pub vault: VaultStatus,
    /// Ask on by `before` with this, if the sponsor may have older requests.
    #[schema(value_type = Option<u64>)]
    pub next: Option<Epoch>,
}

/// What a vault is for: the same for ever, and its address follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultSummary {
    /// The vault.
    #[schema(value_type = AddressText)]
    pub vault: Address,
    /// Whose streams it pays for.
    #[schema(value_type = AddressText)]
    pub stream_owner: Address,
    /// Which of them.
    #[schema(value_type = WordText)]
    pub streams: B256,
    /// The first epoch in which nothing is sponsored or staked any more.
    #[schema(value_type = u64)]
    pub end_epoch: Epoch,
}

/// Some of the vaults that there are, by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vaults {
    /// When this was read.
    pub as_of: AsOf,
    /// The vaults.
    pub vaults: Vec<VaultSummary>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<AddressText>)]
    pub next: Option<Address>,
}

/// What somebody has of one vault, without its requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SponsorHolding {
    /// The vault.
    #[schema(value_type = AddressText)]
    pub vault: Address,
    /// Shares, in 1e-27.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What they stand for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
}

/// Some of the vaults that an account has, or had, shares of, by vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SponsorHoldings {
    /// When this was read.
    pub as_of: AsOf,
    /// What it has of each; no shares where it has given them all back.
    pub sponsored: Vec<SponsorHolding>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<AddressText>)]
    pub next: Option<Address>,
}

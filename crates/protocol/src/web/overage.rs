//! Overage: what payers were billed, and what they owe, that signed for more than their quotas.
//!
//! Invariant: the lines are an aggregator's; what they come to, whether it was billed and whether the list is final is the chain's word.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText};

/// A bill that was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BilledOverage {
    /// Who signed for more than its quota.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// In which epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Who showed it; a tenth of what was charged is its.
    #[schema(value_type = AddressText)]
    pub prover: Address,
    /// What the rule says.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bill_wei: U256,
    /// What of it was there.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub charged_wei: U256,
}

/// Some of the bills of an account, the newest epoch first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BilledOverages {
    /// When this was read.
    pub as_of: AsOf,
    /// The bills.
    pub overages: Vec<BilledOverage>,
    /// Ask on by `before` with this, if there are more.
    #[schema(value_type = Option<u64>)]
    pub next: Option<Epoch>,
}

/// What a payer owes that signed for more than its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedOverage {
    /// Who.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// The bytes that its stake allowed in the epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub quota_bytes: U256,
    /// The bytes on time that all its receipts state.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub units: U256,
    /// What the rule bills.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bill_wei: U256,
    /// Whether it was filed.
    pub is_filed: bool,
}

/// Some of those who owe of an epoch, by payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedOverages {
    /// When this was read.
    pub as_of: AsOf,
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Whether the chain has these receipts as final: before, nothing can be filed.
    pub is_final: bool,
    /// What each owes.
    pub overages: Vec<OwedOverage>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<AddressText>)]
    pub next: Option<Address>,
}

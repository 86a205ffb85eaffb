//! Delegation: an operator's pool of delegators, what somebody has of it, and what was asked back.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, OperatorId, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText};

/// A pool of delegators as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationStatus {
    /// Where it is.
    #[schema(value_type = AddressText)]
    pub pool: Address,
    /// Behind which operator.
    #[schema(value_type = u32)]
    pub operator: OperatorId,
    /// Who runs the operator.
    #[schema(value_type = AddressText)]
    pub owner: Address,
    /// What all shares stand for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub active_wei: U256,
    /// All shares, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// The owner's shares, a twentieth at least.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub own_shares: U256,
    /// Income that is still to be released.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub unreleased_wei: U256,
    /// When all of it will be, in seconds since 1970.
    pub release_ends_s: u64,
    /// What was asked for and is not redeemed yet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub leaving_wei: U256,
    /// Income that came in and was not collected yet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub uncollected_wei: U256,
    /// The operator's bond.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bond_wei: U256,
    /// What was taken out of the bond and is not back yet.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub releasing_wei: U256,
    /// What lies in the pool itself.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub balance_wei: U256,
    /// The owner's part of every income, in parts of ten thousand.
    pub cut_bps: u16,
    /// What an announced rise makes of it.
    pub next_cut_bps: Option<u16>,
    /// The epoch from which the rise counts.
    #[schema(value_type = Option<u64>)]
    pub next_cut_from: Option<Epoch>,
    /// Whether the operator has asked to leave for good.
    pub retired: bool,
    /// What others can still delegate, given what the owner holds.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub max_delegation_wei: U256,
    /// Epochs between a request and its redemption.
    pub unbonding_epochs: u64,
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// What somebody has of it, if that was asked.
    pub delegator: Option<Delegator>,
}

/// What somebody has of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegator {
    /// Who.
    #[schema(value_type = AddressText)]
    pub account: Address,
    /// Shares, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What they stand for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
    /// What was asked for and is not redeemed, oldest first.
    pub requests: Vec<DelegationRequest>,
}

/// What was asked for in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationRequest {
    /// The epoch, which is the request's id.
    #[schema(value_type = u64)]
    pub requested: Epoch,
    /// The shares that were given for it, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What it is worth now.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
    /// The first epoch in which it can be redeemed.
    #[schema(value_type = u64)]
    pub redeemable_from: Epoch,
    /// Whether that has come.
    pub redeemable: bool,
}

/// A pool of delegators, and of when that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegation {
    /// When this was read.
    pub as_of: AsOf,
    /// The pool, and what somebody has of it, if that was asked.
    pub pool: DelegationStatus,
    /// Ask on by `before` with this, if the delegator may have older requests.
    #[schema(value_type = Option<u64>)]
    pub next: Option<Epoch>,
}

/// What somebody has of one pool, without its requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holding {
    /// The pool's operator.
    #[schema(value_type = u32)]
    pub operator: OperatorId,
    /// The pool.
    #[schema(value_type = AddressText)]
    pub pool: Address,
    /// Shares, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub shares: U256,
    /// What they stand for.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub worth_wei: U256,
}

/// Some of the pools that an account has, or had, shares of, by operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holdings {
    /// When this was read.
    pub as_of: AsOf,
    /// What it has of each; no shares where it has given them all back.
    pub delegations: Vec<Holding>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<u32>)]
    pub next: Option<OperatorId>,
}

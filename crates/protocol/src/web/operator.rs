//! Operators: who they are, what they bonded and declared, what they can claim.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, Nano, NodeId, OperatorId, U256};
use utoipa::ToSchema;

use super::{AsOf, OperatorProofText};
use crate::OperatorProof;
use crate::schema::{AddressText, DecimalText, WordText};

/// An operator as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorStatus {
    /// The operator's id.
    #[schema(value_type = u32)]
    pub id: OperatorId,
    /// Who may act for it.
    #[schema(value_type = AddressText)]
    pub owner: Address,
    /// Where its tokens go.
    #[schema(value_type = AddressText)]
    pub payout: Address,
    /// Its bond.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bond_wei: U256,
    /// What it declared that its nodes carry in an epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub declared_bytes: u64,
    /// What counts of that in the running epoch.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub capacity_bytes: u64,
    /// What will count of it in the next.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub next_capacity_bytes: u64,
    /// First epoch it is no longer bonded for, if it has asked to leave.
    #[schema(value_type = Option<u64>)]
    pub exit_epoch: Option<Epoch>,
    /// First epoch in which a leaving operator may take its bond out.
    #[schema(value_type = Option<u64>)]
    pub bond_free_from: Option<Epoch>,
    /// The running epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// What it has claimed so far.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub claimed_nano: Nano,
    /// DATA at its payout address.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub payout_balance_wei: U256,
}

/// Some operators, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorPage {
    /// When this was read.
    pub as_of: AsOf,
    /// The operators.
    pub operators: Vec<OperatorStatus>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<u32>)]
    pub next: Option<OperatorId>,
}

/// An operator with its nodes and what it can claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// When this was read.
    pub as_of: AsOf,
    /// The operator.
    pub operator: OperatorStatus,
    /// Its name for people, as its owner gave it last, cut after 256 bytes; empty if it has none.
    pub name: String,
    /// Who may take it over, if it is offered to somebody.
    #[schema(value_type = Option<AddressText>)]
    pub candidate: Option<Address>,
    /// Who runs it by its pool of delegators, which is its owner then; nothing if it has no pool.
    #[schema(value_type = Option<AddressText>)]
    pub pool_owner: Option<Address>,
    /// Its nodes' keys.
    #[schema(value_type = Vec<WordText>)]
    pub nodes: Vec<NodeId>,
    /// What the newest final distribution gives it; nothing while there is none, or the aggregator does not answer.
    pub earned: Option<Earned>,
}

/// What the newest final distribution gives an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Earned {
    /// What was not claimed of it.
    #[serde(with = "tatum_primitives::decimal::nano")]
    #[schema(value_type = DecimalText)]
    pub claimable_nano: Nano,
    /// The proof that it is in the distribution.
    #[schema(value_type = OperatorProofText)]
    pub proof: OperatorProof,
}

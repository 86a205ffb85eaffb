//! What the service pays the gas of, where it is switched on.
//!
//! Invariant: two things and no more, and neither is calldata: the service makes the call itself.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, OperatorId, U256};
use utoipa::ToSchema;

use super::{AsOf, Permit};
use crate::schema::{AddressText, AmountText, DecimalText, OperatorNumber};

/// What the service is asked to send and to pay for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaidAction {
    /// Stake a payer's own DATA for it, by the permit that it signed.
    StakeWithPermit {
        /// Whose DATA, and whose stake.
        #[schema(value_type = AddressText)]
        payer: Address,
        /// So much, as the permit says.
        #[serde(with = "tatum_primitives::decimal")]
        #[schema(value_type = AmountText)]
        amount_wei: U256,
        /// The payer's permit for the stake pool.
        permit: Permit,
    },
    /// Claim what an operator has earned, to its payout address.
    Claim {
        /// The operator.
        #[schema(value_type = OperatorNumber)]
        operator: OperatorId,
    },
}

/// Whether the service pays for gas, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relay {
    /// When this was read.
    pub as_of: AsOf,
    /// What it pays; nothing if it is off.
    pub relay: Option<RelayTerms>,
}

/// What the service pays, in wei of the chain's coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelayTerms {
    /// The account that pays.
    #[schema(value_type = AddressText)]
    pub account: Address,
    /// What it has.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub purse_wei: U256,
    /// What is left of this hour's budget.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub left_wei: u128,
    /// What is paid in an hour.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub wei_per_hour: u128,
    /// Of that, for one account, and at the request of one client.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub wei_per_address_hour: u128,
    /// The least that a stake or a claim is worth, in wei of DATA.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub least_wei: U256,
}

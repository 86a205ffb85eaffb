//! `/v1/epochs`: how far each epoch has come, and what it came to.
//!
//! Invariant: amounts are decimal text, for most JSON readers stop at 2^53.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, U256};
use tatum_receipt::{DeliveryReceipt, Signature};
use utoipa::ToSchema;

use crate::schema::{AddressText, DecimalText, SignatureText, WordText};

/// How far an epoch has come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EpochState {
    /// Takes receipts.
    Open,
    /// Takes no more receipts.
    Closing,
    /// Its dataset is written and its root known.
    Rolled,
    /// Its root stands on the chain as a proposal.
    Proposed,
    /// Its root is the one claims are paid from.
    Finalized,
}

impl EpochState {
    const ALL: [Self; 5] =
        [Self::Open, Self::Closing, Self::Rolled, Self::Proposed, Self::Finalized];

    /// Its name in answers and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Rolled => "rolled",
            Self::Proposed => "proposed",
            Self::Finalized => "finalized",
        }
    }
}

impl fmt::Display for EpochState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EpochState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| format!("{text:?} is no epoch state"))
    }
}

/// An epoch as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochSummary {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// How far it has come.
    pub state: EpochState,
    /// Receipts counted.
    pub receipts: Option<u64>,
    /// The block at which the chain's inputs were read.
    pub block_number: Option<u64>,
    /// Its hash.
    #[schema(value_type = Option<WordText>)]
    pub block_hash: Option<B256>,
    /// keccak256 of the dataset's manifest.
    #[schema(value_type = Option<WordText>)]
    pub manifest_hash: Option<B256>,
    /// The sum tree's root.
    #[schema(value_type = Option<WordText>)]
    pub root: Option<B256>,
    /// The list of receipts in one word: the keccak of its top and count.
    #[schema(value_type = Option<WordText>)]
    pub receipts_root: Option<B256>,
    /// What was available, in nano.
    #[schema(value_type = Option<DecimalText>)]
    pub pot_nano: Option<String>,
    /// What goes to operators, in nano.
    #[schema(value_type = Option<DecimalText>)]
    pub distributed_nano: Option<String>,
    /// Where the dataset is published.
    pub uri: Option<String>,
    /// Who proposed the root.
    #[schema(value_type = Option<AddressText>)]
    pub proposer: Option<Address>,
    /// Our transaction that proposed it.
    #[schema(value_type = Option<WordText>)]
    pub propose_tx: Option<B256>,
    /// When the challenge window ends, seconds since 1970.
    pub finalizable_at_s: Option<u64>,
    /// Our transaction that finalized it.
    #[schema(value_type = Option<WordText>)]
    pub finalize_tx: Option<B256>,
    /// What one should know, such as why the epoch does not move on.
    pub note: Option<String>,
    /// When this last changed, milliseconds since 1970.
    pub updated_ms: u64,
}

/// A counted receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountedReceipt {
    /// The keccak of its signed bytes: ask for its proof by it.
    #[schema(value_type = WordText)]
    pub leaf: B256,
    /// What is stated.
    #[schema(value_type = Object)]
    pub receipt: DeliveryReceipt,
    /// Who states it.
    #[schema(value_type = SignatureText)]
    pub signature: Signature,
}

/// A page of counted receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptPage {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The receipts, in canonical order.
    pub receipts: Vec<CountedReceipt>,
    /// Where the next page starts, if there may be one.
    pub next_offset: Option<u64>,
}

/// What a payer used of its quota in an epoch, as far as receipts were handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayerUse {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The payer.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// Receipts that count so far.
    pub receipts: u64,
    /// Whether these are all; else the sums are of the first ones.
    pub is_complete: bool,
    /// Messages in them.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub messages: U256,
    /// Their payload bytes: what relays count against the quota.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bytes: U256,
    /// Those that came on time, which is what operators are paid by.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bytes_on_time: U256,
}

impl PayerUse {
    /// Nothing was used.
    #[must_use]
    pub const fn none(epoch: Epoch, payer: Address) -> Self {
        let (messages, bytes, bytes_on_time) = (U256::ZERO, U256::ZERO, U256::ZERO);
        Self { epoch, payer, receipts: 0, is_complete: true, messages, bytes, bytes_on_time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_name_in_answers_and_in_the_database() {
        for state in EpochState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert!("paid".parse::<EpochState>().is_err());
    }
}

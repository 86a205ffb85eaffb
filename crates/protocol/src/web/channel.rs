//! A payment channel: what came in, what was paid, and where it stands.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, OperatorId, U256};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText, WordText};

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// There is none.
    NotOpen,
    /// It pays.
    Open,
    /// Its payer is leaving; it pays until the window is over.
    Exiting,
    /// The window is over; anyone may settle it.
    ExitOver,
}

/// A channel as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelStatus {
    /// What receipts have to name, now or once it is open.
    #[schema(value_type = WordText)]
    pub channel: B256,
    /// Who pays.
    #[schema(value_type = AddressText)]
    pub payer: Address,
    /// Who is paid.
    #[schema(value_type = u32)]
    pub operator: OperatorId,
    /// Where it stands.
    pub state: ChannelState,
    /// All that came in.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub deposited_wei: U256,
    /// What the operator was paid of it.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub paid_wei: U256,
    /// What is left of it.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub left_wei: U256,
    /// How long the operator has to answer an exit, in minutes; none without a channel.
    pub window_minutes: Option<u16>,
    /// When receipts stop counting, in seconds since 1970, if the payer is leaving.
    pub exit_ends_s: Option<u64>,
    /// Channels of the two that were closed before.
    pub generation: u32,
    /// Where the operator is paid; none before its first channel.
    #[schema(value_type = Option<AddressText>)]
    pub payee: Option<Address>,
    /// What the token refused to pay to the payer.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub payer_credit_wei: U256,
    /// What the token refused to pay to the payee.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub payee_credit_wei: U256,
}

/// A payment channel, and of when that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelShown {
    /// When this was read.
    pub as_of: AsOf,
    /// The channel.
    pub channel: ChannelStatus,
}

/// Some of an account's open channels, by operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayerChannels {
    /// When this was read.
    pub as_of: AsOf,
    /// The channels.
    pub channels: Vec<ChannelStatus>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<u32>)]
    pub next: Option<OperatorId>,
}

/// Some of an operator's open channels, by payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorChannels {
    /// When this was read.
    pub as_of: AsOf,
    /// The channels.
    pub channels: Vec<ChannelStatus>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<AddressText>)]
    pub next: Option<Address>,
}

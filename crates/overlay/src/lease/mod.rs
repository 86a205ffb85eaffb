//! How a payer's quota is shared out to the relays that serve it.
//!
//! A payer's tracker is the lessor (in `tatum-tracker`): it leases parts of the quota to relays, each of which is a
//! [`Lessee`] and serves no more than it holds. A relay says what it holds, has used and wants
//! ([`Claim`]), the tracker answers with what it holds now ([`Lease`]).
//!
//! Invariant: what a lessor has leased of a payer's quota in an epoch never exceeds the quota, and
//! no lessee believes it holds more than the lessor has on its books for it. All figures are totals
//! since the epoch's begin, and an answer counts only for the newest claim, so texts that are lost,
//! repeated or late do no harm. A lessor must hear a lessee's claims in the order they were made.

mod lessee;

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, NodeId};

pub use lessee::{IDLE_MS, Lessee, PATIENCE_MS};

use crate::frame::Attach;

/// What a relay says of its part of a payer's quota. All bytes are totals of the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Whose quota.
    pub payer: Address,
    /// In which epoch.
    pub epoch: Epoch,
    /// Ties the answer to the claim.
    pub number: u64,
    /// What it was leased.
    #[serde(with = "tatum_primitives::decimal")]
    pub held: u64,
    /// What it served.
    #[serde(with = "tatum_primitives::decimal")]
    pub used: u64,
    /// What it wants to hold; less than it holds gives the rest back.
    #[serde(with = "tatum_primitives::decimal")]
    pub wanted: u64,
}

/// The tracker's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Whose quota.
    pub payer: Address,
    /// In which epoch.
    pub epoch: Epoch,
    /// The claim's.
    pub number: u64,
    /// What the relay holds now, in bytes since the epoch's begin.
    #[serde(with = "tatum_primitives::decimal")]
    pub total: u64,
}

/// Shows that a client of the payer asked a relay for service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The client's node.
    pub client: NodeId,
    /// What it signed for the relay.
    pub attach: Attach,
}

//! What an auditor tells the world when something is wrong: the body that its webhook gets.
//!
//! Invariant: an alarm's id is a function of what it says, so that whoever gets it twice can tell.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch};

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A proposal does not hold; there is still time to challenge it.
    Differs,
    /// A distribution that does not hold has become final.
    Finalized,
    /// A distribution's dataset is not to be had, so nobody can check it.
    Unavailable,
    /// Something was filed against a proposal.
    Acted,
    /// What an earlier alarm was about is no longer so.
    Cleared,
}

impl AlarmKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Differs, Self::Finalized, Self::Unavailable, Self::Acted, Self::Cleared];

    /// The kind's name in metrics, logs and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::Finalized => "finalized",
            Self::Unavailable => "unavailable",
            Self::Acted => "acted",
            Self::Cleared => "cleared",
        }
    }
}

/// One alarm: the body that the webhook gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The same alarm always has the same id; it may come more than once.
    pub id: B256,
    /// What it is about.
    pub kind: AlarmKind,
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub distributor: Address,
    /// The epoch.
    pub epoch: Epoch,
    /// The proposal's number: no two have the same.
    pub counter: u64,
    /// The word over the entries that it commits to.
    pub entries_top: B256,
    /// The manifest's hash on chain.
    pub manifest_hash: B256,
    /// Who proposed it.
    pub proposer: Address,
    /// Where its dataset is said to be.
    pub uri: String,
    /// When it can become final at the earliest, or could, seconds of chain time.
    pub finalizable_at_s: u64,
    /// What is the matter, in one sentence.
    pub summary: String,
    /// What differs; the first few.
    pub differences: Vec<String>,
    /// When this was found, milliseconds since 1970.
    pub at_ms: u64,
}

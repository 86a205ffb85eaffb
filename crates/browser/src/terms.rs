//! What a page opens a client with.
//!
//! Invariant: what is not in it is never guessed; a field that nobody knows spoils it.

use serde::Deserialize;
use tatum_overlay::attendance::Times;
use tatum_primitives::{Address, B256, Domain, EpochSchedule, NodeId};

/// What a page opens a client with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// 32 random bytes, drawn for this client alone: its name in the network, its numbers and its keys come from it.
    pub seed: B256,
    /// The deployment's trackers, as everybody has them.
    pub trackers: Vec<TrackerTerms>,
    /// The deployment that receipts are signed for.
    pub domain: Domain,
    /// Its epochs.
    pub schedule: EpochSchedule,
    /// Who pays.
    pub payer: Address,
    /// The secret of a key that the payer authorised, or the payer's own.
    pub key: B256,
    /// One key that publishers and subscribers were given by other means; without it, publishers draw keys and give them out.
    pub group_key: Option<B256>,
    /// How many older messages are asked for.
    pub history: u64,
}

/// Where a tracker is and, if that is known, which.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackerTerms {
    /// Its WebSocket.
    pub url: String,
    /// The only key that is accepted there.
    pub key: Option<NodeId>,
}

impl Terms {
    /// The most trackers that a list has.
    const MOST_TRACKERS: usize = 64;

    /// When a stream changes its tracker: as for native nodes.
    pub(crate) const TIMES: Times =
        Times { patience_ms: 10_000, return_ms: 30_000, linger_ms: 60_000 };

    /// Whether the list of trackers can be used.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let count = self.trackers.len();
        if count == 0 || count > Self::MOST_TRACKERS {
            return Err(format!("a list has 1 to {} trackers, not {count}", Self::MOST_TRACKERS));
        }
        let is_nameless = |tracker: &&TrackerTerms| tracker.key.is_none();
        if count > 1
            && let Some(nameless) = self.trackers.iter().find(is_nameless)
        {
            return Err(format!("of several trackers each needs its key: {}", nameless.url));
        }
        for (place, tracker) in self.trackers.iter().enumerate() {
            // With itself it would push us out for ever.
            let is_same = |other: &&TrackerTerms| {
                other.url == tracker.url || (other.key.is_some() && other.key == tracker.key)
            };
            if let Some(twice) = self.trackers.iter().take(place).find(is_same) {
                return Err(format!("{} and {} are one tracker", twice.url, tracker.url));
            }
        }
        Ok(())
    }
}

//! What one look saw, and when.
//!
//! Invariant: counts of one look, which the next begins anew.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tatum_primitives::{Data, U256};

/// What the last look saw and did.
#[derive(Debug, Default, Serialize)]
pub struct Seen {
    /// Channels that there are receipts for.
    pub channels: usize,
    /// Those whose payers are leaving, with something due.
    pub exits: usize,
    /// Those of them that nothing is due of any more.
    pub answered: usize,
    /// Folders, files and channels that could not be read, and a chain whose newest block is old.
    pub unread: usize,
    /// What was redeemed, in wei.
    #[serde(with = "tatum_primitives::decimal")]
    pub redeemed_wei: U256,
}

impl Seen {
    /// For people.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("channels", self.channels.to_string()),
            ("exits with something due", self.exits.to_string()),
            ("answered", self.answered.to_string()),
            ("could not be read", self.unread.to_string()),
            ("redeemed", Data(self.redeemed_wei).to_string()),
        ]
    }
}

/// The wall clock, in seconds since 1970.
pub(crate) fn wall_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

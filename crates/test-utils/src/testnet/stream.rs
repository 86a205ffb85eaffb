//! A stream of the test network and what its publisher says on it.

use tatum_primitives::{B256, StreamId, keccak256};

/// A stream and its records.
#[derive(Debug)]
pub struct Stream {
    /// A short name, for files and tables.
    pub name: &'static str,
    /// The stream's id.
    pub id: StreamId,
    /// One line a record.
    pub records: Vec<String>,
}

impl Stream {
    /// The key that its publisher and subscribers share, and that relays never see.
    pub fn group_key(&self) -> B256 {
        keccak256(format!("tatum test group key of {}", self.id))
    }
}

//! A stream of the test network and what its publisher says on it.

use tatum_primitives::{StreamId, StreamIdError};
use tatum_receipt::SessionKey;

use crate::Devnet;

/// A stream and its records.
#[derive(Debug)]
pub struct RecordedStream {
    /// A short name, for files and tables.
    pub name: &'static str,
    /// The stream's id, which begins with its owner's address.
    pub id: StreamId,
    /// One line a record.
    pub records: Vec<String>,
}

impl RecordedStream {
    /// A stream that belongs to its publisher.
    pub fn new(name: &'static str, records: Vec<String>) -> Result<Self, StreamIdError> {
        let id = StreamId::new(format!("{}/{name}", account(name).address()))?;
        Ok(Self { name, id, records })
    }

    /// Who says who may publish and subscribe: the publisher's account.
    pub fn owner(&self) -> SessionKey {
        account(self.name)
    }
}

fn account(name: &str) -> SessionKey {
    Devnet::account(&format!("{name}-publisher"))
}

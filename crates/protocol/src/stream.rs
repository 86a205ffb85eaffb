//! A stream partition by its name.
//!
//! Invariant: its key is made from its name, so whoever is told a name knows what stream it is, and
//! whose.

use serde::{Deserialize, Serialize};
use tatum_primitives::{StreamId, StreamKey};

/// A stream partition by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The stream.
    pub id: StreamId,
    /// Its partition.
    pub partition: u16,
}

impl Stream {
    /// A partition of a stream.
    #[must_use]
    pub const fn new(id: StreamId, partition: u16) -> Self {
        Self { id, partition }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> StreamKey {
        self.id.key(self.partition)
    }
}

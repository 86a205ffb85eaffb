//! What is sent to whoever listens, as it happens.

use serde::{Deserialize, Serialize};
use tatum_primitives::{B256, Epoch};
use utoipa::ToSchema;

use crate::schema::WordText;

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The chain has another newest block.
    Head {
        /// Its number.
        block: u64,
        /// Its hash.
        #[schema(value_type = WordText)]
        hash: B256,
        /// Its time, in seconds since 1970.
        time_s: u64,
        /// The epoch that runs at that time.
        #[schema(value_type = u64)]
        epoch: Epoch,
    },
    /// An epoch has begun.
    EpochOpened {
        /// Which one.
        #[schema(value_type = u64)]
        epoch: Epoch,
    },
    /// An epoch's distribution is final: it can be claimed.
    Finalized {
        /// Which one.
        #[schema(value_type = u64)]
        epoch: Epoch,
    },
}

impl Event {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Head { .. } => "head",
            Self::EpochOpened { .. } => "epoch_opened",
            Self::Finalized { .. } => "finalized",
        }
    }
}

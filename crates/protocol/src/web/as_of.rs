//! Of when an answer is.

use serde::{Deserialize, Serialize};
use tatum_primitives::B256;
use utoipa::ToSchema;

use crate::schema::WordText;

/// The newest block before an answer was read: its figures are of that block or, at most, of the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AsOf {
    /// The block's number.
    pub block: u64,
    /// Its hash.
    #[schema(value_type = WordText)]
    pub hash: B256,
    /// Its time, in seconds since 1970.
    pub time_s: u64,
    /// Whether the chain says that it cannot be undone any more.
    pub finalized: bool,
}

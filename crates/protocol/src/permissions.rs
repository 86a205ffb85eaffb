//! `/v1/permissions` of a tracker: an owner's list goes in as a [`SignedPermissions`], and comes out as one.
//!
//! Invariant: nobody needs the tracker's word for a list; every reader checks the owner's signature.
//!
//! [`SignedPermissions`]: tatum_overlay::permissions::SignedPermissions

use serde::{Deserialize, Serialize};
use tatum_primitives::StreamId;

/// What became of a list that an owner published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The stream.
    pub stream: StreamId,
    /// The list's version.
    pub version: u64,
    /// Nodes that were told at once.
    pub told: usize,
}

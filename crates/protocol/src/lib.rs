//! Every type that crosses from one process to another, each written once.
//!
//! Pure: no socket, no clock, no random numbers. Who speaks brings those. Only the feature `client` adds the HTTP client that
//! the command line, nodes, auditors and tests ask the services with.
//!
//! Invariant: the bytes of every form are kept in a snapshot (`tests/`), so a change of what goes over the wire is seen by
//! whoever makes it. In a text of a tracker or a node, an integer that can pass 2^53 stands as decimal text, because
//! JavaScript's numbers stop being exact there.
//!
//! # Example
//!
//! ```
//! use tatum_protocol::OperatorProof;
//! use tatum_merkle::{Entry, SumTree};
//! use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};
//!
//! let entry = Entry {
//!     operator_id: OperatorId(0),
//!     payout: Address::repeat_byte(1),
//!     cumulative_nano: Nano(7),
//! };
//! let tree = SumTree::build(vec![entry])?;
//! let mut proof = OperatorProof::new(&tree, Epoch(3), B256::ZERO, OperatorId(0))?;
//! proof.verify()?;
//!
//! proof.cumulative_nano = Nano(8);
//! assert!(proof.verify().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod alarm;
mod assents;
#[cfg(feature = "client")]
pub mod client;
mod epochs;
mod evidence;
mod graph;
mod hex;
mod node_key;
mod overages;
mod payouts;
mod permissions;
mod problem;
pub mod receipts;
mod rejections;
pub mod schema;
pub mod status;
mod stream;
pub mod tracker;
pub mod web;

pub use alarm::{Alarm, AlarmKind};
pub use assents::{ASSENT_PAGE, AssentStanding, MOST_ASSENTED, OfferedList, OperatorAssent};
pub use epochs::{CountedReceipt, EpochState, EpochSummary, PayerUse, ReceiptPage};
pub use evidence::{Cursor, Evidence, PaidBy, ServiceFigures, ServiceSums};
pub use graph::{Graph, MOST_LISTED, StreamEntry, StreamList, ToldRoundTrip, Vertex};
pub use node_key::{NodeKey, verify};
pub use overages::{OverageLine, OveragePage, OverageProof};
pub use payouts::{Earnings, EpochEarning, Payout, PayoutEdge};
pub use permissions::Published;
pub use problem::{PROBLEM_JSON, Problem, ProblemKind};
pub use rejections::{IdentitySummary, RejectionSummary};
pub use stream::Stream;
/// It lies beside its tree, so that a browser verifies it without the rest of this crate.
pub use tatum_merkle::OperatorProof;
pub use tatum_overlay::attendance::LONGEST_ROUND_TRIP_US;

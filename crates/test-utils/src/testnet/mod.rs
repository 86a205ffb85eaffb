//! A whole network of `tatum` processes on a [`Devnet`](crate::Devnet): operators, relays, publishers, subscribers, a
//! tracker and an aggregator, used through the CLI and HTTP as their users do.
//!
//! Invariant: every figure is measured from what the processes wrote, published or put on chain.

mod cast;
mod channels;
mod delivery;
mod faults;
mod layout;
mod network;
mod published;
mod settlement;
mod stream;
mod tatum;
mod witness;

pub use cast::{Cast, Operator, Payer, Relay, stake};
pub use channels::{MESSAGE_WEI, PaidByChannel, Redeemed, redeem_all};
pub use delivery::{Delivery, compare};
pub use layout::Layout;
pub use network::Network;
pub use settlement::{
    AuditedEpoch, PaidOperator, Recomputed, audit_all, claim_all, keep_receipts, recompute,
};
pub use stream::RecordedStream;
pub use tatum::{command, hex, json};
pub use witness::{StandingBy, Testimony, Witness};

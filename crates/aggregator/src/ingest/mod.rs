//! Receipts in: read, check, store, answer.
//!
//! Invariant: a receipt is answered `accepted` only once it is on disk, and whatever is refused changes no receipt. One that a
//! channel pays is answered `evidence`, and is in no epoch's books.
//!
//! `POST /v1/receipts` takes a batch as [`tatum_protocol::receipts`] says, and answers 200 with an array of its answers.

mod admission;
mod check;
mod evidence;
mod fair_queue;
mod route;

pub use admission::{Admission, Limits};
pub use check::Checker;
pub use route::{Ingest, router};

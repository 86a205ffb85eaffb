//! Receipts in: read, check, store, answer.
//!
//! Invariant: a receipt is answered `accepted` only once it is on disk, and whatever is refused changes no receipt.
//!
//! `POST /v1/receipts` takes `application/json` (an array of signed receipts, or one) or `application/vnd.tatum.receipts`
//! (see [`wire`]), and answers 200 with an array: for each receipt, in order, `{"outcome": "accepted" | "superseded" |
//! "duplicate" | "rejected", "reason"?: {"code", …}, "message"?}`.

mod admission;
mod check;
mod route;
mod turns;
pub mod wire;

pub use admission::{Admission, Limits};
pub use check::Checker;
pub use route::{Ingest, router};

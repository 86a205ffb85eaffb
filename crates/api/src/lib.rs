//! The web API and the page: what publishers, operators and auditors see and sign without running a node.
//!
//! Invariant: it holds no key and no state of its own, but for the relay that pays for gas, which is off unless it is given both. What it answers is read from the chain and from an aggregator, says of
//! when it is, and is bounded in what it costs: requests of one client, reads of the chain, listeners, sizes. Requests:
//! `docs/api.md`; the OpenAPI description is made from the code (`openapi.json`).
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

mod asked_transactions;
mod asks;
mod cache;
mod error;
mod heads;
mod limits;
mod listeners;
mod metrics;
mod openapi;
mod page;
mod problems;
mod refusals;
mod relay;
mod routes;
mod service;
mod state;
mod streams;

pub use openapi::openapi_json;
pub use relay::RelaySettings;
pub use service::{Config, run};

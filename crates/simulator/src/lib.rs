//! Simulations of Tatum on the same core that runs in production, seeded and in virtual time.
//!
//! [`network`] runs thousands of [`Overlay`](tatum_overlay::Overlay)s over links with the latencies
//! of real cloud regions, with loss, churn and attackers, and measures how messages spread.
//!
//! Invariant: pure. The same scenario gives the same outcome, whatever machine it runs on and
//! whatever the time is.

pub mod network;
mod regions;

pub use regions::Regions;

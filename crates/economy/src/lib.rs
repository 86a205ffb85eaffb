//! Simulated economies: the chain's money rules played with payers, operators and attackers, to show what the rules do.
//!
//! [`ledger`] holds twins of the contracts (fees, stakes, capacities, the quota per DATA); what operators get is paid by `tatum-rewards`
//! itself. [`agents`] decide from what the chain shows them. [`world`] plays epochs, [`scenario`] says what happens in one and which
//! bounds must hold then.
//!
//! Invariant: pure. The same rules, seed and scenario give the same bytes on every machine, whatever the time is; agents
//! think in floats, but only with operations that IEEE 754 fixes, and no amount of a ledger is one.
//!
//! # Requirements
//!
//! Rules as a file has them ([`Rules::from_toml`]) or as a deployment's parameters say ([`Rules::from_parameters`]).
//!
//! # Provided
//!
//! Bounds with measured values, and whether they hold: exact ones for what the ledger does, those of agents as good as the agents.
//!
//! # Not provided
//!
//! What a real market does: how payers and operators think is assumed (`rules/default.toml`, `[agents]`).
//!
//! # Example
//!
//! ```
//! use tatum_economy::scenario::{Play, Scenario};
//! use tatum_economy::Rules;
//!
//! let play = Play { rules: Rules::default(), epochs: 300, runs: 1, seed: 1 };
//! let report = Scenario::named("timing").unwrap().play(&play)?;
//! assert!(report.holds());
//! # Ok::<(), tatum_economy::Error>(())
//! ```

pub mod agents;
pub mod draws;
mod error;
pub mod exact;
pub mod ledger;
mod plot;
pub mod report;
pub mod rules;
pub mod scenario;
pub mod world;

pub use error::Error;
pub use plot::svg;
pub use rules::Rules;

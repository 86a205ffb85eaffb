//! What tests and the demo need of the outside world, real and throw-away: a chain with the deployed contracts,
//! PostgreSQL, `tatum` processes.
//!
//! Invariant: nothing is simulated, and everything that is started is stopped when its handle is dropped.

mod devnet;
mod disk;
pub mod hostile;
pub mod internet;
pub mod metrics;
mod paths;
pub mod postgres;
mod provider;
pub mod queries;
pub mod schema;
pub mod testnet;

pub use devnet::{Devnet, DevnetParameters};
pub use disk::SmallDisk;
pub use paths::{repository, tatum_binary};
pub use provider::{Habit, Provider, Rules};
pub use tatum_devnet::{Anvil, Process, foundry, free_port};

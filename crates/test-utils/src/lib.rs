//! What tests and the demo need of the outside world, real and throw-away: a chain with the deployed contracts,
//! PostgreSQL, `tatum` processes.
//!
//! Invariant: nothing is simulated, and everything that is started is stopped when its handle is dropped.

mod anvil;
mod devnet;
mod disk;
pub mod hostile;
pub mod metrics;
mod paths;
pub mod postgres;
mod process;
mod provider;
pub mod queries;
pub mod testnet;

pub use anvil::Anvil;
pub use devnet::{Devnet, DevnetParameters};
pub use disk::SmallDisk;
pub use paths::{foundry, free_port, repository, tatum_binary};
pub use process::Process;
pub use provider::{Habit, Provider, Rules};

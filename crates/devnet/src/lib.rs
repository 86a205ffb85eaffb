//! A network on one machine: a chain of its own, and `tatum` processes that answer. `tatum devnet`, the demo and the end-to-end
//! tests are made of it.
//!
//! Invariant: everything is real, and everything that is started is stopped when its handle is dropped.

mod anvil;
mod ports;
mod process;
mod programs;
mod service;

pub use anvil::{Anvil, AnvilSettings, give_coin};
pub use ports::free_port;
pub use process::Process;
pub use programs::foundry;
pub use service::Service;

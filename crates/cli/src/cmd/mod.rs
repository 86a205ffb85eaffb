//! One file per subcommand.

pub(crate) mod aggregator;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod auditor;
pub(crate) mod bench;
pub(crate) mod bridge;
pub(crate) mod channel;
pub(crate) mod delegate;
pub(crate) mod deploy;
pub(crate) mod devnet;
pub(crate) mod doctor;
pub(crate) mod epoch;
pub(crate) mod explain;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod node_status;
pub(crate) mod node_top;
pub(crate) mod operator;
pub(crate) mod overage;
pub(crate) mod publish;
pub(crate) mod receipts;
pub(crate) mod session;
pub(crate) mod simulate;
pub(crate) mod sponsor;
pub(crate) mod stake;
pub(crate) mod stream;
pub(crate) mod subscribe;
pub(crate) mod tracker;
pub(crate) mod watchtower;

/// The exit code of a command that looked and found something that does not hold; 1 says that it could not look.
pub(crate) const DIFFERS: u8 = 3;

//! Brings epochs from open to final, one after the other.
//!
//! Invariant: each step looks at the database and at the chain, does the one thing that is missing and records it; killed
//! at any moment, the next start goes on from there and comes to the same root. Where the chain says something else than
//! we, the chain is right: it is said clearly and not fought.
//!
//! ```text
//! open ──end + grace──► closing ──closed on chain──► rolled ──propose──► proposed ──window──► finalized
//! ```

mod contest;
mod demands;
mod error;
mod history;
pub(crate) mod inputs;
mod settle;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tatum_chain::Chain;
use tatum_database::Database;
use tatum_primitives::{Bps, EpochSchedule, U256};
use tatum_rewards::PoolWeight;
use tokio::sync::watch;

pub use contest::Judged;
pub use error::CloseError;

use crate::http::error::chain_of;
use crate::publish::Pulse;
use crate::{Clock, Metrics};

/// How long to wait after a failure, at most.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// What an epoch's payouts depend on besides receipts and chain.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long after an epoch's end its receipts are still taken.
    pub grace_ms: u64,
    /// The part of every fee that goes to the common pool.
    pub pool_bps: Bps,
    /// How the common pool is split.
    pub pool_weight: PoolWeight,
    /// Blocks on top of one before it is relied on.
    pub confirmations: u64,
    /// The most that is staked against a wrong root.
    pub outbid_up_to_wei: U256,
}

/// Closes epochs.
#[derive(Clone, Debug)]
pub struct Closer {
    /// The chain, with the proposer's key.
    pub chain: Chain,
    /// Where receipts and the epochs' states are.
    pub database: Database,
    /// Where datasets go.
    pub datasets: PathBuf,
    /// How others reach the datasets, without a slash at the end.
    pub public_url: String,
    /// When epochs begin and end.
    pub schedule: EpochSchedule,
    /// The rules.
    pub rules: Rules,
    /// The time.
    pub clock: Clock,
    /// What was thought of others' proposals.
    pub judged: Judged,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Told each time the chain answers.
    pub pulse: Pulse,
    /// How often to look.
    pub poll: Duration,
}

impl Closer {
    /// Closes epochs until `stop` says so. A step under way when that happens is taken up again by the next start.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut backoff = self.poll;
        let mut said = String::new();
        while !*stop.borrow() {
            let step = tokio::select! {
                step = self.step() => step,
                _ = stop.changed() => return,
            };
            let wait = match step {
                Ok(moved) => {
                    said.clear();
                    backoff = self.poll;
                    if moved { Duration::ZERO } else { self.poll }
                }
                Err(error) => self.failed(&error, &mut backoff, &mut said),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Logs a failure, once as long as it stays the same, and says how long to wait.
    fn failed(&self, error: &CloseError, backoff: &mut Duration, said: &mut String) -> Duration {
        self.metrics.close_failed();
        let text = chain_of(error);
        if *said != text {
            tracing::warn!(error = %text, "an epoch does not move on; trying again");
            *said = text;
        }
        let wait = *backoff;
        *backoff = backoff.saturating_mul(2).min(MAX_BACKOFF);
        wait
    }
}

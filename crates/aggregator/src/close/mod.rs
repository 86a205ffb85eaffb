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
mod lease;
mod purge;
mod restore;
mod settle;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tatum_chain::Chain;
use tatum_database::Database;
use tatum_primitives::{Epoch, EpochSchedule, U256};
use tokio::sync::watch;

pub use contest::Judged;
pub use error::CloseError;
pub use lease::Leadership;

use crate::http::error::chain_of;
use crate::publish::Pulse;
use crate::{Clock, Metrics};

/// How long to wait after a failure, at most.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// What this aggregator was told. What an epoch pays follows from receipts and chain alone.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long after an epoch's end its receipts are still taken.
    pub grace_ms: u64,
    /// Blocks on top of one before it is relied on.
    pub confirmations: u64,
    /// The most that is staked against a wrong root.
    pub outbid_up_to_wei: U256,
    /// Whether the proposer's bond is posted by this process, and kept up.
    pub posts_bond: bool,
    /// For how many final epochs receipts are kept in the database; `None` keeps all.
    pub keep_epochs: Option<u64>,
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
    /// Closes epochs, whenever `lease` is held, until `stop` says so. A step under way when that happens, or when the lease
    /// is lost, is taken up again by the next start, or by the next holder.
    pub async fn run(self, mut lease: Leadership, mut stop: watch::Receiver<bool>) {
        let mut pace = Pace::new(self.poll);
        while !*stop.borrow() {
            let turn = tokio::select! {
                turn = self.turn(&mut lease, &mut pace) => turn,
                _ = stop.changed() => break,
            };
            let wait = match turn {
                Ok(moved) => {
                    pace.said.clear();
                    pace.backoff = self.poll;
                    if moved { Duration::ZERO } else { self.poll }
                }
                Err(error) => self.failed(&error, &mut pace.backoff, &mut pace.said),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => break,
            }
        }
        lease.release().await;
    }

    /// The next step if this process has the lease, otherwise what a process does that has not. False if there is nothing
    /// to do but wait.
    async fn turn(&self, lease: &mut Leadership, pace: &mut Pace) -> Result<bool, CloseError> {
        if !lease.is_held().await? {
            self.metrics.leads(false);
            return self.follow(pace).await.map(|()| false);
        }
        self.metrics.leads(true);
        if !pace.bonded && self.rules.posts_bond {
            self.post_bond(pace).await;
        }
        let moved = tokio::select! {
            moved = self.step() => moved?,
            () = lease.keep() => return Err(CloseError::LeaseLost),
        };
        if !moved {
            self.complete(pace).await;
            self.purge(pace).await?;
        }
        Ok(moved)
    }

    /// Keeps up with the chain and with what the process that leads has written.
    async fn follow(&self, pace: &mut Pace) -> Result<(), CloseError> {
        let (_, head_time_s) = self.chain.head().await?;
        self.clock.saw_head(head_time_s);
        self.pulse.beat();
        let finalized = self.chain.finalized_epoch().await?;
        self.metrics.finalized(finalized.map_or(0, |epoch| epoch.0.saturating_add(1)));
        self.complete(pace).await;
        Ok(())
    }

    /// Writes again the datasets that the folder lacks; a failure is said once and holds up nothing.
    async fn complete(&self, pace: &mut Pace) {
        if pace.complete_again.is_some_and(|at| Instant::now() < at) {
            return;
        }
        pace.complete_again = match self.complete_datasets().await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(error = %chain_of(&error), "a dataset of another process is not to be had");
                Instant::now().checked_add(MAX_BACKOFF)
            }
        };
    }

    /// Posts the proposer's bond before it is needed: after a series of cheats began, a younger bond has no turn.
    async fn post_bond(&self, pace: &mut Pace) {
        match self.chain.ensure_proposer_bond().await {
            Ok(()) => {
                tracing::info!("the proposer's bond is in place");
                pace.bonded = true;
                pace.bond_said.clear();
            }
            Err(error) => {
                let text = chain_of(&error);
                if pace.bond_said != text {
                    tracing::warn!(
                        error = text,
                        "the proposer's bond is not in place; trying again"
                    );
                    pace.bond_said = text;
                }
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

/// What the driver remembers between two turns.
struct Pace {
    backoff: Duration,
    /// The failure that was logged last.
    said: String,
    /// Whether our bond is known to be in place.
    bonded: bool,
    bond_said: String,
    /// When to look again for datasets that were not to be had.
    complete_again: Option<Instant>,
    /// The first epoch whose receipts may still be in the database, as far as was purged.
    purged_to: Option<Epoch>,
}

impl Pace {
    const fn new(poll: Duration) -> Self {
        Self {
            backoff: poll,
            said: String::new(),
            bonded: false,
            bond_said: String::new(),
            complete_again: None,
            purged_to: None,
        }
    }
}

//! Brings epochs from open to final, one after the other.
//!
//! Invariant: each step looks at the database and at the chain, does the one thing that is missing and records it; killed
//! at any moment, the next start goes on from there and comes to the same root. Where the chain says something else than
//! we, the chain is right: it is said clearly and not fought.
//!
//! ```text
//! open ──end + grace──► closing ──forcing over──► rolled ──propose──► proposed ──window──► finalized
//! ```

mod assent;
mod bonds;
mod demands;
mod draft;
mod error;
mod forced;
mod history;
mod inputs;
mod lease;
mod overages;
mod propose;
mod purge;
mod restore;
mod rivals;
mod settle;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tatum_chain::{Chain, Windows};
use tatum_database::Database;
use tatum_primitives::{Epoch, EpochSchedule, Nano};
use tokio::sync::watch;

pub use error::CloseError;
pub use lease::Leadership;
pub use rivals::Rivals;

use crate::assents::Gathering;
use crate::http::error::chain_of;
use crate::judge::Means;
use crate::publish::Pulse;
use crate::{Clock, Metrics};

/// How long to wait after a failure, at most.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Looks after which bonds, rewards and overages are looked for again.
const WITHDRAW_EVERY: u32 = 10;

/// What this aggregator was told. What an epoch pays follows from receipts and chain alone.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Blocks on top of one before it is relied on.
    pub confirmations: u64,
    /// What may be spent on another's proposal that keeps its data to itself.
    pub means: Means,
    /// For how many final epochs receipts are kept in the database; `None` keeps all.
    pub keep_epochs: Option<u64>,
    /// Whether operators are asked to stand for the list of receipts, which takes half of the grace.
    pub gathers_assents: bool,
    /// The least reward for which a payer's overage is filed; below it the gas is not worth it.
    pub overage_reward: Nano,
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
    /// What was found about others' proposals.
    pub rivals: Rivals,
    /// The list that waits for operators' signatures.
    pub(crate) gathering: Gathering,
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
        let moved = tokio::select! {
            moved = self.step() => moved?,
            () = lease.keep() => return Err(CloseError::LeaseLost),
        };
        if !moved {
            self.complete(pace).await;
            self.purge(pace).await?;
            self.withdraw_in_time(pace).await;
            self.file_overages_in_time(pace).await;
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

    /// Withdraws bonds and rewards now and then; a failure is said once and holds up nothing.
    async fn withdraw_in_time(&self, pace: &mut Pace) {
        if pace.withdraw_again.is_some_and(|at| Instant::now() < at) {
            return;
        }
        if let Err(error) = self.withdraw(pace).await {
            tracing::warn!(error = %chain_of(&error), "a bond or a reward is not to be had yet");
        }
        pace.withdraw_again = Instant::now().checked_add(self.poll.saturating_mul(WITHDRAW_EVERY));
    }

    /// Files overages now and then; a failure is said and holds up nothing.
    async fn file_overages_in_time(&self, pace: &mut Pace) {
        if pace.overages_again.is_some_and(|at| Instant::now() < at) {
            return;
        }
        if let Err(error) = self.file_overages(pace).await {
            tracing::warn!(error = %chain_of(&error), "an overage is not filed yet");
        }
        pace.overages_again = Instant::now().checked_add(self.poll.saturating_mul(WITHDRAW_EVERY));
    }

    /// How long each part of an epoch's settlement takes.
    fn windows(&self) -> Windows {
        self.chain.deployment().windows
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
    /// When to look for bonds and rewards again.
    withdraw_again: Option<Instant>,
    /// The first epoch in which a bond of ours may lie.
    bonds_from: Option<Epoch>,
    /// When to look for overages again.
    overages_again: Option<Instant>,
    /// The first epoch in which an overage may be left to file.
    overages_from: Option<Epoch>,
    /// Of rewards that were earned before this block none is due.
    rewards_from: u64,
    /// When to look again for datasets that were not to be had.
    complete_again: Option<Instant>,
    /// The first epoch whose receipts may still be in the database, as far as was purged.
    purged_to: Option<Epoch>,
    /// Up to which evidence of delivery was forgotten.
    evidence_purged_to: Option<Epoch>,
}

impl Pace {
    const fn new(poll: Duration) -> Self {
        Self {
            backoff: poll,
            said: String::new(),
            withdraw_again: None,
            bonds_from: None,
            overages_again: None,
            overages_from: None,
            rewards_from: 0,
            complete_again: None,
            purged_to: None,
            evidence_purged_to: None,
        }
    }
}

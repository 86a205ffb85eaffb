//! Runs the receipt rules on worker threads, and gives a receipt rejected on the chain's word a second look.
//!
//! Invariant: a receipt passes the rules at most twice, the second time after a wait; at most as many threads as there are cores
//! check at the same time, for clients in turn. What one client sends is never checked in one batch with what another sends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tatum_database::{Candidate, Rejected};
use tatum_primitives::{EpochSchedule, millis};
use tatum_protocol::receipts::{Element, NoReceipt};
use tatum_receipt::checks::{self, ChainFacts, EpochWindow};
use tatum_receipt::{
    CheckedReceipt, Contents, Rejection, SignedReceipt, Signers, Verifier, Witnessed,
};
use tokio::sync::Semaphore;

use super::fair_queue::FairQueue;
use crate::Clock;

/// Receipts a thread checks, together, before others get their turn: about 10 ms of work if their signers are known.
const RUN: usize = 1024;
/// The same for a client with a poor record, whose receipts are checked one by one: a failing batch would cost more.
const POOR_RUN: usize = 256;
/// Requests that may wait for a second look at the same time.
const SECOND_LOOKS: usize = 64;

/// The rules with all they need to know.
#[derive(Clone)]
pub struct Checker {
    signers: Arc<Signers>,
    schedule: EpochSchedule,
    grace: Duration,
    clock: Clock,
    facts: Arc<dyn ChainFacts + Send + Sync>,
    /// How long the followed view may be behind the chain.
    lag: Duration,
    queue: FairQueue,
    second_looks: Arc<Semaphore>,
}

impl Checker {
    /// Checks for the deployment of `verifier`, on the word of `facts`, which may be `lag` behind the chain.
    pub fn new(
        verifier: Verifier,
        schedule: EpochSchedule,
        grace: Duration,
        clock: Clock,
        facts: impl ChainFacts + Send + Sync + 'static,
        lag: Duration,
    ) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            signers: Arc::new(Signers::new(verifier, rand::random())),
            schedule,
            grace,
            clock,
            facts: Arc::new(facts),
            lag,
            queue: FairQueue::new(threads),
            second_looks: Arc::new(Semaphore::new(SECOND_LOOKS)),
        }
    }

    /// Whose turn it is.
    pub(super) const fn queue(&self) -> &FairQueue {
        &self.queue
    }

    /// Runs `work` of `client` on a thread of its own as soon as it has a turn.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        client: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = self.queue.take(client).await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        // It ends early only if the runtime shuts down.
        done.await.ok()
    }

    /// Passes every element through the rules, in order. `None`: most of what `client` sent lately was rejected, more than
    /// it is allowed; so the rest is not looked at, and nothing of the request counts.
    pub async fn check_all(
        &self,
        client: IpAddr,
        elements: Vec<Element>,
    ) -> Option<Vec<Candidate>> {
        let run = if self.queue.is_poor(client) { POOR_RUN } else { RUN };
        let mut runs = Vec::new();
        let mut elements = elements.into_iter().peekable();
        while elements.peek().is_some() {
            let run: Vec<Element> = elements.by_ref().take(run).collect();
            runs.push(tokio::spawn(self.clone().check_run(client, run)));
        }
        let mut checked = Vec::new();
        for run in runs {
            // A task ends early only if the runtime shuts down; its receipts go unanswered then.
            checked.push(run.await.unwrap_or_default());
        }
        let checked: Vec<Vec<Candidate>> = checked.into_iter().collect::<Option<_>>()?;
        let mut candidates: Vec<Candidate> = checked.into_iter().flatten().collect();
        if !self.queue.is_poor(client) {
            self.look_again(&mut candidates).await;
        }
        Some(candidates)
    }

    async fn check_run(self, client: IpAddr, run: Vec<Element>) -> Option<Vec<Candidate>> {
        let checker = self.clone();
        let check = move || {
            // What was found out about the client while this waited for its turn counts too.
            if !checker.queue.may_send(client, Instant::now()) {
                return None;
            }
            let window = checker.window();
            Some(checker.check(run, window, checker.queue.is_poor(client)))
        };
        let candidates: Vec<Candidate> = self.work(client, check).await.flatten()?;
        // What the client cannot know, and we do not either, is not held against it.
        let judged = |candidate: &&Candidate| matches!(candidate, Candidate::Rejected(rejected) if rejected.rejection.is_judgement());
        let rejected = candidates.iter().filter(judged).count();
        let good = candidates.len().saturating_sub(rejected);
        self.queue.note(client, good, rejected, Instant::now());
        Some(candidates)
    }

    fn window(&self) -> EpochWindow {
        let grace_ms = millis(self.grace);
        EpochWindow::at(self.schedule, self.clock.now_ms(), grace_ms)
    }

    /// Passes a run through the rules: together, or one by one if whoever sent it has a `poor` record.
    fn check(&self, run: Vec<Element>, window: EpochWindow, poor: bool) -> Vec<Candidate> {
        let receipts: Vec<&SignedReceipt> =
            run.iter().flatten().map(|witnessed| &witnessed.signed).collect();
        let checked = if poor {
            receipts.iter().map(|signed| self.check_one(signed, window)).collect()
        } else {
            checks::check_all(&receipts, &self.signers, window, &self.facts)
        };
        let mut checked = checked.into_iter();
        let candidates = run.into_iter().filter_map(|element| match element {
            Ok(Witnessed { signed, contents }) => checked.next().map(|checked| match checked {
                Ok(checked) => Candidate::Checked(Box::new(checked), contents),
                Err(rejection) => Candidate::Rejected(Rejected::receipt(&signed, rejection)),
            }),
            Err(no_receipt) => Some(Candidate::Rejected(unreadable(no_receipt))),
        });
        candidates.collect()
    }

    fn check_one(
        &self,
        signed: &SignedReceipt,
        window: EpochWindow,
    ) -> Result<CheckedReceipt, Rejection> {
        checks::check(signed, self.signers.verifier(), window, &self.facts)
    }

    /// What the chain's followed view refuses may be news the view has not read yet: a stake, a key, the epoch's
    /// quotas. So wait until the view must have caught up, once, and ask it again.
    async fn look_again(&self, candidates: &mut [Candidate]) {
        if !candidates.iter().any(may_be_news) {
            return;
        }
        // Whoever floods the service with strangers' receipts gets no second look.
        let Ok(_permit) = self.second_looks.try_acquire() else { return };
        tokio::time::sleep(self.lag).await;
        let window = self.window();
        for candidate in candidates.iter_mut().filter(|candidate| may_be_news(candidate)) {
            if let Some(checked) = self.recheck(candidate, window) {
                *candidate = Candidate::Checked(Box::new(checked), Contents::default());
            }
        }
    }

    fn recheck(&self, candidate: &Candidate, window: EpochWindow) -> Option<CheckedReceipt> {
        let Candidate::Rejected(rejected) = candidate else { return None };
        let signed = SignedReceipt::decode(&rejected.bytes).ok()?;
        self.check_one(&signed, window).ok()
    }
}

/// What is kept of bytes that are no receipt.
fn unreadable(NoReceipt { bytes, error }: NoReceipt) -> Rejected {
    Rejected { bytes, payer: None, epoch: None, rejection: error.into() }
}

/// Whether a view that lags behind the chain could be the reason of a rejection.
fn may_be_news(candidate: &Candidate) -> bool {
    matches!(candidate, Candidate::Rejected(rejected) if rejected.rejection.may_pass())
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

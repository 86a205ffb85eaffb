//! One transaction: lock the epochs, look up what is held, step each candidate in order, store the newest.
//!
//! Invariant: outcomes are what they would be if the candidates had come one by one.

use std::collections::{BTreeMap, HashMap};

use sqlx::AnyConnection;
use tatum_primitives::Epoch;
use tatum_receipt::{Contents, ReceiptKey, Rejection, SignedReceipt, Step, step};

use super::{Candidate, Outcome};
use crate::database::begin_write;
use crate::evidence::EvidenceBatch;
use crate::receipts::PaidBy;
use crate::{Database, DatabaseError, Rejected, epochs, receipts, rejections};

/// How much is kept of what strangers may send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Rejections of this batch.
    pub(super) keep: usize,
    /// Receipts that channels pay of an epoch.
    pub(super) evidence_of_epoch: u64,
}

/// Writes `submissions` in one transaction; gives the outcomes and how many rejections were kept.
pub(super) async fn write(
    database: &Database,
    submissions: &[&[Candidate]],
    bounds: Bounds,
    now_ms: u64,
) -> Result<(Vec<Vec<Outcome>>, usize), DatabaseError> {
    let begin = begin_write(database.backend());
    let mut transaction = database.writer().begin_with(begin).await?;
    let mut batch = Batch::prepare(&mut transaction, submissions, bounds, now_ms).await?;
    let outcomes = submissions.iter().map(|candidates| batch.step_all(candidates)).collect();
    let newest = |(key, contents)| Some((batch.held.get(key)?, contents));
    let newest: Vec<(&SignedReceipt, &Contents)> =
        batch.advanced.iter().filter_map(newest).collect();
    receipts::replace(&mut transaction, PaidBy::Pool, &newest).await?;
    batch.evidence.store(&mut transaction).await?;
    let kept: Vec<&Rejected> = batch.rejected.iter().take(bounds.keep).collect();
    rejections::store(&mut transaction, &kept, now_ms).await?;
    transaction.commit().await?;
    Ok((outcomes, kept.len()))
}

struct Batch {
    /// Per epoch: open, or the earliest epoch that is.
    epochs: BTreeMap<Epoch, Result<(), Epoch>>,
    held: HashMap<ReceiptKey, SignedReceipt>,
    /// In the order in which they are stored: what is written next to each other lies on few pages.
    advanced: BTreeMap<ReceiptKey, Contents>,
    evidence: EvidenceBatch,
    rejected: Vec<Rejected>,
}

impl Batch {
    async fn prepare(
        connection: &mut AnyConnection,
        submissions: &[&[Candidate]],
        bounds: Bounds,
        now_ms: u64,
    ) -> Result<Self, DatabaseError> {
        let candidates = || submissions.iter().flat_map(|candidates| candidates.iter());
        let checked = candidates().filter_map(|candidate| match candidate {
            Candidate::Checked(checked, _) => Some(checked.receipt().key()),
            Candidate::Evidence(_) | Candidate::Rejected(_) => None,
        });
        let mut keys: Vec<ReceiptKey> = checked.collect();
        keys.sort_unstable();
        keys.dedup();
        // In ascending order, so that two processes never wait for each other in a circle.
        let mut epochs: BTreeMap<Epoch, Result<(), Epoch>> =
            keys.iter().map(|key| (key.epoch, Ok(()))).collect();
        for (epoch, open) in &mut epochs {
            *open = epochs::lock_open(connection, *epoch, now_ms).await?;
        }
        let held = receipts::held(connection, PaidBy::Pool, &keys).await?;
        let evidence = candidates().filter_map(|candidate| match candidate {
            Candidate::Evidence(evidence) => Some(evidence),
            Candidate::Checked(..) | Candidate::Rejected(_) => None,
        });
        let evidence =
            EvidenceBatch::prepare(connection, evidence, bounds.evidence_of_epoch).await?;
        Ok(Self { epochs, held, advanced: BTreeMap::new(), evidence, rejected: Vec::new() })
    }

    fn step_all(&mut self, candidates: &[Candidate]) -> Vec<Outcome> {
        candidates.iter().map(|candidate| self.step(candidate)).collect()
    }

    fn step(&mut self, candidate: &Candidate) -> Outcome {
        let rejected = match candidate {
            Candidate::Rejected(rejected) => rejected.clone(),
            Candidate::Checked(checked, contents) => {
                match self.step_checked(checked.signed(), contents) {
                    Ok(outcome) => return outcome,
                    Err(rejection) => Rejected::receipt(checked.signed(), rejection),
                }
            }
            Candidate::Evidence(evidence) => match self.evidence.step(evidence) {
                Ok(()) => return Outcome::Evidence,
                Err(rejection) => Rejected::receipt(evidence.checked.signed(), rejection),
            },
        };
        let rejection = rejected.rejection.clone();
        // What was not judged is no rejection to stand by.
        if rejection.is_judgement() {
            self.rejected.push(rejected);
        }
        Outcome::Rejected(rejection)
    }

    fn step_checked(
        &mut self,
        signed: &SignedReceipt,
        contents: &Contents,
    ) -> Result<Outcome, Rejection> {
        let key = signed.receipt.key();
        if let Some(Err(earliest_open)) = self.epochs.get(&key.epoch) {
            let (got, earliest_open) = (key.epoch, *earliest_open);
            return Err(Rejection::PastEpoch { got, earliest_open });
        }
        Ok(match step(self.held.get(&key), signed) {
            Step::Advance => {
                self.held.insert(key, signed.clone());
                self.advanced.insert(key, contents.clone());
                Outcome::Accepted
            }
            Step::Superseded => Outcome::Superseded,
            Step::Duplicate => Outcome::Duplicate,
        })
    }
}

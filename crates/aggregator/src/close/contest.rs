//! Another proposer's root stands where ours should: whether it is wrong, and whether we stake on ours.
//!
//! Invariant: we stake against a root only if its dataset does not lead to it, leaves out what we acknowledged, or is not to
//! be had, and never more than we were told to; the judgement of a proposal is made once. Stakes of contests that are over
//! are settled, whoever they belong to. Source: `IDistributor.outbid`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tatum_chain::{Proposal, ProposedEvent};
use tatum_database::{EpochRecord, RolledEpoch};
use tatum_dataset::Dataset;
use tatum_primitives::{B256, U256};
use tatum_protocol::EpochState;
use tatum_receipt::ReceiptKey;

use super::{CloseError, Closer};
use crate::audit::{self, AuditError};
use crate::http::error::chain_of;

/// What we think of another proposer's root.
#[derive(Clone, Debug)]
enum Judgement {
    /// Its dataset holds, and has all that we have.
    Sound,
    /// What is wrong with it.
    Wrong(String),
}

/// The judgement of the newest foreign proposal, by its commitment.
#[derive(Clone, Debug, Default)]
pub struct Judged(Arc<Mutex<Option<(B256, Judgement)>>>);

impl Judged {
    fn of(&self, commitment: B256) -> Option<Judgement> {
        let judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, judgement) = judged.as_ref()?;
        (*of == commitment).then(|| judgement.clone())
    }

    fn keep(&self, commitment: B256, judgement: &Judgement) {
        let mut judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *judged = Some((commitment, judgement.clone()));
    }
}

impl Closer {
    /// Another root is pending for the epoch. Whoever is right, only one can stand: watch, or outbid it.
    pub(super) async fn contest(
        &self,
        record: &EpochRecord,
        event: &ProposedEvent,
        ours: Proposal,
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let (epoch, their_root, their_proposer) =
            (record.epoch, event.proposal.root, event.proposer);
        if record.state == EpochState::Proposed {
            tracing::error!(%epoch, %their_root, %their_proposer, "our proposal was outbid");
            self.database.record_cancelled(epoch, self.clock.now_ms()).await?;
            return Ok(true);
        }
        let Some(rolled) = &record.rolled else { return Ok(false) };
        let seen = format!(
            "{their_proposer} proposed another root, {their_root} (dataset {} at {}); ours is {}",
            event.proposal.manifest_hash, event.proposal.uri, ours.root
        );
        let wrong = match self.judge(event, rolled).await? {
            Judgement::Sound => {
                let note =
                    format!("{seen}. Its dataset holds and has all our receipts: it may stand");
                return self.wait_with_note(record, &note).await;
            }
            Judgement::Wrong(wrong) => wrong,
        };
        let (stake_wei, most_wei) = (
            self.chain.pending_stake_wei().await?.saturating_mul(U256::from(2)),
            self.rules.outbid_up_to_wei,
        );
        let hindered = if stake_wei > most_wei {
            Some(format!(
                "ours would have to stake {stake_wei} wei, and may stake {most_wei} \
                 (`--outbid-up-to`)"
            ))
        } else if head_time_s >= event.finalizable_at_s {
            Some("its window is over".to_owned())
        } else if self.chain.cancelled_roots(epoch).await?.contains(&ours.root) {
            Some("a challenge cancelled ours".to_owned())
        } else {
            None
        };
        if let Some(hindered) = hindered {
            let note = format!("{seen}. It is wrong: {wrong}. Not outbidding it: {hindered}");
            return self.wait_with_note(record, &note).await;
        }
        self.settle_contests().await;
        self.chain.ensure_bond_of(stake_wei).await?;
        let root = ours.root;
        let tx = self.chain.outbid(event.proposal.clone(), ours).await?;
        tracing::warn!(%epoch, %their_root, %their_proposer, wrong, %root, %stake_wei, %tx, "outbid a wrong root");
        self.record_ours(epoch, root, tx).await?;
        Ok(true)
    }

    /// Settles the stakes of contests that are over. What fails is tried again after the next distribution.
    pub(super) async fn settle_contests(&self) {
        let rounds = match self.chain.unsettled_rounds().await {
            Ok(rounds) => rounds,
            Err(error) => {
                let error = chain_of(&error);
                return tracing::warn!(error, "cannot look for contests to settle");
            }
        };
        for round in rounds {
            let (contest, number) = (round.contest, round.number);
            match self.chain.settle_round(round).await {
                Ok(tx) => tracing::info!(%contest, %number, %tx, "settled a stake that was outbid"),
                Err(error) => {
                    let error = chain_of(&error);
                    tracing::warn!(%contest, %number, error, "cannot settle a stake that was outbid");
                }
            }
        }
    }

    async fn judge(
        &self,
        event: &ProposedEvent,
        rolled: &RolledEpoch,
    ) -> Result<Judgement, CloseError> {
        let commitment = event.commitment();
        if let Some(judgement) = self.judged.of(commitment) {
            return Ok(judgement);
        }
        let judgement = self.look_into(event, rolled).await?;
        self.judged.keep(commitment, &judgement);
        Ok(judgement)
    }

    async fn look_into(
        &self,
        event: &ProposedEvent,
        rolled: &RolledEpoch,
    ) -> Result<Judgement, CloseError> {
        if event.proposal.root == rolled.root {
            return Ok(Judgement::Sound);
        }
        let report = match audit::epoch(&self.chain, event.proposal.epoch, None).await {
            Ok(report) => report,
            Err(AuditError::Fetch { source, .. }) => {
                let wrong = format!("its dataset is not to be had: {}", chain_of(&source));
                return Ok(Judgement::Wrong(wrong));
            }
            Err(AuditError::Chain(error)) => return Err(error.into()),
            Err(error) => return Ok(Judgement::Wrong(chain_of(&error))),
        };
        // While we looked, another may have taken its place; the next step sees that one.
        if report.manifest_hash != event.proposal.manifest_hash {
            return Err(CloseError::CutOff);
        }
        if let Some(failed) = report.checks.iter().find(|check| !check.ok) {
            let what = report.differences.first().map_or(failed.detail.as_str(), String::as_str);
            return Ok(Judgement::Wrong(format!("check {}: {what}", failed.name)));
        }
        let theirs = self.dataset_of(event).await?;
        let own = self.datasets.join(rolled.manifest_hash.to_string());
        let epoch = event.proposal.epoch;
        let compared = tokio::task::spawn_blocking(move || compare(&own, &theirs)).await;
        let judgement = compared.map_err(|_| CloseError::CutOff)?;
        judgement.map_err(|source| CloseError::Dataset { epoch, source })
    }
}

/// Whether a dataset that holds in itself does what ours does.
fn compare(own: &Path, theirs: &Dataset) -> Result<Judgement, tatum_dataset::Error> {
    Ok(match ignored(&Dataset::open(own)?, theirs)? {
        Some(key) => Judgement::Wrong(format!(
            "it leaves out a receipt that we have: of payer {} for node {}, stream {}",
            key.payer, key.node, key.stream_key
        )),
        None => Judgement::Sound,
    })
}

/// The first receipt of ours of which theirs has none that ranks as high. Both are in order of their keys.
fn ignored(ours: &Dataset, theirs: &Dataset) -> Result<Option<ReceiptKey>, tatum_dataset::Error> {
    let mut known = theirs.receipts()?.peekable();
    for signed in ours.receipts()? {
        let receipt = signed?.receipt;
        let key = receipt.key();
        loop {
            match known.peek() {
                Some(Ok(other)) if other.receipt.key() < key => drop(known.next()),
                Some(Ok(other))
                    if other.receipt.key() == key && other.receipt.rank() >= receipt.rank() =>
                {
                    break;
                }
                Some(Err(_)) => {
                    if let Some(Err(error)) = known.next() {
                        return Err(error);
                    }
                }
                _ => return Ok(Some(key)),
            }
        }
    }
    Ok(None)
}

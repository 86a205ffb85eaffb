//! That a distribution goes on from the one before: what was available, and what each operator was promised.
//!
//! Invariant: the one before is the newest that became final before this epoch, as the chain has it.

use std::path::PathBuf;

use tatum_chain::{Chain, EpochInputs, ProposalStatus, ProposedEvent};
use tatum_dataset::{Dataset, Verified};
use tatum_merkle::{SumTree, Word};
use tatum_primitives::{Epoch, Nano};

use super::datasets::Desk;
use super::report::differs;
use super::{AuditError, DatasetSource, EpochReport, FetchError};
use crate::http::error::chain_of;

pub(super) async fn check_previous(
    chain: &Chain,
    inputs: &EpochInputs,
    verified: &Verified,
    desk: &Desk,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let before = final_before(chain, inputs.epoch).await?;
    let promised = before.as_ref().map_or(Nano::ZERO, |event| Word(event.proposal.root).sum());
    let got = &verified.manifest.parameters;
    let funded = Nano::from_wei_down(inputs.funded_through_wei).unwrap_or_default();
    let available = funded.checked_sub(promised).unwrap_or_default();
    let named = |hash: Option<_>| {
        hash.map_or_else(|| "none".to_owned(), |hash: tatum_primitives::B256| hash.to_string())
    };
    let chain_hash = before.as_ref().map(|event| event.proposal.manifest_hash);
    let differences = [
        differs("previous manifest", named(got.previous_manifest_hash), named(chain_hash)),
        differs("previous total in nano", got.previous_total_nano.0, promised.0),
        differs("available nano", got.available_nano.0, available.0),
    ];
    let held = format!("{} nano funded less {} promised before", funded.0, promised.0);
    report.check("available", held, differences.into_iter().flatten().collect());
    check_rows(before, verified, desk, report).await;
    Ok(())
}

/// The newest distribution of an epoch before `epoch` that is final.
async fn final_before(chain: &Chain, epoch: Epoch) -> Result<Option<ProposedEvent>, AuditError> {
    let mut at = epoch;
    while let Some(before) = at.previous() {
        if let ProposalStatus::Finalized(event) = chain.proposal_status(before).await? {
            return Ok(Some(event));
        }
        at = before;
    }
    Ok(None)
}

/// Every operator starts from what it was promised before.
async fn check_rows(
    before: Option<ProposedEvent>,
    verified: &Verified,
    desk: &Desk,
    report: &mut EpochReport,
) {
    let name = "cumulative";
    let previous = match before {
        None => vec![],
        Some(event) => match promised(&event, desk).await {
            Ok(rows) => rows,
            Err(reason) => {
                let epoch = event.proposal.epoch;
                let reason = format!("the distribution of epoch {epoch} cannot be read: {reason}");
                return report.check(name, "", vec![reason]);
            }
        },
    };
    let starts = previous.into_iter().chain(std::iter::repeat(Nano::ZERO));
    let differs = |(row, start): (&tatum_dataset::DistributionRow, Nano)| {
        let got = row.cumulative_nano.checked_sub(row.epoch_nano());
        (got != Some(start)).then(|| {
            let operator = row.operator_id;
            format!(
                "operator {operator} has {} nano, {} of them from this epoch; it was promised {} before",
                row.cumulative_nano.0,
                row.epoch_nano().0,
                start.0
            )
        })
    };
    let differences = verified.distribution.rows.iter().zip(starts).filter_map(differs).collect();
    report.check(name, "every operator goes on from what it was promised before", differences);
}

/// What the distribution before promised, by operator.
async fn promised(event: &ProposedEvent, desk: &Desk) -> Result<Vec<Nano>, String> {
    let tree = tree(event, desk).await?;
    Ok(tree.entries().iter().map(|entry| entry.cumulative_nano).collect())
}

/// The tree behind a proposal; `Err` says why none is to be had that comes to the root on chain.
pub(super) async fn tree(event: &ProposedEvent, desk: &Desk) -> Result<SumTree, String> {
    let folder = find(event, desk).await.map_err(|error| chain_of(&error))?;
    let read = move || Dataset::open(&folder)?.tree();
    let read = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    let tree = read.map_err(|error| chain_of(&error))?;
    let (got, expected) = (tree.root().0, event.proposal.root);
    if got == expected {
        Ok(tree)
    } else {
        Err(format!("it comes to root {got}, but {expected} is on chain"))
    }
}

/// The folder of a proposal's dataset: at `source`, beside it, or where its proposer published it.
async fn find(event: &ProposedEvent, desk: &Desk) -> Result<PathBuf, FetchError> {
    let hash = event.proposal.manifest_hash;
    let places = match &desk.source {
        // Datasets of one proposer lie next to each other.
        Some(DatasetSource::Folder(folder)) => {
            let beside = folder.parent().map(|parent| parent.join(hash.to_string()));
            [Some(folder.clone()), beside].map(|place| place.map(DatasetSource::Folder))
        }
        url => [url.clone(), None],
    };
    for place in places.into_iter().flatten() {
        if let Ok(folder) = desk.fetch(&place, hash).await {
            return Ok(folder);
        }
    }
    desk.fetch(&DatasetSource::Url(event.proposal.uri.clone()), hash).await
}

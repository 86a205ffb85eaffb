//! That a distribution goes on from the one before: what was available, and what each operator was promised.
//!
//! Invariant: the one before is the newest that became final before this epoch, as the chain has it.

use std::path::PathBuf;

use tatum_chain::{Chain, Proposal};
use tatum_dataset::{Dataset, Verified};
use tatum_merkle::SumTree;
use tatum_primitives::Nano;

use super::datasets::Desk;
use super::report::differs;
use super::{AuditError, DatasetSource, EpochReport};
use crate::http::error::chain_of;
use crate::judge::{bounds, rows};

pub(super) async fn check_previous(
    chain: &Chain,
    proposal: &Proposal,
    verified: &Verified,
    desk: &Desk,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let (got, promised) = (&verified.manifest.parameters, proposal.old_root.sum());
    let available = proposal.available_nano;
    let differences = [
        differs("previous total in nano", got.previous_total_nano.0, promised.0),
        differs("available nano", got.available_nano.0, available.0),
    ];
    let held = format!("{} nano beyond the {} promised before", available.0, promised.0);
    report.check("available", held, differences.into_iter().flatten().collect());
    let before = match proposal.draft.epoch.previous() {
        Some(before) => chain.final_proposal(before).await?,
        None => None,
    };
    check_rows(chain, before, verified, desk, report).await;
    Ok(())
}

/// Every operator starts from what it was promised before.
async fn check_rows(
    chain: &Chain,
    before: Option<Proposal>,
    verified: &Verified,
    desk: &Desk,
    report: &mut EpochReport,
) {
    let name = "cumulative";
    let previous = match before {
        None => vec![],
        Some(proposal) => match promised(chain, &proposal, desk).await {
            Ok(rows) => rows,
            Err(reason) => {
                let epoch = proposal.draft.epoch;
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
async fn promised(chain: &Chain, proposal: &Proposal, desk: &Desk) -> Result<Vec<Nano>, String> {
    let tree = tree(chain, proposal, desk).await?;
    Ok(tree.entries().iter().map(|entry| entry.cumulative_nano).collect())
}

/// The tree behind a proposal; `Err` says why none is to be had that comes to its entries.
pub(super) async fn tree(
    chain: &Chain,
    proposal: &Proposal,
    desk: &Desk,
) -> Result<SumTree, String> {
    let folder = find(chain, proposal, desk).await?;
    let operators = chain.operators_in(proposal.draft.epoch).await;
    let operators = operators.map_err(|error| chain_of(&error))?;
    let bounds = bounds(proposal.draft.receipts.count, usize::MAX, rows(operators));
    let read = move || Dataset::open_within(&folder, bounds)?.tree();
    let read = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    let tree = read.map_err(|error| chain_of(&error))?;
    let (got, expected) = (tree.top(), proposal.draft.entries_top);
    if got == expected {
        Ok(tree)
    } else {
        Err(format!("it comes to entries {got}, but {expected} are on chain"))
    }
}

/// The folder of a proposal's dataset: at `source`, beside it, where its proposer published it, or where somebody did who
/// proposed the same.
async fn find(chain: &Chain, proposal: &Proposal, desk: &Desk) -> Result<PathBuf, String> {
    let hash = proposal.draft.manifest_hash;
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
    let failed = match desk.fetch(&DatasetSource::Url(proposal.uri.clone()), hash).await {
        Ok(folder) => return Ok(folder),
        Err(error) => chain_of(&error),
    };
    let others = chain.proposals(proposal.draft.epoch).await.map_err(|error| chain_of(&error))?;
    let same = others.iter().map(|record| &record.proposal).filter(|other| {
        other.counter != proposal.counter && other.draft.entries_top == proposal.draft.entries_top
    });
    for other in same {
        let place = DatasetSource::Url(other.uri.clone());
        if let Ok(folder) = desk.fetch(&place, other.draft.manifest_hash).await {
            return Ok(folder);
        }
    }
    Err(failed)
}

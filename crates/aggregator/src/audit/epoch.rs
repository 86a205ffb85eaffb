//! The audit of an epoch.
//!
//! Invariant: the dataset is the one whose hash is on chain, everything in it follows from the receipts and inputs it
//! lists, and those are what the chain says at the block that closed the epoch.

use std::path::Path;

use tatum_chain::{Chain, EpochInputs, ProposalStatus, ProposedEvent};
use tatum_dataset::{Differences, Verified};
use tatum_primitives::{Epoch, Nano};

use super::chain_facts::{check_nodes, check_session_keys};
use super::datasets::Desk;
use super::held::check_held;
use super::previous::check_previous;
use super::report::differs;
use super::{AuditError, Check, DatasetSource, Datasets, EpochReport, FetchError};
use crate::close::inputs::{operator, payer};
use crate::http::error::chain_of;

/// Audits the distribution that the chain holds for `epoch`, from `datasets` or from where its proposer published it.
pub async fn epoch(
    chain: &Chain,
    epoch: Epoch,
    datasets: impl Into<Datasets>,
) -> Result<EpochReport, AuditError> {
    let (event, finalized) = match chain.proposal_status(epoch).await? {
        ProposalStatus::Missing => return Err(AuditError::NotProposed { epoch }),
        ProposalStatus::Pending(event) => (event, false),
        ProposalStatus::Finalized(event) => (event, true),
    };
    let mut report = empty(&event, finalized);
    let desk = datasets.into().open()?;
    let published = DatasetSource::Url(event.proposal.uri.clone());
    let source = desk.source.as_ref().unwrap_or(&published);
    let folder = match desk.fetch(source, event.proposal.manifest_hash).await {
        Ok(folder) => folder,
        Err(
            error @ (FetchError::OtherManifest { .. }
            | FetchError::Manifest(_)
            | FetchError::OtherFile { .. }),
        ) => {
            report.check("manifest", "", vec![chain_of(&error)]);
            return Ok(report);
        }
        Err(source) => return Err(AuditError::Fetch { epoch, source }),
    };
    report.check("manifest", "its hash is the one on chain", vec![]);
    match verify(&folder).await? {
        Err(differences) => {
            let list = differences.list().iter().map(ToString::to_string).collect();
            report.check("dataset", "", list);
        }
        Ok(verified) => {
            compare(chain, &event, &verified, &desk, &mut report).await?;
            if !desk.held.is_empty() {
                check_held(&desk.held, &folder, &verified, &mut report).await?;
            }
        }
    }
    Ok(report)
}

fn empty(event: &ProposedEvent, finalized: bool) -> EpochReport {
    let stage = if finalized { "final" } else { "proposed, in its challenge window" };
    EpochReport {
        epoch: event.proposal.epoch,
        ok: true,
        finalized,
        root: event.proposal.root,
        manifest_hash: event.proposal.manifest_hash,
        receipts: 0,
        pot_nano: "0".to_owned(),
        distributed_nano: "0".to_owned(),
        carried_nano: "0".to_owned(),
        checks: vec![Check::passed("proposal", format!("{stage}, by {}", event.proposer))],
        differences: vec![],
    }
}

async fn verify(folder: &Path) -> Result<Result<Verified, Differences>, AuditError> {
    let folder = folder.to_owned();
    let verifying = tokio::task::spawn_blocking(move || tatum_dataset::verify(&folder));
    verifying.await.map_err(|_| AuditError::CutOff)
}

async fn compare(
    chain: &Chain,
    event: &ProposedEvent,
    verified: &Verified,
    desk: &Desk,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let (parameters, results) = (&verified.manifest.parameters, &verified.distribution.results);
    report.receipts = verified.receipts;
    report.pot_nano = parameters.available_nano.0.to_string();
    report.distributed_nano = results.distributed_nano.0.to_string();
    report.carried_nano = results.carried_nano.0.to_string();
    let receipts = verified.receipts;
    let held = format!("{receipts} signatures are good; payouts and roots follow from the files");
    report.check("dataset", held, vec![]);
    check_results(event, verified, report);
    let inputs = chain.epoch_inputs(parameters.epoch).await?;
    check_parameters(chain, &inputs, verified, report);
    check_payers(&inputs, verified, report);
    check_operators(&inputs, verified, report);
    check_previous(chain, &inputs, verified, desk, report).await?;
    check_session_keys(chain, verified, report).await?;
    check_nodes(chain, verified, report).await
}

fn check_results(event: &ProposedEvent, verified: &Verified, report: &mut EpochReport) {
    let (proposal, results) = (&event.proposal, &verified.distribution.results);
    let differences = [
        differs("root", results.root.0, proposal.root),
        differs("receipts root", results.receipts_root(), proposal.receipts_root),
    ];
    let differences = differences.into_iter().flatten().collect();
    report.check("roots", "derived anew, they are the ones on chain", differences);
}

fn check_parameters(
    chain: &Chain,
    inputs: &EpochInputs,
    verified: &Verified,
    report: &mut EpochReport,
) {
    let (got, deployment) = (&verified.manifest.parameters, chain.deployment());
    let pot = Nano::from_wei_down(inputs.pot_wei).unwrap_or_default();
    let differences = [
        differs("epoch", got.epoch, inputs.epoch),
        differs("chain id", got.chain_id, deployment.chain_id),
        differs("stake pool", got.stake_pool, deployment.stake_pool),
        differs("distributor", got.distributor, deployment.distributor),
        differs("block number", got.block_number, inputs.block_number),
        differs("block hash", got.block_hash, inputs.block_hash),
        differs("pool share in bps", got.pool_bps.bps(), inputs.pool_bps.bps()),
        differs("pool limit in bps", got.pool_limit_bps.bps(), inputs.pool_limit_bps.bps()),
        differs("pot in nano", got.pot_nano.0, pot.0),
    ];
    let differences = differences.into_iter().flatten().collect();
    let (block, share, limit) = (inputs.block_number, inputs.pool_bps, inputs.pool_limit_bps);
    let (share, limit) = (share.bps(), limit.bps());
    let held = format!(
        "inputs are of block {block}, which closed the epoch; {share} bps of fees are common, at most {limit} bps on pay"
    );
    report.check("parameters", held, differences);
}

fn check_payers(inputs: &EpochInputs, verified: &Verified, report: &mut EpochReport) {
    let expected: Vec<_> = inputs.payers.iter().map(payer).collect();
    let differences =
        rows_differ("payer", &verified.payers, &expected, |row| row.payer.to_string());
    let fees = inputs.payers.iter().fold(Nano::ZERO, |sum, payer| {
        let fee = Nano::from_wei_down(payer.fee_wei).unwrap_or_default();
        sum.checked_add(fee).unwrap_or(sum)
    });
    let held = format!("{} payers paid {} nano, as on chain", expected.len(), fees.0);
    report.check("payers", held, differences);
}

fn check_operators(inputs: &EpochInputs, verified: &Verified, report: &mut EpochReport) {
    let expected: Vec<_> = inputs.operators.iter().map(operator).collect();
    let differences =
        rows_differ("operator", &verified.operators, &expected, |row| row.operator_id.to_string());
    let held = format!("{} operators, as on chain", expected.len());
    report.check("operators", held, differences);
}

/// What differs between the dataset's rows and the chain's, each named by its key.
fn rows_differ<T: PartialEq + std::fmt::Debug>(
    what: &str,
    got: &[T],
    expected: &[T],
    key: impl Fn(&T) -> String,
) -> Vec<String> {
    let by_key = |rows: &[T]| -> std::collections::BTreeMap<String, usize> {
        rows.iter().enumerate().map(|(at, row)| (key(row), at)).collect()
    };
    let (ours, theirs) = (by_key(got), by_key(expected));
    let mut differences = Vec::new();
    for (name, at) in &theirs {
        let (chain, dataset) = (expected.get(*at), ours.get(name).and_then(|at| got.get(*at)));
        match (dataset, chain) {
            (None, _) => {
                differences.push(format!("{what} {name} is on chain, but not in the dataset"));
            }
            (Some(dataset), Some(chain)) if dataset != chain => {
                differences.push(format!("{what} {name} is {dataset:?}, the chain says {chain:?}"));
            }
            _ => {}
        }
    }
    let unknown = ours.keys().filter(|name| !theirs.contains_key(*name));
    differences
        .extend(unknown.map(|name| format!("{what} {name} is in the dataset, but not on chain")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_compared_by_key_both_ways() {
        let key = |row: &(u32, u32)| row.0.to_string();
        assert!(rows_differ("row", &[(1, 1), (2, 2)], &[(1, 1), (2, 2)], key).is_empty());
        let differences = rows_differ("row", &[(1, 1), (3, 3)], &[(1, 9), (2, 2)], key);
        assert_eq!(
            differences,
            [
                "row 1 is (1, 1), the chain says (1, 9)",
                "row 2 is on chain, but not in the dataset",
                "row 3 is in the dataset, but not on chain",
            ]
        );
    }
}

//! The audit of an epoch.
//!
//! Invariant: the dataset is the one whose hash is on chain, everything in it follows from the receipts and inputs it
//! lists, and those are what the chain says at the block that closed the epoch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tatum_chain::{Chain, Demand, EpochInputs, Fate, Proposal};
use tatum_dataset::{Bounds, Dataset, Differences, Verified, verify_within};
use tatum_primitives::{Epoch, Nano};

use super::bench::bench;
use super::chain_facts::{check_nodes, check_session_keys};
use super::datasets::Desk;
use super::held::check_held;
use super::previous::check_previous;
use super::report::differs;
use super::{AuditError, Check, DatasetSource, Datasets, EpochReport, FetchError};
use crate::chain_rows::{operator, payer};
use crate::http::error::chain_of;
use crate::judge::{Bench, Finding, Judged, bounds, data_in, no_data};
use crate::overage::{OverageError, Owed, owed};

/// What an audit of one proposal came to.
#[derive(Debug)]
pub struct Audited {
    /// What was found; `Err` if the dataset is not to be had.
    pub report: Result<EpochReport, FetchError>,
    /// What was demanded of the proposal until then.
    pub demands: Vec<Demand>,
    /// What a watcher says of it.
    pub judged: Judged,
}

/// Audits the distribution of `epoch`: the final one, else the oldest that is proposed, from `datasets` or from where its
/// proposer published it.
pub async fn epoch(
    chain: &Chain,
    epoch: Epoch,
    datasets: impl Into<Datasets>,
) -> Result<EpochReport, AuditError> {
    let found = proposals(chain, epoch).await?;
    let (proposal, fate) = found.first().ok_or(AuditError::NotProposed { epoch })?;
    let audited = self::proposal(chain, proposal, *fate == Fate::Final, datasets).await?;
    audited.report.map_err(|source| AuditError::Fetch { epoch, source })
}

/// What is to be audited of `epoch`: the final distribution, or all that are proposed, the oldest first.
pub async fn proposals(chain: &Chain, epoch: Epoch) -> Result<Vec<(Proposal, Fate)>, AuditError> {
    let records = chain.proposals(epoch).await?;
    let of = |fate| records.iter().filter(move |record| record.fate == fate);
    let one_is_final = of(Fate::Final).next().is_some();
    let fate = if one_is_final { Fate::Final } else { Fate::Open };
    Ok(of(fate).map(|record| (record.proposal.clone(), fate)).collect())
}

/// Audits one proposal.
pub async fn proposal(
    chain: &Chain,
    proposal: &Proposal,
    finalized: bool,
    datasets: impl Into<Datasets>,
) -> Result<Audited, AuditError> {
    let desk = datasets.into().open()?;
    let published = DatasetSource::Url(proposal.uri.clone());
    let source = desk.source.as_ref().unwrap_or(&published);
    let fetched = desk.fetch(source, proposal.draft.manifest_hash).await;
    let inputs = chain.epoch_inputs(proposal.draft.epoch).await?;
    let bench = Arc::new(bench(chain, &inputs, &desk).await?);
    let demands = chain.demands(proposal).await?;
    let judged = judge(bench, proposal, fetched.as_ref().ok(), &demands).await?;
    let report = match fetched {
        Ok(folder) => {
            let mut report = empty(chain, proposal, finalized).await?;
            report.check("manifest", "its hash is the one on chain", vec![]);
            read(chain, proposal, &folder, &inputs, &desk, &mut report).await?;
            check_rules(&judged.finding, &mut report);
            Ok(report)
        }
        Err(
            error @ (FetchError::OtherManifest { .. }
            | FetchError::Manifest(_)
            | FetchError::OtherFile { .. }),
        ) => {
            let mut report = empty(chain, proposal, finalized).await?;
            report.check("manifest", "", vec![chain_of(&error)]);
            check_rules(&judged.finding, &mut report);
            Ok(report)
        }
        Err(error) => Err(error),
    };
    Ok(Audited { report, demands, judged })
}

/// What a watcher says of the proposal, with what the dataset in `folder` comes to.
async fn judge(
    bench: Arc<Bench>,
    proposal: &Proposal,
    folder: Option<&PathBuf>,
    demands: &[Demand],
) -> Result<Judged, AuditError> {
    let (proposal, folder, demands) = (proposal.clone(), folder.cloned(), demands.to_vec());
    let judging = tokio::task::spawn_blocking(move || {
        let (facts, count) = (bench.facts.of(&proposal), proposal.draft.receipts.count);
        let data = folder.and_then(|folder| data_in(&folder, &facts, count).ok());
        bench.judge(&proposal, data.unwrap_or_else(no_data), &demands)
    });
    judging.await.map_err(|_| AuditError::CutOff)
}

/// Adds what a watcher says to the report.
fn check_rules(finding: &Finding, report: &mut EpochReport) {
    let name = "rules";
    match finding {
        Finding::Right => report.check(name, "no disproof applies", vec![]),
        Finding::Wrong(disproof) => {
            let kind = disproof.kind();
            report.disproof = Some(kind.name().to_owned());
            let says = format!("{}: {}", kind.name(), kind.says());
            report.check(name, "", vec![says]);
        }
        Finding::Withheld(tree) => {
            let reason = format!("{tree:?}: what is committed to is not to be had").to_lowercase();
            report.check(name, "", vec![reason]);
        }
        Finding::Undecided(reason) => report.check(name, "", vec![reason.clone()]),
    }
}

/// Reads the dataset, and compares it with the chain.
async fn read(
    chain: &Chain,
    proposal: &Proposal,
    folder: &Path,
    inputs: &EpochInputs,
    desk: &Desk,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let receipts = proposal.draft.receipts.count;
    let bounds = bounds(receipts, inputs.payers.len(), inputs.operators.len());
    match verify(folder, bounds).await? {
        Err(differences) => {
            let list = differences.list().iter().map(ToString::to_string).collect();
            report.check("dataset", "", list);
        }
        Ok(verified) => {
            compare(chain, proposal, inputs, &verified, desk, report).await?;
            if !desk.held.is_empty() {
                check_held(&desk.held, folder, &verified, report).await?;
            }
            report.overages = owed_in(chain, folder).await?;
        }
    }
    Ok(())
}

/// What payers owe by a dataset that is what it says.
async fn owed_in(chain: &Chain, folder: &Path) -> Result<Vec<Owed>, AuditError> {
    let folder = folder.to_owned();
    let opening = tokio::task::spawn_blocking(move || Dataset::open(&folder));
    let dataset = opening.await.map_err(|_| AuditError::CutOff)?.map_err(OverageError::from)?;
    Ok(owed(chain, &dataset).await?)
}

async fn empty(
    chain: &Chain,
    proposal: &Proposal,
    finalized: bool,
) -> Result<EpochReport, AuditError> {
    let stage = if finalized { "final" } else { "proposed" };
    let (counter, proposer) = (proposal.counter, proposal.proposer);
    Ok(EpochReport {
        epoch: proposal.draft.epoch,
        counter,
        ok: true,
        finalized,
        root: chain.root_of(proposal).await?.0,
        manifest_hash: proposal.draft.manifest_hash,
        disproof: None,
        receipts: 0,
        pot_nano: "0".to_owned(),
        distributed_nano: "0".to_owned(),
        carried_nano: "0".to_owned(),
        overages: vec![],
        checks: vec![Check::passed(
            "proposal",
            format!("number {counter}, {stage}, by {proposer}"),
        )],
        differences: vec![],
    })
}

async fn verify(
    folder: &Path,
    bounds: Bounds,
) -> Result<Result<Verified, Differences>, AuditError> {
    let folder = folder.to_owned();
    let verifying = tokio::task::spawn_blocking(move || verify_within(&folder, bounds));
    verifying.await.map_err(|_| AuditError::CutOff)
}

async fn compare(
    chain: &Chain,
    proposal: &Proposal,
    inputs: &EpochInputs,
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
    let held = format!("{receipts} signatures are good; payouts and lists follow from the files");
    report.check("dataset", held, vec![]);
    check_commitment(proposal, verified, report);
    check_parameters(chain, inputs, verified, report);
    check_payers(inputs, verified, report);
    check_operators(inputs, verified, report);
    check_previous(chain, proposal, verified, desk, report).await?;
    check_session_keys(chain, verified, report).await?;
    check_nodes(chain, verified, report).await
}

fn check_commitment(proposal: &Proposal, verified: &Verified, report: &mut EpochReport) {
    let (draft, results) = (&proposal.draft, &verified.distribution.results);
    let differences = [
        differs("entries", results.entries_top, draft.entries_top),
        differs("receipts", results.receipts.word(), draft.receipts.word()),
        differs("edges", results.edges.word(), draft.edges.word()),
        differs("work in nano", results.work_nano.0, draft.work_nano.0),
        differs("forced hash", verified.manifest.parameters.forced_hash, draft.forced_hash),
    ];
    let differences = differences.into_iter().flatten().collect();
    report.check("commitment", "derived anew, it is the one on chain", differences);
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

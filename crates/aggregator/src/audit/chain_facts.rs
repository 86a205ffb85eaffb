//! What receipts claim about keys and nodes, against the chain.
//!
//! Invariant: each (payer, key) and each (node, operator) of the epoch is asked for once.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tatum_chain::{Chain, follow};
use tatum_dataset::Verified;
use tatum_primitives::{Address, Epoch};
use tatum_receipt::checks::ChainFacts;

use super::{AuditError, EpochReport};

/// Questions to the chain under way at once.
const PARALLEL: usize = 16;

pub(super) async fn check_session_keys(
    chain: &Chain,
    verified: &Verified,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let epoch = verified.manifest.parameters.epoch;
    let others = verified.claims.signers.iter().filter(|((payer, key), _)| payer != key);
    let others: Vec<_> = others.map(|(&(payer, key), &row)| (payer, key, row)).collect();
    let answers: Vec<Option<String>> = stream::iter(others)
        .map(|claim| unauthorized(chain, epoch, claim))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let held = format!("{} keys signed for others, all authorised on chain", answers.len());
    report.check("session keys", held, answers.into_iter().flatten().collect());
    Ok(())
}

/// What is wrong with a key that signed for a payer, if anything is.
async fn unauthorized(
    chain: &Chain,
    epoch: Epoch,
    (payer, key, row): (Address, Address, u64),
) -> Result<Option<String>, AuditError> {
    let authorized = chain.is_authorized(payer, key, epoch).await?;
    let difference = || {
        format!(
            "receipts.parquet row {row}: key {key} signed for payer {payer}, who did not authorise it for epoch \
             {epoch}, or the receipt was changed"
        )
    };
    Ok((!authorized).then(difference))
}

pub(super) async fn check_nodes(
    chain: &Chain,
    verified: &Verified,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let epoch = verified.manifest.parameters.epoch;
    let (view, follower) = follow(chain.clone(), 0, Duration::MAX).await?;
    drop(follower);
    let differs = |(&(node, claimed), row): (&(_, _), &u64)| {
        let known = view.operator_of_node(node, epoch);
        let known_as = known.map_or_else(|| "nobody's".to_owned(), |id| format!("operator {id}'s"));
        (!view.is_node_of(claimed, node, epoch)).then(|| {
            format!(
                "receipts.parquet row {row}: node {node} is paid as operator {claimed}'s; on chain it is {known_as}"
            )
        })
    };
    let differences = verified.claims.nodes.iter().filter_map(differs).collect();
    let held =
        format!("{} nodes belong to the operators that are paid", verified.claims.nodes.len());
    report.check("nodes", held, differences);
    Ok(())
}

//! What proposals of an epoch are judged by, put together for an audit.
//!
//! Invariant: what is not to be had is left empty, and whoever judges sees that it is; nothing is taken on anybody's word.

use tatum_chain::{Chain, EpochInputs};
use tatum_merkle::SumTree;

use super::AuditError;
use super::datasets::Desk;
use super::previous::tree;
use crate::judge::Bench;

/// The epoch's facts, and the distribution before as far as it is to be had.
pub(super) async fn bench(
    chain: &Chain,
    inputs: &EpochInputs,
    desk: &Desk,
) -> Result<Bench, AuditError> {
    let epoch = inputs.epoch;
    let facts = chain.epoch_facts(inputs).await?;
    let before = match epoch.previous() {
        Some(before) => chain.final_proposal(before).await?,
        None => None,
    };
    let previous = match before {
        Some(before) => tree(chain, &before, desk).await,
        None => Ok(SumTree::build(vec![])?),
    };
    let previous = match previous {
        Ok(previous) => previous,
        Err(reason) => {
            tracing::warn!(%epoch, reason, "the distribution before is not to be had");
            SumTree::build(vec![])?
        }
    };
    let assented = match chain.assent_of(epoch).await? {
        Some(assent) => desk.assented(chain, epoch, &assent.list).await,
        None => None,
    };
    Ok(Bench { facts, previous, assented })
}

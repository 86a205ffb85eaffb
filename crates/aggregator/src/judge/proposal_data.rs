//! What a dataset says a proposal is made of.
//!
//! Invariant: a dataset comes from a stranger, so nothing that it states about itself decides how much memory is taken; what it
//! comes to counts only where it opens against the proposal.

use std::path::Path;

use tatum_dataset::{Bounds, Dataset};
use tatum_watcher::{Facts, ListData, ProposalData};

use crate::http::error::chain_of;

/// Nothing at all.
pub fn no_data() -> ProposalData {
    ProposalData { receipts: ListData::default(), edges: ListData::default(), entries: None }
}

/// What a proposal's dataset can have: the receipts that it commits to, and whom the chain knows.
pub(crate) fn bounds(receipts: u32, payers: usize, operators: usize) -> Bounds {
    let bound = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Bounds { receipts: receipts.into(), payers: bound(payers), operators: bound(operators) }
}

/// A number of the chain's as one of rows.
pub(crate) fn rows(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// What the dataset in `folder`, whose proposal commits to so many receipts, comes to; `Err` says why it comes to nothing.
///
/// # Errors
///
/// In words.
pub fn data_in(folder: &Path, facts: &Facts, receipts: u32) -> Result<ProposalData, String> {
    let bounds = bounds(receipts, facts.payers.len(), facts.operators.len());
    let dataset = Dataset::open_within(folder, bounds).map_err(|error| chain_of(&error))?;
    let (got, expected) = (dataset.manifest().results.depth, facts.entry_depth());
    if got != expected {
        return Err(format!("its tree is {got} deep; that of its operators is {expected}"));
    }
    dataset.proposal_data().map_err(|error| chain_of(&error))
}

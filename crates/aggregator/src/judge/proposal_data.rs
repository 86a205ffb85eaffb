//! What a dataset says a proposal is made of.
//!
//! Invariant: a dataset comes from a stranger, so nothing that it states about itself decides how much memory is taken; what it
//! comes to counts only where it opens against the proposal.

use std::path::Path;

use tatum_dataset::Dataset;
use tatum_watcher::{Facts, ListData, ProposalData};

use crate::http::error::chain_of;

/// Nothing at all.
pub fn no_data() -> ProposalData {
    ProposalData { receipts: ListData::default(), edges: ListData::default(), entries: None }
}

/// What the dataset in `folder` comes to; `Err` says why it comes to nothing.
///
/// # Errors
///
/// In words.
pub fn data_in(folder: &Path, facts: &Facts) -> Result<ProposalData, String> {
    let dataset = Dataset::open(folder).map_err(|error| chain_of(&error))?;
    let (got, expected) = (dataset.manifest().results.depth, facts.entry_depth());
    if got != expected {
        return Err(format!("its tree is {got} deep; that of its operators is {expected}"));
    }
    dataset.proposal_data().map_err(|error| chain_of(&error))
}

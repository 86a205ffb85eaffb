//! The tables that a distribution follows from, as files in a folder, and the way from them to shares.
//!
//! Invariant: the answer depends on the rows and the parameters alone, not on the number of threads.

use std::path::Path;

use tatum_rewards::Share;

use crate::{Error, Operator, Parameters, Payer, pass};

/// The tables of an epoch without the distribution: what a roll-up starts from. Receipts, payers and operators are in the
/// folder's files, in canonical order.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) parameters: &'a Parameters,
    pub(crate) payers: &'a [Payer],
    pub(crate) operators: &'a [Operator],
}

impl Tables<'_> {
    /// Where the files are.
    pub const fn folder(&self) -> &Path {
        self.folder
    }

    /// What the payouts depend on besides.
    pub const fn parameters(&self) -> &Parameters {
        self.parameters
    }

    /// What each operator gets, by id, worked out in one pass: what every other way must come to.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn shares(&self) -> Result<Vec<Share>, Error> {
        let Self { folder, parameters, payers, operators } = *self;
        Ok(pass::roll_up(folder, parameters, payers, operators)?.0)
    }
}

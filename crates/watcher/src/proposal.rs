//! What a proposer commits to, and what the contract checks on the spot.

use tatum_merkle::{ListCommitment, Word};
use tatum_primitives::Nano;

use crate::Facts;

/// The part of a proposal that can be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The receipts, in order of their keys.
    pub receipts: ListCommitment,
    /// The edges, in order of operator and payer.
    pub edges: ListCommitment,
    /// The word over all entries. The depth follows from the number of operators, so it cannot be wrong.
    pub entries_top: Word,
    /// The sum of all edges.
    pub work_nano: Nano,
}

/// Why `propose` refuses without any data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A list without leaves has a top, or one with leaves has none.
    #[error("a list's count and top do not go together")]
    List,
    /// The edges steer more than there is.
    #[error("the work is {got} DATA, available are {available}")]
    Work {
        /// What may be paid.
        available: Nano,
        /// The stated sum.
        got: Nano,
    },
    /// The entries pay more than there is, or take something back.
    #[error("the entries add up to {got} DATA, from {before} and at most {available} more")]
    Entries {
        /// What was promised before.
        before: Nano,
        /// What may be paid on top.
        available: Nano,
        /// What the entries add up to.
        got: Nano,
    },
}

impl Proposal {
    /// Checks what needs no data.
    ///
    /// # Errors
    ///
    /// The first [`Flaw`].
    pub fn check(&self, facts: &Facts) -> Result<(), Flaw> {
        if !self.receipts.is_well_formed() || !self.edges.is_well_formed() {
            return Err(Flaw::List);
        }
        let available = facts.available_nano;
        if self.work_nano > available {
            return Err(Flaw::Work { available, got: self.work_nano });
        }
        let (before, got) = (facts.finalized.root.sum(), self.entries_top.sum());
        match got.checked_sub(before) {
            Some(paid) if paid <= available => Ok(()),
            _ => Err(Flaw::Entries { before, available, got }),
        }
    }

    /// The root that becomes final: the top with the depth that the number of operators asks for.
    pub fn root(&self, facts: &Facts) -> Word {
        let depth = facts.entry_depth();
        // 32-bit ids need no more levels than a root may have.
        Word::root(self.entries_top, depth).unwrap_or_default()
    }
}

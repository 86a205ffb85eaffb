//! What an epoch's receipts come to, in one pass over them in canonical order, for an audit: all usages, from which the
//! payout rule works out everything at once. Who closes an epoch divides fees in passing, and must come to the same.
//!
//! Invariant: as for the line-up underneath. Memory is one usage for each (payer, operator), not one for each receipt.

use tatum_merkle::ListCommitment;
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, SignedReceipt};
use tatum_rewards::Usage;

use crate::RowError;
use crate::lineup::{Counted, Lineup};

/// What an epoch's receipts come to.
#[derive(Clone, Debug)]
pub struct Tally {
    lineup: Lineup,
    usages: Vec<Usage>,
}

impl Tally {
    /// A tally of receipts of `epoch`.
    pub fn new(epoch: Epoch) -> Self {
        Self { lineup: Lineup::new(epoch), usages: Vec::new() }
    }

    /// Adds the next receipt.
    ///
    /// # Errors
    ///
    /// Any [`RowError`]; the tally is then as before.
    pub fn push(&mut self, signed: &SignedReceipt) -> Result<(), RowError> {
        self.lineup.push(signed)?;
        count(&mut self.usages, &signed.receipt);
        Ok(())
    }

    /// Number of receipts.
    pub fn receipts(&self) -> u64 {
        self.lineup.receipts()
    }

    /// Sum of their payload bytes.
    pub fn bytes(&self) -> u128 {
        self.counted().bytes
    }

    /// The list of receipts that is committed to.
    pub fn commitment(&self) -> ListCommitment {
        self.counted().receipts
    }

    /// Units by payer and operator.
    pub fn usages(&self) -> &[Usage] {
        &self.usages
    }

    pub(crate) fn counted(&self) -> Counted {
        self.lineup.counted()
    }
}

/// Adds a receipt's units to the last usage, if that is of the same payer and operator.
pub(crate) fn count(usages: &mut Vec<Usage>, receipt: &DeliveryReceipt) {
    let DeliveryReceipt { payer, operator_id, bytes_on_time: units, .. } = *receipt;
    if let Some(last) = usages.last_mut()
        && (last.payer, last.operator_id) == (payer, operator_id)
        && let Some(sum) = last.units.checked_add(units)
    {
        last.units = sum;
        return;
    }
    usages.push(Usage { payer, operator_id, units });
}

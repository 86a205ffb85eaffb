//! The roll-up in one pass over receipts in canonical order: each payer's fee is divided once its receipts are over.
//!
//! Invariant: memory is one amount for each operator and the usages of one payer, however many receipts there are; what is
//! out of order is refused, because a payer that came twice would steer its fee twice.

use std::path::Path;

use tatum_primitives::Nano;
use tatum_receipt::DeliveryReceipt;
use tatum_rewards::{Share, Steering, Usage};

use crate::lineup::{Counted, Lineup};
use crate::rollup::{fee_nano, with_previous};
use crate::table::Row;
use crate::tally::count;
use crate::{Error, Operator, Parameters, Payer, RowError};

/// Rolls up the receipts in a folder's file: what each operator gets, by id, and what the receipts are. Payers and operators
/// are in the order of their tables. Signatures are taken as verified.
pub(crate) fn roll_up(
    folder: &Path,
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
) -> Result<(Vec<Share>, Counted), Error> {
    check_payers(payers)?;
    let operators = with_previous(operators, &[]);
    let mut pass =
        Pass { payers, own: Vec::new(), steering: Steering::new(parameters.pool_bps, &operators)? };
    let lineup = Lineup::read(folder, parameters.epoch, |receipt| pass.push(receipt))?;
    pass.end_payer()?;
    let shares = pass.steering.shares(parameters.available_nano, parameters.pool_weight)?;
    Ok((shares, lineup.counted()))
}

/// Every fee must fit, also that of somebody without receipts, and nobody may stand there twice.
fn check_payers(payers: &[Payer]) -> Result<(), Error> {
    let mut before = None;
    for (row, payer) in (0..).zip(payers) {
        fee_nano(payer)?;
        let refused = |source| Err(Error::Row { file: Payer::FILE, row, source });
        match before.replace(payer.payer) {
            Some(before) if before == payer.payer => return refused(RowError::KeyTwice),
            Some(before) if before > payer.payer => return refused(RowError::OutOfOrder),
            _ => {}
        }
    }
    Ok(())
}

struct Pass<'a> {
    /// Those that are still to come.
    payers: &'a [Payer],
    /// Usages of the payer at hand, by operator.
    own: Vec<Usage>,
    steering: Steering<'a>,
}

impl Pass<'_> {
    /// Adds the next receipt in canonical order.
    fn push(&mut self, receipt: &DeliveryReceipt) -> Result<(), Error> {
        if self.own.last().is_some_and(|usage| usage.payer != receipt.payer) {
            self.end_payer()?;
        }
        count(&mut self.own, receipt);
        Ok(())
    }

    /// Divides the fee of the payer at hand; somebody without one steers nothing.
    fn end_payer(&mut self) -> Result<(), Error> {
        if let Some(fee_nano) = self.fee_nano()? {
            self.steering.steer(fee_nano, &self.own)?;
        }
        self.own.clear();
        Ok(())
    }

    fn fee_nano(&mut self) -> Result<Option<Nano>, Error> {
        let Some(payer) = self.own.first().map(|usage| usage.payer) else { return Ok(None) };
        // Both are in order, so whoever stands before this payer has no receipts.
        let before = self.payers.iter().take_while(|other| other.payer < payer).count();
        self.payers = self.payers.get(before..).unwrap_or_default();
        self.payers.first().filter(|other| other.payer == payer).map(fee_nano).transpose()
    }
}

#[cfg(test)]
mod tests;

//! Which payers signed for more than their quotas, and the lines that show it.
//!
//! Invariant: the units are those of the lines that are committed to, so what is found here the contract finds in the list. What it
//! comes to is the rule's over the dataset's own tables; the chain has the last word. Memory is one line while receipts are read.

use alloy_primitives::Address;
use tatum_primitives::Nano;
use tatum_receipt::DeliveryReceipt;
use tatum_rewards::overage_down;

use crate::steered::steered_nano;
use crate::{Dataset, Error, Payer};

/// A payer that signed for more than its quota and the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overage {
    /// Who.
    pub payer: Address,
    /// The bytes that its stake allowed in the epoch.
    pub quota_bytes: u128,
    /// The bytes on time that all its receipts state.
    pub units: u128,
    /// What the rule bills.
    pub bill_nano: Nano,
    /// The place behind its last line.
    pub behind: u32,
}

impl Dataset {
    /// The payers that are to be billed, in order.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn overages(&self) -> Result<Vec<Overage>, Error> {
        let payers = self.payers()?;
        let mut found = Vec::new();
        let mut last: Option<Signed> = None;
        for (row, counted) in (0u32..).zip(self.counted_receipts()?) {
            let DeliveryReceipt { payer, bytes_on_time, .. } = counted?.signed.receipt;
            // A payer's lines stand side by side.
            let same = last.filter(|last| last.payer == payer);
            if same.is_none() {
                found.extend(self.overage(&payers, last)?);
            }
            let units = same.map_or(0, |same| same.units).saturating_add(bytes_on_time.into());
            last = Some(Signed { payer, units, behind: row.saturating_add(1) });
        }
        found.extend(self.overage(&payers, last)?);
        Ok(found)
    }

    /// What a payer that signed for so much is to be billed, if anything.
    fn overage(&self, payers: &[Payer], signed: Option<Signed>) -> Result<Option<Overage>, Error> {
        let Some(Signed { payer, units, behind }) = signed else { return Ok(None) };
        let at = payers.binary_search_by_key(&payer, |payer| payer.payer).ok();
        let quota = at.and_then(|at| payers.get(at)).map(|payer| payer.quota_bytes);
        let quota_bytes = quota.unwrap_or_default().saturating_to();
        let steered = steered_nano(&self.manifest().parameters, payers, payer)?;
        let bill_nano = overage_down(steered, quota_bytes, units)?;
        let overage = Overage { payer, quota_bytes, units, bill_nano, behind };
        Ok((bill_nano > Nano::ZERO).then_some(overage))
    }
}

/// What a payer's lines come to, so far.
#[derive(Clone, Copy)]
struct Signed {
    payer: Address,
    units: u128,
    behind: u32,
}

#[cfg(test)]
mod tests;

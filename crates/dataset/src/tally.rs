//! One pass over an epoch's receipts in canonical order: their root, their usages and their bytes.
//!
//! Invariant: what was tallied is in canonical order (payer, operator, node, stream, role), of one epoch, and holds no key
//! twice. Memory is one usage for each (payer, operator), not one for each receipt.

use std::collections::HashSet;

use alloy_primitives::{Address, B256};
use tatum_merkle::ReceiptsRoot;
use tatum_primitives::{Epoch, NodeId, OperatorId, Role, StreamKey};
use tatum_receipt::{DeliveryReceipt, SignedReceipt};
use tatum_rewards::{Usage, units_down};

use crate::RowError;

/// A receipt's place in the canonical order.
type Place = (Address, OperatorId, NodeId, StreamKey, Role);

/// What an epoch's receipts come to.
#[derive(Clone, Debug)]
pub struct Tally {
    epoch: Epoch,
    last: Option<Place>,
    /// Keys of the payer at hand, without the payer: order alone does not show a key that stands under two operators.
    keys: HashSet<(NodeId, StreamKey, Role)>,
    usages: Vec<Usage>,
    root: ReceiptsRoot,
    receipts: u64,
    bytes: u128,
}

impl Tally {
    /// A tally of receipts of `epoch`.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: None,
            keys: HashSet::new(),
            usages: Vec::new(),
            root: ReceiptsRoot::default(),
            receipts: 0,
            bytes: 0,
        }
    }

    /// Adds the next receipt.
    ///
    /// # Errors
    ///
    /// Any [`RowError`]; the tally is then as before.
    pub fn push(&mut self, signed: &SignedReceipt) -> Result<(), RowError> {
        self.push_leaf(&signed.receipt, signed.leaf())
    }

    /// Adds the next receipt, whose leaf was worked out elsewhere.
    pub(crate) fn push_leaf(
        &mut self,
        receipt: &DeliveryReceipt,
        leaf: B256,
    ) -> Result<(), RowError> {
        self.take(receipt)?;
        self.root.push(leaf);
        Ok(())
    }

    /// Adds the next receipts, whose leaves were hashed elsewhere; false if they do not stand at a place for that.
    pub(crate) fn push_part(
        &mut self,
        receipts: &[DeliveryReceipt],
        root: &ReceiptsRoot,
    ) -> Result<bool, RowError> {
        receipts.iter().try_for_each(|receipt| self.take(receipt))?;
        Ok(self.root.append(root))
    }

    /// Adds everything of a receipt but its leaf.
    fn take(&mut self, receipt: &DeliveryReceipt) -> Result<(), RowError> {
        if receipt.epoch != self.epoch {
            return Err(RowError::WrongEpoch { expected: self.epoch, got: receipt.epoch });
        }
        let units = units_down(receipt.bytes, receipt.on_time, receipt.messages);
        let units = units.map_err(RowError::Units)?;
        self.take_place(receipt)?;
        self.count(receipt, units);
        self.receipts = self.receipts.saturating_add(1);
        self.bytes = self.bytes.saturating_add(receipt.bytes.into());
        Ok(())
    }

    /// Number of receipts.
    pub const fn receipts(&self) -> u64 {
        self.receipts
    }

    /// Sum of their payload bytes.
    pub const fn bytes(&self) -> u128 {
        self.bytes
    }

    /// Root of the receipts tree.
    pub fn receipts_root(&self) -> B256 {
        self.root.root()
    }

    /// Units by payer and operator.
    pub fn usages(&self) -> &[Usage] {
        &self.usages
    }

    fn take_place(&mut self, receipt: &DeliveryReceipt) -> Result<(), RowError> {
        let place = place(receipt);
        match self.last {
            Some(last) if last == place => return Err(RowError::KeyTwice),
            Some(last) if last > place => return Err(RowError::OutOfOrder),
            Some(last) if last.0 == place.0 => {}
            _ => self.keys.clear(),
        }
        if !self.keys.insert((receipt.node, receipt.stream_key, receipt.role)) {
            return Err(RowError::KeyTwice);
        }
        self.last = Some(place);
        Ok(())
    }

    fn count(&mut self, receipt: &DeliveryReceipt, units: u64) {
        let DeliveryReceipt { payer, operator_id, .. } = *receipt;
        if let Some(last) = self.usages.last_mut()
            && (last.payer, last.operator_id) == (payer, operator_id)
            && let Some(sum) = last.units.checked_add(units)
        {
            last.units = sum;
            return;
        }
        self.usages.push(Usage { payer, operator_id, units });
    }
}

/// Where a receipt stands in the canonical order.
pub(crate) fn place(receipt: &DeliveryReceipt) -> Place {
    (receipt.payer, receipt.operator_id, receipt.node, receipt.stream_key, receipt.role)
}

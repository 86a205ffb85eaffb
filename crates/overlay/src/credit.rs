//! The relay's side of the accounts: how much it served or accepted without a receipt.
//!
//! Invariant: `served − receipted − allowed duplicates` of the running and the previous epoch stays
//! within [`Limits::bytes`] plus one message; beyond it, service stops until a receipt comes. Older
//! epochs are written off: their receipts are refused anyway, and so a crash costs a bounded loss.
//!
//! A subscriber with several relays credits only the first copy. What it declares as late copies
//! is taken off, but only up to an allowance, so nobody is served for ever by calling it all late.

use std::collections::BTreeMap;

use tatum_primitives::{Address, Epoch, Role, StreamKey};
use tatum_receipt::DeliveryReceipt;

/// How much may stay unreceipted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unreceipted bytes per payer, stream and role.
    pub bytes: u64,
    /// Late copies that are always allowed, in bytes per epoch,
    pub duplicate_bytes: u64,
    /// and as a multiple of the receipted bytes.
    pub duplicate_factor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 20, duplicate_bytes: 64 << 20, duplicate_factor: 16 }
    }
}

/// Whose account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreditKey {
    /// Who pays.
    pub payer: Address,
    /// For which stream partition.
    pub stream: StreamKey,
    /// For what.
    pub role: Role,
}

impl CreditKey {
    /// The account that a receipt settles.
    #[must_use]
    pub const fn of(receipt: &DeliveryReceipt) -> Self {
        Self { payer: receipt.payer, stream: receipt.stream_key, role: receipt.role }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    served: u64,
    receipted: u64,
    duplicates: u64,
}

/// All accounts of one relay.
#[derive(Debug)]
pub struct Credit {
    limits: Limits,
    accounts: BTreeMap<(CreditKey, Epoch), Account>,
}

impl Credit {
    /// Nothing served yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, accounts: BTreeMap::new() }
    }

    /// The most bytes that may stay unreceipted.
    #[must_use]
    pub const fn limit_bytes(&self) -> u64 {
        self.limits.bytes
    }

    /// Bytes without a receipt in `epoch` and the one before it.
    #[must_use]
    pub fn unreceipted(&self, key: CreditKey, epoch: Epoch) -> u64 {
        let first = epoch.previous().unwrap_or(epoch);
        let range = self.accounts.range((key, first)..=(key, epoch));
        let (mut served, mut settled) = (0_u64, 0_u64);
        for (_, account) in range {
            let factor = account.receipted.saturating_mul(self.limits.duplicate_factor);
            let allowed = self.limits.duplicate_bytes.saturating_add(factor);
            served = served.saturating_add(account.served);
            settled = settled
                .saturating_add(account.receipted)
                .saturating_add(account.duplicates.min(allowed));
        }
        served.saturating_sub(settled)
    }

    /// Whether the account may be served more.
    #[must_use]
    pub fn open(&self, key: CreditKey, epoch: Epoch) -> bool {
        self.unreceipted(key, epoch) < self.limits.bytes
    }

    /// Counts bytes that were served or accepted.
    pub fn serve(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        let account = self.accounts.entry((key, epoch)).or_default();
        account.served = account.served.saturating_add(bytes);
    }

    /// Takes back bytes that were counted as served but never left.
    pub fn unserve(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        if let Some(account) = self.accounts.get_mut(&(key, epoch)) {
            account.served = account.served.saturating_sub(bytes);
        }
    }

    /// Counts late copies that the payer's client declared.
    pub fn duplicates(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        let account = self.accounts.entry((key, epoch)).or_default();
        account.duplicates = account.duplicates.saturating_add(bytes).min(account.served);
    }

    /// Takes a receipt that passed every check and is stored.
    pub fn receipted(&mut self, receipt: &DeliveryReceipt) {
        let account = self.accounts.entry((CreditKey::of(receipt), receipt.epoch)).or_default();
        account.receipted = account.receipted.max(receipt.bytes);
    }

    /// Continues from a receipt that was on disk: its bytes were served by an earlier run.
    pub fn resume(&mut self, receipt: &DeliveryReceipt) {
        let account = self.accounts.entry((CreditKey::of(receipt), receipt.epoch)).or_default();
        if account.receipted < receipt.bytes {
            account.served = account.served.saturating_add(receipt.bytes - account.receipted);
            account.receipted = receipt.bytes;
        }
    }

    /// Writes off epochs before `earliest`.
    pub fn forget_before(&mut self, earliest: Epoch) {
        self.accounts.retain(|(_, epoch), _| *epoch >= earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    const KEY: CreditKey =
        CreditKey { payer: Address::ZERO, stream: StreamKey(B256::ZERO), role: Role::Subscriber };

    fn receipt(epoch: u64, bytes: u64) -> DeliveryReceipt {
        DeliveryReceipt { epoch: Epoch(epoch), bytes, messages: 1, ..DeliveryReceipt::default() }
    }

    fn credit() -> Credit {
        Credit::new(Limits { bytes: 100, duplicate_bytes: 50, duplicate_factor: 2 })
    }

    #[test]
    fn service_stops_at_the_limit_and_a_receipt_restarts_it() {
        let mut credit = credit();
        credit.serve(KEY, Epoch(1), 99);
        assert!(credit.open(KEY, Epoch(1)));
        credit.serve(KEY, Epoch(1), 1);
        assert!(!credit.open(KEY, Epoch(1)));
        assert!(!credit.open(KEY, Epoch(2)));
        credit.receipted(&receipt(1, 60));
        assert_eq!(credit.unreceipted(KEY, Epoch(1)), 40);
        assert!(credit.open(KEY, Epoch(3)));
    }

    #[test]
    fn late_copies_are_allowed_within_bounds() {
        let mut credit = credit();
        credit.serve(KEY, Epoch(0), 400);
        credit.duplicates(KEY, Epoch(0), 400);
        assert_eq!(credit.unreceipted(KEY, Epoch(0)), 350);
        credit.receipted(&receipt(0, 100));
        assert_eq!(credit.unreceipted(KEY, Epoch(0)), 50);
    }

    #[test]
    fn a_restarted_relay_does_not_owe_itself_what_was_receipted() {
        let mut credit = credit();
        credit.resume(&receipt(0, 500));
        assert_eq!(credit.unreceipted(KEY, Epoch(0)), 0);
        credit.serve(KEY, Epoch(0), 30);
        credit.resume(&receipt(0, 500));
        assert_eq!(credit.unreceipted(KEY, Epoch(0)), 30);
    }
}

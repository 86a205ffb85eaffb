//! The relay's side of the accounts: how much it served or accepted without a receipt.
//!
//! Invariant: `served − receipted − allowed duplicates − forgiven` of the running and the previous
//! epoch stays within [`Limits::bytes`] per account and [`Limits::payer_bytes`] per payer, plus one
//! message; beyond it, service stops until a receipt comes. Older epochs are written off: their
//! receipts are rejected anyway, and so a crash costs a bounded loss.
//!
//! A subscriber with several relays credits only the first copy. What it declares as late copies
//! is taken off, but only up to an allowance that all of the payer's streams share, so nobody is
//! served for ever by calling it all late. What was under way when a link broke is forgiven, up to
//! [`Limits::flight_bytes`] per payer and epoch: else links that flap would use up the credit of an
//! honest client.
//!
//! That a payer is served no more than its quota is [`lease`](crate::lease)'s to see to; what counts
//! against it is told here ([`Credit::used`]).

use std::collections::BTreeMap;

use tatum_primitives::{Address, Epoch, ReaderId, Role, StreamKey};
use tatum_receipt::DeliveryReceipt;

use crate::frame::Attach;

/// How much may stay unreceipted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unreceipted bytes per payer, stream, role and reader.
    pub bytes: u64,
    /// Unreceipted bytes per payer, all streams, roles and readers together.
    pub payer_bytes: u64,
    /// Late copies that are always allowed, in bytes per payer and epoch.
    pub duplicate_bytes: u64,
    /// Late copies that are allowed beyond those, as a multiple of the payer's receipted bytes.
    pub duplicate_factor: u64,
    /// Bytes lost with broken links that are forgiven per payer and epoch.
    pub flight_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            payer_bytes: 32 << 20,
            duplicate_bytes: 64 << 20,
            duplicate_factor: 16,
            flight_bytes: 8 << 20,
        }
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
    /// To which of the payer's processes.
    pub reader: ReaderId,
}

impl CreditKey {
    /// The account that a receipt settles.
    #[must_use]
    pub const fn of(receipt: &DeliveryReceipt) -> Self {
        let DeliveryReceipt { payer, stream_key: stream, role, reader, .. } = *receipt;
        Self { payer, stream, role, reader }
    }

    /// The account on which a request is served.
    #[must_use]
    pub const fn asked_by(request: &Attach) -> Self {
        let Attach { payer, stream, role, reader, .. } = *request;
        Self { payer, stream, role, reader }
    }
}

/// A receipt for more than was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receipt counts {got} bytes, at most {delivered} were delivered")]
pub struct Overclaimed {
    /// Bytes of the receipt.
    pub got: u64,
    /// The most it may count.
    pub delivered: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct CreditLine {
    served: u64,
    receipted: u64,
    duplicates: u64,
    forgiven: u64,
}

impl CreditLine {
    /// What is owed, if as many late copies are allowed.
    fn open(&self, allowed_duplicates: u64) -> u64 {
        let settled = self
            .receipted
            .saturating_add(self.duplicates.min(allowed_duplicates))
            .saturating_add(self.forgiven);
        self.served.saturating_sub(settled)
    }
}

/// All accounts of one relay.
#[derive(Debug)]
pub struct Credit {
    limits: Limits,
    accounts: BTreeMap<(CreditKey, Epoch), CreditLine>,
    /// The sums of each payer's accounts.
    payers: BTreeMap<(Address, Epoch), CreditLine>,
    /// Up to this epoch an earlier run may have served what we do not know of.
    started: Option<Epoch>,
}

impl Credit {
    /// Nothing served yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, accounts: BTreeMap::new(), payers: BTreeMap::new(), started: None }
    }

    /// The most bytes that may stay unreceipted.
    #[must_use]
    pub const fn limit_bytes(&self) -> u64 {
        self.limits.bytes
    }

    /// Says that an earlier run of this node may have served in `epoch` and before.
    pub const fn restarted_in(&mut self, epoch: Epoch) {
        self.started = Some(epoch);
    }

    /// Late copies that may be taken off in an epoch.
    fn allowed_duplicates(&self, payer: Address, epoch: Epoch) -> u64 {
        let receipted = self.payers.get(&(payer, epoch)).map_or(0, |sum| sum.receipted);
        let factor = receipted.saturating_mul(self.limits.duplicate_factor);
        self.limits.duplicate_bytes.saturating_add(factor)
    }

    /// Bytes without a receipt in `epoch` and the one before it.
    #[must_use]
    pub fn unreceipted(&self, key: CreditKey, epoch: Epoch) -> u64 {
        let first = epoch.previous().unwrap_or(epoch);
        let accounts = self.accounts.range((key, first)..=(key, epoch));
        accounts
            .map(|((_, epoch), account)| account.open(self.allowed_duplicates(key.payer, *epoch)))
            .fold(0, u64::saturating_add)
    }

    /// Bytes without a receipt of all the payer's accounts together.
    #[must_use]
    pub fn unreceipted_of(&self, payer: Address, epoch: Epoch) -> u64 {
        let first = epoch.previous().unwrap_or(epoch);
        let sums = self.payers.range((payer, first)..=(payer, epoch));
        sums.map(|((_, epoch), sum)| sum.open(self.allowed_duplicates(payer, *epoch)))
            .fold(0, u64::saturating_add)
    }

    /// What counts against the payer's quota in an epoch: served or accepted, less the late copies
    /// that are allowed and what was forgiven.
    #[must_use]
    pub fn used(&self, payer: Address, epoch: Epoch) -> u64 {
        let Some(sum) = self.payers.get(&(payer, epoch)) else { return 0 };
        let late = sum.duplicates.min(self.allowed_duplicates(payer, epoch));
        sum.served.saturating_sub(late).saturating_sub(sum.forgiven)
    }

    /// Whether the account may be served more without a receipt.
    #[must_use]
    pub fn has_room(&self, key: CreditKey, epoch: Epoch) -> bool {
        self.unreceipted(key, epoch) < self.limits.bytes
            && self.unreceipted_of(key.payer, epoch) < self.limits.payer_bytes
    }

    /// Changes an account and its payer's sum alike.
    fn change(&mut self, key: CreditKey, epoch: Epoch, change: impl Fn(&mut CreditLine)) {
        change(self.accounts.entry((key, epoch)).or_default());
        change(self.payers.entry((key.payer, epoch)).or_default());
    }

    /// Counts bytes that were served or accepted.
    pub fn serve(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        self.change(key, epoch, |account| account.served = account.served.saturating_add(bytes));
    }

    /// Takes back bytes that were counted as served but never left.
    pub fn unserve(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        if self.accounts.contains_key(&(key, epoch)) {
            self.change(key, epoch, |account| {
                account.served = account.served.saturating_sub(bytes);
            });
        }
    }

    /// A link broke with up to `bytes` under way: they are forgiven as far as the allowance goes.
    pub fn forgive(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        let forgiven = self.payers.get(&(key.payer, epoch)).map_or(0, |sum| sum.forgiven);
        let left = self.limits.flight_bytes.saturating_sub(forgiven);
        let owed = self.unreceipted(key, epoch);
        let bytes = bytes.min(left).min(owed);
        self.change(key, epoch, |account| {
            account.forgiven = account.forgiven.saturating_add(bytes);
        });
    }

    /// Counts late copies that the payer's client declared.
    pub fn duplicates(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        let account = self.accounts.get(&(key, epoch)).copied().unwrap_or_default();
        let bytes = bytes.min(account.served.saturating_sub(account.duplicates));
        self.change(key, epoch, |account| {
            account.duplicates = account.duplicates.saturating_add(bytes);
        });
    }

    /// Takes a receipt that passed every check and is stored.
    pub fn receipted(&mut self, receipt: &DeliveryReceipt) {
        let (key, epoch) = (CreditKey::of(receipt), receipt.epoch);
        let held = self.accounts.get(&(key, epoch)).map_or(0, |account| account.receipted);
        let more = receipt.bytes.saturating_sub(held);
        self.change(key, epoch, |account| {
            account.receipted = account.receipted.saturating_add(more);
        });
    }

    /// Continues from a receipt that was on disk: its bytes were served by an earlier run.
    pub fn resume(&mut self, receipt: &DeliveryReceipt) {
        let (key, epoch) = (CreditKey::of(receipt), receipt.epoch);
        let held = self.accounts.get(&(key, epoch)).map_or(0, |account| account.receipted);
        let more = receipt.bytes.saturating_sub(held);
        self.change(key, epoch, |account| {
            account.served = account.served.saturating_add(more);
            account.receipted = account.receipted.saturating_add(more);
        });
    }

    /// Whether as much was delivered as a receipt counts. What was served at the edge of an epoch
    /// may be counted in its neighbour, and what an earlier run served without a receipt is not
    /// known, but bounded.
    ///
    /// # Errors
    /// [`Overclaimed`] says how much it may count.
    pub fn check_delivered(&self, receipt: &DeliveryReceipt) -> Result<(), Overclaimed> {
        let (key, epoch) = (CreditKey::of(receipt), receipt.epoch);
        let first = epoch.previous().unwrap_or(epoch);
        let around = self.accounts.range((key, first)..=(key, Epoch(epoch.0.saturating_add(1))));
        let (mut served, mut elsewhere) = (0_u64, 0_u64);
        for ((_, at), account) in around {
            served = served.saturating_add(account.served);
            if *at != epoch {
                elsewhere = elsewhere.saturating_add(account.receipted);
            }
        }
        let earlier_run = self.started.is_some_and(|started| epoch <= started);
        let unknown = if earlier_run { self.limits.bytes } else { 0 };
        let delivered = served.saturating_sub(elsewhere).saturating_add(unknown);
        if receipt.bytes <= delivered {
            Ok(())
        } else {
            Err(Overclaimed { got: receipt.bytes, delivered })
        }
    }

    /// Writes off epochs before `earliest`.
    pub fn forget_before(&mut self, earliest: Epoch) {
        self.accounts.retain(|(_, epoch), _| *epoch >= earliest);
        self.payers.retain(|(_, epoch), _| *epoch >= earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    const PAYER: Address = Address::ZERO;
    const KEY: CreditKey = CreditKey {
        payer: PAYER,
        stream: StreamKey(B256::ZERO),
        role: Role::Subscriber,
        reader: ReaderId(0),
    };

    fn receipt(epoch: u64, bytes: u64) -> DeliveryReceipt {
        DeliveryReceipt { epoch: Epoch(epoch), bytes, messages: 1, ..DeliveryReceipt::default() }
    }

    fn credit() -> Credit {
        Credit::new(Limits {
            bytes: 100,
            payer_bytes: 150,
            duplicate_bytes: 50,
            duplicate_factor: 2,
            flight_bytes: 70,
        })
    }

    fn key(stream: u8) -> CreditKey {
        CreditKey { stream: StreamKey(B256::repeat_byte(stream)), ..KEY }
    }

    #[test]
    fn service_stops_at_the_limit_and_a_receipt_restarts_it() {
        let mut credit = credit();
        credit.serve(KEY, Epoch(1), 99);
        assert!(credit.has_room(KEY, Epoch(1)));
        credit.serve(KEY, Epoch(1), 1);
        assert!(!credit.has_room(KEY, Epoch(1)));
        assert!(!credit.has_room(KEY, Epoch(2)));
        credit.receipted(&receipt(1, 60));
        assert_eq!(credit.unreceipted(KEY, Epoch(1)), 40);
        assert!(credit.has_room(KEY, Epoch(3)));
    }

    #[test]
    fn a_receipt_settles_its_own_readers_account() {
        let mut credit = credit();
        let other = CreditKey { reader: ReaderId(1), ..KEY };
        credit.serve(KEY, Epoch(1), 60);
        credit.serve(other, Epoch(1), 60);
        credit.receipted(&DeliveryReceipt { reader: ReaderId(1), ..receipt(1, 60) });
        assert_eq!(credit.unreceipted(KEY, Epoch(1)), 60);
        assert_eq!(credit.unreceipted(other, Epoch(1)), 0);
        assert_eq!(credit.unreceipted_of(PAYER, Epoch(1)), 60);
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

    #[test]
    fn a_payer_gets_no_more_for_free_by_using_more_streams() {
        let mut credit = credit();
        let mut free = 0;
        for stream in 0..50 {
            while credit.has_room(key(stream), Epoch(0)) {
                credit.serve(key(stream), Epoch(0), 10);
                credit.duplicates(key(stream), Epoch(0), 10);
                free += 10;
            }
        }
        // The payer's limit and the one allowance for late copies.
        assert_eq!(free, 150 + 50);
    }

    #[test]
    fn what_broke_with_links_is_forgiven_within_bounds() {
        let mut credit = credit();
        for _ in 0..6 {
            credit.serve(KEY, Epoch(0), 20);
            credit.forgive(KEY, Epoch(0), 20);
        }
        assert_eq!(credit.unreceipted(KEY, Epoch(0)), 120 - 70);
        assert!(credit.has_room(KEY, Epoch(0)));
        credit.serve(KEY, Epoch(1), 30);
        credit.forgive(KEY, Epoch(1), 30);
        assert_eq!(credit.unreceipted(KEY, Epoch(1)), 50, "each epoch has an allowance");
    }

    #[test]
    fn a_receipt_for_what_was_not_delivered_is_refused() {
        let mut credit = credit();
        assert!(credit.check_delivered(&receipt(3, 1)).is_err());
        credit.serve(KEY, Epoch(3), 60);
        assert_eq!(credit.check_delivered(&receipt(3, 60)), Ok(()));
        // Served at the end of epoch 3, counted in 4 by a client that got it later.
        assert_eq!(credit.check_delivered(&receipt(4, 60)), Ok(()));
        credit.receipted(&receipt(3, 50));
        let refused = credit.check_delivered(&receipt(4, 60));
        assert_eq!(refused, Err(Overclaimed { got: 60, delivered: 10 }));
    }

    #[test]
    fn an_earlier_run_may_have_served_up_to_the_limit() {
        let mut credit = credit();
        credit.restarted_in(Epoch(3));
        credit.resume(&receipt(3, 500));
        assert_eq!(credit.check_delivered(&receipt(3, 600)), Ok(()));
        assert!(credit.check_delivered(&receipt(3, 601)).is_err());
        assert!(credit.check_delivered(&receipt(5, 1)).is_err());
    }
}

//! What payers may be served: by their quotas, by the leases of their trackers, by what we ask of them, and on credit.
//!
//! Invariant: nobody is served whose quota in the running epoch was not named; a quota that nobody named is
//! none. A request for service is decided only when it is known what may be served, and waits no longer
//! than the lessee's patience.

use std::collections::BTreeSet;

use tatum_channel::Shortfall;
use tatum_primitives::{Address, B256, Epoch, Nano, NodeId};
use tatum_receipt::{DeliveryReceipt, StoredReceipt};

use crate::asks::{Asks, Paid};
use crate::channel_book::{ChannelBook, Offer};
use crate::credit::{Credit, CreditKey, Limits};
use crate::frame::{Attach, Refusal};
use crate::lease::{Claim, Evidence, Lease, Lessee};
use crate::{Link, Now};

/// Requests for service that may wait for a lease; who finds no place asks again.
const MAX_WAITING: usize = 4_096;

/// A request for service, with what its relay must know to decide it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) link: Link,
    pub(super) attach: Attach,
    /// The receipts on disk of this payer, stream and role.
    pub(super) newest: Vec<StoredReceipt>,
    /// What the chain allows the payer in the epoch.
    pub(super) quota_bytes: u64,
    pub(super) epoch: Epoch,
}

/// What becomes of a request for service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is known what may be served.
    Now,
    /// The tracker's answer is awaited.
    Later,
    /// More payers are served than can be remembered.
    Full,
}

/// What changed for payers, and what is to be said to trackers.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) claims: Vec<(Claim, Evidence)>,
    pub(super) changed: Vec<(Address, Epoch)>,
}

/// All quotas that a relay serves from.
#[derive(Debug)]
pub(super) struct Quotas {
    /// What was served and what of it is receipted.
    pub(super) credit: Credit,
    /// Who pays by channel.
    pub(super) channels: ChannelBook,
    asks: Asks,
    leases: Lessee,
    epoch: Epoch,
    epoch_ends_soon: bool,
    waiting: Vec<Request>,
}

impl Quotas {
    /// Nobody is served yet.
    pub(super) fn new(limits: Limits, offer: Option<Offer>, ask: Option<Nano>) -> Self {
        Self {
            credit: Credit::new(limits),
            channels: ChannelBook::new(offer),
            asks: Asks::new(ask),
            leases: Lessee::default(),
            epoch: Epoch::default(),
            epoch_ends_soon: false,
            waiting: Vec::new(),
        }
    }

    /// Whether the account may be served more.
    pub(super) fn open(&self, key: CreditKey, epoch: Epoch) -> bool {
        self.credit.has_room(key, epoch) && self.admits(key, epoch)
    }

    /// Whether what pays for the account has something left: its channel, or its payer's quota.
    pub(super) fn admits(&self, key: CreditKey, epoch: Epoch) -> bool {
        if self.pays_by_channel(key, epoch) {
            return self.standing(key, epoch).is_ok();
        }
        self.within(key.payer, epoch) && self.declined(key.payer, epoch).is_none()
    }

    /// Why a payer's stake is not worth more service in an epoch, if it is not.
    pub(super) fn declined(&self, payer: Address, epoch: Epoch) -> Option<Refusal> {
        self.asks.refusal(payer, epoch, self.credit.used(payer, epoch))
    }

    /// Says by what a payer's price is judged in an epoch. Gives whether that is news.
    pub(super) fn set_paid(&mut self, payer: Address, epoch: Epoch, paid: Paid) -> bool {
        self.asks.set(payer, epoch, paid)
    }

    /// Whether a channel pays for an account, and no stake.
    pub(super) fn pays_by_channel(&self, key: CreditKey, epoch: Epoch) -> bool {
        self.channels.pays_by(key, epoch) != B256::ZERO
    }

    fn standing(&self, key: CreditKey, epoch: Epoch) -> Result<(), Shortfall> {
        let unreceipted_bytes = self.credit.unreceipted_of(key.payer, epoch);
        self.channels.standing((key, epoch), unreceipted_bytes)
    }

    /// Counts a message that was served or accepted.
    pub(super) fn serve(&mut self, key: CreditKey, epoch: Epoch, bytes: u64) {
        self.credit.serve(key, epoch, bytes);
        self.channels.serve(key, epoch);
    }

    /// Takes bytes off a payer's account that are owed no more, such as late copies.
    pub(super) fn write_off(
        &mut self,
        payer: Address,
        epoch: Epoch,
        change: impl FnOnce(&mut Credit),
    ) {
        let before_bytes = self.credit.unreceipted_of(payer, epoch);
        change(&mut self.credit);
        let after_bytes = self.credit.unreceipted_of(payer, epoch);
        self.channels.write_off(payer, before_bytes, after_bytes);
    }

    /// Counts a receipt that is stored.
    pub(super) fn receipted(&mut self, receipt: &DeliveryReceipt) {
        self.credit.receipted(receipt);
        self.channels.take(receipt);
        self.drop_if_receipted(receipt.payer, self.epoch.max(receipt.epoch));
    }

    fn drop_if_receipted(&mut self, payer: Address, epoch: Epoch) {
        let bytes = self.credit.unreceipted_of(payer, epoch);
        self.channels.write_off(payer, bytes, bytes);
    }

    pub(super) fn forget_before(&mut self, earliest: Epoch, now: &Now) {
        self.credit.forget_before(earliest);
        self.channels.forget_before(earliest);
        for payer in self.channels.unsigned_payers() {
            self.drop_if_receipted(payer, now.epoch);
        }
    }

    /// Whether the payer's quota of an epoch, or what we were leased of it, has something left.
    pub(super) fn within(&self, payer: Address, epoch: Epoch) -> bool {
        self.credit.used(payer, epoch) < self.leases.limit(payer, epoch)
    }

    /// Says what the chain allows a payer in an epoch. Gives whether that is news.
    pub(super) fn set(&mut self, payer: Address, epoch: Epoch, bytes: u64) -> bool {
        self.leases.set_quota(payer, epoch, bytes)
    }

    pub(super) const fn set_epoch_ends_soon(&mut self, soon: bool) {
        self.epoch_ends_soon = soon;
    }

    /// Whether `now` is the first moment of an epoch that we hear of.
    pub(super) fn entered(&mut self, now: &Now) -> bool {
        if self.epoch == now.epoch {
            return false;
        }
        self.epoch = now.epoch;
        self.leases.forget_before(now.epoch);
        self.asks.enter(now.epoch);
        true
    }

    pub(super) fn trackers_changed(&mut self, up: bool, now: &Now) {
        self.leases.trackers_changed(up, now.monotonic_ms);
    }

    /// Takes a tracker's answer. Gives whether it counts, and if so whether it settled what was open.
    pub(super) fn leased(&mut self, lease: &Lease, now: &Now) -> Option<bool> {
        let used = self.credit.used(lease.payer, lease.epoch);
        let before = self.is_settled(lease.payer, lease.epoch);
        let counts = self.leases.leased(lease, used, now.monotonic_ms);
        counts.then(|| !before && self.is_settled(lease.payer, lease.epoch))
    }

    /// All leases are given back with the next claims.
    pub(super) fn give_back_all(&mut self) {
        self.leases.give_back_all();
    }

    /// Claims that are due now.
    pub(super) fn claims(&mut self, now: &Now) -> Claims {
        let credit = &self.credit;
        let used = |payer, epoch| credit.used(payer, epoch);
        let (claims, changed) = self.leases.due(used, now.monotonic_ms);
        let evident = |claim: Claim| Some((claim, self.leases.evidence(&claim.payer)?.clone()));
        Claims { claims: claims.into_iter().filter_map(evident).collect(), changed }
    }

    /// Whether it is known if the payer may be served.
    pub(super) fn is_settled(&self, payer: Address, epoch: Epoch) -> bool {
        self.leases.settled(payer, epoch, self.credit.used(payer, epoch))
    }

    /// Notes who is served; gives the quotas that nobody has named yet.
    pub(super) fn note_serving(
        &mut self,
        payers: &BTreeSet<Address>,
        now: &Now,
    ) -> Vec<(Address, Epoch)> {
        let epochs = [now.epoch, now.epoch.next()];
        let epochs = epochs.get(..if self.epoch_ends_soon { 2 } else { 1 }).unwrap_or_default();
        self.leases.note_serving(payers, epochs, now.monotonic_ms);
        let unnamed = |(epoch, payer): &(Epoch, Address)| {
            self.leases.quota(*payer, *epoch).is_none().then_some((*payer, *epoch))
        };
        let pairs: Vec<(Epoch, Address)> =
            epochs.iter().flat_map(|epoch| payers.iter().map(|payer| (*epoch, *payer))).collect();
        pairs.iter().filter_map(unnamed).collect()
    }

    /// A client asks for service: its quota counts from now on.
    pub(super) fn request(&mut self, request: &Request, client: NodeId) -> Decision {
        let (payer, epoch) = (request.attach.payer, request.epoch);
        self.leases.set_quota(payer, epoch, request.quota_bytes);
        if self.leases.quota(payer, epoch).is_none() {
            return Decision::Full;
        }
        self.leases.serve(Evidence { client, attach: request.attach.clone() }, epoch);
        if self.is_settled(payer, epoch) { Decision::Now } else { Decision::Later }
    }

    /// A request waits for the tracker's answer; the newest of its link and account.
    pub(super) fn wait(&mut self, request: Request) {
        let account = CreditKey::asked_by(&request.attach);
        let same = |other: &Request| {
            other.link == request.link && CreditKey::asked_by(&other.attach) == account
        };
        self.waiting.retain(|other| !same(other));
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push(request);
        }
    }

    /// All requests that wait, to be looked at again.
    pub(super) fn take_waiting(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.waiting)
    }

    /// Why an account is not served, if that is known.
    pub(super) fn stop_reason(&self, key: CreditKey, epoch: Epoch) -> Option<Refusal> {
        if self.pays_by_channel(key, epoch) {
            let shortfall = self.standing(key, epoch).err();
            return Some(shortfall.map_or_else(|| self.credit_stop(key, epoch), refusal));
        }
        if let Some(declined) = self.declined(key.payer, epoch) {
            return Some(declined);
        }
        if self.within(key.payer, epoch) {
            return Some(self.credit_stop(key, epoch));
        }
        if self.leases.quota(key.payer, epoch) == Some(0) {
            return Some(Refusal::NoStake);
        }
        let used_bytes = self.credit.used(key.payer, epoch);
        self.is_settled(key.payer, epoch).then_some(Refusal::OverQuota { used_bytes })
    }

    fn credit_stop(&self, key: CreditKey, epoch: Epoch) -> Refusal {
        Refusal::Credit {
            unreceipted_bytes: self.credit.unreceipted(key, epoch),
            limit_bytes: self.credit.limit_bytes(),
        }
    }
}

/// As a client is told.
const fn refusal(shortfall: Shortfall) -> Refusal {
    match shortfall {
        Shortfall::Exiting => Refusal::ChannelExiting,
        Shortfall::Uncovered { outstanding_wei, covered_wei } => {
            Refusal::Uncovered { outstanding_wei, covered_wei }
        }
        Shortfall::Unsigned { unsigned_wei, limit_wei } => {
            Refusal::Unsigned { unsigned_wei, limit_wei }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::key;
    use tatum_primitives::{ReaderId, Role, StreamKey};

    const PAYER: Address = Address::repeat_byte(5);
    const CLIENT: NodeId = NodeId(B256::repeat_byte(8));
    const EPOCH: Epoch = Epoch(1);

    fn at(monotonic_ms: u64) -> Now {
        Now { monotonic_ms, wall_ms: 0, epoch: EPOCH }
    }

    fn account(stream: u8) -> CreditKey {
        let stream = StreamKey(B256::repeat_byte(stream));
        CreditKey { payer: PAYER, stream, role: Role::Subscriber, reader: ReaderId(0) }
    }

    fn request(quota_bytes: u64) -> Request {
        let what = (account(1).stream, Role::Subscriber);
        let attach = Attach::sign(what, (PAYER, ReaderId(0)), (CLIENT, CLIENT), 1, &key(1));
        Request { link: Link(1), attach, newest: Vec::new(), quota_bytes, epoch: EPOCH }
    }

    /// No tracker is up and none is awaited any more, so the whole quota counts.
    fn alone(quota_bytes: u64) -> Quotas {
        let mut quotas = Quotas::new(Limits::default(), None, None);
        quotas.request(&request(quota_bytes), CLIENT);
        quotas.claims(&at(10_000));
        quotas
    }

    fn receipt(stream: u8, bytes: u64) -> DeliveryReceipt {
        let (payer, stream_key) = (PAYER, account(stream).stream);
        DeliveryReceipt {
            payer,
            stream_key,
            epoch: EPOCH,
            bytes,
            messages: 1,
            ..DeliveryReceipt::default()
        }
    }

    #[test]
    fn a_quota_that_nobody_named_is_none() {
        let mut quotas = alone(100);
        assert!(quotas.open(account(1), EPOCH));
        let stranger = CreditKey { payer: Address::ZERO, ..account(1) };
        assert!(!quotas.open(stranger, EPOCH) && !quotas.within(Address::ZERO, EPOCH));
        assert!(!quotas.open(account(1), Epoch(2)), "each epoch has its own");
        let serving = BTreeSet::from([PAYER]);
        assert_eq!(quotas.note_serving(&serving, &at(10_000)), []);
        quotas.set_epoch_ends_soon(true);
        assert_eq!(quotas.note_serving(&serving, &at(10_000)), [(PAYER, Epoch(2))]);
        assert!(!quotas.open(account(1), Epoch(2)), "not even when nobody leases it");
        quotas.claims(&at(20_000));
        assert!(!quotas.open(account(1), Epoch(2)));
        assert!(quotas.set(PAYER, Epoch(2), 5));
        quotas.claims(&at(30_000));
        assert!(quotas.open(account(1), Epoch(2)));
    }

    #[test]
    fn a_quota_ends_service_for_its_epoch_whatever_is_receipted() {
        let mut quotas = alone(120);
        quotas.credit.serve(account(1), EPOCH, 90);
        quotas.credit.receipted(&receipt(1, 90));
        assert!(quotas.open(account(2), EPOCH));
        quotas.credit.serve(account(2), EPOCH, 30);
        quotas.credit.receipted(&receipt(2, 30));
        assert!(!quotas.open(account(2), EPOCH) && !quotas.open(account(1), EPOCH));
        // Late copies and what broke with links do not count.
        quotas.credit.duplicates(account(1), EPOCH, 20);
        assert!(quotas.open(account(1), EPOCH));
        assert!(quotas.set(PAYER, EPOCH, 100));
        assert!(!quotas.open(account(1), EPOCH));
        let used_bytes = 100;
        let over = Some(Refusal::OverQuota { used_bytes });
        assert_eq!(quotas.stop_reason(account(1), EPOCH), over);
        assert!(quotas.set(PAYER, EPOCH, 101));
        assert!(quotas.open(account(1), EPOCH), "the quota grew");
    }

    #[test]
    fn a_request_waits_until_it_is_known_what_may_be_served() {
        let mut quotas = Quotas::new(Limits::default(), None, None);
        quotas.trackers_changed(true, &at(0));
        assert_eq!(quotas.request(&request(1 << 30), CLIENT), Decision::Later);
        quotas.wait(request(1 << 30));
        quotas.wait(request(1 << 30));
        let claims = quotas.claims(&at(0)).claims;
        assert_eq!((claims.len(), quotas.take_waiting().len()), (1, 1));
        let Claim { payer, epoch, number, wanted, .. } = claims[0].0;
        let lease = Lease { payer, epoch, number, total: wanted };
        assert_eq!(quotas.leased(&lease, &at(1)), Some(true));
        assert_eq!(quotas.leased(&lease, &at(1)), None, "an answer counts once");
        assert_eq!(quotas.request(&request(1 << 30), CLIENT), Decision::Now);
        assert_eq!(quotas.request(&request(0), CLIENT), Decision::Now);
        assert_eq!(quotas.stop_reason(account(1), EPOCH), Some(Refusal::NoStake));
    }

    #[test]
    fn a_restarted_relay_counts_what_was_receipted_against_the_quota() {
        let mut quotas = Quotas::new(Limits::default(), None, None);
        quotas.credit.resume(&receipt(1, 500));
        quotas.request(&request(500), CLIENT);
        quotas.claims(&at(10_000));
        assert!(!quotas.open(account(1), EPOCH));
    }
}

//! The part of a payer's quota that a relay may serve, and what it says to trackers about it.
//!
//! Invariant: a client is admitted, or told that the quota is used up, only when that is known; until
//! then its request waits for the tracker, and for no longer than the lessee's patience.

use std::collections::BTreeSet;

use tatum_primitives::{Address, Epoch};
use tatum_receipt::StoredReceipt;

use super::{Output, Overlay};
use crate::credit::CreditKey;
use crate::frame::{Attach, Refusal};
use crate::lease::{Evidence, Lease};
use crate::{Link, Now};

/// Requests for service that may wait for a lease; who finds no place asks again.
const MAX_WAITING: usize = 4_096;

/// A request for service that waits for a lease.
#[derive(Debug)]
pub(super) struct Waiting {
    link: Link,
    attach: Attach,
    newest: Vec<StoredReceipt>,
}

impl Overlay {
    /// Says what the chain allows a payer in an epoch. From the first time on it is served within
    /// that, and within what trackers lease to us of it.
    pub fn set_quota(&mut self, payer: Address, epoch: Epoch, bytes: u64, now: &Now) {
        if self.leases.set_quota(payer, epoch, bytes) {
            self.apply_limit(payer, epoch);
            self.resume_served(now);
        }
    }

    /// Whom we serve.
    #[must_use]
    pub fn serving(&self) -> BTreeSet<Address> {
        let peers = self.links.values().flat_map(|state| state.peers.values());
        let payers = peers.flat_map(|peer| {
            let reader = peer.subscriber.as_ref().map(|reader| reader.key.payer);
            reader.into_iter().chain(peer.publisher.as_ref().map(|writer| writer.key.payer))
        });
        payers.collect()
    }

    /// Whether the epoch ends soon: then leases of the next one are asked for.
    pub const fn set_epoch_ends_soon(&mut self, soon: bool) {
        self.epoch_ends_soon = soon;
    }

    /// A tracker came up or went down; `up` says whether any is up now.
    pub fn trackers_changed(&mut self, up: bool, now: &Now) {
        self.leases.trackers_changed(up, now.monotonic_ms);
        self.claim(now);
    }

    /// A tracker answered a claim.
    pub fn leased(&mut self, lease: &Lease, now: &Now) {
        let (payer, epoch) = (lease.payer, lease.epoch);
        let used = self.credit.used(payer, epoch);
        let settled_before = self.leases.settled(payer, epoch, used);
        if !self.leases.leased(lease, used, now.monotonic_ms) {
            return;
        }
        self.counters.leases += 1;
        self.limit_changed(payer, epoch, settled_before, now);
        self.admit_waiting(now);
    }

    /// Gives back what is left of all leases, for nobody is served any more.
    pub fn end_leases(&mut self, now: &Now) {
        self.leases.give_back_all();
        self.claim(now);
    }

    /// Whether a request may be decided now; if not, it waits for the tracker's answer.
    pub(super) fn decidable(
        &mut self,
        link: Link,
        attach: &Attach,
        newest: &[StoredReceipt],
        now: &Now,
    ) -> bool {
        let Some(client) = self.links.get(&link).map(|state| state.node) else { return true };
        self.leases.serve(Evidence { client, attach: attach.clone() }, now.epoch);
        let used = self.credit.used(attach.payer, now.epoch);
        if self.leases.settled(attach.payer, now.epoch, used) {
            return true;
        }
        let same = |waiting: &Waiting| {
            let of = &waiting.attach;
            waiting.link == link && (of.stream, of.role) == (attach.stream, attach.role)
        };
        self.waiting.retain(|waiting| !same(waiting));
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push(Waiting { link, attach: attach.clone(), newest: newest.to_vec() });
        }
        self.claim(now);
        false
    }

    pub(super) fn lease_tick(&mut self, now: &Now) {
        if self.lease_epoch != now.epoch {
            self.lease_epoch = now.epoch;
            self.leases.forget_before(now.epoch);
            self.note_serving(now);
            self.resume_served(now);
        }
        self.claim(now);
        self.admit_waiting(now);
    }

    /// Once a second, and when an epoch begins.
    pub(super) fn note_serving(&mut self, now: &Now) {
        let epochs = [now.epoch, now.epoch.next()];
        let epochs = if self.epoch_ends_soon { &epochs[..] } else { &epochs[..1] };
        let payers = self.serving();
        self.leases.note_serving(&payers, epochs, now.monotonic_ms);
        for ((payer, epoch), bytes) in self.leases.limits() {
            self.credit.set_allowance(payer, epoch, bytes);
        }
    }

    fn claim(&mut self, now: &Now) {
        let credit = &self.credit;
        let used = |payer, epoch| credit.used(payer, epoch);
        let (claims, changed) = self.leases.due(used, now.monotonic_ms);
        for claim in claims {
            if let Some(evidence) = self.leases.evidence(&claim.payer).cloned() {
                self.counters.claims += 1;
                let evidence = Box::new(evidence);
                self.outputs.push_back(Output::LeaseWanted { claim, evidence });
            }
        }
        for (payer, epoch) in changed {
            self.limit_changed(payer, epoch, false, now);
        }
    }

    fn apply_limit(&mut self, payer: Address, epoch: Epoch) {
        if let Some(bytes) = self.leases.limit(payer, epoch) {
            self.credit.set_allowance(payer, epoch, bytes);
        }
    }

    fn limit_changed(&mut self, payer: Address, epoch: Epoch, settled_before: bool, now: &Now) {
        self.apply_limit(payer, epoch);
        self.resume_served(now);
        let used = self.credit.used(payer, epoch);
        let denied = !settled_before && self.leases.settled(payer, epoch, used);
        if denied && epoch == now.epoch && !self.credit.within_quota(payer, epoch) {
            self.tell_over_quota(payer, now);
        }
    }

    /// Service stopped while it was not known whether there is more. Now it is.
    fn tell_over_quota(&mut self, payer: Address, now: &Now) {
        let mut stopped: Vec<(Link, CreditKey)> = Vec::new();
        for (link, state) in &self.links {
            for peer in state.peers.values() {
                let reader = peer.subscriber.as_ref().filter(|reader| reader.stopped);
                let writer = peer.publisher.as_ref().filter(|writer| writer.stopped);
                let keys = reader.map(|r| r.key).into_iter().chain(writer.map(|w| w.key));
                stopped.extend(keys.filter(|key| key.payer == payer).map(|key| (*link, key)));
            }
        }
        for (link, key) in stopped {
            self.stop(link, key, now);
        }
    }

    fn admit_waiting(&mut self, now: &Now) {
        for Waiting { link, attach, newest } in std::mem::take(&mut self.waiting) {
            self.admit(link, &attach, &newest, now);
        }
    }

    /// Why an account is not served, if that is known.
    pub(super) fn stop_reason(&self, key: CreditKey, now: &Now) -> Option<Refusal> {
        let (payer, epoch) = (key.payer, now.epoch);
        if self.credit.within_quota(payer, epoch) {
            return Some(Refusal::Credit {
                unreceipted_bytes: self.credit.unreceipted(key, epoch),
                limit_bytes: self.credit.limit_bytes(),
            });
        }
        let used_bytes = self.credit.used(payer, epoch);
        if self.leases.quota(payer, epoch) == Some(0) {
            return Some(Refusal::NoStake);
        }
        let settled = self.leases.settled(payer, epoch, used_bytes);
        settled.then_some(Refusal::OverQuota { used_bytes })
    }
}

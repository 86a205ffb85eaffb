//! What follows for links and trackers when quotas, leases or epochs change.
//!
//! Invariant: a client is admitted, or told that the quota is used up, only when that is known; until
//! then its request waits for the tracker, and for no longer than the lessee's patience.

use std::collections::BTreeSet;

use tatum_primitives::{Address, Epoch};

use super::quotas::{Decision, Request};
use super::{Output, Overlay};
use crate::asks::Paid;
use crate::count::Count;
use crate::credit::CreditKey;
use crate::frame::Refusal;
use crate::lease::Lease;
use crate::{Link, Now};

impl Overlay {
    /// Says what the chain allows a payer in an epoch: it is served within that, and within what trackers
    /// lease to us of it.
    pub fn set_quota(&mut self, payer: Address, epoch: Epoch, bytes: u64, now: &Now) {
        if self.quotas.set(payer, epoch, bytes) {
            self.claim(now);
            self.resume_served(now);
        }
    }

    /// Says what a payer paid in the last closed epoch: by that it is judged in `epoch`, if we have an ask.
    pub fn set_paid(&mut self, payer: Address, epoch: Epoch, paid: Paid, now: &Now) {
        if !self.quotas.set_paid(payer, epoch, paid) {
            return;
        }
        self.stop_declined(payer, now);
        self.resume_served(now);
    }

    /// A payer is not served any more if we decline it by now. It hears of it at once: what it sends would be refused in silence.
    fn stop_declined(&mut self, payer: Address, now: &Now) {
        if self.quotas.declined(payer, now.epoch).is_none() {
            return;
        }
        let mut declined = Vec::new();
        for (link, state) in self.links.iter_mut() {
            for (_, peer) in state.peers.iter_mut() {
                let accounts = [
                    peer.subscriber.as_mut().map(|reader| (reader.key, &mut reader.stopped)),
                    peer.publisher.as_mut().map(|writer| (writer.key, &mut writer.stopped)),
                ];
                for (key, stopped) in accounts.into_iter().flatten() {
                    if key.payer == payer && !*stopped && !self.quotas.open(key, now.epoch) {
                        *stopped = true;
                        declined.push((*link, key));
                    }
                }
            }
        }
        for (link, key) in declined {
            self.stop(link, key, now);
        }
    }

    /// Whom we serve.
    #[must_use]
    pub fn serving(&self) -> BTreeSet<Address> {
        let peers = self.links.values().flat_map(|state| state.peers.iter());
        let payers = peers.flat_map(|(_, peer)| {
            let reader = peer.subscriber.as_ref().map(|reader| reader.key.payer);
            reader.into_iter().chain(peer.publisher.as_ref().map(|writer| writer.key.payer))
        });
        payers.collect()
    }

    /// Whether the epoch ends soon: then leases of the next one are asked for.
    pub const fn set_epoch_ends_soon(&mut self, soon: bool) {
        self.quotas.set_epoch_ends_soon(soon);
    }

    /// A tracker came up or went down; `up` says whether any is up now.
    pub fn trackers_changed(&mut self, up: bool, now: &Now) {
        self.quotas.trackers_changed(up, now);
        self.claim(now);
    }

    /// A tracker answered a claim.
    pub fn leased(&mut self, lease: &Lease, now: &Now) {
        let Some(settled) = self.quotas.leased(lease, now) else { return };
        self.counters.leases.count(1);
        self.limit_changed(lease.payer, lease.epoch, settled, now);
        self.admit_waiting(now);
    }

    /// Gives back what is left of all leases, for nobody is served any more.
    pub fn end_leases(&mut self, now: &Now) {
        self.quotas.give_back_all();
        self.claim(now);
    }

    /// Whether a request may be decided now. If not, it waits for the tracker's answer, or there is no room
    /// for another payer.
    pub(super) fn decidable(&mut self, request: &Request, now: &Now) -> bool {
        let Some(client) = self.links.get(&request.link).map(|state| state.node) else {
            return false;
        };
        let mut decision = self.quotas.request(request, client);
        if decision == Decision::Later {
            // Without a tracker that is worth waiting for, the answer is known at once.
            self.claim(now);
            decision = self.quotas.request(request, client);
        }
        match decision {
            Decision::Now => true,
            Decision::Later => {
                self.quotas.wait(request.clone());
                false
            }
            Decision::Full => {
                let (stream, role) = (request.attach.stream, request.attach.role);
                self.refuse(request.link, stream, role, Refusal::NotCarried);
                false
            }
        }
    }

    pub(super) fn lease_tick(&mut self, now: &Now) {
        if self.quotas.entered(now) {
            self.note_serving(now);
            self.resume_served(now);
        }
        self.claim(now);
        self.admit_waiting(now);
    }

    /// Once a second, and when an epoch begins: asks for quotas that are not known yet.
    pub(super) fn note_serving(&mut self, now: &Now) {
        let payers = self.serving();
        for (payer, epoch) in self.quotas.note_serving(&payers, now) {
            self.outputs.push_back(Output::QuotaWanted { payer, epoch });
        }
    }

    fn claim(&mut self, now: &Now) {
        let due = self.quotas.claims(now);
        for (claim, evidence) in due.claims {
            self.counters.claims.count(1);
            self.outputs.push_back(Output::LeaseWanted { claim, evidence: Box::new(evidence) });
        }
        for (payer, epoch) in due.changed {
            let settled = self.quotas.is_settled(payer, epoch);
            self.limit_changed(payer, epoch, settled, now);
        }
    }

    /// More may be served, or less; `settled` says that it is known only now how much.
    fn limit_changed(&mut self, payer: Address, epoch: Epoch, settled: bool, now: &Now) {
        self.resume_served(now);
        if settled && epoch == now.epoch && !self.quotas.within(payer, epoch) {
            self.tell_over_quota(payer, now);
        }
    }

    /// Service stopped while it was not known whether there is more. Now it is.
    fn tell_over_quota(&mut self, payer: Address, now: &Now) {
        let mut stopped: Vec<(Link, CreditKey)> = Vec::new();
        for (link, state) in self.links.iter() {
            for (_, peer) in state.peers.iter() {
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
        for request in self.quotas.take_waiting() {
            if request.epoch == now.epoch {
                self.decide(request, now);
            } else if let Some(node) = self.links.get(&request.link).map(|state| state.node)
                && let Ok(signer) = request.attach.signer(node, self.config.id)
            {
                // The quota was another epoch's: the chain is asked again.
                let (link, attach) = (request.link, request.attach);
                self.outputs.push_back(Output::AttachAsked { link, attach, signer });
            }
        }
    }
}

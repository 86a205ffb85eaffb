//! Requests for service and receipts: what the chain and the disk must say first.
//!
//! Invariant: a receipt is acknowledged only after the store task answered that it is on disk, and
//! nobody is served before the chain said that the key may act for a payer with stake.

use tatum_overlay::Link;
use tatum_overlay::frame::{Attach, Refusal};
use tatum_primitives::{Address, B256, Epoch};
use tatum_receipt::{Step, StoredReceipt, Witnessed};

use super::Engine;
use super::store::{StoreJob, StoreReply};

impl Engine {
    pub(super) async fn attach_asked(&mut self, link: Link, attach: Attach, signer: Address) {
        let now = self.now();
        let Some(facts) = &self.facts else { return };
        if let Some(channel) = self.overlay.pays_by(link) {
            return self.attach_by_channel(link, attach, (signer, channel)).await;
        }
        let refusal = if !facts.is_authorized(attach.payer, signer, now.epoch) {
            Some(Refusal::NotAuthorized)
        } else if !facts.counts(self.key.id(), now.epoch) {
            Some(Refusal::Unbonded)
        } else if self.quota(attach.payer, now.epoch, &now).is_none() {
            let is_known = facts.knows_quota(attach.payer, now.epoch);
            Some(if is_known { Refusal::NoStake } else { Refusal::QuotaUnknown })
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.overlay.turn_down(link, &attach, reason);
        }
        self.know_price(attach.payer, &now);
        self.look_up_and_admit(link, attach, now.epoch).await;
    }

    /// Somebody asks to be served on a channel with our operator.
    async fn attach_by_channel(&mut self, link: Link, attach: Attach, by: (Address, B256)) {
        let ((signer, channel), now) = (by, self.now());
        let Some(facts) = &self.facts else { return };
        let funds = self.funds(attach.payer);
        let refusal = if !facts.is_authorized(attach.payer, signer, now.epoch) {
            Some(Refusal::NotAuthorized)
        } else if !facts.counts(self.key.id(), now.epoch) {
            Some(Refusal::Unbonded)
        } else if funds.is_none_or(|funds| funds.channel != channel) {
            Some(Refusal::NoChannel)
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.overlay.turn_down(link, &attach, reason);
        }
        self.overlay.set_channel_funds(attach.payer, funds, &now);
        self.look_up_and_admit(link, attach, now.epoch).await;
    }

    async fn look_up_and_admit(&mut self, link: Link, attach: Attach, epoch: Epoch) {
        // Only who may act for the payer gets so far, so strangers cannot make us remember payers.
        if self.store.is_none() {
            return self.admit(link, &attach, &[]);
        }
        let earliest = epoch.previous().unwrap_or_default();
        self.store_job(StoreJob::Newest(link, attach, earliest)).await;
    }

    fn admit(&mut self, link: Link, attach: &Attach, newest: &[StoredReceipt]) {
        let now = self.now();
        let quota_bytes = self.quota_bytes(attach.payer, now.epoch, &now);
        self.overlay.admit(link, attach, newest, quota_bytes, &now);
    }

    /// Checks a receipt; what passes is stored before anything else happens.
    pub(super) async fn receipt_offered(&mut self, link: Link, bytes: &[u8]) {
        let Some(receipt_checker) = &self.receipt_checker else { return };
        match receipt_checker.check(bytes) {
            Ok((checked, contents)) => {
                let digest = self.verifier.digest(checked.receipt());
                if let Err(overclaimed) = self.overlay.check_delivered(checked.receipt()) {
                    self.reject(link, digest, "not_delivered", &overclaimed);
                } else if let Err(unpaid) = self.overlay.check_owed(checked.receipt()) {
                    self.reject(link, digest, unpaid.code(), &unpaid);
                } else {
                    self.store_job(StoreJob::Offered(link, Box::new(checked), contents)).await;
                }
            }
            Err((digest, rejection)) => self.reject(link, digest, rejection.code(), &rejection),
        }
    }

    fn reject(&mut self, link: Link, digest: B256, code: &str, reason: &dyn std::error::Error) {
        let rejected = self.receipts.rejected.entry(code.to_owned()).or_default();
        *rejected = rejected.saturating_add(1);
        tracing::warn!(%digest, code, %reason, "rejected a receipt");
        self.overlay.reject(link, digest, format!("{code}: {reason}"));
    }

    pub(super) async fn receipt_signed(&mut self, signed: Box<Witnessed>) {
        self.receipts.signed = self.receipts.signed.saturating_add(1);
        if self.store.is_some() {
            self.store_job(StoreJob::Signed(signed)).await;
        } else {
            let now = self.now();
            self.overlay.send_receipt(&signed, &now);
        }
    }

    pub(super) async fn store_job(&self, job: StoreJob) {
        if let Some(store) = &self.store
            && store.send(job).await.is_err()
        {
            tracing::error!("the receipt store has stopped");
        }
    }

    pub(super) fn store_reply(&mut self, reply: StoreReply) {
        let now = self.now();
        match reply {
            StoreReply::Newest(link, attach, newest) => {
                self.admit(link, &attach, &newest);
            }
            StoreReply::Offered(link, stored, step) => {
                let count = match step {
                    Step::Advance => &mut self.receipts.accepted,
                    Step::Superseded => &mut self.receipts.superseded,
                    Step::Duplicate => &mut self.receipts.duplicate,
                };
                *count = count.saturating_add(1);
                let word = self.verifier.acknowledge(self.key.signing_key(), &stored);
                self.overlay.acknowledge(link, &stored, word, &now);
            }
            StoreReply::Signed(signed) => self.overlay.send_receipt(&signed, &now),
        }
    }
}

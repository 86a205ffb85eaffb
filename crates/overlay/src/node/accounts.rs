//! A client's receipts: what it counts, when it signs, and what relays answer.
//!
//! Invariant: a receipt leaves only after the caller stored it, and is settled only by the node's
//! own signature over it. A relay's memory of our newest receipt counts only if we signed it.

use tatum_primitives::{NodeId, Role};
use tatum_receipt::{Acknowledgement, DeliveryReceipt, SignedReceipt, Verifier, Witnessed};

use super::client::Client;
use super::peer::Attachment;
use super::{Output, Overlay};
use crate::ledger::{AccountKey, Delivery};
use crate::{Frame, Link, Message, Now};

impl Overlay {
    /// Counts a first copy for the neighbour that brought it.
    pub(super) fn credit_neighbour(
        &mut self,
        link: Link,
        role: Role,
        message: &Message,
        now: &Now,
    ) {
        let (Some(client), Some(state)) = (&mut self.client, self.links.get(&link)) else { return };
        let Some(operator) = state.operator else { return };
        let age_ms = now.wall_ms.saturating_sub(message.at.timestamp_ms);
        let on_time = age_ms <= self.config.latency_bound_ms;
        let stream = message.stream_key;
        let (node, epoch) = (state.node, now.epoch);
        let account = AccountKey { node, operator_id: operator, stream, role, epoch };
        let what = Delivery { bytes: message.payload_bytes(), on_time };
        client.ledger.credit(account, what, now);
    }

    /// Continues from a receipt of an earlier run, read from disk with what lies beside it.
    pub fn adopt(&mut self, held: &Witnessed, acknowledged: bool) {
        if let Some(client) = &mut self.client {
            client.ledger.adopt(&held.signed, acknowledged);
            client.ledger.adopt_contents(held);
        }
    }

    /// Continues from the receipt that owes most in a lane of a channel, read from disk.
    pub fn adopt_lane(&mut self, held: &DeliveryReceipt) {
        if let Some(client) = &mut self.client {
            client.ledger.adopt_lane(held);
        }
    }

    /// Makes receipts for everything that is unreceipted, for example before a shutdown.
    pub fn close_accounts(&mut self, now: &Now) {
        self.make_receipts(now, true);
    }

    /// Makes receipts for everything that one node has done for us.
    pub(super) fn close_accounts_with(&mut self, node: NodeId, now: &Now) {
        let Some(client) = &mut self.client else { return };
        let due = client.ledger.due_to(node, now);
        self.sign(due);
    }

    fn make_receipts(&mut self, now: &Now, closing: bool) {
        let Some(client) = &mut self.client else { return };
        let due = client.ledger.due(now, closing);
        self.sign(due);
    }

    fn sign(&mut self, due: Vec<DeliveryReceipt>) {
        let Some(client) = &mut self.client else { return };
        for receipt in due {
            let contents = client.ledger.stated(&receipt);
            let signed = SignedReceipt::sign(receipt, &client.account.key, &self.config.verifier);
            client.ledger.signed(&signed);
            let witnessed = Box::new(Witnessed { signed, contents });
            self.outputs.push_back(Output::ReceiptSigned(witnessed));
        }
    }

    /// Sends a signed receipt that the caller stored.
    pub fn send_receipt(&mut self, witnessed: &Witnessed, now: &Now) {
        let receipt = &witnessed.signed.receipt;
        if let Some(client) = &mut self.client {
            client.ledger.sent(receipt, now);
        }
        if let Some(link) = self.by_node.get(&receipt.node).copied() {
            self.send(link, &Frame::Receipt(witnessed.encode()));
        }
    }

    pub(super) fn on_acknowledged(
        &mut self,
        link: Link,
        acknowledgement: Acknowledgement,
        now: &Now,
    ) {
        let (Some(client), Some(state)) = (&mut self.client, self.links.get(&link)) else { return };
        let found = client.ledger.by_digest(state.node, |receipt| {
            self.config.verifier.digest(receipt) == acknowledgement.digest
        });
        let Some(receipt) = found else { return };
        if acknowledgement.verify(state.node).is_err() {
            let reason = "an acknowledgement with a wrong signature".to_owned();
            return self.misbehaved(link, reason, now);
        }
        client.ledger.settled(&receipt.receipt);
        let receipt = Box::new(receipt);
        self.outputs.push_back(Output::ReceiptSettled { receipt, acknowledgement });
    }

    pub(super) fn client_tick(&mut self, now: &Now) {
        self.make_ready(now);
        self.judge_awaited(now);
        self.make_receipts(now, false);
        self.ask_in_new_epoch(now);
        let Some(client) = &mut self.client else { return };
        if let Some(earliest) = now.epoch.previous().and_then(|epoch| epoch.previous()) {
            client.ledger.forget_before(earliest);
        }
        let links: Vec<(Link, NodeId)> =
            self.links.iter().map(|(link, state)| (*link, state.node)).collect();
        for (link, node) in links {
            let again = self.client.as_mut().map(|client| client.ledger.resend(node, now, false));
            for receipt in again.unwrap_or_default() {
                self.send(link, &Frame::Receipt(receipt.encode()));
            }
            self.tell_duplicates(link);
            self.attach_again(link, now);
        }
    }

    /// Declares late copies, so that they are not held against us. Small changes wait.
    fn tell_duplicates(&mut self, link: Link) {
        const WORTH_TELLING_BYTES: u64 = 64 * 1024;
        let Some(state) = self.links.get_mut(&link) else { return };
        let mut frames = Vec::new();
        for (stream, peer) in state.peers.iter_mut() {
            if peer.serves_us == Attachment::Admitted
                && peer.duplicates.saturating_sub(peer.duplicates_told) >= WORTH_TELLING_BYTES
            {
                peer.duplicates_told = peer.duplicates;
                frames.push(Frame::Duplicates { stream: *stream, bytes: peer.duplicates });
            }
        }
        for frame in frames {
            self.send(link, &frame);
        }
    }
}

impl Client {
    /// Takes over what a relay says is our newest receipt, if we really signed it.
    pub(super) fn adopt_from(&mut self, node: NodeId, bytes: &[u8], verifier: &Verifier) {
        let Ok(held) = SignedReceipt::decode(bytes) else { return };
        let ours = held.receipt.payer == self.account.payer && held.receipt.node == node;
        let signer = verifier.signer(&held);
        let signed = signer.is_ok_and(|signer| {
            signer == self.account.key.address() || signer == self.account.payer
        });
        if ours && signed {
            self.ledger.adopt(&held, true);
        }
    }
}

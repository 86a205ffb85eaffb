//! Who pays by channel: a relay's offer, a client's choice, and what the chain says of both.
//!
//! Invariant: a client pays by channel only where it has one with the relay's operator and the relay asks no more than its limit;
//! which of the two pays is settled before it asks for service on a link.

use tatum_channel::Price;
use tatum_primitives::{Address, B256, OperatorId, Role, StreamKey};
use tatum_receipt::DeliveryReceipt;

use super::peer::Attachment;
use super::{Output, Overlay};
use crate::channel_book::{Funds, Unpaid};
use crate::frame::{Per, Refusal};
use crate::ledger::Terms;
use crate::{Frame, Link, Now};

impl Overlay {
    /// Says what the chain has of a payer's channel with our operator. Nobody is served by a channel before that.
    pub fn set_channel_funds(&mut self, payer: Address, funds: Option<Funds>, now: &Now) {
        if self.quotas.channels.set_funds(payer, funds) {
            self.resume_served(now);
        }
    }

    /// Payers whose channels stand behind what we deliver.
    #[must_use]
    pub fn channel_payers(&self) -> Vec<Address> {
        self.quotas.channels.payers().collect()
    }

    /// The channel that pays for what is asked for on a link, if any.
    #[must_use]
    pub fn pays_by(&self, link: Link) -> Option<B256> {
        let state = self.links.get(&link)?;
        (state.pays_by != B256::ZERO).then_some(state.pays_by)
    }

    /// Goes on from the receipts of channels that an earlier run took, one a lane.
    pub fn resume_channels<'a>(&mut self, held: impl Iterator<Item = &'a DeliveryReceipt>) {
        held.for_each(|receipt| self.quotas.channels.resume(receipt));
    }

    /// Whether a receipt pays for what it counts, by what was agreed to; to be asked before it is stored.
    ///
    /// # Errors
    /// [`Unpaid`] says why not.
    pub fn check_owed(&self, receipt: &DeliveryReceipt) -> Result<(), Unpaid> {
        self.quotas.channels.check(receipt)
    }

    /// Says which channel we have open with an operator, as a client.
    pub fn set_channel_with(&mut self, operator: OperatorId, channel: Option<B256>) {
        let Some(client) = &mut self.client else { return };
        match channel {
            Some(channel) => client.channels.insert(operator, channel),
            None => client.channels.remove(&operator),
        };
    }

    /// Operators at the other ends of our links.
    #[must_use]
    pub fn linked_operators(&self) -> Vec<OperatorId> {
        self.links.values().filter_map(|state| state.operator).collect()
    }

    pub(super) fn on_pay_by(&mut self, link: Link, channel: B256) {
        if self.config.offer.is_some()
            && let Some(state) = self.links.get_mut(&link)
        {
            state.pays_by = channel;
        }
    }

    pub(super) fn on_offer(&mut self, link: Link, price: Price, now: &Now) {
        let Some(state) = self.links.get_mut(&link).filter(|_| self.client.is_some()) else {
            return;
        };
        state.offer = Some(price);
        state.told_dear = false;
        if state.ready {
            self.choose_payment(link, now);
        }
    }

    /// A moment after a relay said what it is, it is known whether it takes channels: then we ask for service.
    pub(super) fn make_ready(&mut self, now: &Now) {
        if !self.waits_for_offers() {
            return;
        }
        let greeted = self.links.iter().filter(|(_, state)| state.greeted && !state.ready);
        let greeted: Vec<Link> = greeted.map(|(link, _)| *link).collect();
        for link in greeted {
            let Some(state) = self.links.get_mut(&link) else { continue };
            state.ready = true;
            let node = state.node;
            self.choose_payment(link, now);
            let assigned = self.assigned.iter().filter(|(_, nodes)| nodes.contains(&node));
            let streams: Vec<StreamKey> = assigned.map(|(stream, _)| *stream).collect();
            for stream in streams {
                self.attach(link, stream, now);
            }
        }
    }

    /// Whether we ask for service only once we know who pays.
    pub(super) fn waits_for_offers(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.account.channel_limit.is_some())
    }

    /// Channels open and close: once a second it is looked at who pays where.
    pub(super) fn choose_payments(&mut self, now: &Now) {
        if self.waits_for_offers() {
            let ready = self.links.iter().filter(|(_, state)| state.ready);
            let ready: Vec<Link> = ready.map(|(link, _)| *link).collect();
            ready.into_iter().for_each(|link| self.choose_payment(link, now));
        }
    }

    fn choose_payment(&mut self, link: Link, now: &Now) {
        let (Some(client), Some(state)) = (&mut self.client, self.links.get_mut(&link)) else {
            return;
        };
        let Some(limit) = client.account.channel_limit else { return };
        let channel = state.operator.and_then(|operator| client.channels.get(&operator).copied());
        let offered = channel.zip(state.offer);
        let accepted = offered.filter(|(_, price)| limit.accepts(price).is_ok());
        let (node, told) = (state.node, state.told_dear);
        let terms = accepted.map(|(channel, price)| Terms { channel, price });
        let pays_by = terms.map_or(B256::ZERO, |terms| terms.channel);
        client.ledger.set_terms(node, terms);
        if let Some((_, price)) = offered.filter(|_| accepted.is_none() && !told) {
            state.told_dear = true;
            self.tell_dear(link, limit, price);
        }
        let Some(state) = self.links.get_mut(&link).filter(|state| state.pays_by != pays_by) else {
            return;
        };
        state.pays_by = pays_by;
        self.send(link, &Frame::PayBy { channel: pays_by });
        self.ask_anew(link, now);
    }

    /// Our owner hears that a relay is too dear, with both numbers.
    fn tell_dear(&mut self, link: Link, limit: Price, price: Price) {
        let Some(state) = self.links.get(&link) else { return };
        let parts = [
            (Per::Gib, price.per_gib_wei, limit.per_gib_wei),
            (Per::ThousandMessages, price.per_1000_messages_wei, limit.per_1000_messages_wei),
        ];
        let dear = parts.into_iter().find(|(_, offered, limit)| offered > limit);
        let Some((what, offered_wei, limit_wei)) = dear else { return };
        let reason = Refusal::TooDear { what, offered_wei, limit_wei };
        let (node, role) = (state.node, Role::Subscriber);
        let stream = self.streams.keys().next().copied().unwrap_or_default();
        self.outputs.push_back(Output::Refused { node, stream, role, reason });
    }

    /// Somebody else pays from now on: what we are served is asked for anew.
    fn ask_anew(&mut self, link: Link, now: &Now) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let mut streams = Vec::new();
        for (stream, peer) in state.peers.iter_mut() {
            peer.declined_in = None;
            for attachment in [&mut peer.serves_us, &mut peer.accepts_us] {
                if *attachment != Attachment::None {
                    *attachment = Attachment::Asked { at_ms: 0 };
                    streams.push(*stream);
                }
            }
        }
        for stream in streams {
            self.attach(link, stream, now);
        }
    }
}

//! What the chain says of payment channels: what stands behind whom we serve, and whom we have channels with ourselves.
//!
//! Invariant: a channel counts only as the followed chain has it, which is as deep as the node's confirmations; one that is not there,
//! or no more, covers nothing.

use tatum_overlay::Now;
use tatum_overlay::channel_book::Funds;
use tatum_primitives::{Address, OperatorId};

use super::Engine;

impl Engine {
    /// What stands behind a payer's channel with our operator.
    pub(super) fn funds(&self, payer: Address) -> Option<Funds> {
        let operator = self.operator_id?;
        let open = self.facts.as_ref()?.open_channel(payer, operator)?;
        let part = u128::from(self.channel_part.bps());
        let covered_wei = open.deposited_wei.saturating_mul(part) / 10_000;
        Some(Funds { channel: open.id, covered_wei, is_exiting: open.is_exiting })
    }

    /// Once a second: looks up the channels of whom we serve, or those of ours.
    pub(super) fn refresh_channels(&mut self, now: &Now) {
        for payer in self.overlay.channel_payers() {
            let funds = self.funds(payer);
            // It stays among those that are looked up: who leaves may open another one.
            let gone = Funds { channel: Default::default(), covered_wei: 0, is_exiting: true };
            self.overlay.set_channel_funds(payer, Some(funds.unwrap_or(gone)), now);
        }
        for operator in self.overlay.linked_operators() {
            self.know_channel_with(operator);
        }
    }

    /// Says whether we have a channel with an operator; before a relay of its offers anything, so that the first message is paid
    /// as all others.
    pub(super) fn know_channel_with(&mut self, operator: OperatorId) {
        let (Some(account), Some(facts)) = (&self.account, &self.facts) else { return };
        let open = facts.open_channel(account.payer, operator);
        let channel = open.filter(|open| !open.is_exiting).map(|open| open.id);
        self.overlay.set_channel_with(operator, channel);
    }
}

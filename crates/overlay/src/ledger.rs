//! The payer's side of the accounts: what each node delivered or accepted, and the receipts due.
//!
//! Invariant: counters of an account never fall and the rank of its receipts rises with every one
//! made, also over a restart, as long as [`Ledger::adopt`] is given the highest receipt that either
//! side holds.
//!
//! A first valid copy credits the neighbour that brought it; `bytes_on_time` counts those whose age
//! by the *receiver's* clock was within the latency bound. A publisher with a wrong clock can shift
//! that for its own messages; a node cannot.

use std::collections::BTreeMap;

use tatum_channel::{LaneAccount, Price};
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey};
use tatum_receipt::checks::MAX_COUNTER;
use tatum_receipt::{Contents, DeliveryReceipt, MAX_LINES, SignedReceipt, Witnessed};

use crate::count::Count;
use crate::holdings::{Head, Holdings};
use crate::{ChainKey, Now};

/// When receipts are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// A receipt is due after so many messages.
    pub messages: u64,
    /// A receipt is due this long after the first message without one.
    pub interval_ms: u64,
    /// A receipt that nobody acknowledged is sent again after this.
    pub resend_ms: u64,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { messages: 1_000, interval_ms: 2_000, resend_ms: 3_000 }
    }
}

/// One account: receipts of one account replace each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountKey {
    /// The node that delivered or accepted.
    pub node: NodeId,
    /// For whom it did.
    pub operator_id: OperatorId,
    /// The stream partition.
    pub stream: StreamKey,
    /// What the node did.
    pub role: Role,
    /// In which epoch.
    pub epoch: Epoch,
}

/// By which channel a node is paid, and at what price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The channel with its operator.
    pub channel: B256,
    /// What it asks.
    pub price: Price,
}

/// What is owed to a node in a lane of a channel, over all epochs.
type LaneKey = (NodeId, StreamKey, Role, B256);

#[derive(Debug, Default)]
struct Tally {
    /// What pays for it, from its first message on; zero for the stake.
    channel: B256,
    messages: u64,
    bytes: u64,
    bytes_on_time: u64,
    sequence: u64,
    receipted_messages: u64,
    waiting_since_ms: Option<u64>,
    newest: Option<SignedReceipt>,
    /// Per chain, what its node should have brought, and what it did.
    service: BTreeMap<ChainKey, Service>,
    /// What the newest receipt commits to.
    stated: Contents,
    acknowledged: bool,
    /// When it was last sent; `None` until the caller says that it is stored.
    sent_ms: Option<u64>,
}

/// Messages that a node should have brought, and did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Those that it should have brought.
    pub due: u64,
    /// Those of them that it brought.
    pub brought: u64,
}

/// One delivery to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// The message's payload bytes.
    pub bytes: u64,
    /// Whether it met the latency bound.
    pub on_time: bool,
}

/// All accounts of one payer at one client, its reader.
#[derive(Debug)]
pub struct Ledger {
    payer: Address,
    reader: ReaderId,
    cadence: Cadence,
    accounts: BTreeMap<AccountKey, Tally>,
    terms: BTreeMap<NodeId, Terms>,
    lanes: BTreeMap<LaneKey, LaneAccount>,
    holdings: Holdings,
}

impl Ledger {
    /// No accounts yet.
    #[must_use]
    pub fn new(payer: Address, reader: ReaderId, cadence: Cadence) -> Self {
        Self {
            payer,
            reader,
            cadence,
            accounts: BTreeMap::new(),
            terms: BTreeMap::new(),
            lanes: BTreeMap::new(),
            holdings: Holdings::default(),
        }
    }

    /// Says how a node is paid. What was counted for it in an account before is paid as before.
    pub fn set_terms(&mut self, node: NodeId, terms: Option<Terms>) {
        match terms {
            Some(terms) => self.terms.insert(node, terms),
            None => self.terms.remove(&node),
        };
    }

    /// Goes on from the receipt of ours that owes most in its lane. Those of other readers are not ours.
    pub fn adopt_lane(&mut self, receipt: &DeliveryReceipt) {
        let DeliveryReceipt { node, stream_key, role, channel, .. } = *receipt;
        let is_ours = (receipt.payer, receipt.reader) == (self.payer, self.reader);
        if is_ours && channel != B256::ZERO {
            let lane = self.lanes.entry((node, stream_key, role, channel));
            // Its price is known as soon as there is something to price.
            let new = || LaneAccount::new(channel, Price::default());
            lane.or_insert_with(new).resume(receipt);
        }
    }

    /// Notes a message that we hold from now on; false if it lies before where we came in.
    pub fn hold(&mut self, (stream, role): (StreamKey, Role), head: &Head, now: &Now) -> bool {
        self.holdings.hold((stream, role, now.epoch), head)
    }

    /// Notes what a node should have brought of a chain in the account's epoch, and what it brought.
    pub fn serve(&mut self, key: AccountKey, chain: ChainKey, what: Service, now: &Now) {
        let account = self.account(key);
        if account.service.len() >= MAX_LINES && !account.service.contains_key(&chain) {
            return;
        }
        let service = account.service.entry(chain).or_default();
        service.due.count(what.due);
        service.brought.count(what.brought);
        // Whoever brought nothing first has no receipt that this could stand in.
        if account.messages > 0 && key.epoch == now.epoch {
            account.waiting_since_ms.get_or_insert(now.monotonic_ms);
        }
    }

    /// How many of these numbers of a chain were there for us to get in the running epoch.
    #[must_use]
    pub fn covers(
        &self,
        (stream, role): (StreamKey, Role),
        chain: &ChainKey,
        (first, last): (u64, u64),
        now: &Now,
    ) -> u64 {
        self.holdings.covers((stream, role, now.epoch), chain, first, last)
    }

    fn account(&mut self, key: AccountKey) -> &mut Tally {
        let terms = self.terms.get(&key.node);
        self.accounts.entry(key).or_insert_with(|| Tally {
            channel: terms.map_or(B256::ZERO, |terms| terms.channel),
            ..Tally::default()
        })
    }

    /// Counts one delivery.
    pub fn credit(&mut self, key: AccountKey, what: Delivery, now: &Now) {
        let account = self.account(key);
        account.messages = account.messages.saturating_add(1);
        account.bytes = account.bytes.saturating_add(what.bytes);
        let bytes_on_time = if what.on_time { what.bytes } else { 0 };
        account.bytes_on_time = account.bytes_on_time.saturating_add(bytes_on_time);
        account.waiting_since_ms.get_or_insert(now.monotonic_ms);
    }

    /// Receipts that are due now: enough messages, enough time, or the epoch is over. With
    /// `closing`, everything unreceipted is due.
    pub fn due(&mut self, now: &Now, closing: bool) -> Vec<DeliveryReceipt> {
        let Cadence { messages, interval_ms, .. } = self.cadence;
        let whose = (self.payer, self.reader);
        let mut receipts = Vec::new();
        for (key, account) in &mut self.accounts {
            let Some(since) = account.waiting_since_ms else { continue };
            let enough = account.messages.saturating_sub(account.receipted_messages) >= messages;
            let late = now.monotonic_ms.saturating_sub(since) >= interval_ms;
            if enough || late || closing || key.epoch < now.epoch {
                let owed = owed_in(&mut self.lanes, &self.terms, key, account);
                account.state(&self.holdings, key);
                receipts.push(account.receipt(whose, key, owed));
            }
        }
        receipts
    }

    /// Receipts for all that `node` did and that is not receipted yet.
    pub fn due_to(&mut self, node: NodeId, now: &Now) -> Vec<DeliveryReceipt> {
        let whose = (self.payer, self.reader);
        let mut receipts = Vec::new();
        for (key, account) in self.accounts.iter_mut().filter(|(key, _)| key.node == node) {
            if account.waiting_since_ms.is_some() && key.epoch <= now.epoch {
                let owed = owed_in(&mut self.lanes, &self.terms, key, account);
                account.state(&self.holdings, key);
                receipts.push(account.receipt(whose, key, owed));
            }
        }
        receipts
    }

    /// What a receipt that was just made commits to.
    #[must_use]
    pub fn stated(&self, receipt: &DeliveryReceipt) -> Contents {
        let account = self.accounts.get(&key_of(receipt));
        account.map(|account| account.stated.clone()).unwrap_or_default()
    }

    /// Keeps a signed receipt until it is acknowledged.
    pub fn signed(&mut self, receipt: &SignedReceipt) {
        if let Some(account) = self.accounts.get_mut(&key_of(&receipt.receipt)) {
            account.newest = Some(receipt.clone());
            account.acknowledged = false;
            account.sent_ms = None;
        }
    }

    /// The receipt is stored and sent for the first time.
    pub fn sent(&mut self, receipt: &DeliveryReceipt, now: &Now) {
        if let Some(account) = self.accounts.get_mut(&key_of(receipt)) {
            account.sent_ms = Some(now.monotonic_ms);
        }
    }

    /// The node acknowledged, or rejected for good, this receipt. True if it was the newest.
    pub fn settled(&mut self, receipt: &DeliveryReceipt) -> bool {
        let Some(account) = self.accounts.get_mut(&key_of(receipt)) else { return false };
        let newest = account.newest.as_ref().is_some_and(|held| held.receipt == *receipt);
        account.acknowledged |= newest;
        newest
    }

    /// The newest receipt to `node` for which `is_it` holds.
    #[must_use]
    pub fn by_digest(
        &self,
        node: NodeId,
        is_it: impl Fn(&DeliveryReceipt) -> bool,
    ) -> Option<SignedReceipt> {
        let newest = self.accounts.iter().filter(|(key, _)| key.node == node);
        let newest = newest.filter_map(|(_, account)| account.newest.as_ref());
        newest.into_iter().find(|held| is_it(&held.receipt)).cloned()
    }

    /// Unacknowledged receipts for `node` that should be sent (again).
    pub fn resend(&mut self, node: NodeId, now: &Now, at_once: bool) -> Vec<Witnessed> {
        let wait = if at_once { 0 } else { self.cadence.resend_ms };
        let first = AccountKey {
            node,
            operator_id: OperatorId::default(),
            stream: StreamKey::default(),
            role: Role::Subscriber,
            epoch: Epoch(0),
        };
        let mut again = Vec::new();
        for (_, account) in self.accounts.range_mut(first..).take_while(|(key, _)| key.node == node)
        {
            if let Some(newest) = &account.newest
                && !account.acknowledged
                && account.sent_ms.is_some_and(|at| now.monotonic_ms.saturating_sub(at) >= wait)
            {
                account.sent_ms = Some(now.monotonic_ms);
                // One that was taken over from its node commits to what we do not have beside it.
                let beside = Witnessed::new(newest.clone(), account.stated.clone());
                again.push(beside.unwrap_or_else(|_| newest.clone().into()));
            }
        }
        again
    }

    /// Unacknowledged receipts, of all nodes.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        let open = |account: &&Tally| {
            account.waiting_since_ms.is_some()
                || (account.newest.is_some() && !account.acknowledged)
        };
        self.accounts.values().filter(open).count()
    }

    /// Continues from a receipt of ours that somebody held: the one that ranks higher wins. What was
    /// counted here since is added on top. Receipts of other readers are not ours.
    pub fn adopt(&mut self, held: &SignedReceipt, acknowledged: bool) {
        let receipt = &held.receipt;
        if (receipt.payer, receipt.reader) != (self.payer, self.reader) {
            return;
        }
        self.adopt_lane(receipt);
        let account = self.accounts.entry(key_of(receipt)).or_default();
        let known = account.newest.as_ref().map(|newest| newest.receipt.rank());
        if known.is_some_and(|known| known >= receipt.rank()) {
            return;
        }
        let base = account.newest.as_ref().map(|newest| newest.receipt.clone()).unwrap_or_default();
        let onto = |held: u64, here: u64, base: u64| held.saturating_add(here.saturating_sub(base));
        account.messages = onto(receipt.messages, account.messages, base.messages);
        account.bytes = onto(receipt.bytes, account.bytes, base.bytes);
        account.bytes_on_time =
            onto(receipt.bytes_on_time, account.bytes_on_time, base.bytes_on_time);
        // The held one may rank higher by its bytes alone.
        account.sequence = account.sequence.max(receipt.sequence);
        account.channel = receipt.channel;
        account.receipted_messages = receipt.messages;
        account.newest = Some(held.clone());
        account.acknowledged = acknowledged;
        account.sent_ms = Some(0);
    }

    /// Goes on from what an earlier run stated beside a receipt of ours, before anything is counted here.
    pub fn adopt_contents(&mut self, held: &Witnessed) {
        let receipt = &held.signed.receipt;
        if (receipt.payer, receipt.reader) != (self.payer, self.reader) {
            return;
        }
        let place = (receipt.stream_key, receipt.role, receipt.epoch);
        let account = self.account(key_of(receipt));
        account.stated = held.contents.clone();
        for line in held.contents.lines() {
            let chain = ChainKey { publisher: line.publisher, chain: line.chain };
            account.service.insert(chain, Service { due: line.due, brought: line.brought });
        }
        held.contents.lines().iter().for_each(|line| self.holdings.resume(place, line));
    }

    /// Forgets accounts of epochs before `earliest`.
    pub fn forget_before(&mut self, earliest: Epoch) {
        self.accounts.retain(|key, _| key.epoch >= earliest);
        self.holdings.forget_before(earliest);
        for lane in self.lanes.values_mut() {
            lane.forget_before(earliest);
        }
    }
}

/// What an account's lane owes with all that it has counted; nothing if its stake pays.
fn owed_in(
    lanes: &mut BTreeMap<LaneKey, LaneAccount>,
    terms: &BTreeMap<NodeId, Terms>,
    key: &AccountKey,
    account: &Tally,
) -> u128 {
    let channel = account.channel;
    if channel == B256::ZERO {
        return 0;
    }
    let lane = lanes.entry((key.node, key.stream, key.role, channel));
    let lane = lane.or_insert_with(|| LaneAccount::new(channel, Price::default()));
    if let Some(terms) = terms.get(&key.node).filter(|terms| terms.channel == channel) {
        lane.reprice(terms.price);
    }
    lane.count(key.epoch, account.bytes, account.messages);
    lane.state()
}

impl Tally {
    /// Writes down what the next receipt commits to.
    fn state(&mut self, holdings: &Holdings, key: &AccountKey) {
        let mut lines = holdings.lines((key.stream, key.role, key.epoch));
        for line in &mut lines {
            let chain = ChainKey { publisher: line.publisher, chain: line.chain };
            let service = self.service.get(&chain).copied().unwrap_or_default();
            line.due = service.due.min(line.span);
            line.brought = service.brought.min(line.due);
        }
        self.stated = Contents::new(lines).unwrap_or_default();
    }

    fn receipt(
        &mut self,
        whose: (Address, ReaderId),
        key: &AccountKey,
        owed: u128,
    ) -> DeliveryReceipt {
        self.sequence = self.sequence.saturating_add(1).min(MAX_COUNTER);
        self.receipted_messages = self.messages;
        self.waiting_since_ms = None;
        DeliveryReceipt {
            payer: whose.0,
            operator_id: key.operator_id,
            node: key.node,
            stream_key: key.stream,
            role: key.role,
            reader: whose.1,
            epoch: key.epoch,
            sequence: self.sequence,
            messages: self.messages,
            bytes: self.bytes,
            bytes_on_time: self.bytes_on_time,
            contents: self.stated.root(),
            channel: self.channel,
            owed,
        }
    }
}

fn key_of(receipt: &DeliveryReceipt) -> AccountKey {
    AccountKey {
        node: receipt.node,
        operator_id: receipt.operator_id,
        stream: receipt.stream_key,
        role: receipt.role,
        epoch: receipt.epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::key as session;
    use proptest::prelude::*;
    use tatum_primitives::Domain;
    use tatum_receipt::Verifier;

    fn now(ms: u64, epoch: u64) -> Now {
        Now { monotonic_ms: ms, wall_ms: ms, epoch: Epoch(epoch) }
    }

    fn account(epoch: u64) -> AccountKey {
        AccountKey {
            node: NodeId(B256::repeat_byte(1)),
            operator_id: OperatorId(7),
            stream: StreamKey(B256::repeat_byte(2)),
            role: Role::Subscriber,
            epoch: Epoch(epoch),
        }
    }

    fn ledger() -> Ledger {
        let cadence = Cadence { messages: 3, interval_ms: 100, resend_ms: 50 };
        Ledger::new(session(1).address(), ReaderId(5), cadence)
    }

    fn deliver(ledger: &mut Ledger, id: u8, at: Now) {
        let what = Delivery { bytes: 10, on_time: id.is_multiple_of(2) };
        ledger.credit(account(at.epoch.0), what, &at);
    }

    fn sign(receipt: DeliveryReceipt) -> SignedReceipt {
        let domain = Domain { chain_id: 1, stake_pool: Address::ZERO };
        SignedReceipt::sign(receipt, &session(1), &Verifier::new(domain))
    }

    const OLD: B256 = B256::repeat_byte(8);
    const NEXT: B256 = B256::repeat_byte(9);
    /// A wei a byte.
    const PRICE: Price = Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 0 };

    fn pay_by(ledger: &mut Ledger, channel: B256) {
        ledger.set_terms(account(1).node, Some(Terms { channel, price: PRICE }));
    }

    /// What the receipts of all accounts owe, with all that was delivered.
    fn owed(ledger: &mut Ledger, at: Now) -> Vec<(B256, u128)> {
        ledger.due(&at, true).iter().map(|receipt| (receipt.channel, receipt.owed)).collect()
    }

    #[test]
    fn an_epoch_is_paid_as_it_began_and_lanes_of_two_channels_do_not_mix() {
        let mut ledger = ledger();
        pay_by(&mut ledger, OLD);
        deliver(&mut ledger, 1, now(0, 4));
        assert_eq!(owed(&mut ledger, now(0, 4)), [(OLD, 10)]);
        // The channel was closed and another one opened: from the next epoch on.
        pay_by(&mut ledger, NEXT);
        deliver(&mut ledger, 2, now(1, 4));
        deliver(&mut ledger, 3, now(2, 5));
        assert_eq!(owed(&mut ledger, now(2, 5)), [(OLD, 20), (NEXT, 10)]);
        deliver(&mut ledger, 4, now(3, 4));
        deliver(&mut ledger, 5, now(4, 5));
        assert_eq!(owed(&mut ledger, now(4, 5)), [(OLD, 30), (NEXT, 20)]);
        ledger.set_terms(account(1).node, None);
        deliver(&mut ledger, 6, now(5, 6));
        assert_eq!(owed(&mut ledger, now(5, 6)), [(B256::ZERO, 0)]);
    }

    #[test]
    fn a_lane_goes_on_from_our_own_newest_receipt_and_from_no_other_readers() {
        let held = |channel, owed, reader| DeliveryReceipt {
            payer: session(1).address(),
            node: account(1).node,
            stream_key: account(1).stream,
            epoch: Epoch(3),
            reader: ReaderId(reader),
            bytes: 50,
            channel,
            owed,
            ..DeliveryReceipt::default()
        };
        let mut ledger = ledger();
        // The old channel owed more, another process of the payer owes more still.
        for receipt in [held(OLD, 90, 5), held(NEXT, 40, 5), held(NEXT, 70, 6), held(NEXT, 30, 5)] {
            ledger.adopt_lane(&receipt);
        }
        pay_by(&mut ledger, NEXT);
        deliver(&mut ledger, 1, now(0, 4));
        assert_eq!(owed(&mut ledger, now(0, 4)), [(NEXT, 50)]);
    }

    #[test]
    fn receipts_come_by_count_by_time_and_at_the_epochs_end() {
        let mut ledger = ledger();
        deliver(&mut ledger, 1, now(0, 4));
        assert!(ledger.due(&now(99, 4), false).is_empty());
        let timed = ledger.due(&now(100, 4), false);
        assert_eq!((timed[0].messages, timed[0].bytes, timed[0].sequence), (1, 10, 1));
        for id in 2..5 {
            deliver(&mut ledger, id, now(101, 4));
        }
        let counted = ledger.due(&now(101, 4), false);
        assert_eq!(
            (counted[0].messages, counted[0].bytes_on_time, counted[0].sequence),
            (4, 20, 2)
        );
        deliver(&mut ledger, 5, now(102, 4));
        let closing = ledger.due(&now(103, 5), false);
        assert_eq!((closing[0].messages, closing[0].epoch), (5, Epoch(4)));
        assert!(ledger.due(&now(999, 5), true).is_empty());
    }

    #[test]
    fn an_unacknowledged_receipt_is_sent_again() {
        let mut ledger = ledger();
        deliver(&mut ledger, 1, now(0, 0));
        let signed = sign(ledger.due(&now(0, 0), true).remove(0));
        ledger.signed(&signed);
        assert!(ledger.resend(account(0).node, &now(49, 0), true).is_empty());
        ledger.sent(&signed.receipt, &now(0, 0));
        let node = account(0).node;
        assert!(ledger.resend(node, &now(49, 0), false).is_empty());
        assert_eq!(ledger.resend(node, &now(49, 0), true).len(), 1);
        assert_eq!(ledger.unsettled(), 1);
        assert!(ledger.settled(&signed.receipt));
        assert!(ledger.resend(node, &now(500, 0), false).is_empty());
        assert_eq!(ledger.unsettled(), 0);
    }

    #[test]
    fn a_restarted_client_continues_from_the_newest_receipt() {
        let mut before = ledger();
        for id in 0..5 {
            deliver(&mut before, id, now(0, 0));
        }
        let held = sign(before.due(&now(0, 0), true).remove(0));
        let mut after = ledger();
        deliver(&mut after, 9, now(0, 0));
        after.adopt(&held, true);
        let next = after.due(&now(0, 0), true).remove(0);
        assert_eq!((next.sequence, next.messages, next.bytes), (2, 6, 60));
        let old = DeliveryReceipt { sequence: 0, messages: 1, bytes_on_time: 0, ..held.receipt };
        after.adopt(&sign(old), true);
        deliver(&mut after, 1, now(0, 0));
        assert_eq!(after.due(&now(0, 0), true)[0].messages, 7);
    }

    #[test]
    fn a_receipt_of_another_reader_is_not_continued() {
        let mut ledger = ledger();
        deliver(&mut ledger, 2, now(0, 0));
        let ours = ledger.due(&now(0, 0), true).remove(0);
        assert_eq!(ours.reader, ReaderId(5));
        let theirs = DeliveryReceipt { reader: ReaderId(6), bytes_on_time: 900, ..ours };
        ledger.adopt(&sign(theirs), true);
        deliver(&mut ledger, 2, now(0, 0));
        assert_eq!(ledger.due(&now(0, 0), true)[0].bytes_on_time, 20);
    }

    #[test]
    fn receipts_rank_higher_and_higher_up_to_the_last_sequence() {
        let mut ledger = ledger();
        deliver(&mut ledger, 2, now(0, 0));
        let first = ledger.due(&now(0, 0), true).remove(0);
        let last = DeliveryReceipt { sequence: MAX_COUNTER, ..first };
        ledger.adopt(&sign(last.clone()), true);
        deliver(&mut ledger, 2, now(0, 0));
        let next = ledger.due(&now(0, 0), true).remove(0);
        assert_eq!(next.sequence, MAX_COUNTER);
        assert!(next.rank() > last.rank());
    }

    proptest! {
        #[test]
        fn totals_equal_deliveries(runs in prop::collection::vec((0_u64..4, 1_u64..6), 1..40)) {
            let mut ledger = ledger();
            let mut expected = BTreeMap::new();
            let mut newest: BTreeMap<Epoch, DeliveryReceipt> = BTreeMap::new();
            let mut time = 0;
            let mut epoch = 0;
            for (gap, count) in runs {
                time += gap * 30;
                epoch += u64::from(gap == 3);
                for id in 0..count {
                    deliver(&mut ledger, u8::try_from(id).unwrap(), now(time, epoch));
                    *expected.entry(Epoch(epoch)).or_insert(0) += 1;
                }
                for receipt in ledger.due(&now(time, epoch), false) {
                    if let Some(old) = newest.insert(receipt.epoch, receipt.clone()) {
                        prop_assert!(receipt.rank() > old.rank());
                        prop_assert!(receipt.messages > old.messages);
                    }
                }
            }
            for receipt in ledger.due(&now(time, epoch), true) {
                newest.insert(receipt.epoch, receipt);
            }
            let got: BTreeMap<Epoch, u64> =
                newest.into_iter().map(|(epoch, receipt)| (epoch, receipt.messages)).collect();
            prop_assert_eq!(got, expected);
        }
    }
}

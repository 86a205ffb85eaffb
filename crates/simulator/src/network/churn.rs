//! Nodes that crash and come back.
//!
//! Invariant: a node that comes back remembers nothing but the receipts that it has on disk.

use rand::Rng;
use rand::seq::SliceRandom;
use tatum_overlay::frame::Attach;
use tatum_receipt::StoredReceipt;

use super::Attack;
use super::world::{Event, WARM_UP_US, World};

/// Until the neighbours and trackers of a crashed node notice.
const NOTICE_US: u64 = 1_000_000;
/// Until a crashed node is back.
const AWAY_US: u64 = 3_000_000;
/// How often an eclipse attacker leaves and comes back.
const HARASS_US: u64 = 2_000_000;

impl World {
    /// Which nodes crash, and when.
    pub(super) fn plan_churn(&mut self, end_us: u64) {
        let mut honest: Vec<usize> =
            (0..self.scenario.nodes).filter(|n| self.nodes[*n].attack.is_none()).collect();
        honest.shuffle(&mut self.rng);
        let count = self.scenario.nodes * self.scenario.churn_permille as usize / 1_000;
        for number in honest.into_iter().take(count) {
            let at_us = self.rng.random_range(WARM_UP_US..end_us.max(WARM_UP_US + 1));
            self.nodes[number].churned = true;
            self.at(at_us, Event::Crash(number));
        }
    }

    pub(super) fn crash(&mut self, number: usize) {
        for other in self.linked_with(number) {
            // The crashed end is silent at once, the other notices later.
            self.links.remove(&(number, other));
            self.after(NOTICE_US, Event::Unlink(other, number));
        }
        let node = &mut self.nodes[number];
        node.alive = false;
        let counters = node.overlay.counters();
        node.duplicates_before += counters.duplicates;
        node.graylisted_before += counters.graylisted;
        let seats: Vec<_> = node.seats.iter_mut().map(Option::take).collect();
        for (tracker, seat) in seats.into_iter().enumerate() {
            if let Some(seat) = seat {
                self.after(NOTICE_US, Event::Vanished { tracker, seat });
            }
        }
        self.after(AWAY_US, Event::Restart(number));
    }

    pub(super) fn restart(&mut self, number: usize) {
        let stale: Vec<usize> =
            self.links.keys().filter(|(_, to)| *to == number).map(|(from, _)| *from).collect();
        for other in stale {
            self.cut(other, number);
        }
        let (now, trackers) = (self.now(), self.trackers.len());
        self.nodes[number].begin(number, &self.scenario, trackers, &now, &mut self.rng);
        let id = self.nodes[number].id();
        let held = self.receipts.iter().filter(|(key, _)| key.node == id);
        let held: Vec<_> = held.map(|(_, signed)| signed.receipt.clone()).collect();
        self.nodes[number].overlay.restarted(now.epoch, &held);
        self.start(number);
    }

    /// An eclipse attacker leaves and comes back in the hope of a better place.
    pub(super) fn harass(&mut self, number: usize) {
        debug_assert_eq!(self.nodes[number].attack, Some(Attack::Eclipse));
        for tracker in 0..self.trackers.len() {
            self.hang_up(number, tracker);
            self.connect(number, tracker);
        }
        self.attend(number);
        self.after(HARASS_US, Event::Harass(number));
    }

    /// The receipts that a relay has on disk of a payer.
    pub(super) fn receipts_of(&self, relay: usize, attach: &Attach) -> Vec<StoredReceipt> {
        let id = self.nodes[relay].id();
        let held = self.receipts.iter().filter(|(key, _)| {
            (key.node, key.role) == (id, attach.role)
                && (key.payer, key.reader) == (attach.payer, attach.reader)
        });
        held.map(|(_, signed)| StoredReceipt::written(signed)).collect()
    }

    /// Everybody hands out closing receipts.
    pub(super) fn close_accounts(&mut self) {
        let now = self.now();
        for number in self.scenario.relays()..self.nodes.len() {
            if self.nodes[number].alive {
                self.nodes[number].overlay.close_accounts(&now);
                self.drain(number, None);
            }
        }
    }
}

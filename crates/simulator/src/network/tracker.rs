//! The tracker's part, and what happens to links: who is joined with whom, crashes and returns.
//!
//! Invariant: the graph is the production tracker's; here are only the delays until nodes hear of
//! it and until links are open or noticed to be gone.

use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use tatum_overlay::Link;
use tatum_overlay::frame::Attach;
use tatum_primitives::NodeId;
use tatum_receipt::StoredReceipt;

use super::Attack;
use super::population::{Role, overlay};
use super::world::{Event, STREAM, WARM_UP_US, World};

/// Until a node hears its new assignment.
const WORD_US: u64 = 100_000;
/// Until the neighbours of a crashed node notice.
const NOTICE_US: u64 = 1_000_000;
/// Until a crashed node is back.
const AWAY_US: u64 = 3_000_000;
/// A link that nobody needs any more stays open this long.
const LINGER_US: u64 = 2_000_000;
/// How often an eclipse attacker leaves and comes back.
const HARASS_US: u64 = 2_000_000;

impl World {
    /// Everybody joins, in random order, before time begins.
    pub(super) fn populate_graph(&mut self) {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.shuffle(&mut self.rng);
        // Relays first, as the tracker recruits them when there are clients.
        order.sort_by_key(|number| self.nodes[*number].role != Role::Relay);
        for number in order {
            self.start(number);
            self.join(number);
        }
        for number in 0..self.nodes.len() {
            self.assign(number);
        }
    }

    fn start(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        match node.role {
            Role::Relay => {
                let _ = node.overlay.carry(STREAM);
            }
            Role::Subscriber => node.overlay.subscribe(STREAM),
            Role::Publisher => node.overlay.open_publisher(STREAM),
        }
    }

    fn join(&mut self, number: usize) -> BTreeSet<NodeId> {
        let (id, mut place) = (self.nodes[number].id(), self.nodes[number].place);
        if self.scenario.random_graph {
            place.region = 0;
        }
        if self.nodes[number].role == Role::Relay {
            self.topology.join_relay(id, place, &mut self.rng)
        } else {
            let publishes = self.nodes[number].role == Role::Publisher;
            self.topology.join_client(id, place, publishes, &mut self.rng)
        }
    }

    fn tell(&mut self, touched: BTreeSet<NodeId>) {
        for id in touched {
            if let Some(number) = self.by_id.get(&id).copied() {
                self.after(WORD_US, Event::Assign(number));
            }
        }
    }

    /// A node hears who its neighbours are; links are opened, and closed later.
    pub(super) fn assign(&mut self, number: usize) {
        if !self.nodes[number].alive {
            return;
        }
        let now = self.now();
        let id = self.nodes[number].id();
        let neighbours = self.topology.neighbours(&id);
        let others: Vec<usize> =
            neighbours.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        self.nodes[number].overlay.assign(STREAM, neighbours, &now);
        for other in &others {
            if !self.links.contains_key(&(number, *other)) {
                let wait_us =
                    if self.now_us == 0 { 0 } else { 4 * self.one_way_us(number, *other) };
                self.after(wait_us, Event::Link(number, *other));
            }
        }
        let range = (number, 0)..=(number, usize::MAX);
        let old: Vec<usize> = self.links.range(range).map(|((_, to), _)| *to).collect();
        for other in old.into_iter().filter(|other| !others.contains(other)) {
            self.after(LINGER_US, Event::Unlink(number, other));
        }
        self.drain(number, None);
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        let wanted = self.topology.neighbours(&self.nodes[a].id()).contains(&self.nodes[b].id());
        let away_us = |one, other| self.away_until_us.get(&(one, other)).copied().unwrap_or(0);
        let away_us = away_us(a, b).max(away_us(b, a));
        if !wanted || self.links.contains_key(&(a, b)) {
            return;
        }
        if !self.nodes[a].alive || !self.nodes[b].alive {
            return;
        }
        if away_us > self.now_us {
            self.at(away_us + 1_000, Event::Link(a, b));
            return;
        }
        let now = self.now();
        self.generations += 1;
        let generation = self.generations;
        for (one, other) in [(a, b), (b, a)] {
            self.links.insert((one, other), generation);
            let (id, place) = (self.nodes[other].id(), self.nodes[other].place);
            let link = Link(other as u64);
            let overlay = &mut self.nodes[one].overlay;
            overlay.link_opened(link, id, place.operator, &now);
            overlay.set_link_block(link, place.block);
        }
        self.drain(a, None);
        self.drain(b, None);
    }

    /// Closes a link that neither end needs any more.
    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        if !self.topology.neighbours(&self.nodes[a].id()).contains(&self.nodes[b].id()) {
            self.cut(a, b);
        }
    }

    fn cut(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            if self.links.remove(&(one, other)).is_some() {
                self.nodes[one].overlay.link_closed(Link(other as u64));
            }
        }
    }

    pub(super) fn send_away(&mut self, number: usize, other: usize, away_us: u64) {
        if other >= self.nodes.len() {
            return;
        }
        self.cut(number, other);
        let until_us = self.now_us + away_us;
        self.away_until_us.insert((number, other), until_us);
        self.at(until_us + 1_000, Event::Link(number, other));
    }

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
        let node = &mut self.nodes[number];
        node.alive = false;
        let counters = node.overlay.counters();
        node.duplicates_before += counters.duplicates;
        node.graylisted_before += counters.graylisted;
        let range = (number, 0)..=(number, usize::MAX);
        let others: Vec<usize> = self.links.range(range).map(|((_, to), _)| *to).collect();
        for other in others {
            // The crashed end is silent at once, the other notices later.
            self.links.remove(&(number, other));
            self.after(NOTICE_US, Event::Unlink(other, number));
        }
        let id = self.nodes[number].id();
        let touched = self.topology.leave(&id, &mut self.rng);
        self.tell(touched);
        self.after(AWAY_US, Event::Restart(number));
    }

    pub(super) fn restart(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.alive = true;
        node.overlay = overlay(number, node.role, &node.key, node.place.operator);
        let epoch = self.now().epoch;
        let held: Vec<_> = self
            .receipts
            .iter()
            .filter(|(key, _)| key.node == self.nodes[number].id())
            .map(|(_, signed)| signed.receipt.clone())
            .collect();
        self.nodes[number].overlay.restarted(epoch, &held);
        let range = (0, 0)..=(usize::MAX, usize::MAX);
        let stale: Vec<usize> = self
            .links
            .range(range)
            .filter(|((_, to), _)| *to == number)
            .map(|((from, _), _)| *from)
            .collect();
        for other in stale {
            self.cut(other, number);
        }
        self.start(number);
        let touched = self.join(number);
        self.tell(touched);
    }

    /// A node asks for another neighbour in the place of a bad one.
    pub(super) fn avoid(&mut self, number: usize, other: NodeId) {
        let id = self.nodes[number].id();
        let touched = self.topology.avoid(id, other, u64::MAX, &mut self.rng);
        self.tell(touched);
    }

    /// An eclipse attacker leaves and comes back in the hope of a better place.
    pub(super) fn harass(&mut self, number: usize) {
        debug_assert_eq!(self.nodes[number].attack, Some(Attack::Eclipse));
        let id = self.nodes[number].id();
        let mut touched = self.topology.leave(&id, &mut self.rng);
        touched.extend(self.join(number));
        self.tell(touched);
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

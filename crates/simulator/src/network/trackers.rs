//! The trackers: the production ones, with texts that take time in place of sockets.
//!
//! Invariant: a text is lost with the connection it was said on, and texts of one connection keep their order.

use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::{Address, B256, Epoch, EpochSchedule, NodeId};
use tatum_protocol::tracker::{FromTracker, RelayOffer, ToTracker};
use tatum_tracker::{Checks, Connection, Finding, Newcomer, Output, rendezvous};

use super::host::{Host, Seat};
use super::population::Role;
use super::world::{EPOCH, Event, World};

/// Until a text arrives.
const WORD_US: u64 = 100_000;
/// How often a tracker looks at the time.
const SWEEP_US: u64 = 5_000_000;
/// Nodes that lost a tracker find it back within this.
const FIND_US: u64 = 2_000_000;

impl World {
    /// All trackers, the one that is responsible for `key` first.
    pub(super) fn ranked(&self, key: B256) -> Vec<TrackerNo> {
        let ids: Vec<NodeId> = self.trackers.iter().map(Host::id).collect();
        rendezvous::ranked(&ids, key).into_iter().map(TrackerNo).collect()
    }

    /// The trackers begin to look at the time, and one of them has its outage planned.
    pub(super) fn start_trackers(&mut self, first_message_us: u64) {
        for tracker in 0..self.trackers.len() {
            self.at(SWEEP_US, Event::Sweep(tracker));
        }
        let Some(outage) = self.scenario.outage else { return };
        let Some(TrackerNo(tracker)) =
            self.ranked(self.streams[0].key().0).get(outage.rank).copied()
        else {
            return;
        };
        let from_us = first_message_us + outage.from_ms * 1_000;
        let until_us = from_us + outage.for_ms * 1_000;
        // Surveyed before, when the others should have taken over, and, as always, at the end.
        self.at(from_us, Event::Survey);
        self.at(from_us, Event::KillTracker(tracker));
        self.at(until_us, Event::Survey);
        self.at(until_us, Event::StartTracker(tracker));
    }

    /// All trackers know what was found of the epoch before.
    pub(super) fn judge(&mut self, found: &[Finding]) {
        let (now, before) = (self.now(), Epoch(EPOCH.0 - 1));
        for host in &mut self.trackers {
            host.tracker.judge(before, found, &now);
        }
    }

    pub(super) fn sweep(&mut self, tracker: usize) {
        let now = self.now();
        if self.trackers[tracker].is_up {
            self.trackers[tracker].tracker.sweep(&now);
            self.deliver(tracker);
        }
        self.after(SWEEP_US, Event::Sweep(tracker));
    }

    /// A node connects to a tracker.
    pub(super) fn connect(&mut self, number: usize, tracker: usize) {
        let (node, host) = (&self.nodes[number], &self.trackers[tracker]);
        if !node.alive || !host.is_up || node.seats[tracker].is_some() {
            return;
        }
        let mut place = node.place;
        if self.scenario.random_graph {
            place.region = 0;
        }
        let capacity = self.scenario.relay_capacity;
        let relay = (node.role == Role::Relay).then_some(RelayOffer { capacity });
        let newcomer = Newcomer { node: node.id(), place, relay, incarnation: node.incarnation };
        let (now, run) = (self.now(), host.run);
        let connection = self.trackers[tracker].tracker.connect(&newcomer, &now);
        let node = &mut self.nodes[number];
        node.seats[tracker] = Some(Seat { run, connection });
        node.attendance.rose(TrackerNo(tracker), now.monotonic_ms);
        node.overlay.trackers_changed(true, &now);
        self.deliver(tracker);
        self.attend(number);
    }

    /// A node's connection to a tracker ends at the tracker's end.
    pub(super) fn hang_up(&mut self, number: usize, tracker: usize) {
        let now = self.now();
        if let Some(seat) = self.nodes[number].seats[tracker].take() {
            self.end_seat(tracker, seat);
            let node = &mut self.nodes[number];
            node.attendance.fell(TrackerNo(tracker), now.monotonic_ms);
            let any_up = node.seats.iter().any(Option::is_some);
            node.overlay.trackers_changed(any_up, &now);
        }
    }

    /// A tracker notices that a node is gone.
    pub(super) fn end_seat(&mut self, tracker: usize, seat: Seat) {
        let now = self.now();
        let host = &mut self.trackers[tracker];
        if host.is_up && host.run == seat.run {
            host.tracker.disconnect(seat.connection, &now);
            self.deliver(tracker);
        }
    }

    pub(super) fn kill_tracker(&mut self, tracker: usize) {
        self.trackers[tracker].is_up = false;
        for number in 0..self.nodes.len() {
            if self.nodes[number].alive {
                self.hang_up(number, tracker);
                self.attend(number);
            }
        }
    }

    pub(super) fn start_tracker(&mut self, tracker: usize) {
        self.trackers[tracker].restart();
        // It keeps permission lists on disk.
        for list in self.lists.clone() {
            let _ = self.trackers[tracker].tracker.restore_list(list);
        }
        for number in 0..self.nodes.len() {
            let wait_us = rand::Rng::random_range(&mut self.rng, 0..FIND_US);
            self.after(wait_us, Event::Connect(number, tracker));
        }
    }

    /// A node says something to a tracker.
    pub(super) fn tell(&mut self, number: usize, TrackerNo(tracker): TrackerNo, text: ToTracker) {
        if let Some(seat) = self.nodes[number].seats[tracker] {
            self.after(WORD_US, Event::ToTracker { tracker, seat, text: Box::new(text) });
        }
    }

    /// A tracker hears something.
    pub(super) fn heard(&mut self, tracker: usize, seat: Seat, text: ToTracker) {
        let checks = Checks {
            tracker: self.trackers[tracker].id(),
            now: self.now(),
            schedule: EpochSchedule { genesis_s: 0, length_s: u64::MAX >> 20 },
            facts: Some(&self.facts),
        };
        let host = &mut self.trackers[tracker];
        if !host.is_up || host.run != seat.run {
            return;
        }
        if let Err(refusal) = host.tracker.take(seat.connection, text, &checks) {
            self.refusals += 1;
            if refusal.is_told() {
                let text = FromTracker::Refused { reason: refusal.in_full() };
                self.send_text(tracker, seat.connection, text);
            }
        }
        self.deliver(tracker);
    }

    /// What a tracker decided sets out.
    pub(super) fn deliver(&mut self, tracker: usize) {
        while let Some(output) = self.trackers[tracker].tracker.poll() {
            match output {
                Output::Tell { to, text } | Output::PassOn { to, text } => {
                    self.send_text(tracker, to, text);
                }
                Output::Close { .. } => {}
            }
        }
    }

    fn send_text(&mut self, tracker: usize, connection: Connection, text: FromTracker) {
        let Some(number) = self.by_id.get(&connection.node).copied() else { return };
        let seat = Seat { run: self.trackers[tracker].run, connection };
        let text = Box::new(text);
        self.after(WORD_US, Event::FromTracker { tracker, number, seat, text });
    }

    /// The payer's tracker: the first in its order that is up for this node.
    pub(super) fn tracker_of_payer(&self, number: usize, payer: Address) -> Option<TrackerNo> {
        let ranked = self.ranked(rendezvous::payer_key(payer));
        ranked.into_iter().find(|no| self.nodes[number].seats[no.0].is_some())
    }
}

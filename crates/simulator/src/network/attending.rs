//! A node's side of its trackers: where it takes part, whom they gave it, what its streams' owners permit.
//!
//! Invariant: the decisions are those of the production minds; here is only what carries them out.

use tatum_overlay::attendance::{Step, TrackerNo};
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence};
use tatum_overlay::permissions::{Entered, SignedPermissions};
use tatum_primitives::{Address, NodeId, ReaderId, Role as ReceiptRole, StreamKey};
use tatum_protocol::Stream;
use tatum_protocol::tracker::{Assignment, FromTracker, ToTracker};

use super::deployment::session;
use super::host::Seat;
use super::population::Role;
use super::world::{EPOCH, World};

impl World {
    /// A client begins to take part in its stream; a relay waits until it is recruited.
    pub(super) fn start(&mut self, number: usize) {
        let now = self.now();
        let stream = self.streams[self.scenario.stream_of(number)].clone();
        let key = stream.key();
        let ranking = self.ranked(key.0);
        let role = self.nodes[number].role;
        if role != Role::Relay {
            self.permit(number, stream);
            let node = &mut self.nodes[number];
            if role == Role::Publisher {
                node.overlay.open_publisher(key);
            } else {
                node.overlay.subscribe(key);
            }
            let publishes = role == Role::Publisher;
            node.attendance.take_part(key, ranking, publishes, now.monotonic_ms);
        }
        for tracker in 0..self.trackers.len() {
            self.connect(number, tracker);
        }
        self.attend(number);
    }

    /// Begins to know a stream by its name, before anything of it is let in.
    fn permit(&mut self, number: usize, stream: Stream) {
        let (now, key) = (self.now(), stream.key());
        let node = &mut self.nodes[number];
        let access = node.book.access(&stream.id);
        node.names.insert(key, stream);
        node.overlay.set_access(key, access.clone(), &now);
        if let Some(keyring) = &mut node.keyring {
            let random = rand::Rng::random(&mut self.rng);
            let _ = keyring.permit(access, now.monotonic_ms, random);
        }
    }

    /// Carries out what a node's attendance decided.
    pub(super) fn attend(&mut self, number: usize) {
        while let Some(step) = self.nodes[number].attendance.poll() {
            match step {
                Step::Join { to, stream, publishes } => self.join(number, to, stream, publishes),
                Step::Offer { to, stream } => {
                    if let Some(stream) = self.nodes[number].names.get(&stream).cloned() {
                        self.tell(number, to, ToTracker::Offer { stream });
                    }
                }
                Step::Leave { to, stream } => self.tell(number, to, ToTracker::Leave { stream }),
                Step::Load { to, stream, bytes_per_second } => {
                    self.tell(number, to, ToTracker::Load { stream, bytes_per_second });
                }
                Step::Avoid { to, node } => self.tell(number, to, ToTracker::Avoid { node }),
                Step::Neighbours { stream, nodes } => {
                    let now = self.now();
                    self.nodes[number].overlay.assign(stream, nodes, &now);
                    self.nodes[number].must_dial = true;
                    self.unlink_idle(number);
                }
                Step::Drop { stream } => {
                    let node = &mut self.nodes[number];
                    node.names.remove(&stream);
                    node.carrying_since_us.remove(&stream);
                    node.overlay.drop_stream(stream);
                }
            }
        }
        self.drain(number, None);
    }

    fn join(&mut self, number: usize, to: TrackerNo, stream: StreamKey, publishes: bool) {
        let Some(name) = self.nodes[number].names.get(&stream).cloned() else { return };
        let role = if publishes { ReceiptRole::Publisher } else { ReceiptRole::Subscriber };
        let (ends, key) = ((self.nodes[number].id(), self.trackers[to.0].id()), session(number));
        let at_ms = self.now().wall_ms;
        let attach = Attach::sign((stream, role), (key.address(), ReaderId(0)), ends, at_ms, &key);
        self.tell(number, to, ToTracker::Join { stream: name, account: Some(Box::new(attach)) });
    }

    /// A node hears something from a tracker, on the connection that it was said on.
    pub(super) fn told(&mut self, tracker: usize, number: usize, seat: Seat, text: FromTracker) {
        let node = &self.nodes[number];
        if !node.alive || node.seats[tracker] != Some(seat) {
            return;
        }
        let (no, now) = (TrackerNo(tracker), self.now());
        match text {
            FromTracker::Carry { stream } => self.recruited(number, no, stream),
            FromTracker::Leased(lease) => self.nodes[number].overlay.leased(&lease, &now),
            FromTracker::Permissions(signed) => self.permissions(number, *signed),
            FromTracker::Release { stream } => {
                self.nodes[number].attendance.released(no, stream, now.monotonic_ms);
            }
            FromTracker::Assign(assignment) => self.assigned(number, no, &assignment),
            FromTracker::Signal { from, signal } => self.signalled(number, no, from, &signal),
            FromTracker::Refused { .. } => {
                self.nodes[number].attendance.refused(now.monotonic_ms);
            }
            FromTracker::KeyAsked { from, request } => self.key_asked(number, no, from, &request),
            FromTracker::KeyGiven { answer } => self.key_given(number, &answer),
            FromTracker::KeyInUse | FromTracker::Challenge { .. } | FromTracker::Welcome { .. } => {
            }
        }
        self.attend(number);
    }

    fn recruited(&mut self, number: usize, by: TrackerNo, stream: Stream) {
        let (key, now) = (stream.key(), self.now());
        if !self.nodes[number].overlay.carry(key) {
            return self.tell(number, by, ToTracker::Leave { stream: key });
        }
        if !self.nodes[number].names.contains_key(&key) {
            self.permit(number, stream);
        }
        let (ranking, now_us) = (self.ranked(key.0), self.now_us);
        let node = &mut self.nodes[number];
        node.carrying_since_us.entry(key).or_insert(now_us);
        node.attendance.recruited(by, key, ranking, now.monotonic_ms);
    }

    fn assigned(&mut self, number: usize, by: TrackerNo, assignment: &Assignment) {
        let id = self.nodes[number].id();
        assert!(assignment.verify(self.trackers[by.0].id(), id), "a tracker signs what it says");
        let nodes = assignment.neighbours.iter().map(|neighbour| neighbour.node).collect();
        self.nodes[number].attendance.assigned(by, assignment.stream, nodes);
    }

    fn permissions(&mut self, number: usize, signed: SignedPermissions) {
        let (now, id) = (self.now(), signed.list.stream.clone());
        let node = &mut self.nodes[number];
        if !matches!(node.book.enter(signed), Ok(Entered::Newest)) {
            return;
        }
        let access = node.book.access(&id);
        for (key, _) in node.names.iter().filter(|(_, stream)| stream.id == id) {
            node.overlay.set_access(*key, access.clone(), &now);
        }
        if let Some(keyring) = &mut node.keyring {
            let random = rand::Rng::random(&mut self.rng);
            let _ = keyring.permit(access, now.monotonic_ms, random);
        }
    }

    /// Tells the payer's tracker what a relay holds of its quota and wants.
    pub(super) fn lease_wanted(&mut self, number: usize, claim: Claim, evidence: Box<Evidence>) {
        if let Some(no) = self.tracker_of_payer(number, claim.payer) {
            self.tell(number, no, ToTracker::Lease { claim, evidence });
        }
    }

    /// What the chain says of a payer's quota.
    pub(super) fn set_quota(&mut self, number: usize, payer: Address) {
        let (now, bytes) = (self.now(), self.scenario.quota_bytes);
        self.nodes[number].overlay.set_quota(payer, EPOCH, bytes, &now);
    }

    /// A node had bad experience with another.
    pub(super) fn avoid(&mut self, number: usize, other: NodeId) {
        self.nodes[number].attendance.avoid(other);
    }

    /// Once a second.
    pub(super) fn review(&mut self, number: usize) {
        let now = self.now();
        let node = &mut self.nodes[number];
        let passed: Vec<(StreamKey, u64)> = node
            .overlay
            .stream_summaries()
            .into_iter()
            .map(|summary| (summary.stream, summary.bytes))
            .collect();
        node.attendance.tick(passed, now.monotonic_ms);
        if node.role == Role::Relay {
            for payer in self.nodes[number].overlay.serving() {
                self.set_quota(number, payer);
            }
        }
        self.ask_keys(number);
        self.nodes[number].must_dial = true;
        self.unlink_idle(number);
        self.attend(number);
    }
}

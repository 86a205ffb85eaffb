//! The sockets to the trackers: who is up, who is responsible, and what is said to whom.
//!
//! Invariant: a tracker is told something only after it welcomed us, and one that comes back is told again all that it must know. Of two
//! clients with one key neither pushes the other out for ever: each waits longer from time to time.

use rand::Rng;
use tatum_overlay::attendance::{Step, TrackerNo};
use tatum_overlay::frame::Attach;
use tatum_overlay::permissions::{Entered, SignedPermissions};
use tatum_overlay::{Now, middle_ms};
use tatum_primitives::{B256, NodeId, Role, StreamId, StreamKey};
use tatum_protocol::tracker::{
    Assignment, FromTracker, MAX_TRACKER_TEXT_BYTES, ToTracker, Welcome, ahead_ms,
    answer_challenge, welcome,
};
use tatum_tracker::rendezvous::ranked_by_keys;

use super::Tab;
use crate::{Output, TrackerTerms};

/// How long a tracker may take to be reached, and to welcome us.
const PATIENCE_MS: u64 = 10_000;
const FIRST_BACKOFF_MS: u64 = 200;
const LAST_BACKOFF_MS: u64 = 15_000;
/// Who was pushed out by its own key waits so long before it pushes back, twice as long each time.
const FIRST_TRUCE_MS: u64 = 2_000;
const LAST_TRUCE_MS: u64 = 300_000;
/// Memory for permission lists, in addresses. Those of streams that we take part in stay whatever they weigh.
const MAX_WEIGHT: usize = 1 << 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no socket until then.
    Away { until_ms: u64 },
    /// A socket is on its way, or the tracker has yet to challenge us.
    Coming { since_ms: u64 },
    /// We said who we are, at this time of the machine's clock.
    Introduced { since_ms: u64, tracker: NodeId, said_ms: u64 },
    /// It welcomed us.
    Up { tracker: NodeId },
}

#[derive(Debug)]
struct Tracker {
    url: String,
    pinned: Option<NodeId>,
    state: State,
    backoff_ms: u64,
    truce_ms: u64,
    /// How far its clock was ahead of the machine's.
    ahead_ms: Option<i64>,
    /// Its STUN service.
    stun: Option<String>,
}

#[derive(Debug)]
pub(super) struct Trackers {
    each: Vec<Tracker>,
    incarnation: u64,
}

impl Trackers {
    pub(super) fn new(terms: &[TrackerTerms], incarnation: u64) -> Self {
        let tracker = |terms: &TrackerTerms| Tracker {
            url: terms.url.clone(),
            pinned: terms.key,
            state: State::Away { until_ms: 0 },
            backoff_ms: FIRST_BACKOFF_MS,
            truce_ms: FIRST_TRUCE_MS,
            ahead_ms: None,
            stun: None,
        };
        Self { each: terms.iter().map(tracker).collect(), incarnation }
    }

    /// Opens sockets that are due, and gives up those that take too long.
    pub(super) fn tick(&mut self, now: &Now, outputs: &mut Vec<Output>) {
        for (no, tracker) in self.each.iter_mut().enumerate() {
            match tracker.state {
                State::Away { until_ms } if now.monotonic_ms >= until_ms => {
                    tracker.state = State::Coming { since_ms: now.monotonic_ms };
                    outputs.push(Output::Connect { no, url: tracker.url.clone() });
                }
                State::Coming { since_ms } | State::Introduced { since_ms, .. }
                    if now.monotonic_ms.saturating_sub(since_ms) >= PATIENCE_MS =>
                {
                    // The page says that it closed, which puts off the next attempt.
                    outputs.push(Output::Disconnect { no });
                }
                State::Away { .. }
                | State::Coming { .. }
                | State::Introduced { .. }
                | State::Up { .. } => {}
            }
        }
    }

    pub(super) fn opened(&mut self, no: usize, now: &Now) {
        if let Some(tracker) = self.each.get_mut(no)
            && let State::Coming { since_ms } = &mut tracker.state
        {
            *since_ms = now.monotonic_ms;
        }
    }

    /// Its socket is gone; true if it was up.
    fn fell(&mut self, no: usize, now: &Now, random: &mut impl Rng) -> bool {
        let Some(tracker) = self.each.get_mut(no) else { return false };
        let was_up = matches!(tracker.state, State::Up { .. });
        let wait_ms = random.random_range(tracker.backoff_ms / 2..=tracker.backoff_ms);
        tracker.state = State::Away { until_ms: now.monotonic_ms.saturating_add(wait_ms) };
        tracker.backoff_ms = tracker.backoff_ms.saturating_mul(2).min(LAST_BACKOFF_MS);
        was_up
    }

    /// Another client with our key took our place.
    fn pushed_out(&mut self, no: usize) {
        if let Some(tracker) = self.each.get_mut(no) {
            tracker.backoff_ms = tracker.truce_ms;
            tracker.truce_ms = tracker.truce_ms.saturating_mul(2).min(LAST_TRUCE_MS);
        }
    }

    fn id(&self, no: TrackerNo) -> Option<NodeId> {
        match self.each.get(no.0)?.state {
            State::Up { tracker } => Some(tracker),
            State::Away { .. } | State::Coming { .. } | State::Introduced { .. } => None,
        }
    }

    pub(super) fn up_count(&self) -> usize {
        self.each.iter().filter(|tracker| matches!(tracker.state, State::Up { .. })).count()
    }

    pub(super) fn stun(&self, no: TrackerNo) -> Option<String> {
        self.each.get(no.0)?.stun.clone()
    }

    /// How far their clocks are ahead of the machine's: the median of those that ever welcomed us.
    fn ahead_ms(&self) -> Option<i64> {
        middle_ms(self.each.iter().filter_map(|of| of.ahead_ms))
    }

    /// All of them, the one that is responsible for `key` first. One that is alone needs no key.
    fn ranked(&self, key: B256) -> Vec<TrackerNo> {
        let keys = self.each.iter().map(|tracker| tracker.pinned);
        ranked_by_keys(keys, key).into_iter().map(TrackerNo).collect()
    }
}

impl Tab {
    /// Says something to a tracker that is up.
    pub(super) fn say(&mut self, no: TrackerNo, text: &ToTracker) {
        if self.trackers.id(no).is_some() {
            self.say_anyway(no.0, text);
        }
    }

    fn say_anyway(&mut self, no: usize, text: &ToTracker) {
        // Names, numbers and signatures have a text.
        let text = serde_json::to_string(text).unwrap_or_default();
        self.outputs.push(Output::Say { no, text });
    }

    /// Says something to every tracker where we take part in a stream.
    pub(super) fn say_to_trackers_of(&mut self, stream: &StreamKey, text: &ToTracker) {
        let all: Vec<TrackerNo> = self.attendance.trackers_of(stream).collect();
        all.into_iter().for_each(|no| self.say(no, text));
    }

    pub(super) fn take_part(&mut self, stream: StreamKey, publishes: bool) {
        let (ranking, now) = (self.trackers.ranked(stream.0), self.now());
        self.attendance.take_part(stream, ranking, publishes, now.monotonic_ms);
    }

    pub(super) fn socket_closed(&mut self, no: usize, reason: String) {
        let now = self.now();
        if self.trackers.fell(no, &now, &mut self.random) {
            let any_up = self.trackers.up_count() > 0;
            self.overlay.trackers_changed(any_up, &now);
            self.attendance.fell(TrackerNo(no), now.monotonic_ms);
        }
        self.outputs.push(Output::Tracker { no, up: false, reason: Some(reason) });
    }

    pub(super) fn socket_text(&mut self, no: usize, text: &[u8]) {
        let heard = if text.len() > MAX_TRACKER_TEXT_BYTES {
            Err(format!("the tracker said {} bytes at once", text.len()))
        } else {
            serde_json::from_slice(text).map_err(|error| error.to_string())
        };
        if let Err(reason) = heard.and_then(|text| self.heard(no, text)) {
            self.outputs.push(Output::Tracker { no, up: false, reason: Some(reason) });
            self.outputs.push(Output::Disconnect { no });
        }
    }

    /// # Errors
    /// If the socket is to be closed.
    fn heard(&mut self, no: usize, text: FromTracker) -> Result<(), String> {
        let Some(tracker) = self.trackers.each.get(no) else { return Ok(()) };
        match tracker.state {
            // What a closed socket still had.
            State::Away { .. } => Ok(()),
            State::Coming { since_ms } => {
                let incarnation = self.trackers.incarnation;
                let (id, hello) =
                    answer_challenge(&text, tracker.pinned, &self.key, None, incarnation)?;
                let said_ms = self.clock.machine_ms();
                self.set_state(no, State::Introduced { since_ms, tracker: id, said_ms });
                self.say_anyway(no, &hello);
                Ok(())
            }
            State::Introduced { tracker, said_ms, .. } => {
                let Welcome { stun, at_ms } = welcome(text)?;
                let ahead_ms = ahead_ms(at_ms, said_ms, self.clock.machine_ms());
                self.welcomed(no, tracker, (stun.map(|stun| stun.to_string()), ahead_ms));
                Ok(())
            }
            State::Up { tracker } => self.told(TrackerNo(no), tracker, text),
        }
    }

    fn set_state(&mut self, no: usize, state: State) {
        if let Some(tracker) = self.trackers.each.get_mut(no) {
            tracker.state = state;
        }
    }

    fn welcomed(&mut self, no: usize, id: NodeId, (stun, ahead_ms): (Option<String>, i64)) {
        if let Some(tracker) = self.trackers.each.get_mut(no) {
            tracker.state = State::Up { tracker: id };
            tracker.backoff_ms = FIRST_BACKOFF_MS;
            (tracker.stun, tracker.ahead_ms) = (stun, Some(ahead_ms));
        }
        if let Some(ahead_ms) = self.trackers.ahead_ms()
            && !self.clock.correct(ahead_ms)
        {
            let text = format!(
                "the trackers' clocks are {ahead_ms} ms ahead of this machine's, which is too far to go by them: set the clock"
            );
            self.outputs.push(Output::Note { text });
        }
        let now = self.now();
        self.overlay.trackers_changed(true, &now);
        self.attendance.rose(TrackerNo(no), now.monotonic_ms);
        self.outputs.push(Output::Tracker { no, up: true, reason: None });
    }

    fn told(&mut self, no: TrackerNo, tracker: NodeId, text: FromTracker) -> Result<(), String> {
        let now = self.now();
        match text {
            FromTracker::Permissions(signed) => self.permissions(*signed),
            FromTracker::Assign(assignment) => self.assigned(no, tracker, &assignment),
            FromTracker::Signal { from, signal } => self.signal(from, signal),
            FromTracker::Refused { reason } => {
                self.attendance.refused(now.monotonic_ms);
                self.outputs.push(Output::TrackerRefused { no: no.0, reason });
            }
            FromTracker::KeyAsked { from, request } => self.key_asked((from, no), &request),
            FromTracker::KeyGiven { answer } => self.key_given(&answer),
            FromTracker::Release { stream } => {
                self.attendance.released(no, stream, now.monotonic_ms);
            }
            FromTracker::KeyInUse => {
                self.trackers.pushed_out(no.0);
                return Err("another client uses our key and took our place".to_owned());
            }
            // For relays.
            FromTracker::Carry { .. } | FromTracker::Leased(_) => {}
            FromTracker::Challenge { .. } | FromTracker::Welcome { .. } => {}
        }
        Ok(())
    }

    fn assigned(&mut self, by: TrackerNo, tracker: NodeId, assignment: &Assignment) {
        if !assignment.verify(tracker, self.key.id()) {
            let text = "an assignment with a wrong signature was ignored".to_owned();
            return self.outputs.push(Output::Note { text });
        }
        let relays = assignment.neighbours.iter().filter(|neighbour| neighbour.relay);
        let nodes = relays.clone().map(|neighbour| neighbour.node).collect();
        if !self.attendance.assigned(by, assignment.stream, nodes) {
            return;
        }
        let ended: Vec<u64> =
            relays.filter_map(|neighbour| self.links.introduce(neighbour)).collect();
        self.end_links(ended);
        self.dial();
    }

    /// A tracker handed on a list.
    fn permissions(&mut self, signed: SignedPermissions) {
        let id = signed.list.stream.clone();
        let named = self.names.iter().filter(|(_, stream)| stream.id == id);
        let keys: Vec<StreamKey> = named.map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return;
        }
        match self.book.enter(signed) {
            Ok(Entered::Newest) => {}
            Ok(Entered::Known | Entered::Older { .. }) => return,
            Err(error) => {
                let text = format!("a permission list of {id} was refused: {error}");
                return self.outputs.push(Output::Note { text });
            }
        }
        let names = &self.names;
        self.book.shrink(MAX_WEIGHT, |id| names.values().any(|stream| stream.id == *id));
        keys.into_iter().for_each(|key| self.permit(key, &id));
    }

    pub(super) fn permit(&mut self, stream: StreamKey, id: &StreamId) {
        let (now, random) = (self.now(), self.random.random());
        let access = self.book.access(id);
        self.overlay.set_access(stream, access.clone(), &now);
        if let Some(publishing) = self.publishing.get_mut(&stream) {
            publishing.permit(access, now.monotonic_ms, random);
        }
    }

    /// Carries out what the attendance decided.
    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Join { to, stream, publishes } => self.join(to, stream, publishes),
            Step::Leave { to, stream } => self.say(to, &ToTracker::Leave { stream }),
            Step::Avoid { to, node } => self.say(to, &ToTracker::Avoid { node }),
            Step::Neighbours { stream, nodes } => {
                let now = self.now();
                self.overlay.assign(stream, nodes, &now);
            }
            Step::Drop { stream } => {
                self.names.remove(&stream);
                self.overlay.drop_stream(stream);
            }
            // Only relays offer themselves and tell their load.
            Step::Offer { .. } | Step::Load { .. } => {}
        }
    }

    /// Asks a tracker for relays, on the payer's account.
    fn join(&mut self, no: TrackerNo, stream: StreamKey, publishes: bool) {
        let (Some(tracker), Some(name)) = (self.trackers.id(no), self.names.get(&stream)) else {
            return;
        };
        let (ends, at_ms) = ((self.key.id(), tracker), self.now().wall_ms);
        let role = if publishes { Role::Publisher } else { Role::Subscriber };
        let payer = (self.account.payer, self.account.reader);
        let account = Attach::sign((stream, role), payer, ends, at_ms, &self.account.key);
        let join = ToTracker::Join { stream: name.clone(), account: Some(Box::new(account)) };
        self.say(no, &join);
    }
}

//! Who is connected, what each may say, and what everybody must be told.
//!
//! Invariant: whenever a node's neighbours change, its new assignment is queued before the call returns. Timers go by the
//! monotonic clock; the wall clock dates what is signed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tatum_overlay::Now;
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::tracker::{Assignment, FromTracker, Neighbour, ToTracker};

use crate::check::{CheckedText, Checks, Text};
use crate::demand::Payers;
use crate::findings::Findings;
use crate::member::{Member, Newcomer};
use crate::output::{Connection, Output};
use crate::permission_lists::PermissionLists;
use crate::signal_rates::Signals;
use crate::stream::StreamState;
use crate::{Config, Lessor, Refusal};

/// All that a tracker knows.
///
/// The caller says who connected ([`Tracker::connect`]) and what each said ([`Tracker::hear`]), and drains
/// [`Tracker::poll`] after each call.
#[derive(Debug)]
pub struct Tracker {
    pub(crate) config: Config,
    pub(crate) members: BTreeMap<NodeId, Member>,
    pub(crate) streams: BTreeMap<StreamKey, StreamState>,
    pub(crate) payers: Payers,
    pub(crate) lessor: Lessor,
    pub(crate) permissions: PermissionLists,
    pub(crate) signals: Signals,
    pub(crate) findings: Findings,
    connections: u64,
    pub(crate) rng: StdRng,
    outputs: VecDeque<Output>,
}

impl Tracker {
    /// A tracker that knows nobody. `seed` is all the randomness that it uses.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            permissions: PermissionLists::new(config.verifier),
            config,
            members: BTreeMap::new(),
            streams: BTreeMap::new(),
            payers: Payers::new(),
            lessor: Lessor::default(),
            signals: Signals::new(),
            findings: Findings::default(),
            connections: 0,
            rng: StdRng::from_seed(seed),
            outputs: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A node said a valid hello. One that comes back replaces its old connection.
    pub fn connect(&mut self, newcomer: &Newcomer, now: &Now) -> Connection {
        if let Some(member) = self.members.get(&newcomer.node) {
            let (old, is_same) = (member.connection, member.incarnation == newcomer.incarnation);
            self.remove(newcomer.node, now);
            // A process that lost its connection replaces its own; anybody else has its key.
            if !is_same {
                self.outputs.push_back(Output::Tell { to: old, text: FromTracker::KeyInUse });
            }
            self.outputs.push_back(Output::Close { connection: old });
        }
        self.connections = self.connections.saturating_add(1);
        let connection = Connection { node: newcomer.node, number: self.connections };
        let member = Member::new(newcomer, connection, now.monotonic_ms);
        let is_relay = member.is_relay();
        self.members.insert(newcomer.node, member);
        if is_relay {
            self.recruit_everywhere(now);
        }
        connection
    }

    /// A connection ended.
    pub fn disconnect(&mut self, connection: Connection, now: &Now) {
        if self.member(connection).is_ok() {
            self.remove(connection.node, now);
        }
    }

    /// Looks at a text before anything in it is checked, so that what a node may not say costs nothing. Gives what
    /// [`Checks::check`] must know: whether the node holds a lease of the payer that it claims for already.
    ///
    /// # Errors
    /// [`Refusal`] if it is not worth checking.
    pub fn screen(
        &mut self,
        from: Connection,
        text: &ToTracker,
        now: &Now,
    ) -> Result<bool, Refusal> {
        let member = self.member(from)?;
        match text {
            ToTracker::Join { stream, account } => {
                let before = member.streams.get(&stream.key()).copied().flatten();
                let used = |account| before.is_some_and(|taking| !taking.gives_way_to(account));
                match account {
                    Some(account) if used(account) => Err(Refusal::AccountUsed),
                    None if self.config.follows_chain && !member.is_relay() => {
                        Err(Refusal::NoAccount)
                    }
                    _ => Ok(false),
                }
            }
            ToTracker::Signal { to, .. } => {
                self.may_signal(from.node, *to, now.monotonic_ms).map(|()| false)
            }
            ToTracker::Lease { claim, .. } => {
                Ok(self.lessor.knows(&from.node, claim.payer, claim.epoch))
            }
            _ => Ok(false),
        }
    }

    /// Does what a node asks.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn hear(&mut self, from: Connection, text: CheckedText, now: &Now) -> Result<(), Refusal> {
        self.member(from)?;
        let node = from.node;
        match text.0 {
            Text::Join { stream, account } => return self.join(node, &stream, account, now),
            Text::Offer { stream } => self.offer(node, &stream, now),
            Text::Region { name } => self.say_region(node, name),
            Text::Avoid { node: other } => return self.avoid(node, other, now),
            Text::Load { stream, bytes_per_second } => {
                self.report(node, stream, bytes_per_second, now);
                self.recruit(stream, now);
            }
            Text::RoundTrips { by_neighbour } => {
                if let Some(relay) = self.members.get_mut(&node).filter(|member| member.is_relay())
                {
                    relay.round_trips_us = by_neighbour;
                }
            }
            Text::Lease { claim, quota } => self.lease(node, &claim, quota),
            Text::Leave { stream } => self.leave(node, stream, now),
            Text::Signal { to, signal } => return self.signal(node, to, signal),
            Text::AskKey(request) => return self.ask_key(node, request),
            Text::GiveKey { to, answer } => return self.give_key(node, to, answer),
        }
        Ok(())
    }

    /// Screens, checks and does what a node asks, for callers with nobody else waiting.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn take(
        &mut self,
        from: Connection,
        text: ToTracker,
        checks: &Checks<'_>,
    ) -> Result<(), Refusal> {
        let leased = self.screen(from, &text, &checks.now)?;
        let checked = checks.check(text, from.node, leased)?;
        self.hear(from, checked, &checks.now)
    }

    /// Time passed: call it every few seconds.
    pub fn sweep(&mut self, now: &Now) {
        self.release_idle(now);
        self.forgive(now);
        self.findings.forget_old(now.epoch);
        self.recruit_everywhere(now);
        self.sweep_leases(now);
    }

    /// The member that says something, unless a newer connection took its place.
    pub(crate) fn member(&self, from: Connection) -> Result<&Member, Refusal> {
        let member = self.members.get(&from.node);
        member.filter(|member| member.connection == from).ok_or(Refusal::Gone)
    }

    /// Tells nodes their neighbours.
    pub(crate) fn assign(&mut self, key: StreamKey, nodes: &BTreeSet<NodeId>, now: &Now) {
        let Some(stream) = self.streams.get(&key) else { return };
        let mut texts = Vec::new();
        for node in nodes.iter().filter(|node| stream.topology.contains(node)) {
            let neighbour = |node: NodeId| {
                let member = self.members.get(&node)?;
                let (relay, incarnation) = (member.is_relay(), member.incarnation);
                Some(Neighbour { node, relay, incarnation })
            };
            let neighbours =
                stream.topology.neighbours(node).into_iter().filter_map(neighbour).collect();
            let signer = &self.config.key;
            let assignment = Assignment::sign(signer, *node, key, neighbours, now.wall_ms);
            texts.push((*node, assignment));
        }
        for (node, assignment) in texts {
            self.tell(node, FromTracker::Assign(assignment));
        }
    }

    /// Says what must arrive.
    pub(crate) fn tell(&mut self, node: NodeId, text: FromTracker) {
        if let Some(member) = self.members.get(&node) {
            self.outputs.push_back(Output::Tell { to: member.connection, text });
        }
    }

    /// Says what may be lost.
    pub(crate) fn pass_on(&mut self, node: NodeId, text: FromTracker) {
        if let Some(member) = self.members.get(&node) {
            self.outputs.push_back(Output::PassOn { to: member.connection, text });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

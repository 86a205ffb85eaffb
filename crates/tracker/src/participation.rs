//! Joining and leaving streams.
//!
//! Invariant: a stream is kept only while somebody who counts takes part: where the chain is followed a client with a payer,
//! or a relay that is registered. A name that a stranger makes up costs no memory.

use tatum_overlay::Now;
use tatum_primitives::{NodeId, Role, StreamKey};
use tatum_protocol::Stream;

use crate::check::Account;
use crate::findings::Party;
use crate::member::Taking;
use crate::stream::StreamState;
use crate::{Finding, Refusal, Tracker};

/// Streams that a tracker keeps.
const MAX_STREAMS: usize = 65_536;
/// A relay that left a stream it was recruited for is recruited for none for so long.
pub(crate) const DECLINED_MS: u64 = 30_000;
/// How long a node's wish to avoid another counts.
const AVOIDED_MS: u64 = 600_000;

impl Tracker {
    /// A node wants to take part in a stream, a client on a payer's account. One that asks again is told again.
    pub(crate) fn join(
        &mut self,
        node: NodeId,
        name: &Stream,
        account: Option<Account>,
        now: &Now,
    ) -> Result<(), Refusal> {
        let key = name.key();
        let member = self.members.get(&node).ok_or(Refusal::Gone)?;
        let account = account.filter(|_| !member.is_relay());
        let before = member.streams.get(&key).copied();
        let limit = member.limit();
        if before.is_none() && member.burden() >= limit {
            return Err(Refusal::NodeStreams { limit });
        }
        if member.is_relay()
            && !member.takes_part(&key)
            && let Some((epoch, finding)) = self.barred(member, key, now)
        {
            let Finding { stream, completeness_ppm, .. } = *finding;
            return Err(Refusal::Judged { epoch, stream, completeness_ppm });
        }
        // Whoever is refused leaves nothing behind: the payer's bound comes before the stream is made.
        self.has_room_for(&key)?;
        if let Some(account) = account {
            self.payers.join(account.payer, (node, key), now.monotonic_ms)?;
        }
        // The account before the graph: neighbours who are told of this node find it paid for.
        self.note_taking(node, key, account);
        let shape = self.config.shape;
        self.streams.entry(key).or_insert_with(|| StreamState::new(name.clone(), shape));
        // The list first, so that nobody meets neighbours before it knows whom the owner permits.
        self.tell_permissions(node, key);
        let publisher = account.filter(|account| account.role == Role::Publisher);
        self.enter(node, key, publisher.is_some(), now);
        // Who publishes is asked for keys, and answers to who takes part: so after it does itself.
        if let (Some(stream), Some(account)) = (self.streams.get_mut(&key), publisher) {
            stream.publishes(account.signer, node);
        }
        // Last, since it counts the clients that are in the graph.
        self.recruit(key, now);
        Ok(())
    }

    /// Whether the stream is kept, or can be.
    pub(crate) fn has_room_for(&self, key: &StreamKey) -> Result<(), Refusal> {
        let known = self.streams.contains_key(key);
        if known || self.streams.len() < MAX_STREAMS { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Notes on whose account a node takes part; it may be another's than before.
    fn note_taking(&mut self, node: NodeId, key: StreamKey, account: Option<Account>) {
        let Some(member) = self.members.get_mut(&node) else { return };
        let taking = account.map(|account| Taking::of(&account));
        let old = member.streams.insert(key, taking).flatten();
        if let Some(old) = old.filter(|old| Some(old.payer) != taking.map(|new| new.payer)) {
            self.payers.leave(old.payer, node, &key);
        }
    }

    /// A node leaves a stream.
    pub(crate) fn leave(&mut self, node: NodeId, key: StreamKey, now: &Now) {
        if let Some(member) = self.members.get_mut(&node) {
            let taking = member.streams.remove(&key).flatten();
            if member.recruited.remove(&key) {
                member.declined_until_ms = now.monotonic_ms.saturating_add(DECLINED_MS);
            }
            if let Some(taking) = taking {
                self.payers.leave(taking.payer, node, &key);
            }
        }
        self.exit(node, key, now);
        self.recruit(key, now);
    }

    /// A node is gone.
    pub(crate) fn remove(&mut self, node: NodeId, now: &Now) {
        let Some(member) = self.members.remove(&node) else { return };
        for (key, taking) in &member.streams {
            if let Some(taking) = taking {
                self.payers.leave(taking.payer, node, key);
            }
        }
        for key in member.all_streams() {
            self.exit(node, key, now);
            self.recruit(key, now);
        }
    }

    /// A node says where it is.
    pub(crate) fn say_region(&mut self, node: NodeId, name: String) {
        if let Some(member) = self.members.get_mut(&node) {
            member.say_region(name);
        }
    }

    /// A node had bad experience with another, and gets a neighbour in its place wherever the two meet.
    pub(crate) fn avoid(&mut self, node: NodeId, other: NodeId, now: &Now) -> Result<(), Refusal> {
        let member = self.members.get_mut(&node).ok_or(Refusal::Gone)?;
        if !member.may_avoid(now.monotonic_ms) {
            return Err(Refusal::Avoided);
        }
        let until_ms = now.monotonic_ms.saturating_add(AVOIDED_MS);
        let (operator, takings) = (member.place.operator, member.streams.clone());
        for key in member.all_streams() {
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let about = stream.topology.place(&other).and_then(|place| place.operator);
            if let Some(about) = about.filter(|_| stream.topology.are_neighbours(&node, &other)) {
                let payer = takings.get(&key).copied().flatten().map(|taking| taking.payer);
                let party = operator.map(Party::Operator).or_else(|| payer.map(Party::Payer));
                self.findings.complain(about, party, now.epoch);
            }
            let touched = stream.topology.avoid(node, other, until_ms, &mut self.rng);
            self.assign(key, &touched, now);
        }
        Ok(())
    }

    /// Judgements age: who was avoided for long enough may be a neighbour again where one is missing.
    pub(crate) fn forgive(&mut self, now: &Now) {
        let keys: Vec<StreamKey> = self.streams.keys().copied().collect();
        for key in keys {
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let touched = stream.topology.forgive(now.monotonic_ms, &mut self.rng);
            self.assign(key, &touched, now);
        }
    }

    /// A relay says how many bytes a second pass on a stream.
    pub(crate) fn report(&mut self, node: NodeId, key: StreamKey, rate: u64, now: &Now) {
        let is_relay = self.members.get(&node).is_some_and(|member| member.is_relay());
        if let Some(stream) = self.streams.get_mut(&key)
            && is_relay
            && stream.topology.contains(&node)
        {
            stream.load.report(node, rate, now.monotonic_ms);
        }
    }

    /// Puts a node into a stream's graph.
    pub(crate) fn enter(&mut self, node: NodeId, key: StreamKey, publishes: bool, now: &Now) {
        let Some(member) = self.members.get(&node) else { return };
        let is_relay = member.is_relay();
        let mut place = member.place;
        if let Some(name) = member.region.as_ref().filter(|_| place.region == 0) {
            // Names are few: only relays, which cannot be made up, bring new ones.
            let regions = &mut self.config.regions;
            let known = regions.known(name);
            place.region = known.unwrap_or_else(|| if is_relay { regions.number(name) } else { 0 });
        }
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let mut touched = if is_relay {
            stream.topology.join_relay(node, place, &mut self.rng)
        } else {
            stream.topology.join_client(node, place, publishes, &mut self.rng)
        };
        touched.insert(node);
        stream.note_idle(now.monotonic_ms);
        self.assign(key, &touched, now);
    }

    /// Takes a node out of a stream's graph.
    pub(crate) fn exit(&mut self, node: NodeId, key: StreamKey, now: &Now) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let touched = stream.topology.leave(&node, &mut self.rng);
        stream.forget(&node);
        if stream.is_deserted() {
            self.streams.remove(&key);
            return;
        }
        stream.note_idle(now.monotonic_ms);
        self.assign(key, &touched, now);
    }
}

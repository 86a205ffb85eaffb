//! Who is connected, who takes part in which stream, and what everybody must be told.
//!
//! Invariant: whenever a node's neighbours change, its new assignment is queued before the state
//! is unlocked. A member whose queue is full is dropped instead of being told half.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tatum_overlay::lease::Lessor;
use tatum_overlay::topology::{Place, Shape, Topology};
use tatum_primitives::{Address, NodeId, Role, StreamKey, millis};
use tokio::sync::mpsc;

use super::demand::{Load, Payers};
use super::graph::graph;
use super::permissions::Lists;
use super::{Config, Regions};
use crate::NodeKey;
use tatum_protocol::Graph;
use tatum_protocol::Stream as Name;
use tatum_protocol::status::{TrackedStream, TrackerSummary};
use tatum_protocol::tracker::{Assignment, FromTracker, Neighbour, RelayOffer, Signal};

/// A connected node.
#[derive(Debug)]
pub(super) struct Member {
    place: Place,
    pub(super) relay: Option<RelayOffer>,
    pub(super) incarnation: u64,
    pub(super) outbox: mpsc::Sender<FromTracker>,
    pub(super) connection: u64,
    /// What it asked for, and on whose account.
    streams: BTreeMap<StreamKey, Option<Address>>,
    recruited: BTreeSet<StreamKey>,
    /// A relay that has no room, because it carries streams of other trackers too, is left alone until then.
    declined_until_ms: u64,
}

/// On whose account a client asks, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) payer: Address,
    /// Who signed: a session key, or the payer itself.
    pub(super) signer: Address,
    pub(super) role: Role,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: Name,
    pub(super) topology: Topology,
    /// Which clients said, under their signature, that they publish with a key.
    pub(super) publishers: BTreeMap<Address, BTreeSet<NodeId>>,
    load: Load,
    /// Clients with a payer: only they make us recruit.
    paying: BTreeSet<NodeId>,
    idle_since_ms: Option<u64>,
}

/// Streams a client may take part in.
const MAX_CLIENT_STREAMS: usize = 256;

/// A relay that left a stream it was recruited for is recruited for none for so long.
const DECLINED_MS: u64 = 30_000;

/// Streams a relay may carry, whatever it offers.
const MAX_RELAY_STREAMS: u32 = 4_096;

/// All that a tracker knows.
#[derive(Debug)]
pub(super) struct State {
    key: NodeKey,
    shape: Shape,
    relays_per_stream: usize,
    linger: Duration,
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) streams: BTreeMap<StreamKey, Stream>,
    payers: Payers,
    pub(super) lessor: Lessor,
    pub(super) lists: Lists,
    regions: Regions,
    /// Whether payers are known, so that only they are recruited for.
    follows_chain: bool,
    connections: u64,
    rng: StdRng,
}

impl State {
    pub(super) fn new(config: &Config, lists: Lists) -> Self {
        Self {
            key: config.key.clone(),
            shape: config.shape,
            relays_per_stream: config.relays_per_stream,
            linger: config.linger,
            members: BTreeMap::new(),
            streams: BTreeMap::new(),
            payers: Payers::new(),
            lessor: Lessor::default(),
            lists,
            regions: config.regions.clone(),
            follows_chain: config.facts.is_some(),
            connections: 0,
            rng: StdRng::from_os_rng(),
        }
    }

    #[cfg(test)]
    pub(super) fn node_count(&self) -> usize {
        self.members.len()
    }

    /// A node said a valid hello. Gives the number of its connection.
    pub(super) fn connect(
        &mut self,
        (node, place): (NodeId, Place),
        relay: Option<RelayOffer>,
        incarnation: u64,
        outbox: mpsc::Sender<FromTracker>,
        now_ms: u64,
    ) -> u64 {
        // A node that comes back replaces its old connection.
        self.remove(node, now_ms);
        self.connections += 1;
        let connection = self.connections;
        let (streams, recruited) = (BTreeMap::new(), BTreeSet::new());
        let relay = relay.map(|RelayOffer { capacity }| RelayOffer {
            capacity: capacity.min(MAX_RELAY_STREAMS),
        });
        let declined_until_ms = 0;
        let member = Member {
            place,
            relay,
            incarnation,
            outbox,
            connection,
            streams,
            recruited,
            declined_until_ms,
        };
        self.members.insert(node, member);
        let keys: Vec<StreamKey> = self.streams.keys().copied().collect();
        for stream in keys {
            self.recruit(stream, now_ms);
        }
        connection
    }

    /// A connection ended.
    pub(super) fn disconnect(&mut self, node: NodeId, connection: u64, now_ms: u64) {
        if self.members.get(&node).is_some_and(|member| member.connection == connection) {
            self.remove(node, now_ms);
        }
    }

    /// A node wants to take part in a stream, a client on a payer's account.
    pub(super) fn join(
        &mut self,
        node: NodeId,
        name: &Name,
        account: Option<Account>,
        now_ms: u64,
    ) -> Result<(), String> {
        let stream = name.key();
        let member = self.members.get_mut(&node).ok_or("not connected")?;
        let account = account.filter(|_| member.relay.is_none());
        let payer = account.map(|account| account.payer);
        let limit = member.relay.map_or(MAX_CLIENT_STREAMS, |offer| offer.capacity as usize);
        let before = member.streams.get(&stream).copied();
        if member.streams.len() >= limit && before.is_none() {
            return Err(format!("a node may take part in {limit} streams"));
        }
        if let Some(payer) = payer {
            self.payers.join(payer, (node, stream), now_ms)?;
        }
        member.streams.insert(stream, payer);
        if let Some(old) = before.flatten().filter(|old| Some(*old) != payer) {
            self.payers.leave(old, node, &stream);
        }
        let paying = member.relay.is_none() && (payer.is_some() || !self.follows_chain);
        let publishes = account.is_some_and(|account| account.role == Role::Publisher);
        let shape = self.shape;
        self.streams.entry(stream).or_insert_with(|| Stream::new(name.clone(), shape));
        self.tell_permissions(node, stream);
        self.enter(node, (stream, publishes), now_ms);
        if let Some(state) = self.streams.get_mut(&stream) {
            if paying {
                state.paying.insert(node);
            }
            if let Some(account) = account.filter(|_| publishes) {
                state.publishes(account.signer, node);
            }
        }
        self.recruit(stream, now_ms);
        Ok(())
    }

    /// A node leaves a stream.
    pub(super) fn leave(&mut self, node: NodeId, stream: StreamKey, now_ms: u64) {
        if let Some(member) = self.members.get_mut(&node) {
            let payer = member.streams.remove(&stream).flatten();
            if member.recruited.remove(&stream) {
                member.declined_until_ms = now_ms.saturating_add(DECLINED_MS);
            }
            if let Some(payer) = payer {
                self.payers.leave(payer, node, &stream);
            }
        }
        self.exit(node, stream, now_ms);
        self.recruit(stream, now_ms);
    }

    /// A node says where it is; what its address says goes before it.
    pub(super) fn say_region(&mut self, node: NodeId, name: &str) {
        const MAX_NAME_BYTES: usize = 64;
        if let Some(member) = self.members.get_mut(&node)
            && member.place.region == 0
            && name.len() <= MAX_NAME_BYTES
        {
            member.place.region = self.regions.number(name);
        }
    }

    /// A node had bad experience with another, and gets a neighbour in its place wherever the two
    /// meet.
    pub(super) fn avoid(&mut self, node: NodeId, other: NodeId, now_ms: u64) {
        let Some(member) = self.members.get(&node) else { return };
        let keys: BTreeSet<StreamKey> =
            member.streams.keys().chain(&member.recruited).copied().collect();
        for key in keys {
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let touched = stream.topology.avoid(node, other, &mut self.rng);
            self.assign(key, &touched, now_ms);
        }
    }

    /// A relay says how much passes on a stream.
    pub(super) fn report(&mut self, node: NodeId, stream: StreamKey, bytes_per_second: u64) {
        let relays = self.members.get(&node).is_some_and(|member| member.relay.is_some());
        if let Some(state) = self.streams.get_mut(&stream)
            && relays
            && state.topology.contains(&node)
        {
            state.load.report(node, bytes_per_second);
        }
    }

    /// Passes a signal on, if the two are neighbours somewhere.
    pub(super) fn signal(
        &mut self,
        from: NodeId,
        to: NodeId,
        signal: Signal,
    ) -> Result<(), String> {
        let sender = self.members.get(&from).ok_or("not connected")?;
        let mut shared = sender.streams.keys().chain(&sender.recruited);
        let related = shared.any(|key| {
            let stream = self.streams.get(key);
            stream.is_some_and(|stream| stream.topology.neighbours(&from).contains(&to))
        });
        if !related {
            return Err(format!("{to} is no neighbour of yours"));
        }
        let member = self.members.get(&to).ok_or_else(|| format!("{to} is not connected"))?;
        let sent = member.outbox.try_send(FromTracker::Signal { from, signal });
        sent.map_err(|_| format!("{to} does not keep up"))
    }

    /// Releases recruited relays from streams that had no clients for a while, and recruits where relays
    /// that had no room may have some now.
    pub(super) fn sweep(&mut self, now_ms: u64) {
        let linger_ms = millis(self.linger);
        let idle = |stream: &Stream| {
            stream.idle_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= linger_ms)
        };
        let idle: Vec<StreamKey> =
            self.streams.iter().filter(|(_, stream)| idle(stream)).map(|(key, _)| *key).collect();
        for stream in idle {
            let recruited: Vec<NodeId> = self
                .members
                .iter()
                .filter(|(_, member)| member.recruited.contains(&stream))
                .map(|(node, _)| *node)
                .collect();
            for node in recruited {
                if let Some(member) = self.members.get_mut(&node) {
                    member.recruited.remove(&stream);
                }
                self.tell(node, FromTracker::Release { stream });
                self.exit(node, stream, now_ms);
            }
            if self.streams.get(&stream).is_some_and(|stream| stream.topology.relay_count() == 0) {
                self.streams.remove(&stream);
            }
        }
        let streams: Vec<StreamKey> = self.streams.keys().copied().collect();
        for stream in streams {
            self.recruit(stream, now_ms);
        }
    }

    pub(super) fn summary(&self) -> TrackerSummary {
        let relays = self.members.values().filter(|member| member.relay.is_some()).count();
        let streams = self.streams.iter().map(|(key, stream)| TrackedStream {
            stream: *key,
            relays: stream.topology.relay_count(),
            clients: stream.topology.client_count(),
        });
        TrackerSummary {
            relays,
            clients: self.members.len() - relays,
            permission_lists: self.lists.len(),
            leases: self.lessor.len(),
            streams: streams.collect(),
        }
    }

    /// Who is whose neighbour in a stream.
    pub(super) fn graph(&self, stream: StreamKey) -> Graph {
        graph(stream, self.streams.get(&stream).map(|stream| &stream.topology))
    }

    fn remove(&mut self, node: NodeId, now_ms: u64) {
        let Some(member) = self.members.remove(&node) else { return };
        for (stream, payer) in &member.streams {
            if let Some(payer) = payer {
                self.payers.leave(*payer, node, stream);
            }
        }
        for stream in member.streams.into_keys().chain(member.recruited).collect::<BTreeSet<_>>() {
            self.exit(node, stream, now_ms);
            self.recruit(stream, now_ms);
        }
    }

    fn enter(&mut self, node: NodeId, (key, publishes): (StreamKey, bool), now_ms: u64) {
        let Some(member) = self.members.get(&node) else { return };
        let (relay, place) = (member.relay.is_some(), member.place);
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let mut touched = if relay {
            stream.topology.join_relay(node, place, &mut self.rng)
        } else {
            stream.topology.join_client(node, place, publishes, &mut self.rng)
        };
        // A node that asks again is told again.
        touched.insert(node);
        stream.note_idle(now_ms);
        self.assign(key, &touched, now_ms);
    }

    fn exit(&mut self, node: NodeId, key: StreamKey, now_ms: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let touched = stream.topology.leave(&node, &mut self.rng);
        stream.load.forget(&node);
        stream.paying.remove(&node);
        stream.publishes_no_more(&node);
        stream.note_idle(now_ms);
        self.assign(key, &touched, now_ms);
    }

    /// Recruits the least burdened relays to a stream that has clients and too few relays.
    pub(super) fn recruit(&mut self, key: StreamKey, now_ms: u64) {
        loop {
            let Some(stream) = self.streams.get(&key) else { return };
            let (relays, clients) = (stream.topology.relay_count(), stream.paying.len());
            let each = self.shape.client_degree;
            let needed = stream.load.relays_needed(self.relays_per_stream, clients, each);
            if clients == 0 || relays >= needed {
                return;
            }
            let free = |(node, member): &(&NodeId, &Member)| {
                let carried = member.streams.len() + member.recruited.len();
                let room = member.relay.is_some_and(|offer| carried < offer.capacity as usize);
                let willing = now_ms >= member.declined_until_ms;
                room && willing && !stream.topology.contains(node)
            };
            let burden =
                |(_, member): &(&NodeId, &Member)| member.streams.len() + member.recruited.len();
            let Some(node) =
                self.members.iter().filter(free).min_by_key(burden).map(|(node, _)| *node)
            else {
                return;
            };
            let name = stream.name.clone();
            self.take(node, name, now_ms);
        }
    }

    /// A relay carries a stream already; for as long as clients may come it is as good as recruited.
    pub(super) fn offer(&mut self, node: NodeId, name: &Name, now_ms: u64) {
        let key = name.key();
        let Some(member) = self.members.get(&node) else { return };
        let carried = member.streams.len() + member.recruited.len();
        let room = member.relay.is_some_and(|offer| carried < offer.capacity as usize);
        let here = member.streams.contains_key(&key) || member.recruited.contains(&key);
        if !room || here {
            return;
        }
        let shape = self.shape;
        self.streams.entry(key).or_insert_with(|| Stream::new(name.clone(), shape));
        self.take(node, name.clone(), now_ms);
    }

    /// Makes a relay carry a stream.
    fn take(&mut self, node: NodeId, stream: Name, now_ms: u64) {
        let key = stream.key();
        if let Some(member) = self.members.get_mut(&node) {
            member.recruited.insert(key);
        }
        self.tell(node, FromTracker::Carry { stream });
        self.tell_permissions(node, key);
        self.enter(node, (key, false), now_ms);
    }

    /// Tells nodes their neighbours.
    fn assign(&mut self, key: StreamKey, nodes: &BTreeSet<NodeId>, now_ms: u64) {
        let Some(stream) = self.streams.get(&key) else { return };
        let mut texts = Vec::new();
        for node in nodes.iter().filter(|node| stream.topology.contains(node)) {
            let neighbour = |node: NodeId| {
                let member = self.members.get(&node)?;
                let (relay, incarnation) = (member.relay.is_some(), member.incarnation);
                Some(Neighbour { node, relay, incarnation })
            };
            let neighbours =
                stream.topology.neighbours(node).into_iter().filter_map(neighbour).collect();
            texts.push((*node, Assignment::sign(&self.key, *node, key, neighbours, now_ms)));
        }
        for (node, assignment) in texts {
            self.tell(node, FromTracker::Assign(assignment));
        }
    }

    /// Queues a text. A node whose queue is full loses its connection, and comes back for all.
    pub(super) fn tell(&mut self, node: NodeId, text: FromTracker) {
        if let Some(member) = self.members.get_mut(&node)
            && member.outbox.try_send(text).is_err()
        {
            // The session ends when the last sender of its queue is dropped.
            member.outbox = mpsc::channel(1).0;
        }
    }
}

impl Stream {
    fn new(name: Name, shape: Shape) -> Self {
        Self {
            name,
            topology: Topology::new(shape),
            publishers: BTreeMap::new(),
            load: Load::default(),
            paying: BTreeSet::new(),
            idle_since_ms: None,
        }
    }

    fn note_idle(&mut self, now_ms: u64) {
        if self.topology.client_count() > 0 {
            self.idle_since_ms = None;
        } else {
            self.idle_since_ms.get_or_insert(now_ms);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::SystemClock;
    use std::sync::Arc;
    use tatum_overlay::lease::Claim;
    use tatum_primitives::{B256, Epoch, EpochSchedule, StreamId};

    pub(in crate::tracker) fn state() -> State {
        let schedule = EpochSchedule { genesis_s: 0, length_s: 60 };
        let clock = Arc::new(SystemClock::new(schedule));
        let mut config =
            Config::new(NodeKey::from_bytes(&[9; 32]), ([127, 0, 0, 1], 0).into(), clock);
        config.relays_per_stream = 2;
        config.linger = Duration::from_secs(10);
        State::new(&config, Lists::default())
    }

    fn node(number: u8) -> NodeId {
        NodeId(B256::repeat_byte(number))
    }

    fn named(number: u8) -> Name {
        Name::new(StreamId::new(format!("test/{number}")).unwrap(), 0)
    }

    fn name() -> Name {
        named(77)
    }

    fn stream() -> StreamKey {
        name().key()
    }

    fn publisher(payer: Address) -> Account {
        Account { payer, signer: payer, role: Role::Publisher }
    }

    pub(in crate::tracker) fn connect(
        state: &mut State,
        number: u8,
        relay: bool,
    ) -> (u64, mpsc::Receiver<FromTracker>) {
        let (outbox, inbox) = mpsc::channel(64);
        let offer = relay.then_some(RelayOffer { capacity: 3 });
        let place = Place::default();
        (state.connect((node(number), place), offer, 1, outbox, 0), inbox)
    }

    fn last_assignment(inbox: &mut mpsc::Receiver<FromTracker>) -> Option<Assignment> {
        let mut last = None;
        while let Ok(text) = inbox.try_recv() {
            if let FromTracker::Assign(assignment) = text {
                last = Some(assignment);
            }
        }
        last
    }

    #[test]
    fn relays_are_recruited_when_clients_come_and_released_when_they_are_gone() {
        let mut state = state();
        let (_, mut relay) = connect(&mut state, 1, true);
        connect(&mut state, 2, true);
        connect(&mut state, 3, true);
        let (client, mut inbox) = connect(&mut state, 50, false);
        assert!(relay.try_recv().is_err());
        state.join(node(50), &name(), None, 0).unwrap();
        assert!(matches!(relay.try_recv(), Ok(FromTracker::Carry { .. })));
        let assignment = last_assignment(&mut inbox).unwrap();
        assert_eq!(assignment.neighbours.len(), 2);
        assert!(assignment.verify(state.key.id(), node(50)));
        assert!(!assignment.verify(state.key.id(), node(51)));
        state.disconnect(node(50), client, 5_000);
        state.sweep(14_999);
        assert_eq!(state.streams.len(), 1);
        state.sweep(15_000);
        assert!(state.streams.is_empty());
    }

    #[test]
    fn a_relay_that_vanishes_is_replaced() {
        let mut state = state();
        let (first, _keep) = connect(&mut state, 1, true);
        let (_, _keep2) = connect(&mut state, 2, true);
        let (_, mut inbox) = connect(&mut state, 50, false);
        state.join(node(50), &name(), None, 0).unwrap();
        let (_, _keep3) = connect(&mut state, 3, true);
        state.disconnect(node(1), first, 0);
        let neighbours = last_assignment(&mut inbox).unwrap().neighbours;
        let nodes: Vec<NodeId> = neighbours.iter().map(|neighbour| neighbour.node).collect();
        assert_eq!(nodes, vec![node(2), node(3)]);
    }

    #[test]
    fn a_relay_that_has_no_room_is_left_alone_for_a_while() {
        let mut state = state();
        let (_, mut relay) = connect(&mut state, 1, true);
        let (_, _client) = connect(&mut state, 50, false);
        state.join(node(50), &name(), None, 0).unwrap();
        state.leave(node(1), stream(), 0);
        let mut recruitments = || {
            let texts = std::iter::from_fn(|| relay.try_recv().ok());
            texts.filter(|text| matches!(text, FromTracker::Carry { .. })).count()
        };
        assert_eq!(recruitments(), 1);
        state.sweep(DECLINED_MS - 1);
        assert_eq!(recruitments(), 0);
        state.sweep(DECLINED_MS);
        assert_eq!(recruitments(), 1);
    }

    #[test]
    fn a_relay_that_carries_a_stream_already_is_kept_while_clients_may_come() {
        let mut state = state();
        let (_, mut relay) = connect(&mut state, 1, true);
        let (_, _free) = connect(&mut state, 2, true);
        let (_, mut client) = connect(&mut state, 50, false);
        for number in [77, 1, 2, 3] {
            state.offer(node(1), &named(number), 0);
        }
        assert_eq!(state.members[&node(1)].recruited.len(), 3, "as many as it has room for");
        assert!(matches!(relay.try_recv(), Ok(FromTracker::Carry { .. })));
        state.offer(node(50), &name(), 0);
        assert!(state.members[&node(50)].recruited.is_empty());
        state.join(node(50), &name(), None, 9_999).unwrap();
        state.sweep(10_000);
        assert_eq!(state.streams.keys().collect::<Vec<_>>(), [&stream()]);
        assert_eq!(last_assignment(&mut client).unwrap().neighbours.len(), 2);
    }

    #[test]
    fn signals_pass_between_neighbours_only() {
        let mut state = state();
        let (_, mut relay) = connect(&mut state, 1, true);
        let (_, _client) = connect(&mut state, 50, false);
        let (_, _stranger) = connect(&mut state, 51, false);
        state.join(node(50), &name(), None, 0).unwrap();
        let key = NodeKey::from_bytes(&rand::random());
        let signal = |to| {
            Signal::sign(&key, to, tatum_protocol::tracker::SignalKind::Offer, 1, String::new())
        };
        assert!(state.signal(node(50), node(1), signal(node(1))).is_ok());
        assert!(state.signal(node(51), node(1), signal(node(1))).is_err());
        let passed = std::iter::from_fn(|| relay.try_recv().ok())
            .filter(|text| matches!(text, FromTracker::Signal { .. }));
        assert_eq!(passed.count(), 1);
    }

    #[test]
    fn relays_are_recruited_as_demand_grows() {
        let mut state = state();
        let mut inboxes: Vec<_> = (1..=9).map(|number| connect(&mut state, number, true)).collect();
        for number in 50..90 {
            inboxes.push(connect(&mut state, number, false));
            state.join(node(number), &name(), None, 0).unwrap();
        }
        let relays = |state: &State| state.streams[&stream()].topology.relay_count();
        assert_eq!(relays(&state), 3);
        let carrying: Vec<u8> =
            (1..=9).filter(|n| state.members[&node(*n)].recruited.contains(&stream())).collect();
        for number in carrying {
            state.report(node(number), stream(), 1 << 20);
        }
        state.recruit(stream(), 0);
        assert_eq!(relays(&state), 5);
    }

    #[test]
    fn where_the_chain_is_followed_only_payers_make_it_recruit() {
        let mut state = state();
        state.follows_chain = true;
        let _relay = connect(&mut state, 1, true);
        let _client = connect(&mut state, 50, false);
        state.join(node(50), &name(), None, 0).unwrap();
        assert_eq!(state.streams[&stream()].topology.relay_count(), 0);
        state.join(node(50), &name(), Some(publisher(Address::repeat_byte(1))), 0).unwrap();
        assert_eq!(state.streams[&stream()].topology.relay_count(), 1);
    }

    proptest::proptest! {
        #[test]
        fn whatever_nodes_ask_the_state_stays_bounded(
            steps in proptest::collection::vec((0_u8..12, 0_u8..10, 0_u8..20), 1..120),
        ) {
            let mut state = state();
            let key = |number: u8| named(number).key();
            let mut inboxes = Vec::new();
            for (number, step, other) in steps {
                let asked = node(number);
                match step {
                    0 => inboxes.push(connect(&mut state, number, number < 6)),
                    1 => state.remove(asked, 0),
                    2 => drop(state.join(asked, &named(other), None, 0)),
                    3 => {
                        let account = Some(publisher(Address::repeat_byte(other)));
                        drop(state.join(asked, &named(other), account, 0));
                    }
                    4 => state.leave(asked, key(other), 0),
                    5 => state.avoid(asked, node(other), 0),
                    6 => {
                        state.report(asked, key(other), u64::MAX);
                        state.recruit(key(other), 0);
                    }
                    8 => state.offer(asked, &named(other), 0),
                    7 => {
                        let (payer, amount) = (Address::repeat_byte(other), u64::from(other) << 20);
                        let connection = state.members.get(&asked).map(|member| member.connection);
                        let (epoch, number, used) = (Epoch(1), 0, amount / 2);
                        let (held, wanted) = (amount, u64::MAX);
                        let claim = Claim { payer, epoch, number, held, used, wanted };
                        let at = (asked, connection.unwrap_or_default());
                        state.lease(at, &claim, Some(8 << 20));
                        proptest::prop_assert!(state.lessor.leased(payer, epoch) <= 8 << 20);
                    }
                    _ => state.sweep(u64::MAX),
                }
                for (key, stream) in &state.streams {
                    for relay in stream.topology.relays() {
                        let member = &state.members[&relay];
                        proptest::prop_assert!(
                            member.streams.contains_key(key) || member.recruited.contains(key)
                        );
                        let carried = member.recruited.len();
                        proptest::prop_assert!(carried <= 3, "{carried} streams");
                    }
                }
            }
        }
    }

    #[test]
    fn an_old_connection_ends_without_harm_to_the_new_one() {
        let mut state = state();
        let (old, _inbox) = connect(&mut state, 1, true);
        let (new, _inbox2) = connect(&mut state, 1, true);
        state.disconnect(node(1), old, 0);
        assert_eq!(state.node_count(), 1);
        state.disconnect(node(1), new, 0);
        assert_eq!(state.node_count(), 0);
    }
}

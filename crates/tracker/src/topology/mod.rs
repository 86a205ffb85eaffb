//! The tracker's graph of one stream partition: relays in a regular graph that knows regions and
//! parties, clients at its edge.
//!
//! Invariant: relays are never neighbours of themselves, every edge is known at both ends, no relay
//! has more than `degree` relay neighbours, and the relays are connected. With up to `degree + 1`
//! relays everyone knows everyone; with more, each has `degree` of them, except where the caps on
//! one party's share forbid it: rather fewer neighbours than surrounded ones.
//!
//! Of a relay's neighbours [`Shape::far`] are in other regions and the rest in its own, at random.
//! A message so crosses an ocean once and spreads on short links: in a region of `m` relays it
//! takes about `log₂ m` hops, and the far links of a region, `m` in number, lead everywhere else.
//! Source: random regular graphs by edge splitting (Bourassa and Holt, SWAN), small worlds (Watts
//! and Strogatz) for the mix of near and far.

mod clients;
mod place;
mod weave;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::Rng;
use tatum_primitives::NodeId;

pub use place::Place;
use place::{Caps, Parties};

/// Nodes that a node may avoid in one stream.
const MAX_AVOIDED: usize = 16;

/// Somebody whom a node does not want as a neighbour, and until when: judgements age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Avoided {
    node: NodeId,
    until_ms: u64,
}

/// How the graph is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Relay neighbours of a relay.
    pub degree: usize,
    /// Of those, how many are in other regions.
    pub far: usize,
    /// Relays of a client that subscribes.
    pub client_degree: usize,
    /// Relays of a client that publishes. It cannot see what becomes of its messages, so it must be
    /// unlikely that all its relays keep them to themselves.
    pub publisher_degree: usize,
    /// The largest part of a node's relays that may belong to one operator (other than its own) or
    /// stand in one address block; at least one may.
    pub share_percent: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { degree: 4, far: 1, client_degree: 2, publisher_degree: 4, share_percent: 25 }
    }
}

#[derive(Debug)]
struct Relay {
    place: Place,
    relays: BTreeSet<NodeId>,
    clients: BTreeSet<NodeId>,
    /// How many of `relays` are in other regions.
    far: usize,
}

#[derive(Debug)]
struct Client {
    place: Place,
    wants: usize,
    relays: BTreeSet<NodeId>,
}

/// Who is connected to whom in one stream partition.
#[derive(Debug)]
pub struct Topology {
    shape: Shape,
    relays: BTreeMap<NodeId, Relay>,
    clients: BTreeMap<NodeId, Client>,
    /// The relays of each region, in no order.
    regions: BTreeMap<u16, Vec<NodeId>>,
    /// Relays with fewer neighbours than they should have.
    lacking: BTreeSet<NodeId>,
    /// Clients with fewer relays than they should have.
    unseated: BTreeSet<NodeId>,
    parties: Parties,
    caps: Caps,
    /// Edges against the caps, drawn because only they kept the graph together.
    crowded: BTreeSet<(NodeId, NodeId)>,
    /// Whom a node does not want as a neighbour, the latest last.
    avoided: BTreeMap<NodeId, VecDeque<Avoided>>,
    touched: BTreeSet<NodeId>,
}

impl Topology {
    /// An empty graph.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            relays: BTreeMap::new(),
            clients: BTreeMap::new(),
            regions: BTreeMap::new(),
            lacking: BTreeSet::new(),
            unseated: BTreeSet::new(),
            parties: Parties::default(),
            caps: Caps::default(),
            crowded: BTreeSet::new(),
            avoided: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The relays.
    pub fn relays(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.relays.keys().copied()
    }

    /// All clients.
    pub fn clients(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.clients.keys().copied()
    }

    /// Number of relays.
    #[must_use]
    pub fn relay_count(&self) -> usize {
        self.relays.len()
    }

    /// Number of clients.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Whether the node takes part.
    #[must_use]
    pub fn contains(&self, node: &NodeId) -> bool {
        self.relays.contains_key(node) || self.clients.contains_key(node)
    }

    /// Where a node stands.
    #[must_use]
    pub fn place(&self, node: &NodeId) -> Option<Place> {
        let relay = self.relays.get(node).map(|relay| relay.place);
        relay.or_else(|| self.clients.get(node).map(|client| client.place))
    }

    /// Whether the two shall be linked.
    #[must_use]
    pub fn are_neighbours(&self, a: &NodeId, b: &NodeId) -> bool {
        let has = |one, other| {
            let relay = self.relays.get(one);
            relay.is_some_and(|relay| relay.relays.contains(other) || relay.clients.contains(other))
        };
        has(a, b) || has(b, a)
    }

    /// The nodes that `node` shall be linked with.
    #[must_use]
    pub fn neighbours(&self, node: &NodeId) -> BTreeSet<NodeId> {
        match (self.relays.get(node), self.clients.get(node)) {
            (Some(relay), _) => relay.relays.union(&relay.clients).copied().collect(),
            (None, Some(client)) => client.relays.clone(),
            (None, None) => BTreeSet::new(),
        }
    }

    /// The relays that `node` shall be linked with.
    #[must_use]
    pub fn relays_of(&self, node: &NodeId) -> BTreeSet<NodeId> {
        let relay = self.relays.get(node).map(|relay| &relay.relays);
        let relays = relay.or_else(|| self.clients.get(node).map(|client| &client.relays));
        relays.cloned().unwrap_or_default()
    }

    /// Adds a relay; gives the nodes whose neighbours changed.
    pub fn join_relay(
        &mut self,
        node: NodeId,
        place: Place,
        rng: &mut impl Rng,
    ) -> BTreeSet<NodeId> {
        if self.relays.contains_key(&node) {
            return BTreeSet::new();
        }
        let mut touched = self.leave(&node, rng);
        touched.insert(node);
        self.insert_relay(node, place);
        let caps = self.caps;
        self.weave_in(node, rng);
        self.enforce_caps(caps, rng);
        self.relieve(rng);
        self.seat_clients(rng);
        touched.append(&mut self.touched);
        touched
    }

    /// Adds a client, or one that publishes now as well; gives the nodes whose neighbours changed.
    pub fn join_client(
        &mut self,
        node: NodeId,
        place: Place,
        publishes: bool,
        rng: &mut impl Rng,
    ) -> BTreeSet<NodeId> {
        if self.relays.contains_key(&node) {
            return BTreeSet::new();
        }
        let degree = if publishes { self.shape.publisher_degree } else { self.shape.client_degree };
        let client =
            self.clients.entry(node).or_insert(Client { place, wants: 0, relays: BTreeSet::new() });
        if client.wants >= degree {
            return BTreeSet::new();
        }
        client.wants = degree;
        self.unseated.insert(node);
        self.touched.insert(node);
        self.seat_clients(rng);
        std::mem::take(&mut self.touched)
    }

    /// A node had bad experience with another: they are parted, and until then not joined again while
    /// others are to be had. Gives the nodes whose neighbours changed.
    pub fn avoid(
        &mut self,
        node: NodeId,
        other: NodeId,
        until_ms: u64,
        rng: &mut impl Rng,
    ) -> BTreeSet<NodeId> {
        if !self.are_neighbours(&node, &other) {
            return BTreeSet::new();
        }
        let avoided = self.avoided.entry(node).or_default();
        avoided.push_back(Avoided { node: other, until_ms });
        avoided.drain(..avoided.len().saturating_sub(MAX_AVOIDED));
        if self.relays.contains_key(&node) && self.relays.contains_key(&other) {
            self.disconnect(node, other);
            self.weave_over(&BTreeSet::from([node, other]), rng);
        } else {
            let (client, relay) =
                if self.clients.contains_key(&node) { (node, other) } else { (other, node) };
            self.unseat(client, relay);
        }
        self.seat_clients(rng);
        std::mem::take(&mut self.touched)
    }

    /// Forgets judgements that have aged; gives the nodes whose neighbours changed.
    pub fn forgive(&mut self, now_ms: u64, rng: &mut impl Rng) -> BTreeSet<NodeId> {
        let before: usize = self.avoided.values().map(VecDeque::len).sum();
        self.avoided.retain(|_, avoided| {
            avoided.retain(|judged| judged.until_ms > now_ms);
            !avoided.is_empty()
        });
        if self.avoided.values().map(VecDeque::len).sum::<usize>() < before {
            self.relieve(rng);
            self.seat_clients(rng);
        }
        std::mem::take(&mut self.touched)
    }

    fn avoids(&self, a: &NodeId, b: &NodeId) -> bool {
        let avoids = |one, other: &NodeId| {
            let avoided = self.avoided.get(one);
            avoided.is_some_and(|avoided| avoided.iter().any(|judged| judged.node == *other))
        };
        avoids(a, b) || avoids(b, a)
    }

    /// Removes a node; gives the others whose neighbours changed.
    pub fn leave(&mut self, node: &NodeId, rng: &mut impl Rng) -> BTreeSet<NodeId> {
        self.avoided.remove(node);
        if self.clients.contains_key(node) {
            self.remove_client(node);
        } else if let Some(neighbours) = self.remove_relay(node) {
            self.weave_over(&neighbours, rng);
            self.seat_clients(rng);
        }
        self.touched.remove(node);
        std::mem::take(&mut self.touched)
    }

    fn insert_relay(&mut self, node: NodeId, place: Place) {
        self.parties.add(&place);
        self.regions.entry(place.region).or_default().push(node);
        let (relays, clients) = (BTreeSet::new(), BTreeSet::new());
        self.relays.insert(node, Relay { place, relays, clients, far: 0 });
        self.note_all_lacking();
    }

    /// Removes a relay and gives its relay neighbours.
    fn remove_relay(&mut self, node: &NodeId) -> Option<BTreeSet<NodeId>> {
        let neighbours = self.relays.get(node)?.relays.clone();
        for neighbour in &neighbours {
            self.disconnect(*node, *neighbour);
        }
        let relay = self.relays.remove(node)?;
        self.lacking.remove(node);
        self.parties.remove(&relay.place);
        if let Some(members) = self.regions.get_mut(&relay.place.region) {
            members.retain(|member| member != node);
            if members.is_empty() {
                self.regions.remove(&relay.place.region);
            }
        }
        for client in relay.clients {
            if let Some(state) = self.clients.get_mut(&client) {
                state.relays.remove(node);
                self.unseated.insert(client);
                self.touched.insert(client);
            }
        }
        self.note_all_lacking();
        Some(neighbours)
    }

    /// Neighbours that every relay should have.
    fn target(&self) -> usize {
        self.shape.degree.min(self.relays.len().saturating_sub(1))
    }

    /// While the graph is small, what a relay should have changes with its size.
    fn note_all_lacking(&mut self) {
        if self.relays.len() <= self.shape.degree.saturating_add(2) {
            let nodes: Vec<NodeId> = self.relays.keys().copied().collect();
            nodes.into_iter().for_each(|node| self.note_lacking(node));
        }
    }

    fn note_lacking(&mut self, node: NodeId) {
        let target = self.target();
        if self.relays.get(&node).is_some_and(|relay| relay.relays.len() < target) {
            self.lacking.insert(node);
        } else {
            self.lacking.remove(&node);
        }
    }

    fn connect(&mut self, a: NodeId, b: NodeId) {
        let far = self.is_far(a, b);
        for (one, other) in [(a, b), (b, a)] {
            if let Some(relay) = self.relays.get_mut(&one)
                && relay.relays.insert(other)
            {
                relay.far = relay.far.saturating_add(usize::from(far));
            }
            self.touched.insert(one);
            self.note_lacking(one);
        }
    }

    fn disconnect(&mut self, a: NodeId, b: NodeId) {
        let far = self.is_far(a, b);
        for (one, other) in [(a, b), (b, a)] {
            if let Some(relay) = self.relays.get_mut(&one)
                && relay.relays.remove(&other)
            {
                relay.far = relay.far.saturating_sub(usize::from(far));
            }
            self.touched.insert(one);
            self.note_lacking(one);
        }
    }

    fn region(&self, node: &NodeId) -> Option<u16> {
        self.relays.get(node).map(|relay| relay.place.region)
    }

    fn is_far(&self, a: NodeId, b: NodeId) -> bool {
        self.region(&a) != self.region(&b)
    }
}

#[cfg(test)]
mod tests;

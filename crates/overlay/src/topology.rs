//! The tracker's graph of one stream partition: relays in a random regular graph, clients at its
//! edge.
//!
//! Invariant: relays are never neighbours of themselves, every edge is known at both ends, and no
//! relay has more than `degree + 1` relay neighbours. With up to `degree + 1` relays everyone knows
//! everyone; with more, each has `degree` of them (one fewer where the count of ends is odd).
//! Source: random regular graphs by edge splitting (Bourassa and Holt, SWAN).

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand::seq::IteratorRandom;
use tatum_primitives::NodeId;

/// How the graph is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Relay neighbours of a relay.
    pub degree: usize,
    /// Relays of a client.
    pub client_degree: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { degree: 4, client_degree: 2 }
    }
}

/// Who is connected to whom in one stream partition.
#[derive(Debug)]
pub struct Topology {
    shape: Shape,
    relays: BTreeMap<NodeId, BTreeSet<NodeId>>,
    clients: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl Topology {
    /// An empty graph.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self { shape, relays: BTreeMap::new(), clients: BTreeMap::new() }
    }

    /// The relays.
    pub fn relays(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.relays.keys().copied()
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

    /// The nodes that `node` shall be linked with.
    #[must_use]
    pub fn neighbours(&self, node: &NodeId) -> BTreeSet<NodeId> {
        if let Some(relays) = self.clients.get(node) {
            return relays.clone();
        }
        let mut all = self.relays.get(node).cloned().unwrap_or_default();
        let mine = self.clients.iter().filter(|(_, relays)| relays.contains(node));
        all.extend(mine.map(|(client, _)| *client));
        all
    }

    /// Adds a relay; gives the nodes whose neighbours changed.
    pub fn join_relay(&mut self, node: NodeId, rng: &mut impl Rng) -> BTreeSet<NodeId> {
        if self.relays.contains_key(&node) {
            return BTreeSet::new();
        }
        let mut touched = self.leave(&node, rng);
        touched.insert(node);
        self.relays.insert(node, BTreeSet::new());
        self.splice(node, rng, &mut touched);
        self.fill(rng, &mut touched);
        self.seat_clients(rng, &mut touched);
        touched
    }

    /// Adds a client; gives the nodes whose neighbours changed.
    pub fn join_client(&mut self, node: NodeId, rng: &mut impl Rng) -> BTreeSet<NodeId> {
        let mut touched = BTreeSet::new();
        if !self.contains(&node) {
            self.clients.insert(node, BTreeSet::new());
            touched.insert(node);
            self.seat_clients(rng, &mut touched);
        }
        touched
    }

    /// Removes a node; gives the others whose neighbours changed.
    pub fn leave(&mut self, node: &NodeId, rng: &mut impl Rng) -> BTreeSet<NodeId> {
        let mut touched = BTreeSet::new();
        if let Some(relays) = self.clients.remove(node) {
            touched.extend(relays);
        }
        if let Some(neighbours) = self.relays.remove(node) {
            for neighbour in neighbours {
                if let Some(theirs) = self.relays.get_mut(&neighbour) {
                    theirs.remove(node);
                }
                touched.insert(neighbour);
            }
            for (client, relays) in &mut self.clients {
                if relays.remove(node) {
                    touched.insert(*client);
                }
            }
            self.fill(rng, &mut touched);
            self.seat_clients(rng, &mut touched);
        }
        touched
    }

    /// Puts the newcomer into the middle of random edges.
    fn splice(&mut self, node: NodeId, rng: &mut impl Rng, touched: &mut BTreeSet<NodeId>) {
        if self.relays.len() <= self.shape.degree + 1 {
            return;
        }
        for _ in 0..self.shape.degree / 2 {
            let edges = self.relays.iter().flat_map(|(a, theirs)| {
                theirs.iter().filter(move |b| a < *b).map(move |b| (*a, *b))
            });
            let mine = &self.relays[&node];
            let free = |(a, b): &(NodeId, NodeId)| {
                *a != node && *b != node && !mine.contains(a) && !mine.contains(b)
            };
            let Some((a, b)) = edges.filter(free).choose(rng) else { return };
            self.disconnect(a, b);
            self.connect(a, node);
            self.connect(node, b);
            touched.extend([a, b]);
        }
    }

    /// Connects relays that have too few neighbours, with each other where that is possible.
    fn fill(&mut self, rng: &mut impl Rng, touched: &mut BTreeSet<NodeId>) {
        let target = self.shape.degree.min(self.relays.len().saturating_sub(1));
        loop {
            let degree = |node: &NodeId| self.relays[node].len();
            let Some(poorest) = self.relays.keys().copied().min_by_key(degree) else { return };
            if degree(&poorest) >= target {
                return;
            }
            let stranger =
                |node: &&NodeId| **node != poorest && !self.relays[*node].contains(&poorest);
            let Some(fewest) = self.relays.keys().filter(stranger).map(degree).min() else {
                return;
            };
            if fewest > target {
                return;
            }
            // A last odd one out may make one relay exceed the degree by one.
            let among = self.relays.keys().filter(stranger).filter(|node| degree(node) == fewest);
            let Some(other) = among.copied().choose(rng) else { return };
            self.connect(poorest, other);
            touched.extend([poorest, other]);
        }
    }

    /// Gives every client its relays: the least burdened ones, at random among equals.
    fn seat_clients(&mut self, rng: &mut impl Rng, touched: &mut BTreeSet<NodeId>) {
        let target = self.shape.client_degree.min(self.relays.len());
        let mut load: BTreeMap<NodeId, usize> =
            self.relays.keys().map(|relay| (*relay, 0)).collect();
        for relay in self.clients.values().flatten() {
            *load.entry(*relay).or_default() += 1;
        }
        for (client, relays) in &mut self.clients {
            while relays.len() < target {
                let free = || load.iter().filter(|(relay, _)| !relays.contains(*relay));
                let Some(least) = free().map(|(_, load)| *load).min() else { break };
                let equals = free().filter(|(_, load)| **load == least).map(|(relay, _)| *relay);
                let Some(relay) = equals.choose(rng) else { break };
                relays.insert(relay);
                *load.entry(relay).or_default() += 1;
                touched.extend([*client, relay]);
            }
        }
    }

    fn connect(&mut self, a: NodeId, b: NodeId) {
        self.relays.entry(a).or_default().insert(b);
        self.relays.entry(b).or_default().insert(a);
    }

    fn disconnect(&mut self, a: NodeId, b: NodeId) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(theirs) = self.relays.get_mut(&one) {
                theirs.remove(&other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use tatum_primitives::B256;

    fn node(number: u8) -> NodeId {
        NodeId(B256::left_padding_from(&[number]))
    }

    fn check(topology: &Topology) {
        let count = topology.relays.len();
        let target = topology.shape.degree.min(count.saturating_sub(1));
        let mut short = 0;
        for (relay, theirs) in &topology.relays {
            assert!(!theirs.contains(relay));
            assert!(theirs.len() <= topology.shape.degree + 1);
            short += target.saturating_sub(theirs.len());
            for other in theirs {
                assert!(topology.relays[other].contains(relay), "an edge is known at one end only");
            }
        }
        assert!(short <= 1, "{short} ends are missing");
        for relays in topology.clients.values() {
            assert_eq!(relays.len(), topology.shape.client_degree.min(count));
        }
    }

    fn connected(topology: &Topology) -> bool {
        let mut reached = BTreeSet::new();
        let mut todo: Vec<NodeId> = topology.relays().take(1).collect();
        while let Some(next) = todo.pop() {
            if reached.insert(next) {
                todo.extend(&topology.relays[&next]);
            }
        }
        reached.len() == topology.relays.len()
    }

    #[test]
    fn few_relays_form_a_full_mesh() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut topology = Topology::new(Shape::default());
        for number in 0..5 {
            topology.join_relay(node(number), &mut rng);
        }
        assert!(topology.relays.values().all(|theirs| theirs.len() == 4));
    }

    #[test]
    fn many_relays_form_a_connected_regular_graph() {
        for seed in 0..20 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut topology = Topology::new(Shape::default());
            for number in 0..60 {
                topology.join_relay(node(number), &mut rng);
                check(&topology);
            }
            assert!(connected(&topology), "seed {seed}");
        }
    }

    #[test]
    fn a_client_waits_for_relays_and_is_moved_when_one_leaves() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut topology = Topology::new(Shape::default());
        topology.join_client(node(100), &mut rng);
        assert!(topology.neighbours(&node(100)).is_empty());
        for number in 0..3 {
            topology.join_relay(node(number), &mut rng);
        }
        let before = topology.neighbours(&node(100));
        assert_eq!(before.len(), 2);
        let gone = *before.first().unwrap();
        let touched = topology.leave(&gone, &mut rng);
        assert!(touched.contains(&node(100)));
        assert_eq!(topology.neighbours(&node(100)).len(), 2);
        assert!(!topology.neighbours(&node(100)).contains(&gone));
    }

    proptest! {
        #[test]
        fn joins_and_leaves_keep_the_graph_regular(
            seed in any::<u64>(),
            steps in prop::collection::vec((0_u8..40, 0_u8..3), 1..120),
        ) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut topology = Topology::new(Shape::default());
            for (number, step) in steps {
                let before: BTreeMap<NodeId, BTreeSet<NodeId>> = (0..100)
                    .map(|number| (node(number), topology.neighbours(&node(number))))
                    .collect();
                let touched = match step {
                    0 => topology.leave(&node(number), &mut rng),
                    1 => topology.join_relay(node(number), &mut rng),
                    _ => topology.join_client(node(number + 50), &mut rng),
                };
                check(&topology);
                for (other, old) in before {
                    let same = topology.neighbours(&other) == old;
                    let removed = step == 0 && other == node(number);
                    prop_assert!(same || removed || touched.contains(&other));
                }
            }
        }
    }
}

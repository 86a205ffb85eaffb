//! How edges between relays are drawn and redrawn.
//!
//! Invariant: every step keeps the number of neighbours of all relays but those it is meant for,
//! respects the caps, and leaves the graph connected.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::{IndexedRandom, IteratorRandom};
use tatum_primitives::NodeId;

use super::Topology;
use super::place::{Caps, Place};

/// Random edges looked at before all are.
const GUESSES: usize = 48;
/// Neighbours exchanged at most after a change, per region.
const EXCHANGES: usize = 4;

type Edge = (NodeId, NodeId);
/// A relay and the neighbour it gives up.
type Losing = (NodeId, Option<NodeId>);

/// Which edges come into question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both ends in this region.
    Near(u16),
    /// The ends in two regions, neither of them this.
    Far(u16),
    Any,
}

impl Topology {
    /// Connects a new relay.
    pub(super) fn weave_in(&mut self, node: NodeId, rng: &mut impl Rng) {
        self.caps = self.current_caps();
        let region = self.region(&node).unwrap_or_default();
        if self.relays.len() > self.shape.degree.saturating_add(1) {
            while self.wants(&node) >= 2 {
                let near = self.near_room(region);
                let kinds = if near {
                    [Kind::Near(region), Kind::Far(region), Kind::Any]
                } else {
                    [Kind::Far(region), Kind::Near(region), Kind::Any]
                };
                if !kinds.into_iter().any(|kind| self.splice(node, kind, rng)) {
                    break;
                }
            }
        }
        self.fill(rng);
        // Caps may have left it alone; then the relay with the fewest neighbours takes it.
        let degree = |other: &NodeId| self.relays.get(other).map_or(0, |relay| relay.relays.len());
        let others = self.relays.keys().filter(|other| **other != node);
        let fewest = others.clone().map(degree).min();
        let anchor = others.filter(|other| Some(degree(other)) == fewest).choose(rng).copied();
        self.mend(&anchor.into_iter().chain([node]).collect(), rng);
        self.level(region, rng);
    }

    /// Connects the neighbours of a relay that left.
    pub(super) fn weave_over(&mut self, neighbours: &BTreeSet<NodeId>, rng: &mut impl Rng) {
        self.caps = self.current_caps();
        self.fill(rng);
        self.mend(neighbours, rng);
        let regions: BTreeSet<u16> =
            neighbours.iter().filter_map(|neighbour| self.region(neighbour)).collect();
        for region in regions {
            self.level(region, rng);
        }
    }

    /// With more parties each may have less: neighbours that are too many now are parted.
    pub(super) fn enforce_caps(&mut self, before: Caps, rng: &mut impl Rng) {
        if self.caps == before {
            return;
        }
        let nodes: Vec<NodeId> = self.relays.keys().copied().collect();
        let mut parted = BTreeSet::new();
        for node in nodes {
            let Some(relay) = self.relays.get(&node) else { continue };
            for other in relay.relays.clone() {
                if !self.bears(node, other, &[other]) {
                    self.disconnect(node, other);
                    parted.extend([node, other]);
                }
            }
        }
        if !parted.is_empty() {
            self.fill(rng);
            self.mend(&parted, rng);
        }
    }

    fn current_caps(&self) -> Caps {
        self.parties.caps(self.shape.degree, self.shape.share_percent)
    }

    fn wants(&self, node: &NodeId) -> usize {
        let degree = self.relays.get(node).map_or(0, |relay| relay.relays.len());
        self.target().saturating_sub(degree)
    }

    /// Whether the region has its share of far ends already, so that two more should be near.
    fn near_room(&self, region: u16) -> bool {
        let members = self.regions.get(&region).map(Vec::as_slice).unwrap_or_default();
        let far: usize =
            members.iter().filter_map(|node| self.relays.get(node)).map(|relay| relay.far).sum();
        far.saturating_add(2) > members.len().saturating_mul(self.shape.far)
    }

    /// Whether `node` bears `new` as a neighbour, if it had not those in `without`.
    fn bears(&self, node: NodeId, new: NodeId, without: &[NodeId]) -> bool {
        let (Some(relay), Some(other)) = (self.relays.get(&node), self.relays.get(&new)) else {
            return false;
        };
        let theirs = relay.relays.iter().filter(|neighbour| !without.contains(*neighbour));
        let places = theirs.filter_map(|neighbour| self.relays.get(neighbour)).map(|r| &r.place);
        self.caps.allow(&relay.place, places, &other.place)
    }

    fn adjacent(&self, a: NodeId, b: NodeId) -> bool {
        self.relays.get(&a).is_some_and(|relay| relay.relays.contains(&b))
    }

    /// Whether the two may become neighbours, once each lost the neighbour given with it.
    fn may_meet(&self, (a, lost_a): Losing, (b, lost_b): Losing) -> bool {
        a != b
            && !self.adjacent(a, b)
            && !self.avoids(&a, &b)
            && self.bears(a, b, lost_a.as_slice())
            && self.bears(b, a, lost_b.as_slice())
    }

    fn is_kind(&self, (a, b): Edge, kind: Kind) -> bool {
        let (Some(one), Some(other)) = (self.region(&a), self.region(&b)) else { return false };
        match kind {
            Kind::Any => true,
            Kind::Near(region) => one == region && other == region,
            Kind::Far(region) => one != other && one != region && other != region,
        }
    }

    /// An edge of a kind for which `suits` holds: by guessing, and if that fails by looking at all.
    fn edge(&self, kind: Kind, rng: &mut impl Rng, suits: impl Fn(Edge) -> bool) -> Option<Edge> {
        let regions: Vec<&Vec<NodeId>> = match kind {
            Kind::Near(region) => self.regions.get(&region).into_iter().collect(),
            _ => self.regions.values().collect(),
        };
        for _ in 0..GUESSES {
            let members = regions.choose_weighted(rng, |members| members.len()).ok()?;
            let a = *members.choose(rng)?;
            let Some(b) = self.relays.get(&a).and_then(|relay| relay.relays.iter().choose(rng))
            else {
                continue;
            };
            if self.is_kind((a, *b), kind) && suits((a, *b)) {
                return Some((a, *b));
            }
        }
        let members = regions.into_iter().flatten();
        let edges = members.flat_map(|a| {
            let theirs = self.relays.get(a).map(|relay| relay.relays.iter());
            theirs.into_iter().flatten().map(move |b| (*a, *b))
        });
        edges.filter(|edge| self.is_kind(*edge, kind) && suits(*edge)).choose(rng)
    }

    /// Puts a relay into the middle of a random edge.
    fn splice(&mut self, node: NodeId, kind: Kind, rng: &mut impl Rng) -> bool {
        let found = self.edge(kind, rng, |(a, b)| {
            // Both ends become neighbours at once; so they are counted together.
            self.may_meet((node, None), (a, Some(b)))
                && self.may_meet((node, None), (b, Some(a)))
                && {
                    let places: Vec<Place> = self.places_of(node, &a);
                    let b_place = self.relays.get(&b).map(|relay| relay.place).unwrap_or_default();
                    let mine = self.relays.get(&node).map(|relay| relay.place).unwrap_or_default();
                    self.caps.allow(&mine, places.iter(), &b_place)
                }
        });
        let Some((a, b)) = found else { return false };
        self.disconnect(a, b);
        self.connect(a, node);
        self.connect(node, b);
        true
    }

    /// Where a relay's neighbours stand, and one more.
    fn places_of(&self, node: NodeId, more: &NodeId) -> Vec<Place> {
        let relays = self.relays.get(&node).map(|relay| relay.relays.iter());
        let nodes = relays.into_iter().flatten().chain([more]);
        nodes.filter_map(|node| self.relays.get(node)).map(|relay| relay.place).collect()
    }

    /// Connects relays that have too few neighbours, with each other where that is possible.
    fn fill(&mut self, rng: &mut impl Rng) {
        let mut hopeless = BTreeSet::new();
        loop {
            let open = self.lacking.iter().filter(|node| !hopeless.contains(*node));
            let Some(node) = open.max_by_key(|node| self.wants(node)).copied() else { return };
            let free = self
                .lacking
                .iter()
                .copied()
                .filter(|other| self.may_meet((node, None), (*other, None)));
            let cost = |other: NodeId| (self.misfit(node, other), Reverse(self.wants(&other)));
            let best = free.clone().map(cost).min();
            let partner = free.filter(|other| Some(cost(*other)) == best).choose(rng);
            if let Some(partner) = partner {
                self.connect(node, partner);
                continue;
            }
            let spliced = self.wants(&node) >= 2 && self.splice(node, Kind::Any, rng);
            if !spliced && !self.splice_two(node, rng) {
                hopeless.insert(node);
            }
        }
    }

    /// How badly an edge would fit the mix of near and far at both ends.
    fn misfit(&self, a: NodeId, b: NodeId) -> usize {
        let far = self.is_far(a, b);
        let misfit = |node: &NodeId| {
            let wants_far = self.relays.get(node).is_some_and(|relay| relay.far < self.shape.far);
            usize::from(wants_far != far)
        };
        misfit(&a).saturating_add(misfit(&b))
    }

    /// Two relays lack one neighbour each but may not meet: an edge is taken apart for them.
    fn splice_two(&mut self, node: NodeId, rng: &mut impl Rng) -> bool {
        let others: Vec<NodeId> =
            self.lacking.iter().copied().filter(|other| *other != node).collect();
        for other in others {
            let found = self.edge(Kind::Any, rng, |(a, b)| {
                ![a, b].contains(&node)
                    && ![a, b].contains(&other)
                    && self.may_meet((node, None), (a, Some(b)))
                    && self.may_meet((other, None), (b, Some(a)))
            });
            let Some((a, b)) = found else { continue };
            self.disconnect(a, b);
            self.connect(node, a);
            self.connect(other, b);
            if self.linked(a, b) {
                return true;
            }
            self.disconnect(node, a);
            self.disconnect(other, b);
            self.connect(a, b);
        }
        false
    }

    /// Evens out who in a region has far neighbours. Two with too many become neighbours; one with
    /// too many gives one to one with none, and takes a near one for it.
    fn level(&mut self, region: u16, rng: &mut impl Rng) {
        for _ in 0..EXCHANGES {
            if !self.near_room(region) || !self.gather(region, rng) {
                break;
            }
        }
        for _ in 0..EXCHANGES {
            let members = self.regions.get(&region).map(Vec::as_slice).unwrap_or_default();
            let far = |node: &NodeId| self.relays.get(node).map_or(0, |relay| relay.far);
            let rich = members.iter().filter(|node| far(node) > self.shape.far).choose(rng);
            let poor = members.iter().filter(|node| far(node) < self.shape.far).choose(rng);
            let (Some(rich), Some(poor)) = (rich.copied(), poor.copied()) else { return };
            if !self.exchange(rich, poor) {
                return;
            }
        }
    }

    /// Makes neighbours of two relays of a region that both have too many far ones, and of those
    /// that they give up for it.
    fn gather(&mut self, region: u16, rng: &mut impl Rng) -> bool {
        let graph = &*self;
        let far = |node: &NodeId| graph.relays.get(node).map_or(0, |relay| relay.far);
        let members = graph.regions.get(&region).map(Vec::as_slice).unwrap_or_default();
        let rich: Vec<NodeId> =
            members.iter().copied().filter(|node| far(node) > graph.shape.far).collect();
        let Some(one) = rich.choose(rng).copied() else { return false };
        let others = rich.iter().copied().filter(|other| *other != one);
        let pairs = others.flat_map(|other| {
            let gives = graph.far_of(one).into_iter();
            gives.flat_map(move |a| graph.far_of(other).into_iter().map(move |b| (other, a, b)))
        });
        let suits = |(other, a, b): &(NodeId, NodeId, NodeId)| {
            // What they give up may become near neighbours; then both must have far ones to spare.
            let spare =
                graph.is_far(*a, *b) || (far(a) > graph.shape.far && far(b) > graph.shape.far);
            spare
                && graph.may_meet((one, Some(*a)), (*other, Some(*b)))
                && graph.may_meet((*a, Some(one)), (*b, Some(*other)))
        };
        let Some((other, a, b)) = pairs.filter(suits).choose(rng) else { return false };
        self.swap((one, a), (b, other));
        if self.linked(one, a) {
            return true;
        }
        self.swap((one, other), (b, a));
        false
    }

    fn far_of(&self, node: NodeId) -> Vec<NodeId> {
        let relays = self.relays.get(&node).map(|relay| relay.relays.iter());
        let all = relays.into_iter().flatten().copied();
        all.filter(|other| self.is_far(node, *other)).collect()
    }

    fn exchange(&mut self, rich: NodeId, poor: NodeId) -> bool {
        let gives = self.far_of(rich);
        let relays = self.relays.get(&poor).map(|relay| relay.relays.iter());
        let near = relays.into_iter().flatten().filter(|other| !self.is_far(poor, **other));
        let takes: Vec<NodeId> = near.copied().collect();
        let pairs = gives.iter().flat_map(|give| takes.iter().map(move |take| (*give, *take)));
        let suits = |(give, take): &Edge| {
            *take != rich
                && self.may_meet((poor, Some(*take)), (*give, Some(rich)))
                && self.may_meet((rich, Some(*give)), (*take, Some(poor)))
        };
        let Some((give, take)) = pairs.into_iter().find(suits) else { return false };
        self.swap((rich, give), (poor, take));
        if self.linked(rich, poor) {
            return true;
        }
        // That tore the graph apart: back.
        self.swap((rich, take), (poor, give));
        false
    }

    /// Edges `(a, b)` and `(c, d)` become `(a, d)` and `(c, b)`.
    fn swap(&mut self, (a, b): Edge, (c, d): Edge) {
        self.disconnect(a, b);
        self.disconnect(c, d);
        self.connect(a, d);
        self.connect(c, b);
    }

    /// Joins what fell apart around `nodes`. Here being connected goes before caps and degrees.
    fn mend(&mut self, nodes: &BTreeSet<NodeId>, rng: &mut impl Rng) {
        let mut nodes = nodes.iter().copied().filter(|node| self.relays.contains_key(node));
        let Some(first) = nodes.next() else { return };
        for node in nodes.collect::<Vec<_>>() {
            if self.linked(first, node) {
                continue;
            }
            if !self.bridge(first, node, rng) {
                self.connect(first, node);
                self.note_crowded((first, node));
            }
        }
    }

    fn note_crowded(&mut self, (a, b): Edge) {
        if self.adjacent(a, b) && !(self.bears(a, b, &[b]) && self.bears(b, a, &[a])) {
            self.crowded.insert((a, b));
        }
    }

    /// Replaces edges that were drawn against the caps, as soon as there are others to be had.
    pub(super) fn relieve(&mut self, rng: &mut impl Rng) {
        for (one, other) in self.crowded.iter().copied().take(EXCHANGES).collect::<Vec<_>>() {
            let borne = self.bears(one, other, &[other]) && self.bears(other, one, &[one]);
            if !self.adjacent(one, other) || borne {
                self.crowded.remove(&(one, other));
                continue;
            }
            let found = self.edge(Kind::Any, rng, |(c, d)| {
                ![c, d].contains(&one)
                    && ![c, d].contains(&other)
                    && self.may_meet((one, Some(other)), (d, Some(c)))
                    && self.may_meet((other, Some(one)), (c, Some(d)))
            });
            let Some((c, d)) = found else { continue };
            self.swap((one, other), (c, d));
            if self.linked(one, other) {
                self.crowded.remove(&(one, other));
            } else {
                self.swap((one, d), (c, other));
            }
        }
    }

    /// Connects two parts of the graph by exchanging an edge of each; false if that would tear one.
    fn bridge(&mut self, one: NodeId, other: NodeId, rng: &mut impl Rng) -> bool {
        if self.wants(&one) > 0 && self.wants(&other) > 0 {
            return false;
        }
        let neighbour = |node: NodeId, rng: &mut _| {
            let relays = self.relays.get(&node).map(|relay| relay.relays.iter());
            relays.into_iter().flatten().copied().choose(rng)
        };
        let (Some(a), Some(b)) = (neighbour(one, rng), neighbour(other, rng)) else { return false };
        self.swap((one, a), (other, b));
        if self.linked(one, other) {
            self.note_crowded((one, b));
            self.note_crowded((other, a));
            return true;
        }
        self.swap((one, b), (other, a));
        false
    }

    /// Whether there is a path between two relays; searched from both ends at once.
    pub(super) fn linked(&self, a: NodeId, b: NodeId) -> bool {
        let (mut here, mut edge) = (BTreeSet::from([a]), vec![a]);
        let (mut there, mut other_edge) = (BTreeSet::from([b]), vec![b]);
        if a == b {
            return true;
        }
        loop {
            // The side that has reached less goes on.
            if there.len() < here.len() {
                std::mem::swap(&mut here, &mut there);
                std::mem::swap(&mut edge, &mut other_edge);
            }
            let mut next = Vec::new();
            for node in std::mem::take(&mut edge) {
                let relays = self.relays.get(&node).map(|relay| relay.relays.iter());
                for other in relays.into_iter().flatten() {
                    if there.contains(other) {
                        return true;
                    }
                    if here.insert(*other) {
                        next.push(*other);
                    }
                }
            }
            if next.is_empty() {
                return false;
            }
            edge = next;
        }
    }
}

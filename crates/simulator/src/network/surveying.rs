//! Looks into the books of the trackers.
//!
//! Invariant: a survey changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::{Address, NodeId, StreamKey};

use super::deployment::session;
use super::population::Role;
use super::survey::{StreamSurvey, Survey};
use super::world::{EPOCH, WARM_UP_US, World};

impl World {
    pub(super) fn survey(&mut self) {
        let streams = self.streams.iter().map(|stream| self.survey_of(stream.key())).collect();
        let survey = Survey {
            at_ms: self.now_us.saturating_sub(WARM_UP_US) / 1_000,
            streams,
            most_leased_bytes: self.most_leased_bytes(),
        };
        self.surveys.push(survey);
    }

    fn survey_of(&self, key: StreamKey) -> StreamSurvey {
        let mut clients_at = Vec::new();
        let mut relays_of: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        let is_relay = |node: &NodeId| self.role_of(node) == Some(Role::Relay);
        for TrackerNo(tracker) in self.ranked(key.0) {
            let host = &self.trackers[tracker];
            let graph = host.is_up.then(|| host.tracker.graph(key));
            let nodes = graph.iter().flat_map(|graph| &graph.nodes).map(|vertex| vertex.node);
            clients_at.push(nodes.clone().filter(|node| !is_relay(node)).count());
            for node in nodes {
                relays_of.entry(node).or_default();
            }
            for (a, b) in graph.iter().flat_map(|graph| &graph.links) {
                for (one, other) in [(a, b), (b, a)] {
                    if is_relay(other) {
                        relays_of.entry(*one).or_default().insert(*other);
                    }
                }
            }
        }
        let fewest = |role: Role| {
            let of_role = relays_of.iter().filter(|(node, _)| self.role_of(node) == Some(role));
            of_role.map(|(_, relays)| relays.len()).min().unwrap_or_default()
        };
        StreamSurvey {
            clients_at,
            relays: relays_of.keys().filter(|node| is_relay(node)).count(),
            fewest_relays_of_client: fewest(Role::Subscriber),
            fewest_relays_of_relay: fewest(Role::Relay),
        }
    }

    fn role_of(&self, node: &NodeId) -> Option<Role> {
        self.by_id.get(node).map(|number| self.nodes[*number].role)
    }

    fn most_leased_bytes(&self) -> u64 {
        let leased = |payer: Address| -> u64 {
            let up = self.trackers.iter().filter(|host| host.is_up);
            up.map(|host| host.tracker.leased(payer, EPOCH)).sum()
        };
        let payers = (self.scenario.relays()..self.nodes.len()).map(|n| session(n).address());
        payers.map(leased).max().unwrap_or_default()
    }
}

//! Which relays a client is given.
//!
//! Invariant: a client has `client_degree` relays while there are as many, no more than the allowed
//! share of them from one party if others are to be had. One that distrusts all relays still has one: rather a relay that
//! was found wanting than none.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IteratorRandom;
use tatum_primitives::NodeId;

use super::Topology;
use super::place::Place;

/// How one relay suits a client: the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// The client, or it, had bad experience with the other.
    avoided: bool,
    /// Its party has its share already.
    crowded: bool,
    /// It bears much more than others do.
    overloaded: bool,
    /// It is in another region.
    far: bool,
    clients: usize,
}

impl Topology {
    pub(super) fn unseat(&mut self, client: NodeId, relay: NodeId) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.relays.remove(&relay);
            self.unseated.insert(client);
        }
        if let Some(state) = self.relays.get_mut(&relay) {
            state.clients.remove(&client);
        }
        self.touched.extend([client, relay]);
    }

    pub(super) fn remove_client(&mut self, node: &NodeId) {
        let Some(client) = self.clients.remove(node) else { return };
        self.unseated.remove(node);
        for relay in client.relays {
            if let Some(state) = self.relays.get_mut(&relay) {
                state.clients.remove(node);
                self.touched.insert(relay);
            }
        }
    }

    /// Gives every client its relays: near ones, the least burdened, at random among equals.
    pub(super) fn seat_clients(&mut self, rng: &mut impl Rng) {
        let caps = self.parties.caps(self.shape.client_degree, self.shape.share_percent);
        let waiting: Vec<NodeId> = self.unseated.iter().copied().collect();
        let seats: usize = self.clients.len().saturating_mul(self.shape.client_degree);
        let fair = seats.checked_div(self.relays.len()).unwrap_or_default();
        let too_many = fair.saturating_mul(4).saturating_add(8);
        for client in waiting {
            while let Some(state) = self.clients.get(&client) {
                if state.relays.len() >= state.wants.min(self.relays.len()) {
                    break;
                }
                let places: Vec<Place> =
                    state.relays.iter().filter_map(|relay| self.place(relay)).collect();
                let mine = state.place;
                let alone = state.relays.is_empty();
                let free = self.relays.iter().filter(|(node, _)| {
                    !state.relays.contains(*node) && (alone || !self.avoids(&client, node))
                });
                let fits: BTreeMap<NodeId, Fit> = free
                    .map(|(node, relay)| {
                        let fit = Fit {
                            avoided: self.avoids(&client, node),
                            crowded: !caps.allow(&mine, places.iter(), &relay.place),
                            overloaded: relay.clients.len() > too_many,
                            far: relay.place.region != mine.region,
                            clients: relay.clients.len(),
                        };
                        (*node, fit)
                    })
                    .collect();
                let Some(best) = fits.values().min().copied() else { break };
                let equals = fits.iter().filter(|(_, fit)| **fit == best).map(|(node, _)| *node);
                let Some(relay) = equals.choose(rng) else { break };
                self.seat(client, relay);
            }
        }
        let clients = &self.clients;
        self.unseated.retain(|node| {
            clients.get(node).is_some_and(|client| client.relays.len() < client.wants)
        });
    }

    fn seat(&mut self, client: NodeId, relay: NodeId) {
        if let (Some(client_state), Some(relay_state)) =
            (self.clients.get_mut(&client), self.relays.get_mut(&relay))
        {
            client_state.relays.insert(relay);
            relay_state.clients.insert(client);
            self.touched.extend([client, relay]);
        }
    }
}

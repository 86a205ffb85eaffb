//! A connected node.
//!
//! Invariant: what it takes part in is bounded by what it may carry, and what it may ask for by rates that it cannot raise.

use std::collections::{BTreeMap, BTreeSet};

use tatum_overlay::frame::Attach;
use tatum_overlay::limit::{Bucket, Rate};
use tatum_primitives::{Address, NodeId, Role, StreamKey};
use tatum_protocol::tracker::RelayOffer;

use crate::check::Account;
use crate::output::Connection;
use crate::topology::Place;

/// Streams a client may take part in.
const MAX_CLIENT_STREAMS: usize = 256;
/// Streams a relay may carry, whatever it offers.
const MAX_RELAY_STREAMS: u32 = 4_096;
/// Neighbours that a node may have replaced: each costs the tracker a new piece of the graph.
const AVOIDING: Rate = Rate { per_second: 1, burst: 64 };
/// The longest name of a region.
const MAX_REGION_BYTES: usize = 64;

/// On whose account a client takes part, and when it signed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taking {
    pub(crate) payer: Address,
    /// Of the newest signature.
    signed_at_ms: u64,
    role: Role,
}

impl Taking {
    pub(crate) const fn of(account: &Account) -> Self {
        let Account { payer, role, signed_at_ms, .. } = *account;
        Self { payer, signed_at_ms, role }
    }

    /// Whether a request was signed later, or as something more; any other may be the old one again.
    pub(crate) fn gives_way_to(&self, attach: &Attach) -> bool {
        (attach.signed_at_ms, attach.role as u8) > (self.signed_at_ms, self.role as u8)
    }
}

/// Who connects, as its hello said and the chain and the socket know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// Its id.
    pub node: NodeId,
    /// Where it stands.
    pub place: Place,
    /// Whether it relays, and how many streams it can carry.
    pub relay: Option<RelayOffer>,
    /// Drawn when its process started.
    pub incarnation: u64,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) place: Place,
    pub(crate) relay: Option<RelayOffer>,
    pub(crate) incarnation: u64,
    pub(crate) connection: Connection,
    /// Where it says it is, where its address says nothing.
    pub(crate) region: Option<String>,
    /// What it asked for, and on whose account.
    pub(crate) streams: BTreeMap<StreamKey, Option<Taking>>,
    pub(crate) recruited: BTreeSet<StreamKey>,
    /// A relay that has no room, because it carries streams of other trackers too, is left alone until then.
    pub(crate) declined_until_ms: u64,
    /// Of a relay: how long it says that its neighbours take to answer.
    pub(crate) round_trips_us: BTreeMap<NodeId, u32>,
    avoiding: Bucket,
}

impl Member {
    pub(crate) fn new(newcomer: &Newcomer, connection: Connection, now_ms: u64) -> Self {
        let relay = newcomer.relay.map(|RelayOffer { capacity }| RelayOffer {
            capacity: capacity.min(MAX_RELAY_STREAMS),
        });
        Self {
            place: newcomer.place,
            relay,
            incarnation: newcomer.incarnation,
            connection,
            region: None,
            streams: BTreeMap::new(),
            recruited: BTreeSet::new(),
            declined_until_ms: 0,
            round_trips_us: BTreeMap::new(),
            avoiding: Bucket::full(AVOIDING, now_ms),
        }
    }

    pub(crate) const fn is_relay(&self) -> bool {
        self.relay.is_some()
    }

    /// Streams that it may take part in.
    pub(crate) fn limit(&self) -> usize {
        self.relay.map_or(MAX_CLIENT_STREAMS, |offer| offer.capacity as usize)
    }

    /// Streams that it takes part in, of its own accord or recruited.
    pub(crate) fn burden(&self) -> usize {
        self.streams.len().saturating_add(self.recruited.len())
    }

    /// Whether it can be made to carry one more.
    pub(crate) fn has_room(&self, now_ms: u64) -> bool {
        self.is_relay() && self.burden() < self.limit() && now_ms >= self.declined_until_ms
    }

    pub(crate) fn takes_part(&self, stream: &StreamKey) -> bool {
        self.streams.contains_key(stream) || self.recruited.contains(stream)
    }

    /// Everything that it takes part in.
    pub(crate) fn all_streams(&self) -> BTreeSet<StreamKey> {
        self.streams.keys().chain(&self.recruited).copied().collect()
    }

    /// It says where it is; what its address says goes before it.
    pub(crate) fn say_region(&mut self, name: String) {
        if self.place.region == 0 && name.len() <= MAX_REGION_BYTES {
            self.region = Some(name);
        }
    }

    /// Whether it may have one more neighbour replaced now.
    pub(crate) fn may_avoid(&mut self, now_ms: u64) -> bool {
        self.avoiding.take(AVOIDING, 1, now_ms)
    }
}

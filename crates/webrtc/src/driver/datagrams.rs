//! Which session a datagram is for.
//!
//! Invariant: a datagram reaches only a session that recognises it.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Instant;

use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::socket::Inbox;
use super::{Driver, RUN};
use crate::{LinkId, demux};

/// Addresses remembered per link that may be open, on average.
const ADDRESSES_PER_LINK: usize = 8;

impl Driver {
    /// Reads what is there, within a run. The events of one run may wait for the reader, no more.
    pub(super) fn take_datagrams(&mut self, inbox: &mut Inbox) {
        let mut taken = 0_usize;
        while taken < RUN {
            match self.socket.receive(inbox) {
                Ok(()) => {
                    for (source, ours, datagram) in inbox.datagrams() {
                        self.datagram(source, ours, datagram);
                        taken = taken.saturating_add(1);
                    }
                }
                // ICMP errors of earlier sends surface here on some systems; they concern one peer,
                // not the socket.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    taken = taken.saturating_add(1);
                }
                Err(_) => return,
            }
        }
    }

    fn datagram(&mut self, source: SocketAddr, ours: Option<IpAddr>, bytes: &[u8]) {
        if self.take(source, ours, bytes).is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives a datagram to its session; `None` if it has none, or does not want it.
    fn take(&mut self, source: SocketAddr, ours: Option<IpAddr>, bytes: &[u8]) -> Option<()> {
        let destination = self.destination(source, ours)?;
        if let Some(mapping) = &mut self.mapping
            && mapping.server() == source
            && mapping.take(bytes, Instant::now())
        {
            return Some(());
        }
        let receive = Receive::new(Protocol::Udp, source, destination, bytes).ok()?;
        let input = Input::Receive(Instant::now(), receive);
        let id = self.owner(source, bytes, &input)?;
        let peer = self.peers.get_mut(&id)?;
        if let Err(reason) = peer.receive(input) {
            tracing::debug!(%id, %reason, "a datagram was refused");
            return None;
        }
        if peer.is_full() {
            self.advance(id);
        } else {
            self.dirty.insert(id);
        }
        Some(())
    }

    /// The candidate address a datagram came in on: the one it was sent to, or, where that is not known or is the inside of
    /// an advertised one, the first of the source's family.
    fn destination(&self, source: SocketAddr, ours: Option<IpAddr>) -> Option<SocketAddr> {
        let named = self.addresses.iter().find(|address| Some(address.ip()) == ours);
        let of_family = || self.addresses.iter().find(|a| a.is_ipv4() == source.is_ipv4());
        named.or_else(of_family).copied()
    }

    fn owner(&mut self, source: SocketAddr, bytes: &[u8], input: &Input<'_>) -> Option<LinkId> {
        if let Some(fragment) = demux::binding_request_fragment(bytes) {
            let id = *self.by_fragment.get(fragment)?;
            // Anyone can write a fragment; only a request that carries the password moves an
            // address.
            if !self.peers.get(&id)?.accepts(input) {
                return None;
            }
            self.note_address(source, id);
            return Some(id);
        }
        let cached = self.by_address.get(&source).copied();
        if let Some(id) = cached
            && self.peers.get(&id).is_some_and(|peer| peer.accepts(input))
        {
            return Some(id);
        }
        let id =
            self.peers.iter().rev().find(|(_, peer)| peer.accepts(input)).map(|(id, _)| *id)?;
        self.note_address(source, id);
        Some(id)
    }

    /// Remembers a short cut. A peer that changes its address all the time fills no memory: without
    /// a short cut its datagrams are found by asking every session.
    fn note_address(&mut self, source: SocketAddr, id: LinkId) {
        let limit = self.config.max_links.saturating_mul(ADDRESSES_PER_LINK);
        if self.by_address.len() < limit || self.by_address.contains_key(&source) {
            self.by_address.insert(source, id);
        }
    }
}

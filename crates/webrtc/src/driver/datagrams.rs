//! Datagrams in and out of the one socket.
//!
//! Invariant: a datagram reaches only a session that recognises it, and what waits for a full
//! socket is bounded.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use str0m::Input;
use str0m::net::{Protocol, Receive};
use tokio::net::UdpSocket;

use super::{Driver, RUN};
use crate::{LinkId, front};

/// Datagrams that may wait for a full socket; SCTP sends again what is dropped.
const BLOCKED_DATAGRAMS: usize = 1024;
/// Addresses remembered per link that may be open, on average.
const ADDRESSES_PER_LINK: usize = 8;

impl Driver {
    pub(super) fn take_datagrams(&mut self, buffer: &mut [u8]) {
        for _ in 0..RUN {
            match self.socket.try_recv_from(buffer) {
                Ok((size, source)) => self.datagram(source, &buffer[..size]),
                // ICMP errors of earlier sends surface here on some systems; they concern one peer,
                // not the socket.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                Err(_) => return,
            }
        }
    }

    fn datagram(&mut self, source: SocketAddr, bytes: &[u8]) {
        let now = Instant::now();
        let Some(destination) = self.destination(source) else { return };
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            tracing::trace!(%source, "a datagram of no known kind was dropped");
            return;
        };
        let input = Input::Receive(now, receive);
        let Some(id) = self.owner(source, bytes, &input) else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        match peer.receive(input) {
            Ok(()) => {
                self.dirty.insert(id);
            }
            Err(reason) => tracing::debug!(%id, %reason, "a datagram was refused"),
        }
    }

    /// The candidate address a datagram came in on: the only one, or the first of the source's
    /// family.
    fn destination(&self, source: SocketAddr) -> Option<SocketAddr> {
        self.addresses.iter().find(|a| a.is_ipv4() == source.is_ipv4()).copied()
    }

    fn owner(&mut self, source: SocketAddr, bytes: &[u8], input: &Input<'_>) -> Option<LinkId> {
        if let Some(fragment) = front::binding_request_fragment(bytes) {
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

    pub(super) fn send_blocked(&mut self) {
        while let Some((destination, datagram)) = self.blocked.pop_front() {
            match self.socket.try_send_to(&datagram, destination) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked.push_front((destination, datagram));
                    return;
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}

pub(super) fn send(
    socket: &UdpSocket,
    blocked: &mut VecDeque<(SocketAddr, Vec<u8>)>,
    destination: SocketAddr,
    datagram: Vec<u8>,
) {
    if blocked.is_empty() {
        match socket.try_send_to(&datagram, destination) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Other errors (unreachable, refused) are the network's loss; ICE notices a dead path.
            Ok(_) | Err(_) => return,
        }
    }
    if blocked.len() < BLOCKED_DATAGRAMS {
        blocked.push_back((destination, datagram));
    }
}

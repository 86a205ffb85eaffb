//! The address at which the world sees this socket, asked of a STUN server with the socket itself.
//!
//! Invariant: only an answer with the number of the newest question counts, so who cannot read our packets cannot tell us a
//! wrong address. Asking goes on, which keeps a NAT's mapping alive and notices a new one. Source: RFC 8445 §5.1.1
//! (server-reflexive candidates).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;

use crate::stun::{self, Transaction};
use crate::time::later;

/// Questions before links are made without an answer.
const TRIES: u32 = 4;
const RETRY: Duration = Duration::from_millis(250);
/// Routers forget a mapping after 30 s of silence or more.
const REFRESH: Duration = Duration::from_secs(20);

/// What is known of our address, from one server.
#[derive(Debug)]
pub(super) struct Mapping {
    server: SocketAddr,
    transaction: Transaction,
    address: Option<SocketAddr>,
    unanswered: u32,
    /// When to ask next.
    pub(super) due: Instant,
}

impl Mapping {
    pub(super) fn new(server: SocketAddr, now: Instant) -> Self {
        Self { server, transaction: [0; 12], address: None, unanswered: 0, due: now }
    }

    /// The server it asks.
    pub(super) const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Our address as seen from the server, once it is known.
    pub(super) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it is worth while to wait for an answer.
    pub(super) const fn is_pending(&self) -> bool {
        self.address.is_none() && self.unanswered < TRIES
    }

    /// The question to send, if one is due.
    pub(super) fn question(&mut self, now: Instant) -> Option<[u8; stun::HEADER_BYTES]> {
        if now < self.due {
            return None;
        }
        rand::rng().fill(&mut self.transaction);
        self.unanswered = self.unanswered.saturating_add(1);
        self.due = later(now, if self.is_pending() { RETRY } else { REFRESH });
        Some(stun::request(&self.transaction))
    }

    /// Takes a datagram from the server; true if it was the answer.
    pub(super) fn take(&mut self, datagram: &[u8], now: Instant) -> bool {
        let Some(address) = stun::mapped_address(datagram, &self.transaction) else { return false };
        if self.address.replace(address) != Some(address) {
            tracing::debug!(%address, server = %self.server, "seen at an address");
        }
        self.unanswered = 0;
        self.due = later(now, REFRESH);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_goes_on_and_waiting_ends() {
        let mut now = Instant::now();
        let mut mapping = Mapping::new("192.0.2.9:3478".parse().unwrap(), now);
        for _ in 0..TRIES {
            assert!(mapping.is_pending());
            let first = mapping.question(now).unwrap();
            assert!(mapping.question(now).is_none(), "not at once again");
            now = mapping.due;
            assert_eq!(first, stun::request(&mapping.transaction));
        }
        assert!(!mapping.is_pending());
        let question = mapping.question(now).unwrap();
        let seen = "192.0.2.1:32853".parse().unwrap();
        let late = stun::response(&stun::request(&[0; 12]), seen).unwrap();
        assert!(!mapping.take(&late, now));
        assert!(mapping.take(&stun::response(&question, seen).unwrap(), now));
        assert_eq!(mapping.address(), Some(seen));
        assert!(mapping.question(now + REFRESH).is_some());
    }
}

//! The address at which the world sees this socket, asked of a STUN server with the socket itself.
//!
//! Invariant: only an answer with the number of the newest question counts, so who cannot read our packets cannot tell us a
//! wrong address. Asking goes on, which keeps a NAT's mapping alive and notices a new one. Source: RFC 8489 (binding
//! method, XOR-MAPPED-ADDRESS), RFC 8445 §5.1.1 (server-reflexive candidates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::Rng;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
const XOR_MAPPED_ADDRESS: u16 = 0x20;
/// Questions before links are made without an answer.
const TRIES: u32 = 4;
const RETRY: Duration = Duration::from_millis(250);
/// Routers forget a mapping after 30 s of silence or more.
const REFRESH: Duration = Duration::from_secs(20);

/// What is known of our address, from one server.
#[derive(Debug)]
pub(super) struct Mapping {
    server: SocketAddr,
    transaction: [u8; 12],
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
    pub(super) fn question(&mut self, now: Instant) -> Option<[u8; HEADER_BYTES]> {
        if now < self.due {
            return None;
        }
        rand::rng().fill(&mut self.transaction);
        let mut question = [0; HEADER_BYTES];
        question[1] = 1;
        question[4..8].copy_from_slice(&COOKIE);
        question[8..].copy_from_slice(&self.transaction);
        self.unanswered = self.unanswered.saturating_add(1);
        self.due = now + if self.is_pending() { RETRY } else { REFRESH };
        Some(question)
    }

    /// Takes a datagram from the server; true if it was the answer.
    pub(super) fn take(&mut self, datagram: &[u8], now: Instant) -> bool {
        let Some(address) = mapped_address(datagram, &self.transaction) else { return false };
        if self.address.replace(address) != Some(address) {
            tracing::debug!(%address, server = %self.server, "seen at an address");
        }
        self.unanswered = 0;
        self.due = now + REFRESH;
        true
    }
}

/// The address in a success response to the question numbered `transaction`.
fn mapped_address(response: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let (header, mut attributes) = response.split_at_checked(HEADER_BYTES)?;
    if header[..2] != [1, 1] || header[4..8] != COOKIE || header[8..] != *transaction {
        return None;
    }
    loop {
        let (kind, rest) = attributes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let size = usize::from(u16::from_be_bytes(*size));
        let value = rest.get(..size)?;
        if u16::from_be_bytes(*kind) == XOR_MAPPED_ADDRESS {
            return unmask(value, transaction);
        }
        // Attributes are padded to four bytes.
        attributes = rest.get(size.next_multiple_of(4)..)?;
    }
}

fn unmask(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let (&[_, family, high, low], address) = value.split_first_chunk()?;
    let mask = COOKIE.iter().chain(transaction);
    let plain: Vec<u8> = address.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
        _ => return None,
    };
    let port = u16::from_be_bytes([high ^ COOKIE[0], low ^ COOKIE[1]]);
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NUMBER: [u8; 12] = [7; 12];

    /// A response with the address and port of RFC 5769, §2.2, after an attribute of odd length.
    fn response() -> Vec<u8> {
        let mut response = vec![1, 1, 0, 20];
        response.extend(COOKIE);
        response.extend(NUMBER);
        response.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        response.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        response
    }

    #[test]
    fn an_answer_tells_our_address_and_only_the_newest_counts() {
        let expected = "192.0.2.1:32853".parse().unwrap();
        assert_eq!(mapped_address(&response(), &NUMBER), Some(expected));
        assert_eq!(mapped_address(&response(), &[8; 12]), None);
    }

    #[test]
    fn asking_goes_on_and_waiting_ends() {
        let mut now = Instant::now();
        let mut mapping = Mapping::new("192.0.2.9:3478".parse().unwrap(), now);
        for _ in 0..TRIES {
            assert!(mapping.is_pending());
            let first = mapping.question(now).unwrap();
            assert!(mapping.question(now).is_none(), "not at once again");
            now = mapping.due;
            assert_eq!(first[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        }
        assert!(!mapping.is_pending());
        let question = mapping.question(now).unwrap();
        let mut answer = response();
        assert!(!mapping.take(&answer, now));
        answer[8..20].copy_from_slice(&question[8..]);
        assert!(mapping.take(&answer, now));
        assert!(mapping.address().is_some());
        assert!(mapping.question(now + REFRESH).is_some());
    }

    proptest! {
        #[test]
        fn a_changed_answer_makes_nothing_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut packet = response();
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            packet.truncate(keep.index(packet.len() + 1));
            let _ = mapped_address(&packet, &NUMBER);
        }
    }
}

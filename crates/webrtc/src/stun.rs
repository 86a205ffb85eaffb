//! STUN binding messages: asking, and telling, at which address a socket is seen.
//!
//! Invariant: no input makes these functions panic, and an answer is hardly larger than its request, so it amplifies no
//! attack. Source: RFC 8489 (binding method, XOR-MAPPED-ADDRESS). str0m's own codec takes nothing that lacks ICE's
//! credentials (RFC 8445), which a question to a plain STUN server does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a message without attributes.
pub const HEADER_BYTES: usize = 20;

/// The number that ties an answer to its question.
pub type Transaction = [u8; 12];

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: [u8; 2] = [0, 1];
const SUCCESS: [u8; 2] = [1, 1];
const XOR_MAPPED_ADDRESS: u16 = 0x20;

/// The question.
#[must_use]
pub fn request(transaction: &Transaction) -> [u8; HEADER_BYTES] {
    let no_attributes = [0, 0];
    let bytes = REQUEST.into_iter().chain(no_attributes).chain(COOKIE).chain(*transaction);
    let mut request = [0; HEADER_BYTES];
    for (place, byte) in request.iter_mut().zip(bytes) {
        *place = byte;
    }
    request
}

/// The answer to `request`, which came from `source`; `None` if it is no binding request.
#[must_use]
pub fn response(request: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = request.split_first_chunk::<HEADER_BYTES>()?;
    let (kind, size, mask) = parts(header)?;
    let whole = attributes.len() == size && size.is_multiple_of(4);
    if kind != REQUEST || !mask.starts_with(&COOKIE) || !whole {
        return None;
    }
    let (family, ip) = match source.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let value_size = u8::try_from(ip.len()).ok()?.checked_add(4)?;
    let mut response = [SUCCESS, [0, value_size.checked_add(4)?]].concat();
    response.extend(mask);
    response.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    response.extend([0, value_size, 0, family]);
    response.extend(masked(&source.port().to_be_bytes(), mask));
    response.extend(masked(&ip, mask));
    Some(response)
}

/// The address in a success response to the question numbered `transaction`.
#[must_use]
pub fn mapped_address(response: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let (header, mut attributes) = response.split_first_chunk::<HEADER_BYTES>()?;
    let (kind, _, mask) = parts(header)?;
    if kind != SUCCESS || !mask.starts_with(&COOKIE) || !mask.ends_with(transaction) {
        return None;
    }
    loop {
        let (kind, rest) = attributes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let size = usize::from(u16::from_be_bytes(*size));
        let value = rest.get(..size)?;
        if u16::from_be_bytes(*kind) == XOR_MAPPED_ADDRESS {
            return unmask(value, mask);
        }
        // Attributes are padded to four bytes.
        attributes = rest.get(size.next_multiple_of(4)..)?;
    }
}

/// A header's kind, the size that it states, and the mask of addresses: cookie and transaction.
fn parts(header: &[u8; HEADER_BYTES]) -> Option<([u8; 2], usize, &[u8])> {
    let (kind, rest) = header.split_first_chunk()?;
    let (size, mask) = rest.split_first_chunk()?;
    Some((*kind, usize::from(u16::from_be_bytes(*size)), mask))
}

fn unmask(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, high, low], address) = value.split_first_chunk()?;
    let address = masked(address, mask);
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
        _ => return None,
    };
    let [first, second, ..] = COOKIE;
    let port = u16::from_be_bytes([high ^ first, low ^ second]);
    Some(SocketAddr::new(ip, port))
}

/// Bytes with the mask (cookie and transaction) laid over them. Middleboxes rewrite plain addresses that they recognise.
fn masked(bytes: &[u8], mask: &[u8]) -> Vec<u8> {
    bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NUMBER: Transaction = [7; 12];

    /// A response with the address and port of RFC 5769, §2.2, after an attribute of odd length.
    fn padded_response() -> Vec<u8> {
        let mut response = vec![1, 1, 0, 20];
        response.extend(COOKIE);
        response.extend(NUMBER);
        response.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        response.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        response
    }

    #[test]
    fn an_answer_tells_an_address_and_only_that_to_this_question_counts() {
        let expected = "192.0.2.1:32853".parse().unwrap();
        assert_eq!(mapped_address(&padded_response(), &NUMBER), Some(expected));
        assert_eq!(mapped_address(&padded_response(), &[8; 12]), None);
    }

    #[test]
    fn the_source_address_comes_back_masked() {
        let response = response(&request(&NUMBER), "192.0.2.1:32853".parse().unwrap()).unwrap();
        // The address and port of RFC 5769, §2.2.
        assert_eq!(response[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(response[4..20], request(&NUMBER)[4..20]);
    }

    #[test]
    fn whatever_is_no_binding_request_gets_no_answer() {
        let source = "192.0.2.1:1".parse().unwrap();
        let good = request(&NUMBER);
        for length in 0..good.len() {
            assert_eq!(response(&good[..length], source), None);
        }
        for (at, byte) in [(0, 1), (3, 4), (4, 0)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(response(&bad, source), None);
        }
    }

    proptest! {
        #[test]
        fn an_answer_is_understood_by_who_asked(
            ip in any::<IpAddr>(), port in any::<u16>(), number in any::<Transaction>(),
        ) {
            let source = SocketAddr::new(ip, port);
            let answer = response(&request(&number), source).unwrap();
            prop_assert_eq!(mapped_address(&answer, &number), Some(source));
        }

        #[test]
        fn no_datagram_makes_it_panic_or_amplify(
            mut datagram in prop::collection::vec(any::<u8>(), 0..200),
            good in any::<bool>(),
        ) {
            if good && datagram.len() >= HEADER_BYTES {
                let length = u16::try_from(datagram.len() - HEADER_BYTES).unwrap();
                datagram[..2].copy_from_slice(&REQUEST);
                datagram[2..4].copy_from_slice(&length.to_be_bytes());
                datagram[4..8].copy_from_slice(&COOKIE);
            }
            let response = response(&datagram, "[2001:db8::1]:9".parse().unwrap());
            prop_assert!(response.is_none_or(|bytes| bytes.len() <= datagram.len() + 24));
        }

        #[test]
        fn a_changed_answer_makes_nothing_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut packet = padded_response();
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            packet.truncate(keep.index(packet.len() + 1));
            let _ = mapped_address(&packet, &NUMBER);
        }
    }
}

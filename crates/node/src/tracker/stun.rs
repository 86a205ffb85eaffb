//! A STUN responder: tells whoever asks which address it is seen at.
//!
//! Invariant: an answer is hardly larger than its request, so it amplifies no attack, and malformed
//! requests get none. Source: RFC 8489 (binding method, XOR-MAPPED-ADDRESS).

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Answers until the task is aborted.
pub(super) async fn answer(socket: UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        // Errors of a single exchange (an ICMP answer, for example) concern one peer only.
        let Ok((size, source)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(response) = respond(&buffer[..size], source) {
            let _ = socket.send_to(&response, source).await;
        }
    }
}

fn respond(request: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (kind, rest) = request.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (cookie, rest) = rest.split_first_chunk::<4>()?;
    let (transaction, attributes) = rest.split_first_chunk::<12>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if *kind != [0, 1] || *cookie != COOKIE || attributes.len() != length || length % 4 != 0 {
        return None;
    }
    let mask = [COOKIE.as_slice(), transaction].concat();
    let (family, address) = match source.ip() {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let mut response = vec![1, 1, 0, u8::try_from(8 + address.len()).ok()?];
    response.extend(&mask);
    response.extend([0, 0x20, 0, u8::try_from(4 + address.len()).ok()?, 0, family]);
    let port = source.port().to_be_bytes();
    response.extend(
        port.iter().chain(&address).zip(mask.iter().take(2).chain(&mask)).map(|(a, b)| a ^ b),
    );
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic_or_amplify(
            mut datagram in prop::collection::vec(any::<u8>(), 0..200),
            good in any::<bool>(),
        ) {
            if good && datagram.len() >= 20 {
                let length = u16::try_from(datagram.len() - 20).unwrap();
                datagram[..2].copy_from_slice(&[0, 1]);
                datagram[2..4].copy_from_slice(&length.to_be_bytes());
                datagram[4..8].copy_from_slice(&COOKIE);
            }
            let response = respond(&datagram, "[2001:db8::1]:9".parse().unwrap());
            prop_assert!(response.is_none_or(|bytes| bytes.len() <= datagram.len() + 24));
        }
    }

    #[test]
    fn the_source_address_comes_back_masked() {
        let mut request = vec![0, 1, 0, 0];
        request.extend(COOKIE);
        request.extend([7; 12]);
        let response = respond(&request, "192.0.2.1:32853".parse().unwrap()).unwrap();
        // The address and port of RFC 5769, §2.2.
        assert_eq!(response[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(response[4..20], request[4..20]);
    }

    #[test]
    fn whatever_is_no_binding_request_gets_no_answer() {
        let source = "192.0.2.1:1".parse().unwrap();
        let mut request = vec![0, 1, 0, 0];
        request.extend(COOKIE);
        request.extend([7; 12]);
        for length in 0..request.len() {
            assert_eq!(respond(&request[..length], source), None);
        }
        for (at, byte) in [(0, 1), (3, 4), (4, 0)] {
            let mut bad = request.clone();
            bad[at] = byte;
            assert_eq!(respond(&bad, source), None);
        }
    }
}

//! Telling datagrams apart at the one UDP socket: which link does one belong to?
//!
//! str0m's own `Rtc::accepts` lets a session claim whatever comes from the address it nominated,
//! also the first checks of a *newer* session with a peer that was restarted on the same port. So
//! binding requests are told apart here by the ICE user name (RFC 8445 §7.2.2): it starts with the
//! local fragment, which is unique per link.
//!
//! Invariant: no input makes these functions panic or allocate.

/// True if `datagram` is a STUN packet (RFC 7983: first byte 0 to 3).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3)) && datagram.len() >= 20
}

/// The local ICE user fragment that a binding request is addressed to, if `datagram` is one.
pub(crate) fn binding_request_fragment(datagram: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const USERNAME: u16 = 6;
    if !is_stun(datagram) || datagram.get(..2)? != BINDING_REQUEST {
        return None;
    }
    let mut attributes = datagram.get(20..)?;
    while attributes.len() >= 4 {
        let kind = u16::from_be_bytes([*attributes.first()?, *attributes.get(1)?]);
        let size = usize::from(u16::from_be_bytes([*attributes.get(2)?, *attributes.get(3)?]));
        if kind == USERNAME {
            let name = std::str::from_utf8(attributes.get(4..size.checked_add(4)?)?).ok()?;
            return name.split(':').next();
        }
        // Attributes are padded to four bytes.
        attributes = attributes.get(size.checked_add(7)? & !3..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_changed_binding_request_makes_nothing_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        ) {
            let mut packet = request("local:remote");
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            let fragment = binding_request_fragment(&packet);
            prop_assert!(fragment.is_none_or(|fragment| fragment.len() <= packet.len()));
        }
    }

    fn request(name: &str) -> Vec<u8> {
        let mut packet = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        packet.extend([7; 12]);
        packet.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        packet.extend([0, 6, 0, u8::try_from(name.len()).unwrap()]);
        packet.extend(name.as_bytes());
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    #[test]
    fn the_local_fragment_is_found_behind_other_attributes() {
        assert_eq!(binding_request_fragment(&request("local:remote")), Some("local"));
    }

    #[test]
    fn truncated_and_foreign_packets_have_no_fragment() {
        let packet = request("local:remote");
        for length in 0..packet.len() - 1 {
            assert_eq!(binding_request_fragment(&packet[..length]), None, "{length}");
        }
        let mut response = packet;
        response[0] = 1;
        assert_eq!(binding_request_fragment(&response), None);
    }

    #[test]
    fn no_bytes_make_the_front_door_panic() {
        let mut state = 1_u64;
        for length in 0..600 {
            let mut datagram = Vec::new();
            for _ in 0..length {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                datagram.push(u8::try_from(state >> 56).unwrap());
            }
            if length >= 8 {
                datagram[..2].copy_from_slice(&[0, 1]);
            }
            let _ = binding_request_fragment(&datagram);
        }
    }
}

//! Packets as they come, from their bytes.
//!
//! Invariant: no more than [`MOST_PACKET_BYTES`] of a packet are ever kept: a longer one is refused by its header.

use bytes::BytesMut;
use mqute_codec::Error;
use mqute_codec::codec::{PacketCodec, RawPacket};
use mqute_codec::protocol::v5::ReasonCode;
use tatum_node::client::MAX_PAYLOAD_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::connect::Connect;
use super::message::Version;
use super::packet::{Broken, Incoming, decode, version_of};

/// Bytes of a packet that is taken, at most: the largest message, its topic and what else is said of it.
pub(super) const MOST_PACKET_BYTES: usize = MAX_PAYLOAD_BYTES + 4_096;
/// Its first byte and how long the rest is, in three bytes.
const FIXED_HEADER_BYTES: usize = 4;

/// Packets as they come.
#[derive(Debug)]
pub(super) struct Packets<R> {
    from: R,
    bytes: BytesMut,
    codec: PacketCodec,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    pub(super) fn new(from: R) -> Self {
        let most = MOST_PACKET_BYTES - FIXED_HEADER_BYTES;
        Self { from, bytes: BytesMut::new(), codec: PacketCodec::new(Some(most), None) }
    }

    /// The next packet. Can be cancelled.
    pub(super) async fn next(&mut self, version: Version) -> Result<Incoming, Broken> {
        Ok(decode(version, self.raw().await?)?)
    }

    /// The first packet and its version; what cannot be told of it is refused in the version that is given with it.
    pub(super) async fn first(&mut self) -> Result<(Version, Connect), (Version, Broken)> {
        let raw = self.raw().await.map_err(|_| (Version::V4, Broken::Gone))?;
        let version = version_of(&raw)?;
        match decode(version, raw) {
            Ok(Incoming::Connect(connect)) => Ok((version, *connect)),
            Ok(_) => Err((version, Broken::Refused(ReasonCode::ProtocolError))),
            Err(error) => Err((version, error.into())),
        }
    }

    async fn raw(&mut self) -> Result<RawPacket, Broken> {
        loop {
            match self.codec.try_decode(&mut self.bytes) {
                // What is missing is no more than a packet holds, for a longer one is refused by its header.
                Err(Error::NotEnoughBytes(missing)) => self.bytes.reserve(missing),
                raw => return Ok(raw?),
            }
            match self.from.read_buf(&mut self.bytes).await {
                Ok(0) | Err(_) => return Err(Broken::Gone),
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What a client says first, without its fixed header.
    fn hello(level: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0\x04MQTT".to_vec();
        bytes.push(level);
        bytes.extend_from_slice(rest);
        let mut packet = vec![0x10, u8::try_from(bytes.len()).unwrap()];
        packet.extend(bytes);
        packet
    }

    async fn first(bytes: &[u8]) -> Result<(Version, Connect), (Version, Broken)> {
        Packets::new(bytes).first().await
    }

    #[tokio::test]
    async fn both_versions_are_known_and_others_are_told_so_in_words_that_they_know() {
        let (version, connect) = first(&hello(4, &[2, 0, 9, 0, 1, b'a'])).await.unwrap();
        assert_eq!((version, connect.client_id.as_str()), (Version::V4, "a"));
        assert!(connect.is_clean && connect.keep_alive.as_secs() == 9 && connect.token.is_none());
        let (version, _) = first(&hello(5, &[2, 0, 0, 0, 0, 1, b'a'])).await.unwrap();
        assert_eq!(version, Version::V5);
        let unsupported = Broken::Refused(ReasonCode::UnsupportedProtocolVersion);
        let newer = first(&hello(6, &[2, 0, 0, 0, 0])).await.unwrap_err();
        assert_eq!(newer, (Version::V5, unsupported));
        let older = first(b"\x10\x0e\0\x06MQIsdp\x03\x02\0\0\0\0").await.unwrap_err();
        assert_eq!(older, (Version::V4, Broken::Refused(ReasonCode::UnsupportedProtocolVersion)));
        for no_mqtt in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x10\0", &hello(4, &[]), &[]] {
            let without_a_word = Err((Version::V4, Broken::Gone));
            assert_eq!(first(no_mqtt).await, without_a_word, "{no_mqtt:?}");
        }
    }

    #[tokio::test]
    async fn a_packet_that_is_too_large_is_refused_by_its_header() {
        let most = u32::try_from(MOST_PACKET_BYTES - FIXED_HEADER_BYTES).unwrap();
        for (bytes, expected) in [
            (most, Broken::Gone),
            (most + 1, Broken::Refused(ReasonCode::PacketTooLarge)),
            ((1 << 28) - 1, Broken::Refused(ReasonCode::PacketTooLarge)),
        ] {
            let mut header = vec![0x30];
            let mut rest = bytes;
            while rest >= 128 {
                header.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            header.push(u8::try_from(rest).unwrap());
            let read = Packets::new(header.as_slice()).next(Version::V4).await;
            assert_eq!(read, Err(expected), "{bytes}");
        }
    }

    #[tokio::test]
    async fn packets_come_in_any_pieces_and_several_at_once() {
        // A pipe that holds one byte: each comes by itself.
        let (mut there, here) = tokio::io::duplex(1);
        let pings = b"\xc0\0\x40\x02\0\x07\xe0\0";
        let writing =
            tokio::spawn(
                async move { tokio::io::AsyncWriteExt::write_all(&mut there, pings).await },
            );
        expect_all(&mut Packets::new(here)).await;
        writing.await.unwrap().unwrap();
        expect_all(&mut Packets::new(pings.as_slice())).await;
    }

    async fn expect_all(packets: &mut Packets<impl AsyncRead + Unpin>) {
        assert_eq!(packets.next(Version::V4).await, Ok(Incoming::Ping));
        assert_eq!(packets.next(Version::V4).await, Ok(Incoming::PubAck(7)));
        let goodbye = Incoming::Disconnect { with_will: false };
        assert_eq!(packets.next(Version::V4).await, Ok(goodbye));
        assert_eq!(packets.next(Version::V4).await, Err(Broken::Gone));
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_panics(
            kind in 1_u8..16, flags in 0_u8..16, is_new in any::<bool>(), is_connect in any::<bool>(),
            mut bytes in vec(prop_oneof![Just(0_u8), Just(1), Just(0x80), any::<u8>()], 0..120),
        ) {
            let version = if is_new { Version::V5 } else { Version::V4 };
            if is_connect {
                bytes.splice(0..0, [0, 4, b'M', b'Q', b'T', b'T', if is_new { 5 } else { 4 }]);
            }
            let kind = if is_connect { 1 } else { kind };
            let mut packet = vec![kind << 4 | flags, u8::try_from(bytes.len()).unwrap()];
            packet.extend(bytes);
            let codec = PacketCodec::new(Some(MOST_PACKET_BYTES), None);
            if let Ok(raw) = codec.try_decode(&mut BytesMut::from(packet.as_slice())) {
                let _ = decode(version, raw);
            }
        }
    }
}

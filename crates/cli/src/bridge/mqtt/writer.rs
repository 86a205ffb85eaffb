//! Where packets go.
//!
//! Invariant: no packet is larger than the client takes: without its reason if that helps, else not at all. Whoever does not read
//! what is sent is not waited for beyond [`PACKET_PATIENCE`].

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::connect::Limits;
use super::message::Version;
use super::outgoing::Outgoing;

/// How long the other side may take for a packet.
const PACKET_PATIENCE: Duration = Duration::from_secs(10);

/// Why a packet was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The other side has gone, or does not read.
    Gone,
    /// It takes none that is so large.
    TooLarge,
}

/// Where packets go.
#[derive(Debug)]
pub(super) struct Writer<W> {
    to: W,
    version: Version,
    limits: Limits,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) const fn new(to: W, version: Version, limits: Limits) -> Self {
        Self { to, version, limits }
    }

    /// Sends a packet.
    pub(super) async fn send(&mut self, packet: Outgoing) -> Result<(), Unsent> {
        let bytes = self.bytes(packet)?;
        let sent = timeout(PACKET_PATIENCE, self.to.write_all(&bytes)).await;
        sent.map_err(|_| Unsent::Gone)?.map_err(|_| Unsent::Gone)
    }

    /// Sends the last one.
    pub(super) async fn end(&mut self, packet: Outgoing) {
        // Who does not take it has gone.
        if self.send(packet).await.is_ok() {
            let _ = timeout(PACKET_PATIENCE, self.to.shutdown()).await;
        }
    }

    fn bytes(&self, packet: Outgoing) -> Result<BytesMut, Unsent> {
        // The codec refuses only what no packet of ours comes near.
        let bytes = |packet: &Outgoing| packet.bytes(self.version).map_err(|_| Unsent::TooLarge);
        let most = self.limits.packet_bytes.map_or(usize::MAX, |most| most as usize);
        // That the connection ends may be said with its reason in any case.
        let packet = match packet {
            packet @ Outgoing::Disconnect { .. } => packet,
            packet if self.limits.wants_reasons => packet,
            packet => packet.without_reason(),
        };
        let whole = bytes(&packet)?;
        if whole.len() <= most {
            return Ok(whole);
        }
        let least = bytes(&packet.without_reason())?;
        if least.len() <= most { Ok(least) } else { Err(Unsent::TooLarge) }
    }
}

#[cfg(test)]
mod tests {
    use mqute_codec::protocol::v5::ReasonCode;
    use mqute_codec::protocol::{QoS, v5};

    use super::super::outgoing::MOST_REASON_BYTES;
    use super::*;

    fn written(version: Version, limits: Limits, packet: Outgoing) -> Result<Vec<u8>, Unsent> {
        Writer::new(Vec::new(), version, limits).bytes(packet).map(|bytes| bytes.to_vec())
    }

    fn refusal() -> Outgoing {
        let why = Some("ü".repeat(1_000));
        Outgoing::PubAck { id: 7, code: ReasonCode::NotAuthorized, why }
    }

    #[test]
    fn a_reason_is_sent_to_whoever_takes_it() {
        let limits = Limits::default();
        let whole = written(Version::V5, limits, refusal()).unwrap();
        assert!(whole.ends_with("ü".as_bytes()) && whole.len() < MOST_REASON_BYTES + 16);
        let bare = [0x40, 4, 0, 7, 0x87, 0];
        let small = Limits { packet_bytes: Some(8), ..limits };
        assert_eq!(written(Version::V5, small, refusal()).unwrap(), bare);
        let plain = Limits { wants_reasons: false, ..limits };
        assert_eq!(written(Version::V5, plain, refusal()).unwrap(), bare);
        let tiny = Limits { packet_bytes: Some(5), ..limits };
        assert_eq!(written(Version::V5, tiny, refusal()), Err(Unsent::TooLarge));
    }

    #[test]
    fn the_older_version_hears_of_a_refusal_by_its_own_codes_or_not_at_all() {
        let limits = Limits::default();
        let written = |packet| written(Version::V4, limits, packet).unwrap();
        let connack = |code| Outgoing::ConnAck { code, client_id: None, keep_alive_s: None };
        assert_eq!(written(connack(ReasonCode::Success)), [0x20, 2, 0, 0]);
        assert_eq!(written(connack(ReasonCode::BadUserNameOrPassword)), [0x20, 2, 0, 4]);
        assert_eq!(written(connack(ReasonCode::NotAuthorized)), [0x20, 2, 0, 5]);
        assert_eq!(written(connack(ReasonCode::UnsupportedProtocolVersion)), [0x20, 2, 0, 1]);
        let codes = vec![ReasonCode::GrantedQos1, ReasonCode::WildcardSubscriptionsNotSupported];
        let suback = Outgoing::SubAck { id: 1, codes, why: None };
        assert_eq!(written(suback), [0x90, 4, 0, 1, 1, 0x80]);
        let code = ReasonCode::PacketTooLarge;
        assert!(written(Outgoing::Disconnect { code, why: None }).is_empty());
    }

    #[test]
    fn a_client_of_the_newer_version_is_told_what_it_may_do() {
        let packet = Outgoing::ConnAck {
            code: ReasonCode::Success,
            client_id: Some("x".to_owned()),
            keep_alive_s: Some(300),
        };
        let bytes = written(Version::V5, Limits::default(), packet).unwrap();
        let mut bytes = BytesMut::from(bytes.as_slice());
        let raw = mqute_codec::codec::PacketCodec::new(None, None).try_decode(&mut bytes);
        let v5::Packet::ConnAck(told) = v5::Packet::decode(raw.unwrap()).unwrap() else {
            panic!("another packet")
        };
        let told = told.properties().unwrap();
        assert_eq!(
            (told.maximum_qos, told.retain_available),
            (Some(QoS::AtLeastOnce), Some(false))
        );
        assert_eq!(told.session_expiry_interval, Some(Duration::ZERO));
        assert_eq!((told.receive_maximum, told.maximum_packet_size), (Some(256), Some(36_848)));
        assert_eq!(
            (told.server_keep_alive, told.wildcard_subscription_available),
            (Some(300), Some(false))
        );
    }
}

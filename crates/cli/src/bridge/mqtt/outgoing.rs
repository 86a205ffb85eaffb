//! What goes out: answers and messages, in the words of the connection's version.
//!
//! Invariant: no packet is larger than the client takes: without its reason if that helps, else not at all. Whoever does not read
//! what is sent is not waited for beyond [`PACKET_PATIENCE`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqute_codec::Error;
use mqute_codec::protocol::v5::{
    ConnAckProperties, DisconnectProperties, PubAckProperties, PublishProperties, ReasonCode,
    SubAckProperties,
};
use mqute_codec::protocol::{Flags, QoS, v4, v5};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::connect::{Limits, return_code};
use super::packet::Version;
use super::packets::MOST_PACKET_BYTES;
use super::session::MOST_AWAITED;

/// How long the other side may take for a packet.
const PACKET_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a reason in words, at most.
const MOST_REASON_BYTES: usize = 512;
/// The property that names a message, as the other doors name it.
const NAME: &str = "id";

/// What a client is told.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    ConnAck {
        code: ReasonCode,
        /// A name that it has from us.
        client_id: Option<String>,
        /// After how many seconds of silence it is gone, if we say so.
        keep_alive_s: Option<u16>,
    },
    Publish {
        topic: String,
        payload: Bytes,
        /// Its number, if it is to be acknowledged.
        id: Option<u16>,
        name: String,
    },
    PubAck {
        id: u16,
        code: ReasonCode,
        why: Option<String>,
    },
    SubAck {
        id: u16,
        codes: Vec<ReasonCode>,
        why: Option<String>,
    },
    UnsubAck {
        id: u16,
        codes: Vec<ReasonCode>,
    },
    Pong,
    Disconnect {
        code: ReasonCode,
        why: Option<String>,
    },
}

impl Outgoing {
    fn without_reason(mut self) -> Self {
        if let Self::PubAck { why, .. } | Self::SubAck { why, .. } | Self::Disconnect { why, .. } =
            &mut self
        {
            *why = None;
        }
        self
    }

    /// Its bytes; none if the version has no such word.
    fn bytes(&self, version: Version) -> Result<BytesMut, Error> {
        let mut bytes = BytesMut::new();
        match version {
            Version::V4 => {
                if let Some(packet) = self.of_v4() {
                    packet.encode(&mut bytes)?;
                }
            }
            Version::V5 => self.of_v5().encode(&mut bytes)?,
        }
        Ok(bytes)
    }

    fn of_v4(&self) -> Option<v4::Packet> {
        Some(match self {
            Self::ConnAck { code, .. } => v4::ConnAck::new(return_code(*code), false).into(),
            Self::Publish { topic, payload, id, .. } => {
                let (number, flags) = numbered(*id);
                v4::Publish::new(topic, number, payload.clone(), flags).into()
            }
            Self::PubAck { id, .. } => v4::PubAck::new(*id).into(),
            Self::SubAck { id, codes, .. } => {
                let codes = codes.iter().map(|code| match code {
                    ReasonCode::GrantedQos0 => v4::ReturnCode::Success(QoS::AtMostOnce),
                    ReasonCode::GrantedQos1 => v4::ReturnCode::Success(QoS::AtLeastOnce),
                    _ => v4::ReturnCode::Failure,
                });
                v4::SubAck::new(*id, codes).into()
            }
            Self::UnsubAck { id, .. } => v4::UnsubAck::new(*id).into(),
            Self::Pong => v4::PingResp::default().into(),
            Self::Disconnect { .. } => return None,
        })
    }

    fn of_v5(&self) -> v5::Packet {
        match self.clone() {
            Self::ConnAck { code, client_id, keep_alive_s } => {
                let granted = (code == ReasonCode::Success).then(|| ConnAckProperties {
                    assigned_client_id: client_id,
                    server_keep_alive: keep_alive_s,
                    ..granted()
                });
                v5::ConnAck::new(code, false, granted).into()
            }
            Self::Publish { topic, payload, id, name } => {
                let (number, flags) = numbered(id);
                let user_properties = vec![(NAME.to_owned(), name)];
                let said = PublishProperties { user_properties, ..PublishProperties::default() };
                v5::Publish::new(topic, number, Some(said), payload, flags).into()
            }
            Self::PubAck { id, code, why } => {
                let said = why.map(|why| PubAckProperties {
                    reason_string: Some(short(why)),
                    ..PubAckProperties::default()
                });
                v5::PubAck::new(id, code, said).into()
            }
            Self::SubAck { id, codes, why } => {
                let said = why.map(|why| SubAckProperties {
                    reason_string: Some(short(why)),
                    ..SubAckProperties::default()
                });
                v5::SubAck::new(id, said, codes).into()
            }
            Self::UnsubAck { id, codes } => v5::UnsubAck::new(id, None, codes).into(),
            Self::Pong => v5::PingResp::default().into(),
            Self::Disconnect { code, why } => {
                let said = why.map(|why| DisconnectProperties {
                    reason_string: Some(short(why)),
                    ..DisconnectProperties::default()
                });
                v5::Disconnect::new(code, said).into()
            }
        }
    }
}

/// What a client of version 5 is granted.
fn granted() -> ConnAckProperties {
    ConnAckProperties {
        session_expiry_interval: Some(Duration::ZERO),
        receive_maximum: u16::try_from(MOST_AWAITED).ok(),
        maximum_qos: Some(QoS::AtLeastOnce),
        retain_available: Some(false),
        maximum_packet_size: u32::try_from(MOST_PACKET_BYTES).ok(),
        wildcard_subscription_available: Some(false),
        subscription_id_available: Some(false),
        shared_subscription_available: Some(false),
        ..ConnAckProperties::default()
    }
}

const fn numbered(id: Option<u16>) -> (u16, Flags) {
    let (number, qos) = match id {
        Some(id) => (id, QoS::AtLeastOnce),
        None => (0, QoS::AtMostOnce),
    };
    (number, Flags { dup: false, qos, retain: false })
}

/// As much of a reason as is sent.
fn short(mut why: String) -> String {
    let end = (0..=MOST_REASON_BYTES).rev().find(|end| why.is_char_boundary(*end));
    why.truncate(end.unwrap_or_default());
    why
}

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
        let bytes = BytesMut::from(bytes.as_slice());
        let raw = mqute_codec::codec::PacketCodec::new(None, None).try_decode(&mut bytes.clone());
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

//! What goes out: answers and messages, in the words of the connection's version.
//!
//! Invariant: what a version has no word for is not said in it; no reason is longer than [`MOST_REASON_BYTES`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqute_codec::Error;
use mqute_codec::protocol::v5::{
    ConnAckProperties, DisconnectProperties, PubAckProperties, PublishProperties, ReasonCode,
    SubAckProperties,
};
use mqute_codec::protocol::{Flags, QoS, v4, v5};

use super::connect::return_code;
use super::message::Version;
use super::numbers::MOST_AWAITED;
use super::packets::MOST_PACKET_BYTES;

/// Bytes of a reason in words, at most.
pub(super) const MOST_REASON_BYTES: usize = 512;
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
    /// Without why.
    pub(super) fn without_reason(mut self) -> Self {
        if let Self::PubAck { why, .. } | Self::SubAck { why, .. } | Self::Disconnect { why, .. } =
            &mut self
        {
            *why = None;
        }
        self
    }

    /// Its bytes; none if the version has no such word.
    pub(super) fn bytes(&self, version: Version) -> Result<BytesMut, Error> {
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

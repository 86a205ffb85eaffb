//! What comes in: packets of both versions as one kind.
//!
//! Invariant: whatever bytes come, they are a packet or a refusal and never a panic: what the codec takes for granted is looked at
//! before it looks.

use bytes::Bytes;
use mqute_codec::Error;
use mqute_codec::codec::RawPacket;
use mqute_codec::protocol::v5::ReasonCode;
use mqute_codec::protocol::{Flags, PacketType, QoS, v4, v5};

use super::connect::{Connect, Given, Limits};
use super::message::{Message, Version};

/// A wish to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) topic: String,
    pub(super) qos: QoS,
    /// Whether what this connection publishes is to be left out.
    pub(super) is_without_own: bool,
}

/// What a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Connect(Box<Connect>),
    /// A message, with its number if it is to be acknowledged.
    Publish(Message, Option<u16>),
    PubAck(u16),
    Subscribe {
        id: u16,
        filters: Vec<Filter>,
        /// Whether it names the subscription by a number.
        is_numbered: bool,
    },
    Unsubscribe {
        id: u16,
        topics: Vec<String>,
    },
    Ping,
    Disconnect {
        /// Whether the will is to be published all the same.
        with_will: bool,
    },
    /// What clients do not send, or not to us.
    Unexpected,
}

/// Why nothing more is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The other side has gone.
    Gone,
    /// What comes is refused.
    Refused(ReasonCode),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Refused(match error {
            Error::PayloadSizeLimitExceeded(_) => ReasonCode::PacketTooLarge,
            Error::InvalidTopicName(_) => ReasonCode::TopicNameInvalid,
            Error::InvalidTopicFilter(_) => ReasonCode::TopicFilterInvalid,
            Error::ProtocolError | Error::NoTopic => ReasonCode::ProtocolError,
            _ => ReasonCode::MalformedPacket,
        })
    }
}

/// What the packet says.
pub(super) fn decode(version: Version, raw: RawPacket) -> Result<Incoming, Error> {
    check(&raw)?;
    match version {
        Version::V4 => v4::Packet::decode(raw).map(of_v4),
        Version::V5 => v5::Packet::decode(raw).map(of_v5),
    }
}

/// Refuses what the codec would panic at.
fn check(raw: &RawPacket) -> Result<(), Error> {
    match raw.header.packet_type() {
        // Its head is looked at before its version is known.
        PacketType::Connect => match version_of(raw) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::MalformedPacket),
        },
        PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp
        | PacketType::Subscribe
        | PacketType::SubAck
        | PacketType::Unsubscribe
        | PacketType::UnsubAck
            if raw.payload.starts_with(&[0, 0]) =>
        {
            Err(Error::ProtocolError)
        }
        _ => Ok(()),
    }
}

fn of_v4(packet: v4::Packet) -> Incoming {
    match packet {
        v4::Packet::Connect(packet) => {
            let will = packet.will().map(|will| Message {
                topic: will.topic,
                payload: will.payload,
                qos: will.qos,
                is_retained: will.retain,
            });
            let token = packet.credentials().and_then(|given| given.password()).map(Given::new);
            Incoming::Connect(Box::new(Connect {
                client_id: packet.client_id(),
                is_clean: packet.clean_session(),
                keep_alive: packet.keep_alive(),
                token,
                will,
                limits: Limits::default(),
                wants_other_proof: false,
            }))
        }
        v4::Packet::Publish(packet) => {
            message(packet.topic(), packet.payload(), packet.flags(), packet.packet_id())
        }
        v4::Packet::PubAck(packet) => Incoming::PubAck(packet.packet_id()),
        v4::Packet::Subscribe(packet) => {
            let filters = packet.filters().into_iter().map(|filter| Filter {
                topic: filter.topic,
                qos: filter.qos,
                is_without_own: false,
            });
            let (id, filters) = (packet.packet_id(), filters.collect());
            Incoming::Subscribe { id, filters, is_numbered: false }
        }
        v4::Packet::Unsubscribe(packet) => {
            Incoming::Unsubscribe { id: packet.packet_id(), topics: packet.filters().into() }
        }
        v4::Packet::PingReq(_) => Incoming::Ping,
        v4::Packet::Disconnect(_) => Incoming::Disconnect { with_will: false },
        _ => Incoming::Unexpected,
    }
}

fn of_v5(packet: v5::Packet) -> Incoming {
    match packet {
        v5::Packet::Connect(packet) => Incoming::Connect(Box::new(connect_of_v5(&packet))),
        v5::Packet::Publish(packet) => {
            message(packet.topic(), packet.payload(), packet.flags(), packet.packet_id())
        }
        v5::Packet::PubAck(packet) => Incoming::PubAck(packet.packet_id()),
        v5::Packet::Subscribe(packet) => {
            let filters = packet.filters().into_iter().map(|filter| Filter {
                topic: filter.topic,
                qos: filter.qos,
                is_without_own: filter.no_local,
            });
            let number = packet.properties().and_then(|given| given.subscription_id);
            let (id, filters) = (packet.packet_id(), filters.collect());
            Incoming::Subscribe { id, filters, is_numbered: number.is_some() }
        }
        v5::Packet::Unsubscribe(packet) => {
            Incoming::Unsubscribe { id: packet.packet_id(), topics: packet.filters().into() }
        }
        v5::Packet::PingReq(_) => Incoming::Ping,
        v5::Packet::Disconnect(packet) => {
            Incoming::Disconnect { with_will: packet.code() != ReasonCode::NormalDisconnection }
        }
        _ => Incoming::Unexpected,
    }
}

fn connect_of_v5(packet: &v5::Connect) -> Connect {
    let will = packet.will().map(|will| Message {
        topic: will.topic,
        payload: will.payload,
        qos: will.qos,
        is_retained: will.retain,
    });
    let said = packet.properties().unwrap_or_default();
    let limits = Limits {
        unacknowledged: said.receive_maximum,
        packet_bytes: said.maximum_packet_size,
        wants_reasons: said.request_problem_info.unwrap_or(true),
    };
    Connect {
        client_id: packet.client_id(),
        is_clean: packet.clean_session(),
        keep_alive: packet.keep_alive(),
        token: packet.credentials().and_then(|given| given.password()).map(Given::new),
        will,
        limits,
        wants_other_proof: said.auth_method.is_some(),
    }
}

fn message(topic: String, payload: Bytes, flags: Flags, id: Option<u16>) -> Incoming {
    let message = Message { topic, payload, qos: flags.qos, is_retained: flags.retain };
    Incoming::Publish(message, id)
}

/// Of which version a first packet is. That of anything else ends the connection without a word.
pub(super) fn version_of(raw: &RawPacket) -> Result<Version, (Version, Broken)> {
    // Name and level, flags and keep-alive: the codec needs them there.
    let is_whole = raw.payload.len() >= 10;
    let level = raw.payload.strip_prefix(b"\0\x04MQTT").and_then(|rest| rest.first());
    let is_old = raw.payload.starts_with(b"\0\x06MQIsdp");
    let unsupported = |version| (version, Broken::Refused(ReasonCode::UnsupportedProtocolVersion));
    match level {
        _ if raw.header.packet_type() != PacketType::Connect || !is_whole => {
            Err((Version::V4, Broken::Gone))
        }
        Some(4) => Ok(Version::V4),
        Some(5) => Ok(Version::V5),
        Some(6..) => Err(unsupported(Version::V5)),
        Some(_) => Err(unsupported(Version::V4)),
        None if is_old => Err(unsupported(Version::V4)),
        None => Err((Version::V4, Broken::Gone)),
    }
}

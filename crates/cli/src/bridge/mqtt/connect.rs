//! Who is let in: what a client says first, and what it is answered.
//!
//! Invariant: whoever has not the bridge's token learns nothing else. Nothing is kept of a client that has gone: there are no sessions
//! that outlive a connection.

use std::time::Duration;

use mqute_codec::protocol::QoS;
use mqute_codec::protocol::v4::ConnectReturnCode;
use mqute_codec::protocol::v5::ReasonCode;
use tatum_node::client::MAX_PAYLOAD_BYTES;
use zeroize::Zeroizing;

use super::message::{Message, Version};
use super::topic;
use crate::bridge::Token;

/// A token as somebody gave it.
#[derive(PartialEq, Eq)]
pub(super) struct Given(Zeroizing<String>);

impl Given {
    pub(super) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given(…)")
    }
}

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Messages that it has not acknowledged.
    pub(super) unacknowledged: Option<u16>,
    /// Bytes of a packet.
    pub(super) packet_bytes: Option<u32>,
    /// Whether it wants reasons in words.
    pub(super) wants_reasons: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unacknowledged: None, packet_bytes: None, wants_reasons: true }
    }
}

/// What a client says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) client_id: String,
    pub(super) is_clean: bool,
    /// After how long without a word from it the client is gone; zero is never.
    pub(super) keep_alive: Duration,
    /// Its password.
    pub(super) token: Option<Given>,
    /// What is to be published when it goes without a word.
    pub(super) will: Option<Message>,
    pub(super) limits: Limits,
    /// Whether it would prove who it is in a way of its own.
    pub(super) wants_other_proof: bool,
}

impl Connect {
    /// Why it is not let in, if it is not.
    pub(super) fn check(&self, version: Version, token: &Token) -> Result<(), ReasonCode> {
        match &self.token {
            _ if self.wants_other_proof => return Err(ReasonCode::BadAuthenticationMethod),
            None => return Err(ReasonCode::NotAuthorized),
            Some(Given(given)) if !token.is(given) => {
                return Err(ReasonCode::BadUserNameOrPassword);
            }
            Some(_) => {}
        }
        if version == Version::V4 && self.client_id.is_empty() && !self.is_clean {
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        self.will.as_ref().map_or(Ok(()), |will| check_will(version, will))
    }
}

fn check_will(version: Version, will: &Message) -> Result<(), ReasonCode> {
    // Clients of the older version are told of no bound in advance: what they ask for beyond it is done as far as it can be.
    let is_told = version == Version::V5;
    if topic::stream(&will.topic).is_err() {
        Err(ReasonCode::TopicNameInvalid)
    } else if will.payload.len() > MAX_PAYLOAD_BYTES {
        Err(ReasonCode::PacketTooLarge)
    } else if is_told && will.qos == QoS::ExactlyOnce {
        Err(ReasonCode::QosNotSupported)
    } else if is_told && will.is_retained {
        Err(ReasonCode::RetainNotSupported)
    } else {
        Ok(())
    }
}

/// The older version's word for it.
pub(super) const fn return_code(code: ReasonCode) -> ConnectReturnCode {
    match code {
        ReasonCode::Success => ConnectReturnCode::Success,
        ReasonCode::UnsupportedProtocolVersion => ConnectReturnCode::UnacceptableProtocolVersion,
        ReasonCode::ClientIdentifierNotValid => ConnectReturnCode::IdentifierRejected,
        ReasonCode::BadUserNameOrPassword => ConnectReturnCode::BadAuthData,
        ReasonCode::NotAuthorized => ConnectReturnCode::NotAuthorized,
        _ => ConnectReturnCode::ServerUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn connect(token: Option<&str>) -> Connect {
        Connect {
            client_id: "meter".to_owned(),
            is_clean: true,
            keep_alive: Duration::ZERO,
            token: token.map(|token| Given::new(token.to_owned())),
            will: None,
            limits: Limits::default(),
            wants_other_proof: false,
        }
    }

    fn will(topic: &str, qos: QoS, is_retained: bool) -> Option<Message> {
        let payload = Bytes::from_static(b"gone");
        Some(Message { topic: topic.to_owned(), payload, qos, is_retained })
    }

    #[test]
    fn only_the_token_opens_whatever_else_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let token = Token::load_or_draw(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let check = |version, connect: &Connect| connect.check(version, &token).err();
        for version in [Version::V4, Version::V5] {
            let of = |token| Connect { will: will("", QoS::ExactlyOnce, true), ..connect(token) };
            assert_eq!(check(version, &of(None)), Some(ReasonCode::NotAuthorized));
            let wrong = Some(ReasonCode::BadUserNameOrPassword);
            assert_eq!(check(version, &of(Some(""))), wrong);
            assert_eq!(check(version, &of(Some(&text[1..]))), wrong);
            assert_eq!(check(version, &of(Some(&text))), Some(ReasonCode::TopicNameInvalid));
            assert_eq!(check(version, &connect(Some(&text))), None);
        }
        assert_eq!(format!("{:?}", connect(Some(&text)).token), "Some(Given(…))");
        let other = Connect { wants_other_proof: true, ..connect(Some(&text)) };
        assert_eq!(check(Version::V5, &other), Some(ReasonCode::BadAuthenticationMethod));
        let nameless =
            Connect { client_id: String::new(), is_clean: false, ..connect(Some(&text)) };
        let invalid = ReasonCode::ClientIdentifierNotValid;
        assert_eq!(check(Version::V4, &nameless), Some(invalid));
        assert_eq!(check(Version::V5, &nameless), None);
    }

    #[test]
    fn a_will_is_refused_to_whoever_can_know_that_it_cannot_be_kept() {
        let code = |version, will: Option<Message>| check_will(version, &will.unwrap()).err();
        for (qos, is_retained, expected) in [
            (QoS::AtLeastOnce, false, None),
            (QoS::ExactlyOnce, false, Some(ReasonCode::QosNotSupported)),
            (QoS::AtMostOnce, true, Some(ReasonCode::RetainNotSupported)),
        ] {
            assert_eq!(code(Version::V5, will("a/b", qos, is_retained)), expected);
            assert_eq!(code(Version::V4, will("a/b", qos, is_retained)), None);
        }
    }
}

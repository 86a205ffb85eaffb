//! What malicious relays do.
//!
//! Invariant: an attacker runs the honest core and perverts what comes out of it or adds to it; so
//! it knows and says all that an honest relay does, which is the harder case.

use bytes::Bytes;
use rand::Rng;
use tatum_overlay::frame::{Packer, Span};
use tatum_overlay::{ChainKey, Frame, Message, MessageRef};
use tatum_primitives::{Address, OperatorId, StreamKey};
use tatum_receipt::Signature;

/// A way to be malicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// It forwards no messages, but says that it has them.
    Drop,
    /// It forwards every message two seconds late.
    Delay,
    /// It forges messages, promises what does not exist and sends rubbish, twenty times a second.
    Spam,
    /// Many nodes of one operator that come again and again to become somebody's only neighbours,
    /// and then forward nothing.
    Eclipse,
}

impl Attack {
    pub(super) const ALL: [Self; 4] = [Self::Drop, Self::Delay, Self::Spam, Self::Eclipse];
    /// How late a delaying relay is.
    pub(super) const DELAY_US: u64 = 2_000_000;
    /// How often a spammer speaks.
    pub(super) const SPAM_EVERY_US: u64 = 50_000;

    /// Whether it keeps messages to itself.
    pub(super) const fn swallows(self) -> bool {
        matches!(self, Self::Drop | Self::Eclipse)
    }
}

/// What all relays of an operator keep to themselves: a part of one stream's messages, also when they are asked for them. They are honest
/// in all else, so no neighbour finds fault with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drops {
    /// The operator.
    pub operator: OperatorId,
    /// Which of the scenario's stream partitions.
    pub stream: usize,
    /// Of each chain every so many numbers one; at least 1.
    pub one_in: u64,
}

/// Something no honest node would send. What is forged is dated now, so that it is its signature that gives it away.
pub(super) fn spam(stream: StreamKey, timestamp_ms: u64, rng: &mut impl Rng) -> Bytes {
    let chain = ChainKey { publisher: Address::repeat_byte(rng.random()), chain: rng.random() };
    let frame = match rng.random_range(0..10) {
        0 => return Bytes::from_static(b"\x01\xff\xff rubbish"),
        1 => {
            let at = MessageRef { timestamp_ms, sequence: 0 };
            let (key_id, ciphertext) = ([0; 8], vec![7; 100]);
            let signature = Signature([27; 65]);
            let stream_key = stream;
            let previous = None;
            Frame::Message(Box::new(Message {
                stream_key,
                chain,
                at,
                previous,
                key_id,
                ciphertext,
                signature,
            }))
        }
        2 => Frame::Want { stream, span: Span { chain, first: 0, last: u64::MAX } },
        _ => Frame::Have { stream, spans: vec![Span { chain, first: 0, last: 5_000 }] },
    };
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().unwrap_or_default()
}

//! What neighbours say to each other, and the packets that carry it.
//!
//! A packet is one data channel message: the version byte, then frames, each with its length as
//! two big-endian bytes and its postcard encoding. Small frames share a packet.
//!
//! Invariant: decoding never panics, allocates no more than the packet's own size, and refuses
//! bytes behind a frame's end. Source: the postcard wire format.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tatum_channel::Price;
use tatum_primitives::{B256, Data, Epoch, Nano, OperatorId, Role, StreamKey, U256};
use tatum_receipt::Acknowledgement;

pub use crate::attach::Attach;
use crate::count::Count;
use crate::{ChainKey, Message};

/// The version this code speaks.
pub const VERSION: u8 = 1;
/// Each frame stands behind its length.
const LENGTH_BYTES: usize = 2;
/// The largest packet.
pub const MAX_PACKET_BYTES: usize = 40 * 1024;
/// The most spans in one [`Frame::Have`].
pub const MAX_SPANS: usize = 256;
/// Messages with larger frames are called off ([`Frame::DontWant`]) once they are here.
pub const CALL_OFF_BYTES: usize = 1024;

/// Consecutive messages of a chain that a neighbour can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Publisher and chain.
    pub chain: ChainKey,
    /// The oldest number.
    pub first: u64,
    /// The newest number.
    pub last: u64,
}

/// Why a relay does not serve or accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The key may not act for the payer.
    #[error("the key is not authorised by the payer")]
    NotAuthorized,
    /// The payer has no stake that counts in this epoch.
    #[error("the payer has no stake that counts in this epoch")]
    NoStake,
    /// The relay does not carry the stream.
    #[error("the relay does not carry the stream")]
    NotCarried,
    /// The time of a request, or of a message, is too far from the relay's clock.
    #[error("it was signed too long ago, or in the future, by the relay's clock: compare the two")]
    Stale,
    /// Too much was delivered or accepted without receipts.
    #[error("{unreceipted_bytes} bytes without a receipt; the limit is {limit_bytes}")]
    Credit {
        /// Bytes served or accepted and not receipted.
        unreceipted_bytes: u64,
        /// The most that may be.
        limit_bytes: u64,
    },
    /// The relay shuts down and takes closing receipts for a moment.
    #[error("the relay shuts down")]
    Leaving,
    /// Another link of the same reader took the place.
    #[error("a newer link of the same reader took over")]
    Replaced,
    /// More was published than the payer may in a second.
    #[error("more than {limit_bytes_per_second} bytes in a second")]
    Rate {
        /// What flows back in a second.
        limit_bytes_per_second: u64,
    },
    /// The stream's owner has not permitted it, or does not any more.
    #[error("the stream's owner does not permit it")]
    NotPermitted,
    /// The payer's quota of the epoch is used up: by this relay, or all of it is leased to others.
    #[error("the payer's quota is used up until the next epoch; {used_bytes} bytes of it here")]
    OverQuota {
        /// What this relay served or accepted in the epoch.
        used_bytes: u64,
    },
    /// The relay's operator does not count in the epoch, so nobody could pay it for this.
    #[error("the relay's operator does not count in this epoch")]
    Unbonded,
    /// The relay has not read the payer's quota from the chain yet.
    #[error("the payer's quota is not known to the relay yet; try again")]
    QuotaUnknown,
    /// The payer has no channel open with the relay's operator, or another one, as far as the relay has read the chain.
    #[error("the payer has no such channel with the relay's operator yet")]
    NoChannel,
    /// The payer is leaving its channel.
    #[error("the payer is leaving its channel")]
    ChannelExiting,
    /// The channel's deposit does not cover what was delivered.
    #[error(
        "{} is owed or delivered, the channel covers {}",
        data(outstanding_wei),
        data(covered_wei)
    )]
    Uncovered {
        /// What is owed in all, and what was delivered without a receipt.
        outstanding_wei: u128,
        /// What the relay counts of the deposit.
        covered_wei: u128,
    },
    /// Too much was delivered without a receipt, at its price.
    #[error(
        "{} was delivered without a receipt; the limit is {}",
        data(unsigned_wei),
        data(limit_wei)
    )]
    Unsigned {
        /// What was delivered without a receipt.
        unsigned_wei: u128,
        /// The most that may be.
        limit_wei: u128,
    },
    /// The payer has as many lanes in its channel as a relay keeps.
    #[error("the payer has {limit} readers and streams on its channel here; no more are taken")]
    Lanes {
        /// The most that it may have.
        limit: u32,
    },
    /// The relay asks more than the client pays. No relay says so: it is the client's own word to its owner.
    #[error("the relay asks {} {what}; the limit is {}", data(offered_wei), data(limit_wei))]
    TooDear {
        /// Per GiB, or per 1 000 messages.
        what: Per,
        /// What the relay asks.
        offered_wei: u128,
        /// What the client pays at most.
        limit_wei: u128,
    },
    /// What the payer paid for the bytes of its quota in the last epoch that is closed is less than the relay asks.
    #[error(
        "the payer's stake paid {} per GiB in epoch {epoch}; the relay asks {}",
        nano(paid_nano_per_gib),
        nano(ask_nano_per_gib)
    )]
    Price {
        /// The epoch that it is of.
        epoch: Epoch,
        /// What its receipts steered, over its quota.
        paid_nano_per_gib: u64,
        /// What the relay asks.
        ask_nano_per_gib: u64,
    },
    /// The relay has an ask, and the payer has no price yet: it was served what newcomers are.
    #[error(
        "the payer has no price yet and was served {limit_bytes} bytes in epoch {epoch}, as newcomers are; the relay asks {} per GiB",
        nano(ask_nano_per_gib)
    )]
    Newcomer {
        /// The epoch in which it was.
        epoch: Epoch,
        /// What a newcomer is served in an epoch.
        limit_bytes: u64,
        /// What the relay asks.
        ask_nano_per_gib: u64,
    },
}

impl Refusal {
    /// Whether a relay says the same until `running` ends, whatever the client does. What it says by the figures of an older epoch may
    /// change once the last one is closed.
    #[must_use]
    pub fn holds_in(&self, running: Epoch) -> bool {
        if let Self::Price { epoch, .. } = self {
            return epoch.next() >= running;
        }
        matches!(self, Self::Newcomer { epoch, .. } if *epoch >= running)
    }
}

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Per {
    /// A GiB of payload.
    #[error("per GiB")]
    Gib,
    /// A thousand messages.
    #[error("per 1 000 messages")]
    ThousandMessages,
}

fn data(wei: &u128) -> Data {
    Data(U256::from(*wei))
}

fn nano(nano: &u64) -> Data {
    Data(Nano(*nano).to_wei())
}

/// Why a node ends a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Farewell {
    /// The other end's conduct put it on the graylist.
    #[error("graylisted for its conduct")]
    Graylisted,
    /// No more links are taken.
    #[error("no more links are taken")]
    Full,
    /// No more links from the same address block are taken.
    #[error("no more links from the same address block are taken")]
    Crowded,
}

/// One thing said on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// First on every link: what the sender is.
    Hello {
        /// Whether it relays.
        relay: bool,
        /// The operator it works for.
        operator_id: Option<OperatorId>,
    },
    /// A relay carries the stream and wants its messages.
    Join {
        /// The stream partition.
        stream: StreamKey,
    },
    /// A client asks for service.
    Attach(Attach),
    /// The sender needs the stream no more.
    Leave {
        /// The stream partition.
        stream: StreamKey,
    },
    /// The relay serves, or accepts.
    Admitted {
        /// The stream partition.
        stream: StreamKey,
        /// What it does.
        role: Role,
        /// The newest receipts it holds of this payer, stream, role and reader: 278 bytes each.
        newest: Vec<Vec<u8>>,
    },
    /// The relay does not serve, or stopped.
    Refused {
        /// The stream partition.
        stream: StreamKey,
        /// What it does not do.
        role: Role,
        /// Why.
        reason: Refusal,
    },
    /// A message.
    Message(Box<Message>),
    /// What the sender can serve (gossipsub's IHAVE).
    Have {
        /// The stream partition.
        stream: StreamKey,
        /// Per chain.
        spans: Vec<Span>,
    },
    /// What the sender misses (gossipsub's IWANT).
    Want {
        /// The stream partition.
        stream: StreamKey,
        /// Which messages.
        span: Span,
    },
    /// Publisher's messages that the relay accepted.
    Accepted {
        /// The stream partition.
        stream: StreamKey,
        /// Which messages.
        span: Span,
    },
    /// Copies that came too late to be credited, since the subscriber attached.
    Duplicates {
        /// The stream partition.
        stream: StreamKey,
        /// Their payload bytes.
        bytes: u64,
    },
    /// A signed receipt's 278 bytes, and the lines beside it.
    Receipt(Vec<u8>),
    /// The node holds the receipt on disk.
    Acknowledged(Acknowledgement),
    /// The node rejects a receipt.
    Rejected {
        /// Its EIP-712 digest, or the keccak of bytes that are no receipt.
        digest: B256,
        /// Why, in words.
        reason: String,
    },
    /// The sender has these messages and needs no copies (gossipsub's IDONTWANT).
    DontWant {
        /// The stream partition.
        stream: StreamKey,
        /// Which messages.
        span: Span,
    },
    /// The sender ends the link.
    Goodbye {
        /// Why.
        reason: Farewell,
        /// A new link is refused for so long.
        retry_after_ms: u64,
    },
    /// A relay's price for what it delivers in payment channels.
    Offer(Price),
    /// What a client asks for from now on is paid from this channel, at the relay's price; from its stake if it is zero.
    PayBy {
        /// The channel.
        channel: B256,
    },
}

/// Why a packet is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Larger than allowed.
    #[error("a packet has at most {limit} bytes, this one {got}")]
    TooLarge {
        /// Bytes given.
        got: usize,
        /// The most allowed.
        limit: usize,
    },
    /// Of a version we do not speak.
    #[error("version {got} is not spoken here")]
    Version {
        /// The version given; `None` for an empty packet.
        got: u8,
    },
    /// A frame is cut off, has bytes behind its end, or makes no sense.
    #[error("malformed frame at byte {at}")]
    Malformed {
        /// Where the frame begins.
        at: usize,
    },
}

impl Frame {
    /// The frame's bytes, ready for a [`Packer`].
    #[must_use]
    pub fn encode(&self) -> Bytes {
        // Encoding into a growing vector fails for no value of this type.
        Bytes::from(postcard::to_allocvec(self).unwrap_or_default())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (frame, rest) = postcard::take_from_bytes(bytes).ok()?;
        rest.is_empty().then_some(frame)
    }
}

/// Reads a packet's frames one by one, each with its own bytes.
///
/// # Errors
/// [`FrameError`] for the first frame that is not one; the caller should drop the link.
pub fn decode(packet: &Bytes) -> Result<Vec<(Frame, Bytes)>, FrameError> {
    if packet.len() > MAX_PACKET_BYTES {
        return Err(FrameError::TooLarge { got: packet.len(), limit: MAX_PACKET_BYTES });
    }
    let version = packet.first().copied().unwrap_or_default();
    if version != VERSION {
        return Err(FrameError::Version { got: version });
    }
    let mut frames = Vec::new();
    let mut rest = packet.slice(1..);
    while !rest.is_empty() {
        let wrong = FrameError::Malformed { at: packet.len().saturating_sub(rest.len()) };
        let Some(length) = rest.first_chunk().copied().map(u16::from_be_bytes) else {
            return Err(wrong);
        };
        let mut bytes = rest.split_off(LENGTH_BYTES);
        if bytes.len() < usize::from(length) {
            return Err(wrong);
        }
        rest = bytes.split_off(usize::from(length));
        frames.push((Frame::decode(&bytes).ok_or(wrong)?, bytes));
    }
    Ok(frames)
}

/// Packs frames into packets. Frames are shared by the links they leave on until a packet is made of them, in one piece.
#[derive(Debug, Default)]
pub struct Packer {
    frames: Vec<(u16, Bytes)>,
    packet_bytes: usize,
}

impl Packer {
    /// A packet is sent once it holds this much; larger ones save little.
    const FULL_BYTES: usize = 16 * 1024;

    /// Adds a frame; gives the packet so far if the frame does not fit into it any more.
    pub fn push(&mut self, frame: &Bytes) -> Option<Bytes> {
        let Ok(length) = u16::try_from(frame.len()) else { return None };
        let bytes = LENGTH_BYTES.saturating_add(frame.len());
        let filled = self.packet_bytes.saturating_add(bytes).saturating_add(1);
        let full = !self.frames.is_empty() && filled > Self::FULL_BYTES;
        let done = if full { self.finish() } else { None };
        self.frames.push((length, frame.clone()));
        self.packet_bytes.count(bytes);
        done
    }

    /// The last packet, if there is anything in it.
    pub fn finish(&mut self) -> Option<Bytes> {
        if self.frames.is_empty() {
            return None;
        }
        let mut packet = Vec::with_capacity(self.packet_bytes.saturating_add(1));
        packet.push(VERSION);
        for (length, frame) in self.frames.drain(..) {
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&frame);
        }
        self.packet_bytes = 0;
        Some(Bytes::from(packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{key, message, publishers};
    use proptest::prelude::*;
    use tatum_primitives::{Address, NodeId, ReaderId};

    fn packet(frames: &[Frame]) -> Bytes {
        let mut packer = Packer::default();
        for frame in frames {
            assert_eq!(packer.push(&frame.encode()), None);
        }
        packer.finish().unwrap()
    }

    fn stream() -> StreamKey {
        StreamKey(B256::repeat_byte(7))
    }

    #[test]
    fn frames_survive_their_packet() {
        let publisher = key(1);
        let span = Span { chain: message(&publisher, 0).chain, first: 3, last: 9 };
        let sent = vec![
            Frame::Hello { relay: true, operator_id: Some(OperatorId(4)) },
            Frame::Join { stream: stream() },
            Frame::Message(Box::new(message(&publisher, 3))),
            Frame::Have { stream: stream(), spans: vec![span] },
            Frame::Receipt(vec![1; 278]),
        ];
        let read = decode(&packet(&sent)).unwrap();
        assert_eq!(read.into_iter().map(|(frame, _)| frame).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn the_bytes_of_a_packet_are_fixed() {
        let bytes = packet(&[
            Frame::Hello { relay: true, operator_id: Some(OperatorId(300)) },
            Frame::Join { stream: stream() },
        ]);
        let mut expected = vec![1, 0, 5, 0, 1, 1, 172, 2, 0, 34, 1, 32];
        expected.extend([7; 32]);
        assert_eq!(bytes.to_vec(), expected);
    }

    #[test]
    fn trailing_oversized_and_foreign_bytes_are_refused() {
        let good = packet(&[Frame::Join { stream: stream() }]).to_vec();
        let mut trailing = good.clone();
        trailing[2] += 1;
        trailing.push(0);
        assert_eq!(decode(&trailing.into()), Err(FrameError::Malformed { at: 1 }));
        let mut cut = good.clone();
        cut.pop();
        assert_eq!(decode(&cut.into()), Err(FrameError::Malformed { at: 1 }));
        let mut version = good;
        version[0] = 2;
        assert_eq!(decode(&version.into()), Err(FrameError::Version { got: 2 }));
        let large = Bytes::from(vec![1; MAX_PACKET_BYTES + 1]);
        assert!(matches!(decode(&large), Err(FrameError::TooLarge { .. })));
    }

    /// By its length, before a byte of it is read.
    #[test]
    fn nitrolite_mf_c01_a_packet_has_a_bound() {
        let (got, limit) = (MAX_PACKET_BYTES + 1, MAX_PACKET_BYTES);
        let large = Bytes::from(vec![1; got]);
        assert_eq!(decode(&large), Err(FrameError::TooLarge { got, limit }));
    }

    #[test]
    fn an_attach_is_bound_to_both_ends() {
        let (client, relay) = (NodeId(B256::repeat_byte(1)), NodeId(B256::repeat_byte(2)));
        let session = key(5);
        let what = (stream(), Role::Subscriber);
        let attach = Attach::sign(
            what,
            (Address::repeat_byte(9), ReaderId(5)),
            (client, relay),
            77,
            &session,
        );
        assert_eq!(attach.signer(client, relay), Ok(session.address()));
        assert_ne!(attach.signer(relay, client), Ok(session.address()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = decode(&bytes.into());
        }

        #[test]
        fn a_flipped_bit_never_yields_the_same_message(at in 4_usize..200, bit in 0_u8..8) {
            let sent = message(&key(2), 1);
            let mut bytes = packet(&[Frame::Message(Box::new(sent.clone()))]).to_vec();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 1 << bit;
            if let Ok(frames) = decode(&bytes.into()) {
                for (frame, _) in frames {
                    if let Frame::Message(read) = frame {
                        prop_assert!(*read != sent);
                        prop_assert!(read.verify(&mut publishers()).is_err());
                    }
                }
            }
        }
    }
}

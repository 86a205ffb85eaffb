//! What a dishonest relay keeps to itself: a part of one stream's messages.
//!
//! Invariant: no program that people run is built with this; only a feature that tests ask for has it.

use bytes::Bytes;
use tatum_overlay::frame::{self, Frame, Packer};
use tatum_primitives::StreamKey;

/// Which messages are dropped: of one stream every so many numbers one, to everybody, also when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Drops {
    /// The stream partition.
    pub stream: StreamKey,
    /// One of so many; at least 1.
    pub one_in: u64,
}

impl Drops {
    /// Whether this frame is not sent.
    pub(crate) fn takes(&self, frame: &Bytes) -> bool {
        let Some(Frame::Message(message)) = decoded(frame) else { return false };
        message.stream_key == self.stream
            && message.at.sequence.checked_rem(self.one_in).is_some_and(|rest| rest == 0)
    }
}

/// The frame that these bytes encode.
fn decoded(frame: &Bytes) -> Option<Frame> {
    let mut packer = Packer::default();
    packer.push(frame);
    let frames = frame::decode(&packer.finish()?).ok()?;
    frames.into_iter().next().map(|(frame, _)| frame)
}

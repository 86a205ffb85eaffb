//! The packets of a link that came together, and the signatures of their messages, checked together.
//!
//! Invariant: every frame is handled in its order, as if it had come alone; only signatures are looked at ahead, those of messages
//! that would be checked as things are, and each is paid for out of its buckets before. A run is what is there: nothing waits for more.
//! It is of one link, so wrong signatures spoil the batches of the link that sent them and of no other.

use std::collections::VecDeque;

use bytes::Bytes;
use tatum_primitives::B256;

use super::Overlay;
use crate::frame::{self, Frame};
use crate::{Link, Message, MessageError, Now};

/// The most messages whose signatures are checked together: after so many wrong ones at the latest, a link is judged.
const TOGETHER: usize = 32;

/// What a link said, in order, as far as it is not handled yet.
pub(super) type Run = VecDeque<Told>;

/// A frame with its bytes.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) frame: Frame,
    pub(super) bytes: Bytes,
    /// For a message that was looked at with one before it.
    pub(super) verdict: Option<Verdict>,
}

/// What is known of a message before it is its turn.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its stream or its payer may not bring more now.
    OverRate,
    /// Its id, or what is wrong with it.
    Checked(Result<B256, MessageError>),
}

impl Overlay {
    /// A packet arrived.
    pub fn packet(&mut self, link: Link, packet: &Bytes, now: &Now) {
        self.packets(link, std::slice::from_ref(packet), now);
    }

    /// Packets of a link that arrived together, in order.
    pub fn packets(&mut self, link: Link, packets: &[Bytes], now: &Now) {
        self.epoch = now.epoch;
        let mut run = Run::new();
        for packet in packets {
            if !self.may_speak(link, packet.len(), now) {
                continue;
            }
            match frame::decode(packet) {
                Ok(frames) => run.extend(frames.into_iter().map(|(frame, bytes)| Told {
                    frame,
                    bytes,
                    verdict: None,
                })),
                Err(error) => {
                    // What came before it is handled before it.
                    self.handle(link, &mut run, now);
                    if self.listens_to(link) {
                        self.misbehaved(link, error.to_string(), now);
                    }
                }
            }
        }
        self.handle(link, &mut run, now);
        self.flush_called_off();
    }

    fn handle(&mut self, link: Link, run: &mut Run, now: &Now) {
        while let Some(told) = run.pop_front() {
            if !self.listens_to(link) {
                return run.clear();
            }
            self.frame(link, told, run, now);
        }
    }

    /// Whether it counts what the link says: what it did a moment ago may have cost it its place.
    fn listens_to(&self, link: Link) -> bool {
        self.links.get(&link).is_some_and(|state| !state.dismissed)
    }

    /// Takes a message out of its buckets and checks it, with those behind it that are to be checked too.
    pub(super) fn check_with(
        &mut self,
        link: Link,
        message: &Message,
        run: &mut Run,
        now: &Now,
    ) -> Verdict {
        if !self.may_enter(link, message, now) {
            return Verdict::OverRate;
        }
        let mut together = vec![message];
        let mut verdicts: Vec<&mut Option<Verdict>> = Vec::new();
        for Told { frame, verdict, .. } in run.iter_mut() {
            if together.len() >= TOGETHER {
                break;
            }
            let Frame::Message(next) = frame else { continue };
            let next: &Message = next;
            // A copy waits until it is known what the first one is.
            let is_copy = |other: &&Message| {
                (other.at.sequence, other.chain) == (next.at.sequence, next.chain)
            };
            if verdict.is_some()
                || together.iter().any(is_copy)
                || !self.is_to_check(link, next, now)
            {
                continue;
            }
            if !self.may_enter(link, next, now) {
                *verdict = Some(Verdict::OverRate);
                break;
            }
            together.push(next);
            verdicts.push(verdict);
        }
        let mut checked = self.publishers.verify_all(&together).into_iter().map(Verdict::Checked);
        let first = checked.next().unwrap_or(Verdict::OverRate);
        for (verdict, checked) in verdicts.into_iter().zip(checked) {
            *verdict = Some(checked);
        }
        first
    }
}

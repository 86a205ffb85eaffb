//! Which frame is whose to handle, and which may cost slow work.
//!
//! Invariant: a frame that makes us check a signature or write to a disk counts as a request, and a
//! link may make only so many of them in a second.

use super::run::{Run, Told};
use super::{MAX_REQUESTS, Output, Overlay};
use crate::count::Count;
use crate::score::Deed;
use crate::{Frame, Link, Now};

impl Overlay {
    pub(super) fn frame(&mut self, link: Link, told: Told, run: &mut Run, now: &Now) {
        let Told { frame, bytes, verdict } = told;
        match frame {
            Frame::Message(message) => {
                self.on_message(link, (*message, bytes, verdict), run, now);
            }
            Frame::Hello { relay, operator_id } => self.on_hello(link, relay, operator_id),
            Frame::Join { stream } => {
                if self.may_request(link) {
                    self.on_join(link, stream);
                }
            }
            Frame::Attach(attach) => {
                if self.may_request(link) {
                    self.on_attach(link, attach, now);
                }
            }
            Frame::Leave { stream } => {
                // It may make a client sign a new request.
                if self.config.relay || self.may_request(link) {
                    self.on_leave(link, stream, now);
                }
            }
            Frame::Admitted { stream, role, newest } => {
                self.on_admitted(link, (stream, role), &newest, now);
            }
            Frame::Refused { stream, role, reason } => {
                self.on_refused(link, (stream, role), reason, now);
            }
            Frame::Have { stream, spans } => self.on_have(link, stream, &spans, now),
            Frame::Want { stream, span } => self.on_want(link, stream, &span, now),
            Frame::Accepted { stream, span } => self.on_accepted(link, stream, &span, now),
            Frame::Duplicates { stream, bytes } => self.on_duplicates(link, stream, bytes, now),
            Frame::Receipt(bytes) => {
                if self.config.relay && self.may_request(link) {
                    self.outputs.push_back(Output::ReceiptOffered { link, bytes });
                }
            }
            Frame::Acknowledged(acknowledgement) => {
                self.on_acknowledged(link, acknowledgement, now);
            }
            Frame::Rejected { digest, reason } => {
                let Some(node) = self.links.get(&link).map(|link| link.node) else { return };
                self.outputs.push_back(Output::ReceiptRejected { node, digest, reason });
            }
            Frame::DontWant { stream, span } => self.on_dont_want(link, stream, &span),
            Frame::Offer(price) => self.on_offer(link, price, now),
            Frame::PayBy { channel } => self.on_pay_by(link, channel),
            Frame::Goodbye { reason, retry_after_ms } => {
                self.on_goodbye(link, reason, retry_after_ms);
            }
        }
    }

    /// Whether a link may make us do slow work (signatures, disk) in this second. A client that is
    /// put off asks again by itself.
    fn may_request(&mut self, link: Link) -> bool {
        let Some(state) = self.links.get_mut(&link) else { return false };
        state.requests.count(1);
        let allowed = state.requests <= MAX_REQUESTS;
        let first_too_many = state.requests.checked_sub(1) == Some(MAX_REQUESTS);
        self.counters.put_off.count(u64::from(!allowed));
        if first_too_many {
            self.note(link, Deed::Conduct);
        }
        allowed
    }
}

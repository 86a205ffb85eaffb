//! What the overlay decided, as what the page is to do or to know.

use tatum_overlay::{Link, Output as Decided};
use tatum_primitives::StreamKey;
use tatum_protocol::Stream;
use tatum_receipt::SignedReceipt;

use super::Tab;
use crate::Output;

/// A relay that broke the protocol is left alone for so long.
const MISBEHAVED_MS: u64 = 15_000;

impl Tab {
    /// Carries out what the attendance and the overlay decided, then sends all packets.
    pub(super) fn pump(&mut self) {
        loop {
            if let Some(step) = self.attendance.poll() {
                self.step(step);
            } else if let Some(decided) = self.overlay.poll() {
                self.decided(decided);
            } else {
                break;
            }
        }
        self.hand_over();
        self.links.flush(None, &mut self.outputs);
    }

    fn decided(&mut self, decided: Decided) {
        let now = self.now();
        match decided {
            Decided::Send { link, frame, priority } => self.links.pack(link.0, &frame, priority),
            Decided::Deliver(message) => self.opener.take(*message, now.monotonic_ms),
            Decided::Gap { stream, chain, first, last } => {
                // What came before it is handed over before it.
                self.hand_over();
                let (publisher, chain) = (chain.publisher, chain.chain);
                self.of_stream(stream, |stream| Output::Gap {
                    stream,
                    publisher,
                    chain,
                    first,
                    last,
                });
            }
            Decided::Accepted { stream, sequence } => self.accepted(stream, sequence),
            Decided::ReceiptSigned(witnessed) => {
                self.counts.signed = self.counts.signed.saturating_add(1);
                self.overlay.send_receipt(&witnessed, &now);
            }
            Decided::ReceiptSettled { receipt, .. } => self.settled(*receipt),
            Decided::ReceiptRejected { node, reason, .. } => {
                self.counts.rejected = self.counts.rejected.saturating_add(1);
                self.outputs.push(Output::Rejected { node, reason });
            }
            Decided::Admitted { node, stream, role } => {
                self.of_stream(stream, |stream| Output::Admitted { stream, role, node });
            }
            Decided::Refused { node, stream, role, reason } => {
                let reason = reason.to_string();
                self.of_stream(stream, |stream| Output::Refused { stream, role, node, reason });
            }
            Decided::Unserved { stream, role, for_ms } => {
                self.attendance.unserved(stream, now.monotonic_ms);
                self.of_stream(stream, |stream| Output::Unserved { stream, role, for_ms });
            }
            Decided::Disconnect { link, reason, retry_after_ms, .. }
            | Decided::Dismissed { link, reason, retry_after_ms, .. } => {
                self.send_away(link, retry_after_ms, &reason.to_string());
            }
            Decided::Misbehaved { link, reason } => self.send_away(link, MISBEHAVED_MS, &reason),
            Decided::Distrusted { node } => self.attendance.avoid(node),
            // Only relays are asked for service, and offered receipts.
            Decided::AttachAsked { .. }
            | Decided::QuotaWanted { .. }
            | Decided::LeaseWanted { .. }
            | Decided::ReceiptOffered { .. } => {}
        }
    }

    /// Says something of a stream that the user knows.
    pub(super) fn of_stream(&mut self, stream: StreamKey, say: impl FnOnce(Stream) -> Output) {
        if let Some(name) = self.names.get(&stream) {
            self.outputs.push(say(name.clone()));
        }
    }

    fn settled(&mut self, signed: SignedReceipt) {
        self.counts.settled = self.counts.settled.saturating_add(1);
        let receipt = signed.receipt;
        self.of_stream(receipt.stream_key, |stream| Output::Settled {
            stream,
            node: receipt.node,
            role: receipt.role,
            epoch: receipt.epoch,
            messages: receipt.messages,
            bytes: receipt.bytes,
            bytes_on_time: receipt.bytes_on_time,
        });
    }

    /// Closes a link after what waits for it was sent, and takes no new one before the time is up.
    fn send_away(&mut self, link: Link, retry_after_ms: u64, reason: &str) {
        let now = self.now();
        self.links.flush(Some(link.0), &mut self.outputs);
        self.links.keep_away(link.0, retry_after_ms, &now);
        let text = format!("a link ends: {reason}");
        self.outputs.push(Output::Note { text });
        self.outputs.push(Output::Close { link: link.0 });
    }
}

//! Carries out what the overlay decided.
//!
//! Invariant: outputs are carried out in the overlay's order, and all packets leave at the end of a
//! run, so frames of one run share packets.

use tatum_overlay::Output;
use tatum_overlay::frame::Refusal;
use tatum_primitives::{Role, StreamKey};

use super::store::StoreJob;
use super::{Engine, Notice};
use crate::NodeError;

impl Engine {
    /// Carries out what the attendance and the overlay decided, then sends all packets.
    pub(super) async fn pump(&mut self) -> Result<(), NodeError> {
        loop {
            if let Some(step) = self.attendance.poll() {
                self.step(step);
            } else if let Some(output) = self.overlay.poll() {
                self.output(output).await?;
            } else {
                break;
            }
        }
        let now = self.now();
        for (link, packet) in self.links.flush() {
            self.overlay.unsent(link, &packet, &now);
        }
        Ok(())
    }

    async fn output(&mut self, output: Output) -> Result<(), NodeError> {
        match output {
            #[cfg(feature = "adversary")]
            Output::Send { frame, .. } if self.drops.is_some_and(|drops| drops.takes(&frame)) => {}
            Output::Send { link, frame, priority } => self.links.pack(link, &frame, priority),
            Output::Deliver(message) => self.notice(Notice::Deliver(message)).await?,
            Output::Gap { stream, chain, first, last } => {
                self.notice(Notice::Gap { stream, chain, first, last }).await?;
            }
            Output::Accepted { sequence, .. } => {
                self.notice(Notice::Accepted { sequence }).await?;
            }
            Output::AttachAsked { link, attach, signer } => {
                self.attach_asked(link, attach, signer).await;
            }
            Output::QuotaWanted { payer, epoch } => self.quota_wanted(payer, epoch),
            Output::LeaseWanted { claim, evidence } => self.lease_wanted(claim, evidence),
            Output::ReceiptOffered { link, bytes } => self.receipt_offered(link, &bytes).await,
            Output::ReceiptSigned(signed) => self.receipt_signed(signed).await,
            Output::ReceiptSettled { receipt, acknowledgement } => {
                self.receipts.settled = self.receipts.settled.saturating_add(1);
                self.store_job(StoreJob::Acknowledged(receipt, acknowledgement)).await;
                self.notice(Notice::Settled).await?;
            }
            Output::ReceiptRejected { node, digest, reason } => {
                tracing::warn!(%node, %digest, reason, "a node rejected our receipt");
            }
            Output::Admitted { node, stream, role } => {
                tracing::info!(%node, %stream, ?role, "a relay serves us");
                self.notice(Notice::Admitted { stream, role }).await?;
            }
            Output::Refused { node, stream, role, reason } => {
                let is_for_owner = matches!(
                    reason,
                    Refusal::OverQuota { .. }
                        | Refusal::Uncovered { .. }
                        | Refusal::ChannelExiting
                        | Refusal::TooDear { .. }
                        | Refusal::Price { .. }
                        | Refusal::Newcomer { .. }
                );
                if is_for_owner {
                    tracing::warn!(%node, %stream, ?role, %reason, "a relay does not serve us");
                } else {
                    tracing::info!(%node, %stream, ?role, %reason, "a relay does not serve us");
                }
                self.notice(Notice::Refused { node, role, reason }).await?;
            }
            Output::Unserved { stream, role, for_ms } => self.unserved(stream, role, for_ms),
            Output::Disconnect { link, node, reason, retry_after_ms } => {
                tracing::warn!(%node, %reason, retry_after_ms, "sent a neighbour away");
                let now = self.now();
                self.links.send_away((link, node), retry_after_ms, &now);
            }
            Output::Dismissed { link, node, reason, retry_after_ms } => {
                tracing::warn!(%node, %reason, retry_after_ms, "a neighbour sent us away");
                let now = self.now();
                self.links.send_away((link, node), retry_after_ms, &now);
            }
            Output::Distrusted { node } => self.attendance.avoid(node),
            Output::Misbehaved { link, reason } => {
                tracing::warn!(?link, reason, "a neighbour broke the protocol; closing the link");
                self.links.close(link);
            }
        }
        Ok(())
    }

    /// Nobody serves us: we go on looking, and our owner hears of it.
    fn unserved(&mut self, stream: StreamKey, role: Role, for_ms: u64) {
        let seconds = for_ms / 1_000;
        tracing::warn!(%stream, ?role, seconds, "no relay serves us; looking for others");
        let now = self.now();
        self.attendance.unserved(stream, now.monotonic_ms);
        // A slow owner misses this; it is told again.
        let _ = self.notices.try_send(Notice::Unserved { role, seconds });
    }

    pub(super) async fn notice(&self, notice: Notice) -> Result<(), NodeError> {
        // A slow owner slows the engine, and through its links the senders.
        self.notices.send(notice).await.map_err(|_| NodeError::Stopped)
    }
}

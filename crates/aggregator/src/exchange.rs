//! Takes in the receipts of an ended epoch that other aggregators of the deployment hold, while it still takes any.
//!
//! Invariant: what another says is a receipt is checked and stored like whatever is handed in; nothing of its answers is believed but their order, and
//! an answer that goes back in it ends the reading. Another that is silent holds nothing up.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tatum_primitives::{Epoch, EpochSchedule};
use tatum_protocol::client::{AggregatorClient, ClientError};
use tatum_receipt::DeliveryReceipt;
use tokio::sync::watch;

use crate::Clock;
use crate::http::error::chain_of;
use crate::ingest::Ingest;

/// For whom a peer's receipts are checked: an address of its own that no client has (0.0.0.0/8), so that nobody pays for what another sends.
fn address_of(place: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(place).unwrap_or(u32::MAX)))
}

/// Who else there is, and when they are asked.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) peers: Vec<AggregatorClient>,
    pub(crate) ingest: Ingest,
    pub(crate) schedule: EpochSchedule,
    pub(crate) clock: Clock,
    /// Milliseconds after an epoch's end in which receipts are taken. The others are asked in the second half of it: by then they have nearly all.
    pub(crate) intake_ms: u64,
    pub(crate) poll: Duration,
}

impl Exchange {
    /// Asks each of them once an epoch, until `stop` says so.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut asked: Vec<Option<Epoch>> = vec![None; self.peers.len()];
        while !*stop.borrow() {
            tokio::select! {
                () = self.look(&mut asked) => {}
                _ = stop.changed() => break,
            }
            tokio::select! {
                () = tokio::time::sleep(self.poll) => {}
                _ = stop.changed() => break,
            }
        }
    }

    async fn look(&self, asked: &mut [Option<Epoch>]) {
        for ((place, peer), asked) in self.peers.iter().enumerate().zip(asked) {
            let Some(epoch) = self.due().filter(|epoch| *asked != Some(*epoch)) else { continue };
            match self.take_from(peer, address_of(place), epoch).await {
                Ok(None) => {
                    tracing::warn!(%epoch, peer = peer.base(), "not all that another aggregator holds was taken; asking again");
                }
                Ok(Some(receipts)) => {
                    *asked = Some(epoch);
                    tracing::info!(%epoch, receipts, peer = peer.base(), "took another aggregator's receipts");
                }
                Err(error) => {
                    tracing::warn!(%epoch, peer = peer.base(), error = %chain_of(&error), "another aggregator's receipts are not to be had");
                }
            }
        }
    }

    /// The epoch whose receipts are to be asked for now.
    fn due(&self) -> Option<Epoch> {
        let now_ms = self.clock.now_ms();
        let epoch = self.schedule.epoch_at_ms(now_ms).previous()?;
        let since_ms = now_ms.saturating_sub(self.schedule.end_ms(epoch));
        (self.intake_ms / 2..self.intake_ms).contains(&since_ms).then_some(epoch)
    }

    /// Takes what `peer` holds of `epoch`; gives how much it was, or nothing if some of it has to be asked for again.
    async fn take_from(
        &self,
        peer: &AggregatorClient,
        address: IpAddr,
        epoch: Epoch,
    ) -> Result<Option<usize>, ClientError> {
        let (mut behind, mut count): (Option<DeliveryReceipt>, usize) = (None, 0);
        while self.due() == Some(epoch) {
            let page = peer.taken(epoch, behind.as_ref()).await?;
            let last = page.iter().rev().find_map(|element| element.as_ref().ok());
            let Some(last) = last.map(|witnessed| witnessed.signed.receipt.clone()) else { break };
            let goes_on = behind.as_ref().is_none_or(|before| before.key() < last.key());
            if !goes_on || last.epoch != epoch {
                break;
            }
            count = count.saturating_add(page.len());
            behind = Some(last);
            // A receipt that was refused was so for a reason; this is a page that nothing was stored of.
            if self.ingest.submit(address, page).await.is_err() {
                return Ok(None);
            }
        }
        Ok(Some(count))
    }
}

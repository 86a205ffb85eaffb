//! Has operators stand for the receipts of an epoch before the chain takes no assent any more.
//!
//! Invariant: what is offered is what was frozen, so a restart offers the same list; and nothing here holds an epoch up: without an assent
//! in time it is rolled up as it is.

use tatum_chain::Assent;
use tatum_merkle::ListCommitment;
use tatum_primitives::Epoch;
use tatum_protocol::MOST_ASSENTED;
use tatum_watcher::ListData;

use super::{CloseError, Closer};
use crate::assents::{self, Offer};
use crate::audit::{self, Budget, FetchLimits};

/// The only round of an aggregator: receipts that come after it are not waited for, so there is no newer list.
const ROUND: u32 = 1;

impl Closer {
    /// Milliseconds after an epoch's end in which receipts are taken: half of the grace where operators are to read and sign the list in the
    /// other half.
    pub(crate) fn intake_ms(&self) -> u64 {
        let grace_ms = self.windows().grace_s.saturating_mul(1000);
        if self.rules.gathers_assents { grace_ms / 2 } else { grace_ms }
    }

    /// Offers the frozen list for as long as anybody can sign or force, and posts what was signed. True if something was done.
    pub(super) async fn gather(&self, epoch: Epoch, head_time_s: u64) -> Result<bool, CloseError> {
        if !self.rules.gathers_assents || self.gathering.is_over(epoch) {
            return Ok(false);
        }
        let (windows, end_s) = (self.windows(), self.schedule.end_ms(epoch) / 1000);
        if head_time_s >= windows.forced_until_s(end_s) {
            self.gathering.end(epoch);
            return Ok(false);
        }
        let until_s = end_s.saturating_add(windows.grace_s);
        if self.gathering.offered(epoch).is_none() {
            return self.offer(epoch, until_s).await;
        }
        let Some((assent, signatures)) = self.gathering.assented(epoch) else { return Ok(false) };
        if head_time_s < until_s && self.chain.assent_of(epoch).await?.is_none() {
            let operators = signatures.len();
            let tx = self.chain.assent(epoch, assent, signatures).await?;
            let ListCommitment { top, count } = assent.list;
            tracing::info!(%epoch, %top, receipts = count, operators, %tx, "operators stand for the list");
        }
        self.gathering.posted(epoch);
        Ok(true)
    }

    async fn offer(&self, epoch: Epoch, until_s: u64) -> Result<bool, CloseError> {
        let Some(list) = self.write_frozen(epoch).await? else {
            self.gathering.end(epoch);
            return Ok(false);
        };
        let assent = Assent { round: ROUND, list };
        let (assenters, total_wei) = self.chain.assenters(epoch).await?;
        self.gathering.offer(Offer {
            epoch,
            assent,
            digest: assent.digest(self.chain.deployment(), epoch),
            until_s,
            assenters: assenters.into_iter().map(|one| (one.id, one)).collect(),
            total_wei,
        });
        tracing::info!(%epoch, top = %list.top, receipts = list.count, "the list waits for operators' signatures");
        Ok(true)
    }

    /// The list that operators stand for: as it lies here, or made again from what was frozen.
    pub(super) async fn assented_or_frozen(
        &self,
        epoch: Epoch,
        list: &ListCommitment,
    ) -> Result<ListData, CloseError> {
        if let Some(found) = audit::assented(&self.datasets, list) {
            return Ok(found);
        }
        // A process that took over from the one that offered it has the same receipts.
        self.write_frozen(epoch).await?;
        if let Some(found) = audit::assented(&self.datasets, list) {
            return Ok(found);
        }
        // Operators stand for another aggregator's list; whoever proposes by it publishes it.
        let (chain, folder) = (&self.chain, &self.datasets);
        let budget = Budget::new(FetchLimits::default().for_window(self.windows().challenge_s));
        let fetched = audit::fetch_assented(chain, epoch, list, None, folder, &budget).await;
        fetched.ok_or(CloseError::NoAssented { epoch, top: list.top })
    }

    /// Writes the list of what was frozen; none without receipts, or with more than are offered.
    async fn write_frozen(&self, epoch: Epoch) -> Result<Option<ListCommitment>, CloseError> {
        let mut leaves = Vec::new();
        let mut scan = self.database.scan_receipts(epoch);
        while let Some(page) = scan.next_witnessed().await? {
            leaves
                .extend(page.into_iter().map(|(stored, _)| stored.into_signed().encode().to_vec()));
            if !u32::try_from(leaves.len()).is_ok_and(|count| count <= MOST_ASSENTED) {
                tracing::warn!(%epoch, limit = MOST_ASSENTED, "the epoch has more receipts than operators are asked to read");
                return Ok(None);
            }
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        let datasets = self.datasets.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let list = ListData::new(leaves.clone()).map_err(CloseError::List)?.commitment();
            assents::write(&datasets, &list, &leaves).map_err(CloseError::Offer)?;
            Ok(list)
        });
        writing.await.map_err(|_| CloseError::CutOff)?.map(Some)
    }
}

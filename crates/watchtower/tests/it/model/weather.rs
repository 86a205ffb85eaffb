//! The chain's blocks, twelve seconds each, and what they ask for gas.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use anyhow::ensure;
use tatum_chain::Chain;
use tatum_test_utils::Anvil;

const BLOCK_S: u64 = 12;
/// One gwei, and twenty.
const CALM_WEI: u64 = 1_000_000_000;
const STORM_WEI: u64 = 20 * CALM_WEI;
/// What everybody has to send within.
const MOST_BLOCKS: usize = 80;

pub(crate) struct Weather<'a> {
    anvil: &'a Anvil,
    reader: Chain,
    storm_blocks: usize,
    pub(crate) stormy: usize,
}

impl<'a> Weather<'a> {
    pub(crate) const fn new(anvil: &'a Anvil, reader: Chain) -> Self {
        Self { anvil, reader, storm_blocks: 0, stormy: 0 }
    }

    pub(crate) const fn storm(&mut self, blocks: usize) {
        self.storm_blocks = blocks;
    }

    pub(crate) async fn now_s(&self) -> anyhow::Result<u64> {
        Ok(self.reader.head().await?.1)
    }

    pub(crate) async fn block(&mut self) -> anyhow::Result<()> {
        let at_s = self.now_s().await? + BLOCK_S;
        self.block_at(at_s).await
    }

    /// A block of a time that is to come.
    pub(crate) async fn block_at(&mut self, time_s: u64) -> anyhow::Result<()> {
        let is_stormy = self.storm_blocks > 0;
        self.storm_blocks = self.storm_blocks.saturating_sub(1);
        self.stormy += usize::from(is_stormy);
        self.anvil.mine_at(time_s, if is_stormy { STORM_WEI } else { CALM_WEI }).await
    }

    pub(crate) async fn reorganise(&self, depth: u64) -> anyhow::Result<()> {
        self.anvil.reorganise(depth).await
    }

    /// Carries out what somebody sends, while blocks come.
    pub(crate) async fn with_blocks<T>(
        &mut self,
        act: impl Future<Output = T>,
    ) -> anyhow::Result<T> {
        let mut act = pin!(act);
        for _ in 0..MOST_BLOCKS {
            tokio::select! {
                done = &mut act => return Ok(done),
                () = tokio::time::sleep(Duration::from_millis(20)) => self.block().await?,
            }
        }
        let done = tokio::time::timeout(Duration::from_secs(5), act).await;
        ensure!(done.is_ok(), "it was not mined within {MOST_BLOCKS} blocks");
        Ok(done?)
    }
}

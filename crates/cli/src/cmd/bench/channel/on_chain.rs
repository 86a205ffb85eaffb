//! The part on a chain: one payer opens channels, redeems in them, leaves them all, and a watchtower answers.
//!
//! Invariant: every transaction's gas is that of its receipt, and afterwards each channel has paid what its receipts owe.

use std::time::{Duration, Instant};

use alloy::primitives::U256;
use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{B256, OperatorId, WEI_PER_DATA};
use tatum_protocol::web::ChannelState;
use tatum_receipt::{SessionKey, SignedReceipt, Verifier};
use tatum_watchtower::{Config, run as watch};

use super::receipt;

/// What each channel holds.
const DEPOSIT_WEI: u128 = 1_000 * WEI_PER_DATA;
/// An hour, the shortest: nothing is waited for.
const WINDOW_MINUTES: u16 = 60;

/// What was measured on chain.
#[derive(Debug, Serialize)]
pub(super) struct OnChain {
    /// One receipt of a lane that was redeemed before, in a transaction of its own.
    redeem_gas: u64,
    /// Receipts redeemed in one transaction.
    redeemed_a_transaction: usize,
    /// That transaction, where all lanes were redeemed before.
    redeem_many_gas: u64,
    /// From handing it over to seeing it mined.
    redeem_many_s: f64,
    /// Channels that were being left.
    exits: usize,
    /// One watchtower, from its start until all exits were answered and mined.
    answer_s: f64,
    answers_per_s: f64,
    /// Blocks in that time.
    answer_blocks: u64,
}

impl OnChain {
    /// For people.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("gas to redeem one", self.redeem_gas.to_string()),
            ("redeemed in a transaction", self.redeemed_a_transaction.to_string()),
            ("… gas", self.redeem_many_gas.to_string()),
            ("… seconds until it is mined", format!("{:.2}", self.redeem_many_s)),
            ("exits answered", self.exits.to_string()),
            ("… a second", format!("{:.2}", self.answers_per_s)),
            ("… blocks", self.answer_blocks.to_string()),
        ]
    }
}

/// Whose channels.
struct Payer<'a> {
    chain: Chain,
    key: &'a SessionKey,
}

pub(super) async fn measure(
    chain: Chain,
    key: &SessionKey,
    operators: &[OperatorId],
    lanes: u32,
    output: crate::output::Output,
) -> anyhow::Result<OnChain> {
    let payer = Payer { chain, key };
    output.progress(format!("opening {} channels …", operators.len()));
    let mut channels = Vec::new();
    for operator in operators {
        channels.push((*operator, payer.open(*operator).await?));
    }
    let first = *channels.first().context("an operator at least")?;
    output.progress("redeeming one by one, and many at once …");
    let chain = &payer.chain;
    chain.redeem_receipts(&[payer.signed(first, 0, 1)]).await.context("redeeming")?;
    let redeem = chain.redeem_receipts(&[payer.signed(first, 0, 2)]).await.context("redeeming")?;
    let many = |owed| (1..=lanes).map(|lane| payer.signed(first, lane, owed)).collect::<Vec<_>>();
    chain.redeem_receipts(&many(1)).await.context("redeeming many")?;
    let started = Instant::now();
    let redeemed = chain.redeem_receipts(&many(2)).await.context("redeeming many")?;
    let redeem_many_s = started.elapsed().as_secs_f64();
    ensure!(redeemed.receipts == many(2).len(), "{} were redeemed", redeemed.receipts);

    output.progress(format!("leaving {} channels, for a watchtower to answer …", channels.len()));
    let (answer_s, answer_blocks) = payer.leave_and_be_answered(&channels).await?;
    Ok(OnChain {
        redeem_gas: redeem.gas_used,
        redeemed_a_transaction: redeemed.receipts,
        redeem_many_gas: redeemed.gas_used,
        redeem_many_s,
        exits: channels.len(),
        answer_s,
        answers_per_s: channels.len() as f64 / answer_s,
        answer_blocks,
    })
}

impl Payer<'_> {
    /// Opens a channel; gives its id.
    async fn open(&self, operator: OperatorId) -> anyhow::Result<B256> {
        let account = self.chain.account()?;
        let status = self.chain.channel_status(account, operator).await?;
        ensure!(
            status.state == ChannelState::NotOpen,
            "{account} has a channel open with operator {operator}: settle it, or take an account without one"
        );
        let deposit = U256::from(DEPOSIT_WEI);
        self.chain.open_channel(operator, WINDOW_MINUTES, deposit).await.context("opening")?;
        Ok(self.chain.channel_status(account, operator).await?.channel)
    }

    /// A receipt that owes so many wei in a lane.
    fn signed(
        &self,
        (operator, channel): (OperatorId, B256),
        lane: u32,
        owed: u128,
    ) -> SignedReceipt {
        let mut receipt = receipt(self.key.address(), operator, channel, lane);
        receipt.owed = owed;
        SignedReceipt::sign(receipt, self.key, &Verifier::new(self.chain.domain()))
    }

    /// Leaves all channels and lets a watchtower answer with what the newest receipts owe; seconds and blocks that takes.
    async fn leave_and_be_answered(
        &self,
        channels: &[(OperatorId, B256)],
    ) -> anyhow::Result<(f64, u64)> {
        let newest: Vec<SignedReceipt> =
            channels.iter().map(|channel| self.signed(*channel, 0, 7)).collect();
        let file = tempfile::NamedTempFile::new().context("making a file of receipts")?;
        std::fs::write(file.path(), tatum_protocol::receipts::encode(&newest))?;
        for (operator, _) in channels {
            self.chain.exit_channel(*operator).await.context("leaving")?;
        }
        let (before, _) = self.chain.head().await?;
        let started = Instant::now();
        let config = watch_once(file.path().to_owned());
        let seen = watch(self.chain.clone(), config, std::future::pending()).await?;
        let answer_s = started.elapsed().as_secs_f64();
        let (after, _) = self.chain.head().await?;
        ensure!(seen.answered == channels.len(), "{} were answered: {seen:?}", seen.answered);
        for (operator, _) in channels {
            let account = self.chain.account()?;
            let status = self.chain.channel_status(account, *operator).await?;
            ensure!(status.paid_wei >= U256::from(7), "operator {operator} was not paid");
        }
        Ok((answer_s, after.saturating_sub(before)))
    }
}

fn watch_once(file: std::path::PathBuf) -> Config {
    Config {
        folders: Vec::new(),
        files: vec![file],
        operator: None,
        redeem_at_wei: None,
        lane_least_wei: U256::ZERO,
        poll: Duration::from_secs(1),
        alarm_before_s: 0,
        webhook: None,
        listen: None,
        once: true,
    }
}

//! `tatum operator autoclaim`: claims by itself, whenever it pays.
//!
//! Invariant: what is owed follows from the chain and a proof at each look, and an entry is paid once whoever sends it and however
//! often, so a restart, a crash or a second copy of this costs at most a refused transaction's estimate. What was signed and not seen
//! mined is in the account's journal and waited for first. Faults of the chain's endpoint or the aggregator end nothing.

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::Context;
use tatum_primitives::{Nano, OperatorId};
use tatum_protocol::client::AggregatorClient;

use super::claim::{Outcome, least_nano};
use super::owed::{Batch, Final, batches};
use crate::amounts::{format_data, parse_data};
use crate::args::{Account, AggregatorArgs, ChainArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;
use crate::shutdown;

/// When to claim, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An operator's id; may be repeated
    #[arg(long, env = "TATUM_OPERATOR_ID", value_delimiter = ',', required_unless_present = "all")]
    operator: Vec<OperatorId>,
    /// For every operator
    #[arg(long)]
    all: bool,
    /// DATA that an operator must be owed before anything is claimed for it
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data, default_value = "1")]
    at_least: U256,
    /// How much DATA a whole of the chain's coin is worth; then a claim also has to bring --factor times its gas
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    coin_price: Option<U256>,
    /// How many times its gas a claim has to bring
    #[arg(long, value_name = "TIMES", default_value_t = 10, requires = "coin_price", value_parser = clap::value_parser!(u32).range(1..))]
    factor: u32,
    /// Seconds between looks
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

pub(super) async fn run(args: &Args, output: Output) -> anyhow::Result<()> {
    // What no time heals is said at once.
    args.chain.deployment.load()?;
    let claimer = Claimer {
        least: least_nano(Some(args.at_least))?,
        account: args.chain.account(&args.keystore)?,
        aggregator: args.aggregator.client()?,
        args,
        output,
    };
    if args.once {
        return claimer.look().await.map(drop);
    }
    output.progress(format!(
        "claiming from {}, looking every {} s",
        claimer.account.address(),
        args.every
    ));
    tokio::select! {
        () = claimer.go_on() => Ok(()),
        () = shutdown::requested() => Ok(()),
    }
}

struct Claimer<'a> {
    args: &'a Args,
    least: Nano,
    account: Account<'a>,
    aggregator: AggregatorClient,
    output: Output,
}

impl Claimer<'_> {
    async fn go_on(&self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!("nothing was claimed; trying again: {error:#}");
            }
            tokio::time::sleep(Duration::from_secs(self.args.every)).await;
        }
    }

    /// Claims what pays now. What sends is connected only while it does, so that other commands can send for the account too.
    async fn look(&self) -> anyhow::Result<()> {
        let reading = self.args.chain.read_only().await?;
        let Some(distribution) = Final::of(&reading).await? else { return Ok(()) };
        let operators = match self.args.all {
            true => distribution.operators(&reading).await?,
            false => self.args.operator.clone(),
        };
        let mut owed = distribution.owed_to(&reading, &self.aggregator, &operators).await?;
        let mut paying = self.paying(&reading, batches(&reading, &owed, self.least).await?).await?;
        if paying.is_empty() {
            return Ok(());
        }
        let chain = self.account.connect().await?;
        // What an earlier process has sent may be the very claim.
        chain.settle_open().await?;
        owed = distribution.owed_to(&chain, &self.aggregator, &operators).await?;
        paying = self.paying(&chain, batches(&chain, &owed, self.least).await?).await?;
        let mut outcome = Outcome::nothing(distribution.epoch);
        for batch in &paying {
            let sent = outcome.send(&chain, batch, &owed, self.output).await;
            if sent.is_err() && !outcome.operators.is_empty() {
                outcome.show(self.output);
            }
            sent?;
        }
        if !outcome.transactions.is_empty() {
            outcome.show(self.output);
        }
        Ok(())
    }

    /// Those that bring enough for their gas.
    async fn paying(
        &self,
        chain: &tatum_chain::Chain,
        mut batches: Vec<Batch>,
    ) -> anyhow::Result<Vec<Batch>> {
        let Some(coin_price) = self.args.coin_price else { return Ok(batches) };
        let gas_price_wei = U256::from(chain.gas_price_wei().await?);
        let mut needed = Vec::with_capacity(batches.len());
        for batch in &batches {
            let coin_wei = gas_price_wei.saturating_mul(U256::from(batch.gas));
            needed.push(worth_wei(coin_wei, coin_price, self.args.factor)?);
        }
        let mut needed = needed.into_iter();
        batches.retain(|batch| {
            let (due_wei, needed_wei) =
                (batch.due_nano.to_wei(), needed.next().unwrap_or_default());
            let pays = due_wei >= needed_wei;
            if !pays {
                let (due, needed) = (format_data(due_wei), format_data(needed_wei));
                tracing::info!("{due} are owed; a claim pays from {needed} on");
            }
            pays
        });
        Ok(batches)
    }
}

/// What a claim has to bring that costs so much of the chain's coin, in wei of DATA, rounded up.
fn worth_wei(coin_wei: U256, coin_price: U256, factor: u32) -> anyhow::Result<U256> {
    let whole = U256::from(10).pow(U256::from(18));
    let product = coin_wei.checked_mul(coin_price);
    let product = product.and_then(|product| product.checked_mul(U256::from(factor)));
    Ok(product.context("no coin costs that much")?.div_ceil(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_pays_from_so_many_times_its_gas_on() {
        let data = |text| parse_data(text).unwrap();
        // 60 000 gas at 2 gwei are 0.00012 coins, 4.8 DATA at 40 000 a coin.
        let coin_wei = U256::from(60_000u64 * 2_000_000_000);
        assert_eq!(worth_wei(coin_wei, data("40000"), 10).unwrap(), data("48"));
        assert_eq!(worth_wei(U256::from(1), U256::from(1), 1).unwrap(), U256::from(1));
        assert!(worth_wei(U256::MAX, data("2"), 10).is_err());
    }
}

//! `tatum operator claim`: what the newest final distribution owes, for one operator or for all.

use std::collections::BTreeMap;

use alloy::primitives::{TxHash, U256};
use anyhow::{Context, bail};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{Epoch, Nano, OperatorId};

use super::owed::{Batch, Final, Owed, batches};
use crate::amounts::{format_data, parse_data};
use crate::args::{AggregatorArgs, ChainArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to claim.
#[derive(Debug, clap::Args)]
pub(crate) struct ClaimArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID", required_unless_present = "all")]
    operator: Option<OperatorId>,
    /// For every operator that is owed something
    #[arg(long)]
    all: bool,
    /// Only for those who are owed so much
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    at_least: Option<U256>,
    /// Say what would be claimed, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

#[derive(Debug, Serialize)]
struct Claimed {
    operator: OperatorId,
    epoch: Epoch,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_now_nano: Nano,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_nano: Nano,
    transaction: Option<TxHash>,
}

/// What claims for many came to.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) epoch: Epoch,
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub(super) claimed_now_nano: Nano,
    pub(super) operators: Vec<Paid>,
    pub(super) transactions: Vec<TxHash>,
}

/// What one of many was paid.
#[derive(Debug, Serialize)]
pub(super) struct Paid {
    operator: OperatorId,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_now_nano: Nano,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_nano: Nano,
    transaction: TxHash,
}

pub(super) async fn run(args: &ClaimArgs, output: Output) -> anyhow::Result<()> {
    // A key is asked for at once where it will be needed, and not at all where it is not.
    let account = match args.dry_run {
        true => None,
        false => Some(args.chain.account(&args.keystore)?),
    };
    let reading = args.chain.read_only().await?;
    let Some(distribution) = Final::of(&reading).await? else {
        bail!("no distribution is finalized yet: nothing can be claimed");
    };
    let aggregator = args.aggregator.client()?;
    let operators = match (args.all, args.operator) {
        (true, _) => distribution.operators(&reading).await?,
        (false, operator) => operator.into_iter().collect(),
    };
    let count = operators.len();
    if args.all {
        output.progress(format!(
            "asking what {count} operators are owed of epoch {} …",
            distribution.epoch
        ));
    }
    let least = least_nano(args.at_least)?;
    let mut owed = distribution.owed_to(&reading, &aggregator, &operators).await?;
    let mut chosen = batches(&reading, &owed, least).await?;
    let Some(account) = account else {
        would(distribution.epoch, &chosen, output);
        return Ok(());
    };
    let mut outcome = Outcome::nothing(distribution.epoch);
    if !chosen.is_empty() {
        let chain = account.connect().await?;
        // What an earlier command has sent may be the very claim.
        chain.settle_open().await?;
        owed = distribution.owed_to(&chain, &aggregator, &operators).await?;
        chosen = batches(&chain, &owed, least).await?;
        for batch in &chosen {
            outcome.send(&chain, batch, &owed, output).await?;
        }
    }
    if outcome.transactions.is_empty() {
        let waits = owed.iter().any(|owed| owed.due_nano > Nano::ZERO);
        let why = if waits { "too little is owed yet" } else { "everything is claimed already" };
        output.progress(why);
    }
    match (args.all, owed.first()) {
        (false, Some(owed)) => show_one(owed, &outcome, output),
        _ => outcome.show(output),
    }
    Ok(())
}

/// An amount in whole nano, rounded up: who is owed less is not owed so much.
pub(super) fn least_nano(amount_wei: Option<U256>) -> anyhow::Result<Nano> {
    let wei = amount_wei.unwrap_or_default();
    let nano = wei.div_ceil(Nano(1).to_wei());
    u64::try_from(nano).map(Nano).context("nobody is ever owed that much")
}

impl Outcome {
    pub(super) fn nothing(epoch: Epoch) -> Self {
        let (operators, transactions) = (Vec::new(), Vec::new());
        Self { epoch, claimed_now_nano: Nano::ZERO, operators, transactions }
    }

    /// Sends a transaction, and reads back what each of its operators has then: the token may have refused one.
    pub(super) async fn send(
        &mut self,
        chain: &Chain,
        batch: &Batch,
        owed: &[Owed],
        output: Output,
    ) -> anyhow::Result<()> {
        let (due, whom) = (format_data(batch.due_nano.to_wei()), batch.operators.len());
        output.progress(format!("claiming {due} for {whom} operators …"));
        let before: BTreeMap<OperatorId, Nano> =
            owed.iter().map(|owed| (owed.operator, owed.claimed_nano)).collect();
        let transaction = batch.send(chain).await?;
        self.transactions.push(transaction);
        for operator in batch.operators.iter().copied() {
            let claimed_nano = chain.claimed_nano(operator).await?;
            let before = before.get(&operator).copied().unwrap_or_default();
            let claimed_now_nano = claimed_nano.checked_sub(before).unwrap_or_default();
            let sum = self.claimed_now_nano.checked_add(claimed_now_nano);
            self.claimed_now_nano = sum.context("more was claimed than there is")?;
            self.operators.push(Paid { operator, claimed_now_nano, claimed_nano, transaction });
        }
        Ok(())
    }

    pub(super) fn show(&self, output: Output) {
        let line = |paid: &Paid| {
            let refused = paid.claimed_now_nano == Nano::ZERO;
            vec![
                paid.operator.to_string(),
                format_data(paid.claimed_now_nano.to_wei()),
                format_data(paid.claimed_nano.to_wei()),
                if refused { "the token refused its transfer".to_owned() } else { String::new() },
            ]
        };
        let lines: Vec<Vec<String>> = self.operators.iter().map(line).collect();
        let mut rows = vec![
            ("epoch", self.epoch.to_string()),
            ("claimed now", format_data(self.claimed_now_nano.to_wei())),
        ];
        rows.extend(self.transactions.iter().map(|hash| ("transaction", hash.to_string())));
        output.listing(self, &["operator", "claimed now", "claimed in all", ""], &lines, &rows);
    }
}

fn show_one(owed: &Owed, outcome: &Outcome, output: Output) {
    let paid = outcome.operators.first();
    let claimed = Claimed {
        operator: owed.operator,
        epoch: outcome.epoch,
        claimed_now_nano: outcome.claimed_now_nano,
        claimed_nano: paid.map_or(owed.claimed_nano, |paid| paid.claimed_nano),
        transaction: paid.map(|paid| paid.transaction),
    };
    let transaction = claimed.transaction;
    let rows = [
        ("operator", claimed.operator.to_string()),
        ("epoch", claimed.epoch.to_string()),
        ("claimed now", format_data(claimed.claimed_now_nano.to_wei())),
        ("claimed in all", format_data(claimed.claimed_nano.to_wei())),
        ("transaction", transaction.map_or_else(|| "none".to_owned(), |hash| hash.to_string())),
    ];
    output.result(&claimed, &rows);
}

/// Says what would be sent.
fn would(epoch: Epoch, batches: &[Batch], output: Output) {
    let value = serde_json::json!({
        "dry_run": true,
        "epoch": epoch,
        "transactions": batches.iter().map(|batch| serde_json::json!({
            "operators": batch.operators,
            "due_nano": batch.due_nano.0.to_string(),
            "gas": batch.gas,
        })).collect::<Vec<_>>(),
    });
    let line = |batch: &Batch| {
        let operators = batch.operators.iter().map(ToString::to_string).collect::<Vec<_>>();
        vec![format_data(batch.due_nano.to_wei()), batch.gas.to_string(), operators.join(" ")]
    };
    let lines: Vec<Vec<String>> = batches.iter().map(line).collect();
    let rows = [("epoch", epoch.to_string()), ("sent", "nothing".to_owned())];
    output.listing(&value, &["would claim", "gas", "for operators"], &lines, &rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_owed_a_fraction_of_a_nano_less_is_owed_less() {
        assert_eq!(least_nano(None).unwrap(), Nano::ZERO);
        assert_eq!(least_nano(Some(U256::from(1))).unwrap(), Nano(1));
        assert_eq!(least_nano(Some(Nano(7).to_wei())).unwrap(), Nano(7));
        assert!(least_nano(Some(U256::MAX)).is_err());
    }
}

//! `tatum stake`: a stake is a traffic quota.

mod keep;
mod plan;
mod rate;

use std::process::ExitCode;

use alloy::primitives::{TxHash, U256};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::Address;
use tatum_protocol::PayerUse;
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::web::{BilledOverage, StakeStatus, Unbonding};

use crate::amounts::{format_data, parse_data};
use crate::args::{Account, ChainArgs};
use crate::confirm::ConfirmArgs;
use crate::dates::format_utc;
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to do with the stake.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Stake DATA; it counts as quota from the next epoch on
    #[command(after_help = "Example:\n  tatum stake add 1000 --yes --keystore publisher.json")]
    Add {
        /// Amount in DATA, such as 1000 or 12.5
        #[arg(value_parser = parse_data)]
        amount: U256,
        #[command(flatten)]
        confirm: ConfirmArgs,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Ask for DATA back; it can be withdrawn after the unbonding time
    #[command(
        after_help = "Examples:\n  tatum stake remove 12.5 --dry-run --keystore publisher.json\n  tatum stake remove --all --yes --keystore publisher.json"
    )]
    Remove {
        /// Amount in DATA
        #[arg(value_parser = parse_data, required_unless_present = "all")]
        amount: Option<U256>,
        /// Everything
        #[arg(long, conflicts_with = "amount")]
        all: bool,
        #[command(flatten)]
        confirm: ConfirmArgs,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Take out what was removed and has waited long enough
    #[command(after_help = "Example:\n  tatum stake withdraw --keystore publisher.json")]
    Withdraw {
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Keep a stake that buys what a stream needs: look in each epoch, and add what the next one lacks, within a budget
    #[command(
        after_help = "Examples:\n  tatum stake keep --rate 100/s --size 1KB --budget 500 --dry-run --keystore publisher.json\n  tatum stake keep --rate 100/s --size 1KB --budget 500 --yes --keystore publisher.json\n\nEnds with 3 when the budget does not allow for what is missing. An addition whose end is not known counts as spent."
    )]
    Keep(Box<keep::Args>),
    /// Work out what stake a stream needs, what it costs, and how long a stake lasts
    #[command(
        after_help = "Examples:\n  tatum stake plan --rate 100/s --size 1KB\n  tatum stake plan --rate 5/min --size 20KB --copies 1 --epochs 30 --payer 0xf39F…2266 --json\n\nAt the price of the next epoch, which follows stakes and capacities: what a DATA buys may change from then on."
    )]
    Plan(Box<plan::Args>),
    /// Show a stake, its quota and the wallet's balance
    #[command(after_help = "Example:\n  tatum stake status --payer 0xf39F…2266 --json")]
    Status {
        /// The payer; otherwise the account of the key
        #[arg(long)]
        payer: Option<Address>,
        /// Ask this aggregator what was used of the quota in this epoch, as far as receipts were handed in
        #[arg(long, value_name = "URL", env = "TATUM_AGGREGATOR")]
        aggregator: Option<String>,
        #[command(flatten)]
        account: AccountArgs,
    },
}

/// The chain and the account.
#[derive(Debug, clap::Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

impl AccountArgs {
    /// Connects with the account's key.
    pub(crate) async fn connect(&self) -> anyhow::Result<Chain> {
        self.chain.with_account(&self.keystore).await
    }

    /// The account's key, to connect with it more than once.
    fn unlock(&self) -> anyhow::Result<Account<'_>> {
        self.chain.account(&self.keystore)
    }

    /// The account's key itself, for what is signed and not sent.
    pub(crate) fn key(&self) -> anyhow::Result<crate::keystore::Secret> {
        self.keystore.account().required()
    }

    /// The password file, for other keystores of the same command.
    pub(crate) fn password_file(&self) -> Option<&std::path::Path> {
        self.keystore.password_file()
    }

    /// Connects for reading, and names the account if `given` does not.
    pub(crate) async fn reader(&self, given: Option<Address>) -> anyhow::Result<(Chain, Address)> {
        match given {
            Some(address) => Ok((self.chain.read_only().await?, address)),
            None => {
                let chain = self.connect().await?;
                let account = chain.account()?;
                Ok((chain, account))
            }
        }
    }
}

/// A change of the stake that is on chain.
#[derive(Debug, Serialize)]
struct Changed {
    transaction: TxHash,
    #[serde(flatten)]
    status: StakeStatus,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    status: StakeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<PayerUse>,
    /// What it was billed for signing for more than its quota, oldest first.
    overages: Vec<BilledOverage>,
}

/// What was used of the quota; nothing, and a word why, if the aggregator does not tell: the rest is known all the same.
async fn used(url: &str, status: &StakeStatus, output: Output) -> anyhow::Result<Option<PayerUse>> {
    let aggregator = AggregatorClient::new(url)?;
    Ok(match aggregator.payer_use(status.epoch, status.payer).await {
        Ok(used) => Some(used),
        Err(error) => {
            output.progress(format!("what was used of the quota is not known: {error}"));
            None
        }
    })
}

fn used_row(used: &PayerUse) -> String {
    let PayerUse { epoch, receipts, is_complete, messages, bytes, .. } = used;
    let least = if *is_complete { "" } else { "more than " };
    format!(
        "{least}{bytes} bytes of {messages} messages in epoch {epoch}, by {receipts} receipts that were handed in"
    )
}

fn billed_row(billed: &BilledOverage) -> String {
    let BilledOverage { epoch, prover, bill_wei, charged_wei, .. } = billed;
    let (bill, charged) = (format_data(*bill_wei), format_data(*charged_wei));
    format!("{charged} of {bill} for epoch {epoch}, shown by {prover}")
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let (chain, transaction) = match command {
        Command::Status { payer, aggregator, account } => {
            let (chain, payer) = account.reader(payer).await?;
            let status = chain.stake_status(payer).await?;
            let used = match aggregator {
                Some(url) => used(&url, &status, *output).await?,
                None => None,
            };
            let mut table = rows(&status);
            table.extend(used.as_ref().map(|used| ("quota used", used_row(used))));
            let overages = chain.overages_billed(payer).await?;
            table.extend(overages.iter().map(|billed| ("billed for overage", billed_row(billed))));
            output.result(&Shown { status, used, overages }, &table);
            return Ok(ExitCode::SUCCESS);
        }
        Command::Add { amount, confirm, account } => {
            let chain = account.connect().await?;
            chain.settle_open().await?;
            chain.check_holds(amount).await?;
            let what = format!("stake {} of {}", format_data(amount), chain.account()?);
            if !confirm.agreed(&what, *output)? {
                return Ok(ExitCode::SUCCESS);
            }
            let transaction = chain.stake(amount).await?;
            (chain, transaction)
        }
        Command::Remove { amount, all: _, confirm, account } => {
            let chain = account.connect().await?;
            chain.settle_open().await?;
            let how_much = amount.map_or_else(|| "all".to_owned(), format_data);
            let payer = chain.account()?;
            let what = format!("take {how_much} out of the stake of {payer} at the epoch's end");
            if !confirm.agreed(&what, *output)? {
                return Ok(ExitCode::SUCCESS);
            }
            let transaction = chain.request_unstake(amount.unwrap_or(U256::MAX)).await?;
            (chain, transaction)
        }
        Command::Keep(args) => return keep::run(*args, *output).await,
        Command::Plan(args) => return plan::run(*args, *output).await,
        Command::Withdraw { account } => {
            let chain = account.connect().await?;
            output.progress("withdrawing …");
            let transaction = chain.withdraw_stake().await?;
            (chain, transaction)
        }
    };
    let status = chain.stake_status(chain.account()?).await?;
    let mut table = vec![("transaction", transaction.to_string())];
    table.extend(rows(&status));
    output.result(&Changed { transaction, status }, &table);
    Ok(ExitCode::SUCCESS)
}

fn rows(status: &StakeStatus) -> Vec<(&'static str, String)> {
    let (epoch, next) = (status.epoch, status.epoch.next());
    let mut rows = vec![
        ("payer", status.payer.to_string()),
        ("stake", format_data(status.stake_wei)),
        ("can be withdrawn now", format_data(status.withdrawable_wei)),
    ];
    rows.extend(status.unbonding.iter().map(
        |Unbonding { amount_wei, withdrawable_epoch, withdrawable_at_s }| {
            let (amount, when) = (format_data(*amount_wei), format_utc(*withdrawable_at_s));
            (
                "on its way out",
                format!("{amount}, to be withdrawn from {when} (epoch {withdrawable_epoch})"),
            )
        },
    ));
    // Its time has come, but not the distribution of the epoch in which it was asked for.
    if status.unbonding.is_empty() && status.unbonding_wei > U256::ZERO {
        let amount = format_data(status.unbonding_wei);
        rows.push((
            "on its way out",
            format!("{amount}, when the distribution of its epoch was final for the rest of one"),
        ));
    }
    rows.extend([
        ("fee", format!("{} per cent of the stake in each epoch", per_cent(status.fee_rate_ppb))),
        (
            "fees paid",
            format!(
                "{} since epoch {}",
                format_data(status.fees_paid_wei),
                status.fees_since_epoch
            ),
        ),
        ("quota", format!("{} bytes in epoch {epoch}", status.quota_bytes)),
        ("quota per DATA", format!("{} bytes in epoch {epoch}", status.quota_bytes_per_data)),
        (
            "next quota",
            format!(
                "{} bytes in epoch {next}, from {}",
                status.next_quota_bytes,
                format_utc(status.next_epoch_at_s)
            ),
        ),
        (
            "next quota per DATA",
            format!("{} bytes in epoch {next}", status.next_quota_bytes_per_data),
        ),
        ("balance", format_data(status.balance_wei)),
    ]);
    rows
}

/// Parts per billion as per cent, exact.
pub(crate) fn per_cent(ppb: u64) -> String {
    let text = format!("{}.{:07}", ppb / 10_000_000, ppb % 10_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_in_per_cent() {
        assert_eq!(per_cent(10_000_000), "1");
        assert_eq!(per_cent(327_500), "0.03275");
        assert_eq!(per_cent(0), "0");
    }
}

//! `tatum stake`: a stake is a traffic quota.

use std::process::ExitCode;

use alloy::primitives::{TxHash, U256};
use serde::Serialize;
use tatum_chain::{Chain, StakeStatus};
use tatum_primitives::Address;

use crate::amounts::{format_data, parse_data};
use crate::args::ChainArgs;
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to do with the stake.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Stake DATA; it counts as quota from the next epoch on
    #[command(after_help = "Example:\n  tatum stake add 1000 --keystore publisher.json")]
    Add {
        /// Amount in DATA, such as 1000 or 12.5
        #[arg(value_parser = parse_data)]
        amount: U256,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Ask for DATA back; it can be withdrawn after the unbonding time
    #[command(
        after_help = "Examples:\n  tatum stake remove 12.5 --keystore publisher.json\n  tatum stake remove --all --keystore publisher.json"
    )]
    Remove {
        /// Amount in DATA
        #[arg(value_parser = parse_data, required_unless_present = "all")]
        amount: Option<U256>,
        /// Everything
        #[arg(long, conflicts_with = "amount")]
        all: bool,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Take out what was removed and has waited long enough
    #[command(after_help = "Example:\n  tatum stake withdraw --keystore publisher.json")]
    Withdraw {
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Show a stake, its quota and the wallet's balance
    #[command(after_help = "Example:\n  tatum stake status --payer 0xf39F…2266 --json")]
    Status {
        /// The payer; otherwise the account of the key
        #[arg(long)]
        payer: Option<Address>,
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

    /// The password file, for other keystores of the same command.
    pub(crate) fn password_file(&self) -> Option<&std::path::Path> {
        self.keystore.password_file()
    }

    /// Connects for reading, and names the account if `given` does not.
    async fn reader(&self, given: Option<Address>) -> anyhow::Result<(Chain, Address)> {
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

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let (chain, transaction) = match command {
        Command::Status { payer, account } => {
            let (chain, payer) = account.reader(payer).await?;
            let status = chain.stake_status(payer).await?;
            output.result(&status, &rows(&status));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Add { amount, account } => {
            let chain = account.connect().await?;
            output.progress(format!("staking {} …", format_data(amount)));
            let transaction = chain.stake(amount).await?;
            (chain, transaction)
        }
        Command::Remove { amount, all: _, account } => {
            let chain = account.connect().await?;
            output.progress("asking for the stake back …");
            let transaction = chain.request_unstake(amount.unwrap_or(U256::MAX)).await?;
            (chain, transaction)
        }
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
    let next = status.epoch.next();
    vec![
        ("payer", status.payer.to_string()),
        ("stake", format_data(status.stake_wei)),
        ("quota", format!("{} bytes in epoch {}", status.quota_bytes, status.epoch)),
        (
            "quota per DATA",
            format!("{} bytes in epoch {}", status.quota_bytes_per_data, status.epoch),
        ),
        ("next quota", format!("{} bytes in epoch {}", status.next_quota_bytes, next)),
        (
            "next quota per DATA",
            format!("{} bytes in epoch {}", status.next_quota_bytes_per_data, next),
        ),
        ("balance", format_data(status.balance_wei)),
    ]
}

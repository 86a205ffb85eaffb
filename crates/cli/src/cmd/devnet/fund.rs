//! `tatum devnet fund`: the chain's coin and DATA for any account.

use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::{TxHash, U256};
use anyhow::Context;
use serde::Serialize;
use tatum_chain::{Chain, Deployment, Endpoints};
use tatum_devnet::give_coin;
use tatum_primitives::Address;

use super::folder::Folder;
use crate::amounts::{format_data, parse_data};
use crate::keys;
use crate::output::Output;

/// Whom to give what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The account
    address: Address,
    /// How much DATA
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data, default_value = "10000")]
    amount: U256,
    /// Folder of the network, which has to run
    #[arg(long, value_name = "DIR", default_value = "tatum-devnet")]
    data: PathBuf,
}

#[derive(Debug, Serialize)]
struct Funded {
    address: Address,
    #[serde(with = "tatum_primitives::decimal")]
    given_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    balance_wei: U256,
    transaction: TxHash,
}

pub(super) async fn run(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    let folder = Folder::load(&args.data)?.with_context(|| {
        format!(
            "no network was made in {}; `tatum devnet --data {0}` makes one and runs it",
            args.data.display()
        )
    })?;
    let rpc = Folder::url(folder.ports().chain);
    let secret = keys::decrypt(&folder.key_file("deployer"), Some(&folder.password_file()))?;
    let endpoints: Endpoints = rpc.parse()?;
    let chain = Chain::connect(&endpoints, Deployment::load(&folder.deployment_file())?).await;
    let chain = chain.with_context(|| {
        format!("the network in {} does not run; `tatum devnet` starts it", args.data.display())
    })?;
    let chain = chain.signing(keys::signer(&secret)?, Some(&folder.at("state"))).await?;
    give_coin(&rpc, args.address).await?;
    let transaction = chain.transfer(args.address, args.amount).await?;
    let balance_wei = chain.balance_wei(args.address).await?;
    let funded = Funded { address: args.address, given_wei: args.amount, balance_wei, transaction };
    let rows = [
        ("address", funded.address.to_string()),
        ("given", format!("{}, and coin for gas", format_data(funded.given_wei))),
        ("it has", format_data(funded.balance_wei)),
        ("transaction", funded.transaction.to_string()),
    ];
    output.result(&funded, &rows);
    Ok(ExitCode::SUCCESS)
}

//! `tatum delegate`: a pool of delegators behind an operator, for who delegates and for who runs it.

mod money;
mod pool;

use std::process::ExitCode;

use alloy::primitives::TxHash;
use serde::Serialize;
use tatum_chain::{Chain, percent};
use tatum_primitives::{OperatorId, U256};
use tatum_protocol::web::{DelegationRequest, DelegationStatus};

use super::stake::AccountArgs;
use crate::amounts::format_data;
use crate::dates::format_utc;
use crate::output::Output;

/// What to do with pools of delegators.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Give the account's operator a pool of delegators, which takes over its bond and its payout address
    #[command(
        after_help = "Example:\n  tatum delegate create --operator 0 --cut 10 --yes --keystore operator.json\n\nThe bond becomes the account's shares of the pool. It keeps a twentieth of all shares at least, and runs the operator as before:\nadd-node, remove-node, capacity, rename and leave work as they did. There is no way back.\nClaim first what the operator earned so far: afterwards it is paid to the pool."
    )]
    Create(pool::CreateArgs),
    /// Delegate DATA to an operator
    #[command(
        after_help = "Examples:\n  tatum delegate add --operator 0 500 --dry-run --keystore delegator.json\n  tatum delegate add --operator 0 500 --yes --keystore delegator.json\n\nShares of the pool carry what the operator earns, after its owner's cut, and what it is slashed for. Income is released over 14 epochs."
    )]
    Add(money::AddArgs),
    /// Ask for a delegation back: it stops earning at once, and is redeemed after the unbonding
    #[command(
        after_help = "Examples:\n  tatum delegate request --operator 0 100 --yes --keystore delegator.json\n  tatum delegate request --operator 0 --all --yes --keystore delegator.json\n\nUntil it is redeemed it still answers for the operator: a slash falls on it as on what stays."
    )]
    Request(money::RequestArgs),
    /// Take out what was requested and has waited long enough
    #[command(
        after_help = "Example:\n  tatum delegate redeem --operator 0 --keystore delegator.json"
    )]
    Redeem(money::RedeemArgs),
    /// Show a pool: its price, cut, bond, and what an account has of it
    #[command(
        after_help = "Examples:\n  tatum delegate status --operator 0\n  tatum delegate status --operator 0 --account 0xf39F…2266 --json"
    )]
    Status(pool::StatusArgs),
    /// Take in what the operator was paid, and move money between pool and bond. Anyone may
    #[command(
        after_help = "Example:\n  tatum delegate collect --operator 0 --keystore any.json\n\nTo be done after `tatum operator claim`, and whenever somebody delegated or asked for it back: what lies in the pool bonds nothing."
    )]
    Collect(pool::OfArgs),
    /// Lower the owner's cut at once, or announce a rise
    #[command(
        after_help = "Examples:\n  tatum delegate cut --operator 0 8 --yes --keystore operator.json\n  tatum delegate cut --operator 0 12.5 --yes --keystore operator.json\n\nA rise is 5 % of an income at most, and counts after a whole unbonding: who does not like it can have left before."
    )]
    Cut(pool::CutArgs),
}

/// A change of a pool that is on chain.
#[derive(Debug, Serialize)]
struct Changed {
    transaction: TxHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_wei: Option<String>,
    #[serde(flatten)]
    status: DelegationStatus,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => pool::create(&args, *output).await?,
        Command::Add(args) => money::add(&args, *output).await?,
        Command::Request(args) => money::request(&args, *output).await?,
        Command::Redeem(args) => money::redeem(&args, *output).await?,
        Command::Status(args) => pool::status(&args, *output).await?,
        Command::Collect(args) => pool::collect(&args, *output).await?,
        Command::Cut(args) => pool::cut(&args, *output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a transaction made of a pool, and of what our account has of it.
async fn changed(
    chain: &Chain,
    operator: OperatorId,
    (transaction, redeemed_wei): (TxHash, Option<U256>),
    output: Output,
) -> anyhow::Result<()> {
    let status = chain.delegation_status(operator, Some(chain.account()?)).await?;
    let mut table = vec![("transaction", transaction.to_string())];
    table.extend(redeemed_wei.map(|wei| ("redeemed", format_data(wei))));
    table.extend(rows(&status));
    let redeemed_wei = redeemed_wei.map(|wei| wei.to_string());
    output.result(&Changed { transaction, redeemed_wei, status }, &table);
    Ok(())
}

fn rows(status: &DelegationStatus) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("pool", status.pool.to_string()),
        ("operator", status.operator.to_string()),
        ("owner", status.owner.to_string()),
        (
            "delegated",
            format!("{} for {} shares", format_data(status.active_wei), shares(status.shares)),
        ),
        ("owner's own", format!("{} shares", shares(status.own_shares))),
        ("room for", format_data(status.max_delegation_wei)),
        ("income to come", format_data(status.unreleased_wei)),
        ("not collected", format_data(status.uncollected_wei)),
        ("leaving", format_data(status.leaving_wei)),
        ("bond", bond(status)),
        ("in the pool", format_data(status.balance_wei)),
        ("cut", cut(status)),
        ("unbonding", format!("{} epochs", status.unbonding_epochs)),
    ];
    if status.unreleased_wei != U256::ZERO {
        rows.push(("released by", format_utc(status.release_ends_s)));
    }
    if status.retired {
        rows.push(("retired", "the operator has asked to leave for good".to_owned()));
    }
    if let Some(delegator) = &status.delegator {
        rows.push(("account", delegator.account.to_string()));
        let worth = format_data(delegator.worth_wei);
        rows.push(("holds", format!("{} shares, {worth}", shares(delegator.shares))));
        rows.extend(delegator.requests.iter().map(|request| ("requested", requested(request))));
    }
    rows
}

fn bond(status: &DelegationStatus) -> String {
    let (bond, going) = (format_data(status.bond_wei), format_data(status.releasing_wei));
    format!("{bond}, and {going} on its way out of it")
}

fn cut(status: &DelegationStatus) -> String {
    let now = percent(status.cut_bps);
    match (status.next_cut_bps, status.next_cut_from) {
        (Some(next), Some(from)) => format!("{now}; {} from epoch {from} on", percent(next)),
        _ => now,
    }
}

fn requested(request: &DelegationRequest) -> String {
    let worth = format_data(request.worth_wei);
    let (epoch, from) = (request.requested, request.redeemable_from);
    let when = if request.redeemable { "now".to_owned() } else { format!("from epoch {from} on") };
    format!("{worth} in epoch {epoch}, redeemed {when}")
}

/// Shares have 9 decimals.
fn shares(amount: U256) -> String {
    let text = format_data(amount.saturating_mul(U256::from(1_000_000_000)));
    text.trim_end_matches(" DATA").to_owned()
}

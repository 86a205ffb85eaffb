//! A pool itself: made, looked at, kept, and its owner's cut.

use anyhow::ensure;
use tatum_chain::{MOST_CUT_BPS, percent};
use tatum_primitives::{Address, OperatorId};

use super::{AccountArgs, changed, rows};
use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// Which operator's pool, and who acts.
#[derive(Debug, clap::Args)]
pub(crate) struct OfArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    pub(super) operator: OperatorId,
    #[command(flatten)]
    pub(super) account: AccountArgs,
}

/// Which operator gets a pool.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What the account keeps of every income, in per cent, up to 50
    #[arg(long, value_name = "PERCENT", value_parser = parse_cut)]
    cut: u16,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// What the cut is to be.
#[derive(Debug, clap::Args)]
pub(crate) struct CutArgs {
    /// In per cent, such as 10 or 12.5
    #[arg(value_name = "PERCENT", value_parser = parse_cut)]
    cut: u16,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// Which pool to show, and whose part of it.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// Somebody who has shares of it, or has asked for them back
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(super) async fn create(args: &CreateArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    chain.check_create_pool(operator).await?;
    let status = chain.operator_status(operator).await?;
    ensure!(status.exit_epoch.is_none(), "operator {operator} has asked to leave");
    let (bond, account) = (format_data(status.bond_wei), chain.account()?);
    let what = format!(
        "hand operator {operator} with its bond of {bond} over to a pool of delegators for good, which {account} runs for {} of its income",
        percent(args.cut)
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.create_delegation_pool(operator, args.cut).await?;
        changed(&chain, operator, (transaction, None), output).await?;
    }
    Ok(())
}

pub(super) async fn status(args: &StatusArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let status = chain.delegation_status(args.operator, args.account).await?;
    output.result(&status, &rows(&status));
    Ok(())
}

pub(super) async fn collect(args: &OfArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let transaction = chain.collect_delegation(args.operator).await?;
    changed(&chain, args.operator, (transaction, None), output).await
}

pub(super) async fn cut(args: &CutArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let status = chain.delegation_status(operator, None).await?;
    let account = chain.account()?;
    ensure!(status.owner == account, "the pool of operator {operator} is {}'s", status.owner);
    let (before, after) = (percent(status.cut_bps), percent(args.cut));
    let what = if args.cut > status.cut_bps {
        let from = status.epoch.0.saturating_add(status.unbonding_epochs).saturating_add(1);
        format!(
            "announce that the cut of operator {operator} rises from {before} to {after} in epoch {from}"
        )
    } else {
        format!("lower the cut of operator {operator} from {before} to {after} at once")
    };
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.set_delegation_cut(operator, args.cut).await?;
        changed(&chain, operator, (transaction, None), output).await?;
    }
    Ok(())
}

/// Parses "12.5" as 1 250 parts of ten thousand.
fn parse_cut(text: &str) -> Result<u16, String> {
    let wrong = || "a cut is a per cent from 0 to 50, such as 10 or 12.5".to_owned();
    let text = text.trim_end_matches('%').trim_end();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 2 || !digits(whole) || !digits(decimals) {
        return Err(wrong());
    }
    let bps: u16 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
    if bps > MOST_CUT_BPS { Err(wrong()) } else { Ok(bps) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_per_cents_with_two_decimals() {
        for (text, bps) in [("0", 0), ("10", 1_000), ("12.5", 1_250), ("0.01", 1), ("50 %", 5_000)]
        {
            assert_eq!(parse_cut(text), Ok(bps), "{text}");
        }
        for text in ["", ".5", "-1", "1e1", "50.01", "12.345", "ten", "99999999"] {
            assert!(parse_cut(text).is_err(), "{text}");
        }
    }
}

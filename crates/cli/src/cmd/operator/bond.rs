//! An operator's bond: more of it, and the way out.

use alloy::primitives::U256;
use anyhow::{Context, bail, ensure};
use serde_json::json;
use tatum_primitives::Epoch;

use super::change::{OperatorArgs, done_as};
use crate::amounts::{format_data, parse_data};
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// How much to add.
#[derive(Debug, clap::Args)]
pub(crate) struct AddBondArgs {
    /// Amount in DATA
    #[arg(value_parser = parse_data)]
    amount: U256,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OperatorArgs,
}

/// Which operator leaves.
#[derive(Debug, clap::Args)]
pub(crate) struct LeaveArgs {
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OperatorArgs,
}

pub(super) async fn add(args: &AddBondArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let amount = u128::try_from(args.amount).context("no bond is that large")?;
    ensure!(amount > 0, "nothing is no addition");
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    chain.settle_open().await?;
    let status = chain.operator_status(operator).await?;
    ensure!(status.exit_epoch.is_none(), "operator {operator} has asked to leave");
    chain.check_holds(args.amount).await?;
    let (account, more) = (chain.account()?, format_data(args.amount));
    let what = format!("add {more} of {account} to the bond of operator {operator}");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.add_bond(operator, amount).await?;
        let bond_wei = chain.operator_status(operator).await?.bond_wei;
        let values = vec![
            ("added_wei", args.amount.to_string().into()),
            ("bond_wei", bond_wei.to_string().into()),
        ];
        let rows = [("added", more), ("bond", format_data(bond_wei))];
        done_as(operator, transaction, values, &rows, output);
    }
    Ok(())
}

pub(super) async fn leave(args: &LeaveArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let status = chain.operator_status(operator).await?;
    if let Some(exit) = status.exit_epoch {
        bail!("operator {operator} has asked to leave already, with epoch {exit}");
    }
    let what = format!(
        "take operator {operator} out for good: it earns nothing after epoch {}, and its bond of {} comes free later",
        status.epoch,
        format_data(status.bond_wei)
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.leave(operator).await?;
        let status = chain.operator_status(operator).await?;
        let epoch = |epoch: Option<Epoch>| epoch.map_or_else(String::new, |e| e.to_string());
        let values = vec![
            ("exit_epoch", json!(status.exit_epoch)),
            ("bond_free_from", json!(status.bond_free_from)),
        ];
        let changed = [
            ("exit_epoch", epoch(status.exit_epoch)),
            ("bond_free_from", epoch(status.bond_free_from)),
        ];
        done_as(operator, transaction, values, &changed, output);
    }
    Ok(())
}

pub(super) async fn withdraw(args: &OperatorArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.operator;
    let chain = args.chain.with_account(&args.keystore).await?;
    let status = chain.operator_status(operator).await?;
    let Some(free) = status.bond_free_from else {
        bail!("operator {operator} has not asked to leave; `tatum operator leave` does");
    };
    ensure!(status.bond_wei > U256::ZERO, "operator {operator} has no bond left");
    ensure!(
        status.epoch >= free,
        "the bond of operator {operator} answers for its work until epoch {free} begins; this is epoch {}",
        status.epoch
    );
    let transaction = chain.withdraw_bond(operator).await?;
    let values = vec![("withdrawn_wei", status.bond_wei.to_string().into())];
    let rows = [("withdrawn", format_data(status.bond_wei))];
    done_as(operator, transaction, values, &rows, output);
    Ok(())
}

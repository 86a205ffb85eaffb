//! Money into a pool of delegators and out of it.

use alloy::primitives::U256;
use anyhow::{Context, bail, ensure};
use tatum_chain::{Chain, shares_for_down};
use tatum_primitives::{Epoch, OperatorId};
use tatum_protocol::web::{Delegator, Holding};

use super::pool::OfArgs;
use super::{changed, shares};
use crate::amounts::{format_data, parse_data};
use crate::args::PartArgs;
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// How much to delegate.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Amount in DATA, 1 at least
    #[arg(value_parser = parse_data)]
    amount: U256,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// How much to ask for.
#[derive(Debug, clap::Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    part: PartArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// Which request to redeem.
#[derive(Debug, clap::Args)]
pub(crate) struct RedeemArgs {
    /// The epoch of the request; otherwise the oldest that can be redeemed
    #[arg(long, value_name = "EPOCH")]
    requested: Option<Epoch>,
    #[command(flatten)]
    of: OfArgs,
}

pub(super) async fn add(args: &AddArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let bought = shares(chain.check_delegation(operator, args.amount).await?);
    let (account, amount) = (chain.account()?, format_data(args.amount));
    let what = format!("delegate {amount} of {account} to operator {operator} for {bought} shares");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.delegate(operator, args.amount).await?;
        changed(&chain, operator, (transaction, None), output).await?;
    }
    Ok(())
}

pub(super) async fn request(args: &RequestArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let status = chain.delegation_status(operator, Some(chain.account()?)).await?;
    let holding = status.delegator.context("the pool does not tell what the account has")?;
    ensure!(holding.shares > U256::ZERO, "{} holds no shares of it", holding.account);
    let asked = match args.part.amount {
        Some(amount) => {
            let Delegator { account, shares, worth_wei, .. } = holding;
            let holding = Holding { operator, pool: status.pool, shares, worth_wei };
            shares_for_down(&holding, account, amount)?
        }
        None => U256::MAX,
    };
    let amount = format_data(args.part.amount.unwrap_or(holding.worth_wei));
    let from = status.epoch.0.saturating_add(status.unbonding_epochs);
    let what = format!(
        "ask for {amount} of {} back from operator {operator}: it stops earning now, and is redeemed from epoch {from} on",
        holding.account
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.request_delegation(operator, asked).await?;
        changed(&chain, operator, (transaction, None), output).await?;
    }
    Ok(())
}

pub(super) async fn redeem(args: &RedeemArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let requested = due(&chain, operator, args.requested).await?;
    let (transaction, paid_wei) = chain.redeem_delegation(operator, requested).await?;
    changed(&chain, operator, (transaction, Some(paid_wei)), output).await
}

/// The request that is to be redeemed, which there is and which has waited long enough.
async fn due(chain: &Chain, operator: OperatorId, given: Option<Epoch>) -> anyhow::Result<Epoch> {
    let account = chain.account()?;
    let status = chain.delegation_status(operator, Some(account)).await?;
    let requests = status.delegator.map(|delegator| delegator.requests).unwrap_or_default();
    let wanted = |epoch: Epoch| given.is_none_or(|given| given == epoch);
    let Some(oldest) = requests.iter().find(|request| wanted(request.requested)) else {
        bail!(
            "{account} has asked for nothing of operator {operator} that is still to be redeemed"
        );
    };
    let (from, now) = (oldest.redeemable_from, status.epoch);
    ensure!(oldest.redeemable, "it is redeemed from epoch {from} on; this is epoch {now}");
    Ok(oldest.requested)
}

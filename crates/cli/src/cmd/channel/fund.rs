//! Money into a channel: opening it, and more of it.

use alloy::primitives::U256;
use tatum_primitives::OperatorId;

use super::{AccountArgs, PairArgs, changed};
use crate::amounts::{format_data, parse_data};
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// Which channel to open.
#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// How long the operator has to answer when the account wants to leave: an hour (60) to 30 days (43200)
    #[arg(long, value_name = "MINUTES", default_value_t = 1440)]
    window_minutes: u16,
    /// Deposit in DATA, such as 100 or 12.5
    #[arg(value_parser = parse_data)]
    amount: U256,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    account: AccountArgs,
}

/// What to add.
#[derive(Debug, clap::Args)]
pub(crate) struct TopUpArgs {
    /// Amount in DATA
    #[arg(value_parser = parse_data)]
    amount: U256,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: PairArgs,
}

pub(super) async fn open(args: &OpenArgs, output: Output) -> anyhow::Result<()> {
    let (operator, minutes) = (args.operator, args.window_minutes);
    let chain = args.account.connect().await?;
    chain.settle_open().await?;
    chain.check_open(operator, minutes, args.amount).await?;
    let (payer, deposit) = (chain.account()?, format_data(args.amount));
    let what = format!(
        "open a channel of {payer} with operator {operator}: {deposit}, and {minutes} minutes to answer when it is left"
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.open_channel(operator, minutes, args.amount).await?;
        changed(&chain, (payer, operator), transaction, None, output).await?;
    }
    Ok(())
}

pub(super) async fn top_up(args: &TopUpArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let (chain, payer) = args.of.connect().await?;
    chain.settle_open().await?;
    chain.check_top_up(payer, operator, args.amount).await?;
    let (account, more) = (chain.account()?, format_data(args.amount));
    let what =
        format!("add {more} of {account} to the channel of {payer} with operator {operator}");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.top_up_channel(payer, operator, args.amount).await?;
        changed(&chain, (payer, operator), transaction, None, output).await?;
    }
    Ok(())
}

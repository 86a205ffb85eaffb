//! Where channels pay, and what they could not pay.

use anyhow::ensure;
use serde_json::json;
use tatum_primitives::{Address, OperatorId, U256};

use super::AccountArgs;
use crate::amounts::format_data;
use crate::output::Output;

/// Whose payee.
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    #[command(flatten)]
    account: AccountArgs,
}

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct WithdrawArgs {
    /// Who gets it; otherwise the account itself
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    #[command(flatten)]
    account: AccountArgs,
}

pub(super) async fn update(args: &UpdateArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let transaction = chain.update_channel_payee(args.operator).await?;
    let payee = chain.channel_payee(args.operator).await?;
    let value = json!({ "operator": args.operator, "payee": payee, "transaction": transaction });
    let rows = [
        ("operator", args.operator.to_string()),
        ("payee", payee.unwrap_or_default().to_string()),
        ("transaction", transaction.to_string()),
    ];
    output.result(&value, &rows);
    Ok(())
}

pub(super) async fn withdraw(args: &WithdrawArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let account = chain.account()?;
    let credit_wei = chain.channel_credit_wei(account).await?;
    ensure!(credit_wei != U256::ZERO, "nothing is kept for {account}");
    let to = args.to.unwrap_or(account);
    let transaction = chain.withdraw_channel_credit(to).await?;
    let value = json!({
        "account": account, "to": to, "withdrawn_wei": credit_wei.to_string(), "transaction": transaction,
    });
    let rows = [
        ("account", account.to_string()),
        ("to", to.to_string()),
        ("withdrawn", format_data(credit_wei)),
        ("transaction", transaction.to_string()),
    ];
    output.result(&value, &rows);
    Ok(())
}

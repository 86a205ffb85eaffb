//! Ends of a channel: by agreement, or by the payer's exit.

use alloy::primitives::U256;
use anyhow::ensure;
use tatum_chain::Agreement;
use tatum_primitives::{Address, OperatorId};
use tatum_protocol::web::ChannelState;
use tatum_receipt::Signature;

use super::{AccountArgs, PairArgs, amount_wei, changed, ensure_open};
use crate::amounts::{format_data, parse_data};
use crate::confirm::ConfirmArgs;
use crate::dates::format_utc;
use crate::keys;
use crate::output::Output;

/// What to agree to.
#[derive(Debug, clap::Args)]
pub(crate) struct AgreeArgs {
    /// What the operator gets in all, in DATA, with what it was paid before
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    total: U256,
    #[command(flatten)]
    of: PairArgs,
}

/// What both agreed to.
#[derive(Debug, clap::Args)]
pub(crate) struct CloseArgs {
    /// What the operator gets in all, in DATA, with what it was paid before
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    total: U256,
    /// The payer's signature, unless the account is the payer
    #[arg(long, value_name = "SIGNATURE")]
    payer_signature: Option<Signature>,
    /// The signature of the operator's owner or payee, unless that is the account
    #[arg(long, value_name = "SIGNATURE")]
    operator_signature: Option<Signature>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: PairArgs,
}

/// Which channel is left.
#[derive(Debug, clap::Args)]
pub(crate) struct ExitArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    account: AccountArgs,
}

pub(super) async fn agree(args: &AgreeArgs, output: Output) -> anyhow::Result<()> {
    let (chain, payer) = args.of.connect().await?;
    let operator = args.of.operator;
    let total_wei = amount_wei(args.total)?;
    let channel = chain.channel(payer, operator).await?;
    ensure_open(&chain.channel_status(payer, operator).await?)?;
    // Nobody is to sign what the contract refuses.
    channel.clone().close(total_wei)?;
    let key = keys::session_key(&args.of.account.key()?)?;
    let signature = chain.sign_close(&key, &channel, total_wei);
    let value = serde_json::json!({
        "channel": channel.id(), "payer": payer, "operator": operator, "total_wei": args.total.to_string(),
        "signer": key.address(), "signature": signature,
    });
    let rows = [
        ("channel", channel.id().to_string()),
        ("payer", payer.to_string()),
        ("operator", operator.to_string()),
        ("operator gets in all", format_data(args.total)),
        ("signer", key.address().to_string()),
        ("signature", signature.to_string()),
    ];
    output.result(&value, &rows);
    Ok(())
}

pub(super) async fn close(args: &CloseArgs, output: Output) -> anyhow::Result<()> {
    let (chain, payer) = args.of.connect().await?;
    let operator = args.of.operator;
    chain.settle_open().await?;
    let status = chain.channel_status(payer, operator).await?;
    ensure_open(&status)?;
    let agreement = Agreement {
        total_wei: amount_wei(args.total)?,
        by_payer: args.payer_signature,
        by_operator: args.operator_signature,
    };
    chain.check_agreement(payer, operator, &agreement).await?;
    let (total, rest) = (args.total, status.deposited_wei.saturating_sub(args.total));
    let what = format!(
        "close the channel of {payer} with operator {operator}: {} in all for the operator, of which {} is paid, and {} back to the payer",
        format_data(total),
        format_data(status.paid_wei),
        format_data(rest)
    );
    if args.confirm.agreed(&what, output)? {
        let (transaction, returned_wei) = chain.close_channel(payer, operator, &agreement).await?;
        changed(&chain, (payer, operator), transaction, Some(returned_wei), output).await?;
    }
    Ok(())
}

pub(super) async fn exit(args: &ExitArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.operator;
    let chain = args.account.connect().await?;
    chain.settle_open().await?;
    let payer: Address = chain.account()?;
    let status = chain.channel_status(payer, operator).await?;
    ensure_open(&status)?;
    let ends = status.exit_ends_s.map(format_utc).unwrap_or_default();
    ensure!(status.state == ChannelState::Open, "the channel is being left already, until {ends}");
    let minutes = status.window_minutes.unwrap_or_default();
    let what = format!(
        "leave the channel of {payer} with operator {operator}: {} is left, and the operator has {minutes} minutes to redeem what it is owed of it",
        format_data(status.left_wei)
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.exit_channel(operator).await?;
        changed(&chain, (payer, operator), transaction, None, output).await?;
    }
    Ok(())
}

pub(super) async fn settle(args: &PairArgs, output: Output) -> anyhow::Result<()> {
    let (chain, payer) = args.connect().await?;
    chain.settle_open().await?;
    let status = chain.channel_status(payer, args.operator).await?;
    ensure_open(&status)?;
    ensure!(status.state != ChannelState::Open, "nobody is leaving the channel");
    let ends = status.exit_ends_s.map(format_utc).unwrap_or_default();
    ensure!(status.state == ChannelState::ExitOver, "receipts count until {ends}; settle it then");
    let (transaction, returned_wei) = chain.settle_channel(payer, args.operator).await?;
    changed(&chain, (payer, args.operator), transaction, Some(returned_wei), output).await
}

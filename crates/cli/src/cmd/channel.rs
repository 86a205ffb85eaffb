//! `tatum channel`: a deposit for one operator, which receipts that name the channel move.

mod fund;
mod leave;
mod payee;
mod redeem;
mod route;

use std::process::ExitCode;

use alloy::primitives::TxHash;
use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{Address, OperatorId, U256};
use tatum_protocol::web::{ChannelState, ChannelStatus};

use super::stake::AccountArgs;
use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::dates::format_utc;
use crate::output::Output;

/// What to do with payment channels.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Open the account's channel with an operator
    #[command(
        after_help = "Example:\n  tatum channel open --operator 0 100 --yes --keystore payer.json\n\nWhat is deposited can only be paid to the operator, by receipts that name the channel, or come back: at once by `close`,\nor by `exit` and, when the window is over, `settle`."
    )]
    Open(fund::OpenArgs),
    /// Add to an open channel's deposit
    #[command(
        after_help = "Examples:\n  tatum channel top-up --operator 0 50 --yes --keystore payer.json\n  tatum channel top-up --operator 0 --payer 0xf39F…2266 50 --yes --keystore sponsor.json"
    )]
    TopUp(fund::TopUpArgs),
    /// Show a channel: its deposit, what was paid of it, whether its payer is leaving
    #[command(
        after_help = "Example:\n  tatum channel status --operator 0 --payer 0xf39F…2266 --json"
    )]
    Status(PairArgs),
    /// List the channels that a payer or an operator has, or had
    #[command(
        after_help = "Examples:\n  tatum channel list --payer 0xf39F…2266\n  tatum channel list --operator 0 --open --json"
    )]
    List(ListArgs),
    /// Be paid for receipts that name a channel, which stays open
    #[command(
        after_help = "Examples:\n  tatum channel redeem --data relay --keystore operator.json\n  tatum channel redeem --receipts receipts.json --at-least 5 --keystore any.json\n\nAnyone may redeem for anyone: the tokens go to the operator's payee. Of each lane (node, stream, role, reader) only the\nreceipt that owes most is sent; what would redeem nothing is told with its reason, and not sent."
    )]
    Redeem(redeem::RedeemArgs),
    /// A prototype, the part of a hub: take payers' receipts for what other operators delivered, and sign for those less a fee
    #[command(
        after_help = "Example:\n  tatum channel route --hub-operator 7 --to 0 --to 1 --receipts from-payers.receipts --state hub.json --out for-operators.receipts --keystore hub.json\n\nThe account is the hub's, and has a channel with each operator named by --to; payers have theirs with --hub-operator. It goes by the\nnewest block: let deposits be as deep as you would trust them. Nodes do not speak this yet, and operators trust a hub with what they\ndeliver before they hold its receipt: docs/guide/channels.md."
    )]
    Route(route::RouteArgs),
    /// As redeem, for channels whose payers are leaving, before their windows are over
    #[command(
        after_help = "Example:\n  tatum channel answer --data relay --keystore operator.json"
    )]
    Answer(redeem::RedeemArgs),
    /// Sign for an end of a channel that pays the operator so much in all; prints the signature for the other side
    #[command(
        after_help = "Example:\n  tatum channel agree --operator 0 --total 12.5 --keystore payer.json"
    )]
    Agree(leave::AgreeArgs),
    /// End a channel at once, by what both agreed to; pays both
    #[command(
        after_help = "Example:\n  tatum channel close --operator 0 --payer 0xf39F…2266 --total 12.5 --payer-signature 0x6210… --yes --keystore operator.json\n\nWhoever sends it need not sign. `tatum channel agree` makes the other's signature."
    )]
    Close(leave::CloseArgs),
    /// Begin to leave the account's channel: receipts count until its window is over
    #[command(
        after_help = "Example:\n  tatum channel exit --operator 0 --yes --keystore payer.json"
    )]
    Exit(leave::ExitArgs),
    /// End a channel whose payer has left: what the operator did not redeem goes back to the payer
    #[command(
        after_help = "Example:\n  tatum channel settle --operator 0 --payer 0xf39F…2266 --keystore any.json"
    )]
    Settle(PairArgs),
    /// Have channels pay an operator where the registry says now
    #[command(
        after_help = "Example:\n  tatum channel update-payee --operator 0 --keystore any.json\n\nTo be done after `tatum operator payout` and `tatum operator accept`."
    )]
    UpdatePayee(payee::UpdateArgs),
    /// Take out what the token once refused to pay to the account
    #[command(
        after_help = "Example:\n  tatum channel withdraw-credit --to 0x7099…79C8 --keystore payer.json"
    )]
    WithdrawCredit(payee::WithdrawArgs),
}

/// Whose channel.
#[derive(Debug, clap::Args)]
pub(crate) struct PairArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// The payer; otherwise the account of the key
    #[arg(long, value_name = "ADDRESS")]
    payer: Option<Address>,
    #[command(flatten)]
    account: AccountArgs,
}

impl PairArgs {
    /// Connects with the account's key, and says whose channel it is.
    async fn connect(&self) -> anyhow::Result<(Chain, Address)> {
        let chain = self.account.connect().await?;
        let payer = self.payer.map_or_else(|| chain.account(), Ok)?;
        Ok((chain, payer))
    }
}

/// Whose channels.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The payer's
    #[arg(long, value_name = "ADDRESS", required_unless_present = "operator")]
    payer: Option<Address>,
    /// The operator's
    #[arg(long)]
    operator: Option<OperatorId>,
    /// Only those that are open
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

/// A change of a channel that is on chain.
#[derive(Debug, Serialize)]
struct Changed {
    transaction: TxHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned_wei: Option<String>,
    #[serde(flatten)]
    status: ChannelStatus,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Open(args) => fund::open(&args, *output).await?,
        Command::TopUp(args) => fund::top_up(&args, *output).await?,
        Command::Status(args) => status(&args, *output).await?,
        Command::List(args) => list(&args, *output).await?,
        Command::Redeem(args) => redeem::run(&args, redeem::Which::All, *output).await?,
        Command::Route(args) => route::run(&args, *output).await?,
        Command::Answer(args) => redeem::run(&args, redeem::Which::Exiting, *output).await?,
        Command::Agree(args) => leave::agree(&args, *output).await?,
        Command::Close(args) => leave::close(&args, *output).await?,
        Command::Exit(args) => leave::exit(&args, *output).await?,
        Command::Settle(args) => leave::settle(&args, *output).await?,
        Command::UpdatePayee(args) => payee::update(&args, *output).await?,
        Command::WithdrawCredit(args) => payee::withdraw(&args, *output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(args: &PairArgs, output: Output) -> anyhow::Result<()> {
    let (chain, payer) = args.account.reader(args.payer).await?;
    let status = chain.channel_status(payer, args.operator).await?;
    output.result(&status, &rows(&status));
    Ok(())
}

async fn list(args: &ListArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let mut channels = Vec::new();
    for (payer, operator) in chain.channel_pairs(args.payer, args.operator).await? {
        let status = chain.channel_status(payer, operator).await?;
        if !args.open || status.state != ChannelState::NotOpen {
            channels.push(status);
        }
    }
    let line = |status: &ChannelStatus| {
        let (left, deposited) = (format_data(status.left_wei), format_data(status.deposited_wei));
        let standing = standing(status);
        format!("operator {}: {left} of {deposited} left, {standing}", status.operator)
    };
    let payers: Vec<String> = channels.iter().map(|status| status.payer.to_string()).collect();
    let rows: Vec<(&str, String)> = payers
        .iter()
        .zip(&channels)
        .map(|(payer, status)| (payer.as_str(), line(status)))
        .collect();
    output.result(&channels, &rows);
    if channels.is_empty() {
        output.progress("there are none");
    }
    Ok(())
}

fn rows(status: &ChannelStatus) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("channel", status.channel.to_string()),
        ("payer", status.payer.to_string()),
        ("operator", status.operator.to_string()),
        ("state", standing(status)),
        ("deposited", format_data(status.deposited_wei)),
        ("paid", format_data(status.paid_wei)),
        ("left", format_data(status.left_wei)),
    ];
    if let Some(minutes) = status.window_minutes {
        rows.push(("window", format!("{minutes} minutes")));
    }
    let payee = status.payee.map_or_else(|| "not known yet".to_owned(), |payee| payee.to_string());
    rows.push(("payee", payee));
    rows.push(("channels closed before", status.generation.to_string()));
    for (whose, credit_wei) in
        [("payer's credit", status.payer_credit_wei), ("payee's credit", status.payee_credit_wei)]
    {
        if credit_wei != U256::ZERO {
            rows.push((whose, format_data(credit_wei)));
        }
    }
    rows
}

fn standing(status: &ChannelStatus) -> String {
    let ends = status.exit_ends_s.map(format_utc).unwrap_or_default();
    match status.state {
        ChannelState::NotOpen => "not open".to_owned(),
        ChannelState::Open => "open".to_owned(),
        ChannelState::Exiting => format!("its payer is leaving; receipts count until {ends}"),
        ChannelState::ExitOver => format!("its payer has left at {ends}; it can be settled"),
    }
}

/// Says what a transaction made of a channel.
async fn changed(
    chain: &Chain,
    (payer, operator): (Address, OperatorId),
    transaction: TxHash,
    returned_wei: Option<U256>,
    output: Output,
) -> anyhow::Result<()> {
    let status = chain.channel_status(payer, operator).await?;
    let mut table = vec![("transaction", transaction.to_string())];
    table.extend(returned_wei.map(|wei| ("back to the payer", format_data(wei))));
    table.extend(rows(&status));
    let returned_wei = returned_wei.map(|wei| wei.to_string());
    output.result(&Changed { transaction, returned_wei, status }, &table);
    Ok(())
}

/// An amount that a channel could hold.
fn amount_wei(amount: U256) -> anyhow::Result<u128> {
    u128::try_from(amount).context("no channel holds that much")
}

/// Makes sure that there is an open channel.
fn ensure_open(status: &ChannelStatus) -> anyhow::Result<()> {
    let (payer, operator) = (status.payer, status.operator);
    let open = status.state != ChannelState::NotOpen;
    ensure!(open, "{payer} has no open channel with operator {operator}");
    Ok(())
}

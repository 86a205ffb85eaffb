//! `tatum operator`: register, change what is registered, look at earnings, claim, leave.

mod bond;
mod change;
mod force;
mod register;

use std::process::ExitCode;

use alloy::primitives::TxHash;
use anyhow::{Context, bail};
use serde::Serialize;
use tatum_chain::{Chain, Claim};
use tatum_merkle::{Entry, Word};
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::OperatorProof;
use tatum_protocol::web::OperatorStatus;

use crate::amounts::format_data;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;
use crate::sizes::format_bytes;

/// What operators do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Register the account as an operator, post its bond, add its nodes
    #[command(
        after_help = "Example:\n  tatum operator register --name acme --node 0x8a88… --keystore operator.json"
    )]
    Register(register::RegisterArgs),
    /// Add a node's key to an operator
    #[command(
        after_help = "Example:\n  tatum operator add-node --operator 0 0x8a88… --keystore operator.json"
    )]
    AddNode(change::NodeArgs),
    /// Take a node's key off an operator
    #[command(
        after_help = "Example:\n  tatum operator remove-node --operator 0 0x8a88… --keystore operator.json"
    )]
    RemoveNode(change::NodeArgs),
    /// Declare what an operator's nodes carry in an epoch, which bounds what it can earn
    #[command(
        after_help = "Example:\n  tatum operator capacity --operator 0 500GiB --keystore operator.json\n\nIt counts from the next epoch on, up to what the bond backs: 5 000 DATA back 500 GiB."
    )]
    Capacity(change::CapacityArgs),
    /// Name the address that the operator is paid at
    #[command(
        after_help = "Example:\n  tatum operator payout --operator 0 0x7099…79C8 --keystore operator.json"
    )]
    Payout(change::PayoutArgs),
    /// Give the operator another name for people
    #[command(
        after_help = "Example:\n  tatum operator rename --operator 0 acme --keystore operator.json"
    )]
    Rename(change::RenameArgs),
    /// Offer the operator, with its bond and its earnings to come, to another account
    #[command(
        after_help = "Example:\n  tatum operator hand-over --operator 0 0x7099…79C8 --keystore operator.json\n\nThe other account takes it with `tatum operator accept`. Until then nothing changes, and another offer takes this one's place."
    )]
    HandOver(change::HandOverArgs),
    /// Take over an operator that was offered to the account
    #[command(
        after_help = "Example:\n  tatum operator accept --operator 0 --keystore new-owner.json"
    )]
    Accept(change::OperatorArgs),
    /// Add to an operator's bond
    #[command(
        after_help = "Example:\n  tatum operator add-bond --operator 0 1000 --yes --keystore operator.json\n\nIt counts from the next epoch on, and backs more capacity."
    )]
    AddBond(bond::AddBondArgs),
    /// Leave: from the next epoch on the operator earns nothing, and its bond comes free after a while
    #[command(
        after_help = "Example:\n  tatum operator leave --operator 0 --yes --keystore operator.json\n\nThere is no way back under the same id. `tatum operator withdraw-bond` takes the bond out when it is free."
    )]
    Leave(bond::LeaveArgs),
    /// Take the bond out of an operator that has left
    #[command(
        after_help = "Example:\n  tatum operator withdraw-bond --operator 0 --keystore operator.json"
    )]
    WithdrawBond(change::OperatorArgs),
    /// Put receipts on chain that would be left out of a distribution, before the forcing of their epoch is over
    #[command(
        after_help = "Example:\n  tatum operator force 7 --receipts receipts.bin --keystore operator.json\n\nWhoever proposes must count what was forced and may count; anyone may force anybody's."
    )]
    Force(force::ForceArgs),
    /// Show bond, capacity, earnings, claims and balance
    #[command(
        after_help = "Example:\n  tatum operator status --operator 0 --aggregator http://127.0.0.1:7070 --json"
    )]
    Status(EarningsArgs),
    /// Claim what the newest finalized distribution owes an operator
    #[command(
        after_help = "Examples:\n  tatum operator claim --operator 0 --aggregator http://127.0.0.1:7070 --keystore any.json\n\nAnyone may claim for anyone: the tokens go to the operator's payout address."
    )]
    Claim(ClaimArgs),
}

/// Whose earnings, and who knows them.
#[derive(Debug, clap::Args)]
pub(crate) struct EarningsArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What to claim.
#[derive(Debug, clap::Args)]
pub(crate) struct ClaimArgs {
    #[command(flatten)]
    earnings: EarningsArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

#[derive(Debug, Serialize)]
struct Earnings {
    #[serde(flatten)]
    status: OperatorStatus,
    finalized_epoch: Option<Epoch>,
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    earned_nano: Option<Nano>,
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    claimable_nano: Option<Nano>,
}

#[derive(Debug, Serialize)]
struct Claimed {
    operator: OperatorId,
    epoch: Epoch,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_now_nano: Nano,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_nano: Nano,
    transaction: Option<TxHash>,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Register(args) => register::run(args, *output).await?,
        Command::AddNode(args) => change::add_node(&args, *output).await?,
        Command::RemoveNode(args) => change::remove_node(&args, *output).await?,
        Command::Capacity(args) => change::capacity(&args, *output).await?,
        Command::Payout(args) => change::payout(&args, *output).await?,
        Command::Rename(args) => change::rename(args, *output).await?,
        Command::HandOver(args) => change::hand_over(&args, *output).await?,
        Command::Accept(args) => change::accept(&args, *output).await?,
        Command::AddBond(args) => bond::add(&args, *output).await?,
        Command::Leave(args) => bond::leave(&args, *output).await?,
        Command::WithdrawBond(args) => bond::withdraw(&args, *output).await?,
        Command::Force(args) => force::run(&args, *output).await?,
        Command::Status(args) => status(&args, output).await?,
        Command::Claim(args) => claim(&args, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(args: &EarningsArgs, output: &Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let status = chain.operator_status(args.operator).await?;
    let finalized_epoch = chain.finalized_epoch().await?;
    let earned_nano = match finalized_epoch {
        Some(epoch) => match published(&chain, args, epoch).await {
            Ok(published) => Some(published.cumulative_nano),
            Err(error) => {
                output.progress(format!("the aggregator does not tell the earnings: {error:#}"));
                None
            }
        },
        None => None,
    };
    let claimable_nano = earned_nano.and_then(|earned| earned.checked_sub(status.claimed_nano));
    let earnings = Earnings { status, finalized_epoch, earned_nano, claimable_nano };
    output.result(&earnings, &earnings_rows(&earnings));
    Ok(())
}

fn earnings_rows(earnings: &Earnings) -> Vec<(&'static str, String)> {
    let nano = |amount: Option<Nano>| {
        amount.map_or_else(|| "unknown".to_owned(), |nano| format_data(nano.to_wei()))
    };
    let status = &earnings.status;
    let leaving = match (status.exit_epoch, status.bond_free_from) {
        (Some(exit), Some(free)) => {
            format!("with epoch {exit}; the bond is free when epoch {free} begins")
        }
        _ => "no".to_owned(),
    };
    vec![
        ("operator", status.id.to_string()),
        ("owner", status.owner.to_string()),
        ("payout", status.payout.to_string()),
        ("bond", format_data(status.bond_wei)),
        ("leaves", leaving),
        ("capacity", format_bytes(status.capacity_bytes)),
        ("capacity in the next epoch", format_bytes(status.next_capacity_bytes)),
        ("earned", nano(earnings.earned_nano)),
        ("claimed", nano(Some(status.claimed_nano))),
        ("claimable", nano(earnings.claimable_nano)),
        ("balance", format_data(status.payout_balance_wei)),
    ]
}

async fn claim(args: &ClaimArgs, output: &Output) -> anyhow::Result<()> {
    let earnings = &args.earnings;
    let operator = earnings.operator;
    let chain = earnings.chain.with_account(&args.keystore).await?;
    let Some(epoch) = chain.finalized_epoch().await? else {
        bail!("no distribution is finalized yet: nothing can be claimed");
    };
    let published = published(&chain, earnings, epoch).await?;
    let before = chain.claimed_nano(operator).await?;
    let due = published.cumulative_nano.checked_sub(before).unwrap_or_default();
    let transaction = if due == Nano::ZERO {
        output.progress("everything is claimed already");
        None
    } else {
        output.progress(format!("claiming {} …", format_data(due.to_wei())));
        let words = published.proof.siblings.iter().map(|word| word.0).collect();
        Some(chain.claim(Claim { entry: published.entry, proof: words }).await?)
    };
    let claimed_nano = chain.claimed_nano(operator).await?;
    let claimed_now_nano = claimed_nano.checked_sub(before).unwrap_or_default();
    let claimed = Claimed { operator, epoch, claimed_now_nano, claimed_nano, transaction };
    let rows = [
        ("operator", operator.to_string()),
        ("epoch", epoch.to_string()),
        ("claimed now", format_data(claimed_now_nano.to_wei())),
        ("claimed in all", format_data(claimed_nano.to_wei())),
        ("transaction", transaction.map_or_else(|| "none".to_owned(), |hash| hash.to_string())),
    ];
    output.result(&claimed, &rows);
    Ok(())
}

/// Asks the aggregator for the operator's entry and believes it only with a proof against the root on chain.
async fn published(
    chain: &Chain,
    args: &EarningsArgs,
    epoch: Epoch,
) -> anyhow::Result<OperatorProof> {
    let aggregator = args.aggregator.client()?;
    let base = aggregator.base();
    let published = aggregator.operator_proof(epoch, args.operator).await?;
    let entry = Entry::decode(published.entry);
    let root = Word(chain.finalized_root().await?);
    published.proof.verify(root, &entry).with_context(|| {
        format!("{base} sent a proof that does not fit the finalized root of epoch {epoch}")
    })?;
    if entry.operator_id != args.operator || entry.cumulative_nano != published.cumulative_nano {
        bail!("{base} sent the entry of operator {} for {}", entry.operator_id, args.operator);
    }
    Ok(published)
}

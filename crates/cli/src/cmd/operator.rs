//! `tatum operator`: register, add nodes, look at earnings, claim.

use std::process::ExitCode;

use alloy::primitives::{TxHash, U256};
use anyhow::{Context, bail};
use serde::Serialize;
use tatum_chain::{Chain, Claim, OperatorStatus};
use tatum_merkle::{Entry, Word};
use tatum_primitives::{Address, Epoch, Nano, NodeId, OperatorId};
use tatum_protocol::OperatorProof;

use crate::amounts::{format_data, parse_data};
use crate::args::{AggregatorArgs, ChainArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;
use crate::sizes::{format_bytes, parse_bytes};

/// What operators do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Register the account as an operator, post its bond, add its nodes
    #[command(
        after_help = "Example:\n  tatum operator register --name acme --node 0x8a88… --keystore operator.json"
    )]
    Register(RegisterArgs),
    /// Add a node's key to an operator
    #[command(
        after_help = "Example:\n  tatum operator add-node --operator 0 0x8a88… --keystore operator.json"
    )]
    AddNode(NodeArgs),
    /// Take a node's key off an operator
    #[command(
        after_help = "Example:\n  tatum operator remove-node --operator 0 0x8a88… --keystore operator.json"
    )]
    RemoveNode(NodeArgs),
    /// Declare what an operator's nodes carry in an epoch, which bounds what it can earn
    #[command(
        after_help = "Example:\n  tatum operator capacity --operator 0 500GiB --keystore operator.json\n\nIt counts from the next epoch on, up to what the bond backs: 5 000 DATA back 500 GiB."
    )]
    Capacity(CapacityArgs),
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

/// How to register.
#[derive(Debug, clap::Args)]
pub(crate) struct RegisterArgs {
    /// Where the tokens go; otherwise the account itself
    #[arg(long)]
    payout: Option<Address>,
    /// Bond in DATA; otherwise the least the registry takes
    #[arg(long, value_parser = parse_data)]
    bond: Option<U256>,
    /// What its nodes carry in an epoch, like 500GiB; otherwise all that the bond backs
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    capacity: Option<u64>,
    /// A name for people
    #[arg(long, default_value = "")]
    name: String,
    /// Ids of nodes to add at once; may be repeated
    #[arg(long = "node", value_name = "NODE_ID")]
    nodes: Vec<NodeId>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

/// What to declare.
#[derive(Debug, clap::Args)]
pub(crate) struct CapacityArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// Bytes in an epoch, like 500GiB
    #[arg(value_name = "SIZE", value_parser = parse_bytes)]
    capacity: u64,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

/// Which node of which operator.
#[derive(Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// The node's id: its ed25519 public key
    node: NodeId,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
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
struct Registered {
    operator: OperatorId,
    bond_wei: U256,
    nodes: Vec<NodeId>,
}

#[derive(Debug, Serialize)]
struct Earnings {
    #[serde(flatten)]
    status: OperatorStatus,
    finalized_epoch: Option<Epoch>,
    earned_nano: Option<Nano>,
    claimable_nano: Option<Nano>,
}

#[derive(Debug, Serialize)]
struct Claimed {
    operator: OperatorId,
    epoch: Epoch,
    claimed_now_nano: Nano,
    claimed_nano: Nano,
    transaction: Option<TxHash>,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Register(args) => register(args, output).await?,
        Command::AddNode(args) => {
            let chain = args.chain.with_account(&args.keystore).await?;
            node_changed(&args, chain.add_node(args.operator, args.node).await?, output);
        }
        Command::RemoveNode(args) => {
            let chain = args.chain.with_account(&args.keystore).await?;
            node_changed(&args, chain.remove_node(args.operator, args.node).await?, output);
        }
        Command::Capacity(args) => capacity(&args, output).await?,
        Command::Status(args) => status(&args, output).await?,
        Command::Claim(args) => claim(&args, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn register(args: RegisterArgs, output: &Output) -> anyhow::Result<()> {
    let chain = args.chain.with_account(&args.keystore).await?;
    let bond_wei = match args.bond {
        Some(bond_wei) => bond_wei,
        None => chain.minimum_bond_wei().await?,
    };
    let payout = args.payout.unwrap_or(chain.account()?);
    let bond = u128::try_from(bond_wei).context("no bond is that large")?;
    output.progress(format!("registering with a bond of {} …", format_data(bond_wei)));
    let capacity_bytes = args.capacity.unwrap_or(u64::MAX);
    let operator = chain.register_operator(payout, bond, capacity_bytes, args.name).await?;
    for node in &args.nodes {
        output.progress(format!("adding node {node} …"));
        chain.add_node(operator, *node).await?;
    }
    let registered = Registered { operator, bond_wei, nodes: args.nodes };
    let rows = [
        ("operator", operator.to_string()),
        ("bond", format_data(bond_wei)),
        ("nodes", registered.nodes.len().to_string()),
    ];
    output.result(&registered, &rows);
    Ok(())
}

async fn capacity(args: &CapacityArgs, output: &Output) -> anyhow::Result<()> {
    let chain = args.chain.with_account(&args.keystore).await?;
    let transaction = chain.declare_capacity(args.operator, args.capacity).await?;
    let status = chain.operator_status(args.operator).await?;
    let value = serde_json::json!({
        "operator": args.operator, "declared_bytes": status.declared_bytes,
        "next_capacity_bytes": status.next_capacity_bytes, "transaction": transaction,
    });
    let rows = [
        ("operator", args.operator.to_string()),
        ("declared", format_bytes(status.declared_bytes)),
        ("counts from the next epoch", format_bytes(status.next_capacity_bytes)),
        ("transaction", transaction.to_string()),
    ];
    output.result(&value, &rows);
    Ok(())
}

fn node_changed(args: &NodeArgs, transaction: TxHash, output: &Output) {
    let value = serde_json::json!({
        "operator": args.operator, "node": args.node, "transaction": transaction,
    });
    let rows = [
        ("operator", args.operator.to_string()),
        ("node", args.node.to_string()),
        ("transaction", transaction.to_string()),
    ];
    output.result(&value, &rows);
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
    vec![
        ("operator", status.id.to_string()),
        ("owner", status.owner.to_string()),
        ("payout", status.payout.to_string()),
        ("bond", format_data(status.bond_wei)),
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

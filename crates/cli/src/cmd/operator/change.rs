//! Changes of an operator that cost no more than gas: nodes, capacity, payout, name, owner; and its free bond taken out.

use alloy::primitives::TxHash;
use serde_json::{Map, Value, json};
use tatum_primitives::{Address, NodeId, OperatorId};

use crate::args::ChainArgs;
use crate::confirm::ConfirmArgs;
use crate::keys::KeystoreArgs;
use crate::output::Output;
use crate::sizes::{format_bytes, parse_bytes};

/// Which operator, and who acts for it.
#[derive(Debug, clap::Args)]
pub(crate) struct OperatorArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    pub(super) operator: OperatorId,
    #[command(flatten)]
    pub(super) chain: ChainArgs,
    #[command(flatten)]
    pub(super) keystore: KeystoreArgs,
}

/// What to declare.
#[derive(Debug, clap::Args)]
pub(crate) struct CapacityArgs {
    /// Bytes in an epoch, like 500GiB
    #[arg(value_name = "SIZE", value_parser = parse_bytes)]
    capacity: u64,
    #[command(flatten)]
    of: OperatorArgs,
}

/// Which node of which operator.
#[derive(Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// The node's id: its ed25519 public key
    node: NodeId,
    #[command(flatten)]
    of: OperatorArgs,
}

/// Where it is paid.
#[derive(Debug, clap::Args)]
pub(crate) struct PayoutArgs {
    /// The address, for the running epoch and later ones
    payout: Address,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OperatorArgs,
}

/// What it is called.
#[derive(Debug, clap::Args)]
pub(crate) struct RenameArgs {
    /// The name
    name: String,
    #[command(flatten)]
    of: OperatorArgs,
}

/// Who gets it.
#[derive(Debug, clap::Args)]
pub(crate) struct HandOverArgs {
    /// The account that may take it over
    candidate: Address,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OperatorArgs,
}

pub(super) async fn add_node(args: &NodeArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let transaction = chain.add_node(args.of.operator, args.node).await?;
    done(args.of.operator, transaction, &[("node", args.node.to_string())], output);
    Ok(())
}

pub(super) async fn remove_node(args: &NodeArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let transaction = chain.remove_node(args.of.operator, args.node).await?;
    done(args.of.operator, transaction, &[("node", args.node.to_string())], output);
    Ok(())
}

pub(super) async fn capacity(args: &CapacityArgs, output: Output) -> anyhow::Result<()> {
    let operator = args.of.operator;
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let transaction = chain.declare_capacity(operator, args.capacity).await?;
    let status = chain.operator_status(operator).await?;
    let value = json!({
        "operator": operator,
        "declared_bytes": status.declared_bytes.to_string(),
        "next_capacity_bytes": status.next_capacity_bytes.to_string(),
        "transaction": transaction,
    });
    let rows = [
        ("operator", operator.to_string()),
        ("declared", format_bytes(status.declared_bytes)),
        ("counts from the next epoch", format_bytes(status.next_capacity_bytes)),
        ("transaction", transaction.to_string()),
    ];
    output.result(&value, &rows);
    Ok(())
}

pub(super) async fn payout(args: &PayoutArgs, output: Output) -> anyhow::Result<()> {
    let (operator, payout) = (args.of.operator, args.payout);
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let before = chain.operator_status(operator).await?.payout;
    let what = format!("pay operator {operator} at {payout} instead of {before}");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.set_payout(operator, payout).await?;
        done(operator, transaction, &[("payout", payout.to_string())], output);
    }
    Ok(())
}

pub(super) async fn rename(args: RenameArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let transaction = chain.set_metadata(args.of.operator, args.name.clone()).await?;
    done(args.of.operator, transaction, &[("name", args.name)], output);
    Ok(())
}

pub(super) async fn hand_over(args: &HandOverArgs, output: Output) -> anyhow::Result<()> {
    let (operator, candidate) = (args.of.operator, args.candidate);
    let chain = args.of.chain.with_account(&args.of.keystore).await?;
    let what = format!("let {candidate} take over operator {operator} with its bond");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.offer_operator(operator, candidate).await?;
        done(operator, transaction, &[("candidate", candidate.to_string())], output);
    }
    Ok(())
}

pub(super) async fn accept(args: &OperatorArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.with_account(&args.keystore).await?;
    let transaction = chain.accept_operator(args.operator).await?;
    done(args.operator, transaction, &[("owner", chain.account()?.to_string())], output);
    Ok(())
}

/// Prints what was changed, and by which transaction.
pub(super) fn done(
    operator: OperatorId,
    transaction: TxHash,
    changed: &[(&'static str, String)],
    output: Output,
) {
    let values = changed.iter().map(|(name, text)| (*name, Value::from(text.clone())));
    done_as(operator, transaction, values.collect(), changed, output);
}

/// The same where programs are told otherwise than people: amounts as decimals of wei.
pub(super) fn done_as(
    operator: OperatorId,
    transaction: TxHash,
    values: Vec<(&'static str, Value)>,
    changed: &[(&'static str, String)],
    output: Output,
) {
    let mut value = Map::new();
    value.insert("operator".to_owned(), json!(operator));
    value.extend(values.into_iter().map(|(name, told)| (name.to_owned(), told)));
    value.insert("transaction".to_owned(), json!(transaction));
    let mut rows = vec![("operator", operator.to_string())];
    rows.extend_from_slice(changed);
    rows.push(("transaction", transaction.to_string()));
    output.result(&value, &rows);
}

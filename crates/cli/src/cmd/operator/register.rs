//! `tatum operator register`.
//!
//! Invariant: an account that owns an operator posts no second bond unless it says so, also when an earlier try is still
//! under way: that is waited for first.

use alloy::primitives::U256;
use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{Address, NodeId, OperatorId};

use crate::amounts::{format_data, parse_data};
use crate::args::ChainArgs;
use crate::confirm::ConfirmArgs;
use crate::keys::KeystoreArgs;
use crate::output::Output;
use crate::sizes::parse_bytes;

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
    /// Register although the account owns an operator already; the new one posts a bond of its own
    #[arg(long)]
    another: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

#[derive(Debug, Serialize)]
struct Registered {
    operator: OperatorId,
    #[serde(with = "tatum_primitives::decimal")]
    bond_wei: U256,
    nodes: Vec<NodeId>,
}

pub(super) async fn run(args: RegisterArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.with_account(&args.keystore).await?;
    let (account, minimum_wei) = (chain.account()?, chain.minimum_bond_wei().await?);
    let bond_wei = args.bond.unwrap_or(minimum_wei);
    let bond = u128::try_from(bond_wei).context("no bond is that large")?;
    let payout = args.payout.unwrap_or(account);
    check(&chain, &args, bond_wei, minimum_wei).await?;
    let what = format!(
        "register {account} as an operator that is paid at {payout}, with {} nodes and a bond of {}",
        args.nodes.len(),
        format_data(bond_wei)
    );
    if !args.confirm.agreed(&what, output)? {
        return Ok(());
    }
    let capacity_bytes = args.capacity.unwrap_or(u64::MAX);
    let operator = chain.register_operator(payout, bond, capacity_bytes, args.name).await?;
    for node in &args.nodes {
        output.progress(format!("adding node {node} …"));
        chain.add_node(operator, *node).await.with_context(|| {
            format!(
                "operator {operator} is registered, without node {node}; \
                 `tatum operator add-node --operator {operator} {node}` adds it"
            )
        })?;
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

/// All that can be known before anything is sent.
async fn check(
    chain: &Chain,
    args: &RegisterArgs,
    bond_wei: U256,
    minimum_wei: U256,
) -> anyhow::Result<()> {
    // An earlier try may have registered the account without anybody having seen it.
    chain.settle_open().await?;
    let account = chain.account()?;
    let owned = chain.operators_of(account).await?;
    if let Some(operator) = owned.first() {
        ensure!(
            args.another,
            "{account} owns operator {operator} already. Its nodes are added with `tatum operator add-node --operator \
             {operator}`; a second operator posts a second bond: say --another if that is meant"
        );
    }
    ensure!(args.payout != Some(Address::ZERO), "the zero address cannot be paid");
    let (bond, least) = (format_data(bond_wei), format_data(minimum_wei));
    ensure!(bond_wei >= minimum_wei, "a bond of {bond} is too little; it has to be {least}");
    let mut nodes = args.nodes.clone();
    nodes.sort_unstable();
    nodes.dedup();
    ensure!(nodes.len() == args.nodes.len(), "a node is named twice");
    Ok(chain.check_holds(bond_wei).await?)
}

//! `tatum operator list`: who runs this network, from the chain alone.

use std::collections::BTreeMap;

use serde::Serialize;
use tatum_chain::OperatorProfile;
use tatum_primitives::{NodeId, OperatorId};
use tatum_protocol::web::OperatorStatus;

use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::output::{Output, one_line};
use crate::sizes::format_bytes;

/// Which ones.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only those after this one
    #[arg(long, value_name = "OPERATOR")]
    after: Option<OperatorId>,
    /// How many
    #[arg(long, value_name = "OPERATORS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    status: OperatorStatus,
    name: String,
    nodes: Vec<NodeId>,
}

pub(super) async fn run(args: &ListArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let operators = chain.operators(args.after, args.limit).await?;
    let mut profiles = match operators.is_empty() {
        true => BTreeMap::new(),
        false => chain.operator_profiles().await?,
    };
    let listed = |status: OperatorStatus| {
        let profile: OperatorProfile = profiles.remove(&status.id).unwrap_or_default();
        Listed { status, name: profile.name, nodes: profile.nodes }
    };
    let listed: Vec<Listed> = operators.into_iter().map(listed).collect();
    let lines: Vec<Vec<String>> = listed.iter().map(line).collect();
    let heads = ["id", "name", "owner", "bond", "capacity", "nodes", "leaves"];
    output.listing(&listed, &heads, &lines, &[]);
    if listed.is_empty() {
        output.progress("there are none");
    }
    if listed.len() == args.limit as usize {
        output
            .progress(format!("there may be more: --after {}", listed[listed.len() - 1].status.id));
    }
    Ok(())
}

fn line(listed: &Listed) -> Vec<String> {
    let status = &listed.status;
    let leaves = status.exit_epoch.map_or_else(|| "no".to_owned(), |e| format!("epoch {e}"));
    vec![
        status.id.to_string(),
        one_line(&listed.name),
        status.owner.to_string(),
        format_data(status.bond_wei),
        format_bytes(status.capacity_bytes),
        listed.nodes.len().to_string(),
        leaves,
    ]
}

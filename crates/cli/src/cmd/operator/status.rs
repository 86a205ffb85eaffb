//! `tatum operator status`: everything about one operator.

use serde::Serialize;
use tatum_primitives::{Epoch, Nano, NodeId, OperatorId};
use tatum_protocol::web::OperatorStatus;

use super::owed::Final;
use crate::amounts::format_data;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::output::{Output, one_line};
use crate::sizes::format_bytes;

/// Whose, and who knows the earnings.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    status: OperatorStatus,
    name: String,
    nodes: Vec<NodeId>,
    finalized_epoch: Option<Epoch>,
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    earned_nano: Option<Nano>,
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    claimable_nano: Option<Nano>,
}

pub(super) async fn run(args: &StatusArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let status = chain.operator_status(args.operator).await?;
    let profile = chain.operator_profile(args.operator).await?;
    let distribution = Final::of(&chain).await?;
    let earned_nano = match distribution {
        Some(distribution) => {
            let aggregator = args.aggregator.client()?;
            match distribution.proven(&aggregator, args.operator).await {
                Ok(published) => Some(published.cumulative_nano),
                Err(error) => {
                    output
                        .progress(format!("the aggregator does not tell the earnings: {error:#}"));
                    None
                }
            }
        }
        None => None,
    };
    let claimable_nano = earned_nano.and_then(|earned| earned.checked_sub(status.claimed_nano));
    let finalized_epoch = distribution.map(|distribution| distribution.epoch);
    let (name, nodes) = (profile.name, profile.nodes);
    let status = Status { status, name, nodes, finalized_epoch, earned_nano, claimable_nano };
    output.result(&status, &rows(&status));
    Ok(())
}

fn rows(shown: &Status) -> Vec<(&'static str, String)> {
    let nano = |amount: Option<Nano>| {
        amount.map_or_else(|| "unknown".to_owned(), |nano| format_data(nano.to_wei()))
    };
    let status = &shown.status;
    let leaving = match (status.exit_epoch, status.bond_free_from) {
        (Some(exit), Some(free)) => {
            format!("with epoch {exit}; the bond is free when epoch {free} begins")
        }
        _ => "no".to_owned(),
    };
    let mut rows = vec![
        ("operator", status.id.to_string()),
        ("name", one_line(&shown.name)),
        ("owner", status.owner.to_string()),
        ("payout", status.payout.to_string()),
    ];
    rows.extend(shown.nodes.iter().map(|node| ("node", node.to_string())));
    rows.extend([
        ("bond", format_data(status.bond_wei)),
        ("leaves", leaving),
        ("capacity", format_bytes(status.capacity_bytes)),
        ("capacity in the next epoch", format_bytes(status.next_capacity_bytes)),
        ("earned", nano(shown.earned_nano)),
        ("claimed", nano(Some(status.claimed_nano))),
        ("claimable", nano(shown.claimable_nano)),
        ("balance", format_data(status.payout_balance_wei)),
    ]);
    rows
}

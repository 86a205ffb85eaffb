//! `tatum channel route`, a prototype: a hub takes what payers signed for other operators' deliveries, and signs for those operators.
//!
//! Invariant: what is signed is on disk in the state before it is in the file that is handed over, and a run that was cut off between
//! the two is made good by the next.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_channel::route::{Backing, Hub};
use tatum_channel::{Channel, highest_of_lanes};
use tatum_primitives::{Address, Bps, NodeId, OperatorId, U256};
use tatum_protocol::receipts::encode;
use tatum_receipt::{SignedReceipt, Verifier};
use tatum_watchtower::kept_receipts::in_file;

use super::AccountArgs;
use crate::amounts::format_data;
use crate::keys;
use crate::output::Output;

/// Whose receipts, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct RouteArgs {
    /// As which operator payers pay the hub
    #[arg(long, value_name = "OPERATOR")]
    hub_operator: OperatorId,
    /// Payers' receipts for what other operators' nodes delivered, in their channels with the hub. May be repeated
    #[arg(long, value_name = "FILE", required = true)]
    receipts: Vec<PathBuf>,
    /// An operator that the account, the hub's, has a channel with. May be repeated
    #[arg(long, value_name = "OPERATOR", required = true)]
    to: Vec<OperatorId>,
    /// What the hub keeps of each payment, in basis points
    #[arg(long, value_name = "BPS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..10_000))]
    fee_bps: u16,
    /// What the hub took and gave so far; made if absent
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Where the newest receipts of the hub's own lanes go, for operators to redeem
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

#[derive(Debug, Serialize)]
struct Routed {
    /// Receipts that something was released for.
    released: usize,
    refused: Vec<Refused>,
    /// What payers owe the hub, and the hub operators, in all.
    #[serde(with = "tatum_primitives::decimal")]
    received_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    released_wei: U256,
}

#[derive(Debug, Serialize)]
struct Refused {
    payer: Address,
    node: NodeId,
    reason: String,
}

/// The hub and its chain.
struct Route {
    chain: Chain,
    hub: Hub,
    hub_operator: OperatorId,
    account: Address,
    to: BTreeMap<NodeId, OperatorId>,
}

pub(super) async fn run(args: &RouteArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let account = chain.account()?;
    let fee = Bps::new(args.fee_bps).context("a fee of more than everything")?;
    let hub = load(&args.state, account, args.hub_operator, fee)?;
    let mut receipts = Vec::new();
    for path in &args.receipts {
        receipts.extend(in_file(path)?);
    }
    let to = nodes(&chain, &args.to).await?;
    let mut route = Route { chain, hub, hub_operator: args.hub_operator, account, to };
    let mut refused = Vec::new();
    let receipts = highest_of_lanes(receipts);
    for signed in &receipts {
        if let Err(reason) = route.release(signed).await? {
            let (payer, node) = (signed.receipt.payer, signed.receipt.node);
            output.progress(format!("{payer}, node {node}: {reason}"));
            refused.push(Refused { payer, node, reason });
        }
    }
    store(&args.state, &serde_json::to_vec_pretty(&route.hub)?)?;
    let key = keys::session_key(&args.account.key()?)?;
    let verifier = Verifier::new(route.chain.domain());
    let newest = route.hub.released().cloned();
    let newest: Vec<SignedReceipt> =
        newest.map(|receipt| SignedReceipt::sign(receipt, &key, &verifier)).collect();
    store(&args.out, &encode(&newest))?;
    let released = receipts.len() - refused.len();
    if let Some(first) = refused.first().filter(|_| released == 0) {
        bail!("nothing was released; of {} receipts the first: {}", refused.len(), first.reason);
    }
    let received_wei = U256::from(route.hub.received_wei());
    show(
        &Routed {
            released,
            refused,
            received_wei,
            released_wei: U256::from(route.hub.released_wei()),
        },
        output,
    );
    Ok(())
}

/// Whose node each is.
async fn nodes(chain: &Chain, to: &[OperatorId]) -> anyhow::Result<BTreeMap<NodeId, OperatorId>> {
    let mut nodes = BTreeMap::new();
    for operator in to {
        let of_operator = chain.nodes_of(*operator).await?;
        nodes.extend(of_operator.into_iter().map(|node| (node, *operator)));
    }
    Ok(nodes)
}

impl Route {
    /// Releases what a receipt pays for, or says why not.
    async fn release(&mut self, signed: &SignedReceipt) -> anyhow::Result<Result<(), String>> {
        let receipt = &signed.receipt;
        let Some(to) = self.to.get(&receipt.node).copied() else {
            return Ok(Err("the node is of none of the operators named by --to".to_owned()));
        };
        let signed_by = self.chain.signed_by(std::slice::from_ref(signed)).await?;
        let signed_by = *signed_by.first().context("nobody was asked for")?;
        let incoming = backing(&self.chain.channel(receipt.payer, self.hub_operator).await?);
        let outgoing = backing(&self.chain.channel(self.account, to).await?);
        let released = self.hub.release(receipt, signed_by, to, (incoming, outgoing));
        Ok(released.map(drop).map_err(|refusal| refusal.to_string()))
    }
}

/// A channel as the newest block has it.
fn backing(channel: &Channel) -> Backing {
    let open = channel.state();
    Backing {
        id: channel.id(),
        deposited_wei: open.map_or(0, |open| open.deposited_wei),
        is_exiting: open.is_some_and(|open| open.exit_ends_s.is_some()),
    }
}

fn load(path: &Path, account: Address, operator: OperatorId, fee: Bps) -> anyhow::Result<Hub> {
    let reading = || format!("reading {}", path.display());
    let hub = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(reading)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Hub::new(account, operator, fee)
        }
        Err(error) => return Err(error).with_context(reading),
    };
    let place = path.display();
    ensure!(
        hub.is_of(account, operator, fee),
        "{place} is of a hub of another account, operator or fee"
    );
    Ok(hub)
}

/// Replaces a file as a whole, on disk when this returns.
fn store(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let writing = || format!("writing {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(writing)?;
    file.write_all(bytes).with_context(writing)?;
    file.as_file().sync_all().with_context(writing)?;
    file.persist(path).with_context(writing)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(writing)
}

fn show(routed: &Routed, output: Output) {
    output.result(
        routed,
        &[
            ("released", routed.released.to_string()),
            ("refused", routed.refused.len().to_string()),
            ("payers owe the hub", format_data(routed.received_wei)),
            ("the hub owes operators", format_data(routed.released_wei)),
        ],
    );
}

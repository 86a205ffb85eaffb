//! `tatum operator prices`: what payers paid for a GiB of their quotas, and what relays ask for one.
//!
//! Invariant: prices come from the chain alone, of an epoch that is closed, and are worked out by the rule that relays decline by. An ask
//! is its relay's own word: who is not asked is not listed, and nobody's is guessed.

use anyhow::{Context, bail};
use serde::Serialize;
use tatum_chain::{Chain, median, payer_price};
use tatum_primitives::{Address, Epoch, Nano, NodeId, OperatorId, U256, WEI_PER_NANO};
use tatum_protocol::web::PayerPrice;

use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::cmd::node_status::status_at;
use crate::output::Output;
use crate::sizes::format_bytes;

/// Whose prices, and who is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct PricesArgs {
    /// A closed epoch; the newest unless given
    #[arg(long)]
    epoch: Option<Epoch>,
    /// Only this payer's; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    payer: Vec<Address>,
    /// Where a relay serves its status, to be asked for its ask; may be repeated
    #[arg(long = "status", value_name = "URL", value_delimiter = ',')]
    relays: Vec<String>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What is known of both.
#[derive(Debug, Serialize)]
struct Prices {
    epoch: Epoch,
    /// The dearest last; who has no price yet comes first.
    payers: Vec<PayerPrice>,
    /// The middle one of those that have a price; the lower of two.
    #[serde(with = "tatum_primitives::decimal::optional")]
    median_nano_per_gib: Option<u128>,
    relays: Vec<RelayAsk>,
    /// The same of the relays that were asked and ask something.
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    median_ask_nano_per_gib: Option<Nano>,
}

/// What a relay says of itself.
#[derive(Debug, Serialize)]
struct RelayAsk {
    url: String,
    node: NodeId,
    operator_id: Option<OperatorId>,
    /// Nothing if it declines nobody.
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    ask_nano_per_gib: Option<Nano>,
}

pub(super) async fn run(args: &PricesArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let epoch = match args.epoch {
        Some(epoch) => epoch,
        None => match chain.last_closed_epoch().await? {
            Some(epoch) => epoch,
            None => bail!("no epoch is closed yet; anyone may close one that is over"),
        },
    };
    let mut payers = paid(&chain, &args.payer, epoch).await?;
    payers.sort_by_key(|of| (of.nano_per_gib, of.payer));
    let mut relays = Vec::new();
    for url in &args.relays {
        let status = status_at(url).await.with_context(|| format!("asking {url}"))?;
        let (operator_id, ask_nano_per_gib) = (status.operator_id, status.ask_nano_per_gib);
        relays.push(RelayAsk {
            url: url.clone(),
            node: status.node,
            operator_id,
            ask_nano_per_gib,
        });
    }
    let median_nano_per_gib = median(payers.iter().filter_map(|of| of.nano_per_gib).collect());
    let median_ask_nano_per_gib =
        median(relays.iter().filter_map(|of| of.ask_nano_per_gib).collect());
    show(&Prices { epoch, payers, median_nano_per_gib, relays, median_ask_nano_per_gib }, output);
    Ok(())
}

/// What those that were named paid, or everybody with a fee or a quota.
async fn paid(chain: &Chain, named: &[Address], epoch: Epoch) -> anyhow::Result<Vec<PayerPrice>> {
    let mut paid = Vec::new();
    for payer in named {
        paid.push((*payer, chain.paid_by(*payer, epoch).await?));
    }
    if named.is_empty() {
        paid = chain.paid_by_all(epoch).await?;
    }
    paid.into_iter().map(|(payer, paid)| Ok(payer_price(payer, paid)?)).collect()
}

fn show(prices: &Prices, output: Output) {
    let line = |of: &PayerPrice| {
        vec![
            of.payer.to_string(),
            format_data(of.fee_nano.to_wei()),
            format_data(of.steered_nano.to_wei()),
            format_bytes(of.quota_bytes),
            of.nano_per_gib.map_or_else(|| "none yet".to_owned(), per_gib),
        ]
    };
    let lines: Vec<Vec<String>> = prices.payers.iter().map(line).collect();
    let none = || "none".to_owned();
    let mut rows = vec![
        ("epoch", prices.epoch.to_string()),
        ("median of payers", prices.median_nano_per_gib.map_or_else(none, per_gib)),
    ];
    let ask = |ask: Option<Nano>| ask.map_or_else(none, |ask| per_gib(ask.0.into()));
    for relay in &prices.relays {
        rows.push(("ask", format!("{} of {}", ask(relay.ask_nano_per_gib), relay.url)));
    }
    if !prices.relays.is_empty() {
        rows.push(("median of asks", ask(prices.median_ask_nano_per_gib)));
    }
    let heads = ["payer", "fee", "steered", "quota", "price"];
    output.listing(prices, &heads, &lines, &rows);
    if prices.relays.is_empty() {
        output.progress("no relay was asked for its ask: name some with --status URL");
    }
}

/// A price as people read it.
fn per_gib(nano: u128) -> String {
    // Below 2^94 nano, so the wei are below 2^124.
    let wei = U256::from(nano).saturating_mul(U256::from(WEI_PER_NANO));
    format!("{} per GiB", format_data(wei))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_in_data() {
        assert_eq!(per_gib(900), "0.0000009 DATA per GiB");
    }
}

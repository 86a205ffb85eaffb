//! `tatum stake plan`: what a stream needs of a stake, what that costs, and how long a stake lasts.
//!
//! Invariant: the figures are those that the web API tells.

use std::process::ExitCode;

use anyhow::Context;
use tatum_chain::MOST_PLANNED_EPOCHS;
use tatum_primitives::Address;
use tatum_protocol::web::{PayerPlan, StakePlan};

use super::keep::epoch_ms;
use super::rate::Traffic;
use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::output::Output;

/// What is planned for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    traffic: Traffic,
    /// How many epochs the stake shall last without being topped up
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MOST_PLANNED_EPOCHS))]
    epochs: u64,
    /// Whose stake counts already
    #[arg(long, value_name = "ADDRESS", env = "TATUM_PAYER")]
    payer: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(super) async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let chain = args.chain.read_only().await?;
    let terms = chain.stake_terms(args.payer.unwrap_or_default()).await?;
    let needed_bytes = args.traffic.bytes_in(epoch_ms(&chain).await?);
    let plan = terms.plan(needed_bytes, args.epochs, epoch_ms(&chain).await?, args.payer);
    let plan = plan.with_context(|| {
        let bought = terms.next_quota_bytes_per_data;
        format!(
            "no stake buys {needed_bytes} bytes in an epoch: a DATA buys {bought} in the next one"
        )
    })?;
    output.result(&plan, &rows(&plan));
    Ok(ExitCode::SUCCESS)
}

fn rows(plan: &StakePlan) -> Vec<(&'static str, String)> {
    let per_epoch = plan.needed_bytes_per_epoch;
    let mut rows = vec![
        ("needed", format!("{per_epoch} bytes in an epoch of {} s", plan.epoch_length_ms / 1_000)),
        (
            "a DATA buys",
            format!("{} bytes in epoch {}", plan.quota_bytes_per_data, plan.epoch.next()),
        ),
        (
            "stake",
            format!(
                "{} for {} epochs without topping up",
                format_data(plan.stake_needed_wei),
                plan.epochs
            ),
        ),
        (
            "fee",
            format!(
                "{} an epoch, {} a day, {} a year, of a stake that is kept just large enough",
                format_data(plan.fee_per_epoch_wei),
                format_data(plan.fee_per_day_wei),
                format_data(plan.fee_per_year_wei)
            ),
        ),
    ];
    if let Some(PayerPlan { address, stake_wei, missing_wei, lasts_epochs }) = &plan.payer {
        rows.push((
            "staked",
            format!("{} by {address}, enough for {lasts_epochs} epochs", format_data(*stake_wei)),
        ));
        rows.push(("missing", format_data(*missing_wei)));
    }
    rows
}

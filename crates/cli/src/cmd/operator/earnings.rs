//! `tatum operator earnings`: what an operator earned, epoch by epoch.
//!
//! Invariant: each epoch's sum follows from the one before, and the newest final one is proven against the root on chain; what an
//! epoch that still runs will bring is not guessed.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::{Earnings, EpochEarning};

use super::owed::Final;
use crate::amounts::format_data;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::cmd::DIFFERS;
use crate::on_chain::OnChain;
use crate::output::{Output, write_out};

/// Letters that the longest bar has.
const BAR: u64 = 30;

/// Whose earnings.
#[derive(Debug, clap::Args)]
pub(crate) struct EarningsArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// How many epochs, the newest
    #[arg(long, value_name = "EPOCHS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=200))]
    epochs: u32,
    /// Print comma-separated values, amounts in nano (a billionth of a DATA)
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    earnings: Earnings,
    /// The newest final epoch.
    finalized_epoch: Option<Epoch>,
    /// How its sum compares with the chain.
    on_chain: OnChain,
}

pub(super) async fn run(args: &EarningsArgs, output: Output) -> anyhow::Result<ExitCode> {
    ensure!(!(args.csv && output.is_json()), "say --csv or --json, not both");
    let chain = args.chain.read_only().await?;
    let aggregator = args.aggregator.client()?;
    let mut earnings = aggregator.earnings(args.operator, args.epochs).await?;
    earnings.epochs.truncate(args.epochs as usize);
    check_sums(&earnings.epochs, aggregator.base())?;
    let (finalized_epoch, on_chain) =
        compare(&chain, &aggregator, args.operator, &earnings).await?;
    if args.csv {
        write_out(csv(&earnings.epochs).as_bytes())?;
    } else {
        show(&Shown { earnings, finalized_epoch, on_chain }, output);
    }
    Ok(if on_chain == OnChain::Other { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

/// How the newest final epoch's sum compares with the chain.
async fn compare(
    chain: &Chain,
    aggregator: &AggregatorClient,
    operator: OperatorId,
    earnings: &Earnings,
) -> anyhow::Result<(Option<Epoch>, OnChain)> {
    let Some(distribution) = Final::of(chain).await? else { return Ok((None, OnChain::NotFinal)) };
    let epoch = distribution.epoch;
    let Some(told) = earnings.epochs.iter().find(|earning| earning.epoch == epoch) else {
        return Ok((Some(epoch), OnChain::NotPublished));
    };
    let proven = distribution.proven(aggregator, operator).await;
    let is_same = proven.is_ok_and(|proven| proven.cumulative_nano == told.cumulative_nano);
    Ok((Some(epoch), if is_same { OnChain::Same } else { OnChain::Other }))
}

/// Newest first: each epoch's sum is that of the one before and what it adds.
fn check_sums(epochs: &[EpochEarning], base: &str) -> anyhow::Result<()> {
    for earning in epochs {
        let adds = earning.paid_nano.checked_add(earning.pool_nano);
        // What another role than a relay's would bring is part of the total alone.
        ensure!(adds <= Some(earning.total_nano), "{base} sent parts beyond their sum");
    }
    for pair in epochs.windows(2) {
        let [newer, older] = pair else { continue };
        if newer.epoch <= older.epoch {
            bail!("{base} sent epoch {} after epoch {}", older.epoch, newer.epoch);
        }
        let follows = older.cumulative_nano.checked_add(newer.total_nano);
        let is_next = older.epoch.next() == newer.epoch;
        ensure!(
            !is_next || follows == Some(newer.cumulative_nano),
            "{base}: what epoch {} promises does not follow from the epoch before",
            newer.epoch
        );
    }
    Ok(())
}

fn show(shown: &Shown, output: Output) {
    let epochs = &shown.earnings.epochs;
    let most = epochs.iter().map(|earning| earning.total_nano.0).max().unwrap_or_default();
    let has_chart = std::io::stdout().is_terminal();
    let line = |earning: &EpochEarning| {
        let data = |nano: Nano| format_data(nano.to_wei());
        let mut line = vec![
            earning.epoch.to_string(),
            earning.state.to_string(),
            data(earning.work_nano),
            data(earning.paid_nano),
            data(earning.pool_nano),
            data(earning.total_nano),
            data(earning.cumulative_nano),
        ];
        if has_chart {
            line.push(bar(earning.total_nano.0, most));
        }
        line
    };
    // The newest stands last, where the eye is.
    let lines: Vec<Vec<String>> = epochs.iter().rev().map(line).collect();
    let mut heads = vec!["epoch", "state", "work", "paid", "pool", "total", "cumulative"];
    if has_chart {
        heads.push("");
    }
    let newest = shown.finalized_epoch.map_or_else(|| "none".to_owned(), |e| e.to_string());
    let rows = [
        ("operator", shown.earnings.operator.to_string()),
        ("newest final epoch", newest),
        ("on chain", shown.on_chain.to_string()),
    ];
    output.listing(shown, &heads, &lines, &rows);
    if epochs.is_empty() {
        output.progress("it has earned nothing that is published yet");
    }
}

/// A bar as long as `amount` is of `most`, to the eighth of a letter.
fn bar(amount: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(amount) * u128::from(BAR * 8) / u128::from(most.max(1));
    let (whole, rest) = ((eighths / 8) as usize, (eighths % 8) as usize);
    format!("{}{}", "█".repeat(whole), EIGHTHS[rest])
}

/// Oldest first, as spreadsheets have it.
fn csv(epochs: &[EpochEarning]) -> String {
    let mut text =
        "epoch,state,work_nano,paid_nano,pool_nano,total_nano,cumulative_nano\n".to_owned();
    for earning in epochs.iter().rev() {
        let EpochEarning { epoch, state, work_nano, paid_nano, pool_nano, .. } = earning;
        let (total, cumulative) = (earning.total_nano.0, earning.cumulative_nano.0);
        text += &format!(
            "{epoch},{state},{},{},{},{total},{cumulative}\n",
            work_nano.0, paid_nano.0, pool_nano.0
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use tatum_protocol::EpochState;

    use super::*;

    fn earning(epoch: u64, total: u64, cumulative: u64) -> EpochEarning {
        EpochEarning {
            epoch: Epoch(epoch),
            state: EpochState::Finalized,
            work_nano: Nano(total),
            paid_nano: Nano(total),
            pool_nano: Nano::ZERO,
            total_nano: Nano(total),
            cumulative_nano: Nano(cumulative),
        }
    }

    #[test]
    fn sums_that_do_not_follow_are_refused() {
        let follows = |epochs: &[EpochEarning]| check_sums(epochs, "it").is_ok();
        assert!(follows(&[earning(3, 5, 12), earning(2, 7, 7)]));
        assert!(!follows(&[earning(3, 5, 13), earning(2, 7, 7)]));
        assert!(
            follows(&[earning(9, 5, 99), earning(2, 7, 7)]),
            "nothing is known of those between"
        );
        assert!(!follows(&[earning(2, 7, 7), earning(3, 5, 12)]));
        let more = EpochEarning { pool_nano: Nano(1), ..earning(3, 5, 12) };
        assert!(!follows(&[more]));
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(0, 0), "");
        assert_eq!(bar(u64::MAX, u64::MAX), "█".repeat(30));
        assert_eq!(bar(1, 2), "█".repeat(15));
        assert_eq!(bar(1, 16), "█▉");
    }

    #[test]
    fn spreadsheets_get_the_oldest_first() {
        let text = csv(&[earning(3, 5, 12), earning(2, 7, 7)]);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, ["2,finalized,7,7,0,7,7", "3,finalized,5,5,0,5,12"]);
    }
}

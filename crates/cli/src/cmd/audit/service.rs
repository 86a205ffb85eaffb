//! `tatum audit service`: how complete and how timely each operator served each stream.
//!
//! Invariant: no figure is shown of a dataset that was not verified whole, signatures and all, and none without the payers and
//! receipts behind it (in JSON, receipt by receipt).

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tatum_aggregator::audit::{self, AuditError, FetchLimits};
use tatum_dataset::service::{OperatorService, ServiceReport, Standing, StreamService, WHOLE_PPM};
use tatum_primitives::{Epoch, OperatorId, StreamKey};

use crate::args::ChainArgs;
use crate::cmd::DIFFERS;
use crate::output::{Output, write_out};
use crate::stream_keys::parse_stream;

/// Letters of the plot.
const PLOT: u64 = 32;

/// Which epoch, and whose service.
#[derive(Debug, clap::Args)]
pub(crate) struct ServiceArgs {
    /// The epoch; otherwise the newest that is final
    #[arg(long)]
    epoch: Option<Epoch>,
    /// Only this stream partition, as ID, ID#PARTITION or its key
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    stream: Option<StreamKey>,
    /// Only this operator
    #[arg(long, value_name = "ID")]
    operator: Option<OperatorId>,
    /// Name operators whose completeness is below so many basis points
    #[arg(long, value_name = "BPS", default_value_t = 9_900, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    least_bps: u16,
    /// Folder or URL of the dataset; otherwise where its proposer published it
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    /// Print comma-separated values, figures in parts per million
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    report: ServiceReport,
    /// Below which an operator is named.
    least_ppm: u64,
    /// Those that are.
    named: Vec<Named>,
}

#[derive(Debug, Serialize)]
struct Named {
    stream: StreamKey,
    operator_id: OperatorId,
    completeness_ppm: Option<u64>,
}

pub(super) async fn run(args: &ServiceArgs, output: Output) -> anyhow::Result<ExitCode> {
    ensure!(!(args.csv && output.is_json()), "say --csv or --json, not both");
    let chain = args.chain.read_only().await?;
    let epoch = match args.epoch {
        Some(epoch) => epoch,
        None => chain.finalized_epoch().await?.context("no distribution is final yet")?,
    };
    output.progress("fetching the dataset and verifying every receipt of it …");
    let (only, place) = (args.stream, args.dataset.as_deref());
    let surveyed = audit::service(&chain, epoch, only, place, FetchLimits::default()).await;
    if let Err(error @ AuditError::NotProposed { .. }) = surveyed {
        bail!("{error}; name its dataset's own folder");
    }
    let report = match surveyed.with_context(|| format!("surveying epoch {epoch}"))? {
        Ok(report) => report,
        Err(differences) => bail!("the dataset is not to be believed: {differences}"),
    };
    let shown = shown(report, args);
    if args.csv {
        write_out(csv(&shown.report).as_bytes())?;
    } else {
        show(&shown, output);
    }
    Ok(if shown.named.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

fn shown(mut report: ServiceReport, args: &ServiceArgs) -> Shown {
    if let Some(only) = args.operator {
        for stream in &mut report.streams {
            stream.operators.retain(|operator| operator.operator_id == only);
        }
        report.streams.retain(|stream| !stream.operators.is_empty());
    }
    let least_ppm = u64::from(args.least_bps) * (WHOLE_PPM / 10_000);
    let named = report.below(least_ppm).map(|(stream, operator)| Named {
        stream: stream.stream,
        operator_id: operator.operator_id,
        completeness_ppm: operator.completeness_ppm,
    });
    Shown { named: named.collect(), least_ppm, report }
}

fn show(shown: &Shown, output: Output) {
    let all = || shown.report.streams.iter().flat_map(|s| s.operators.iter().map(move |o| (s, o)));
    let figures = all().filter_map(|(_, operator)| operator.completeness_ppm);
    let worst_ppm = figures.min().unwrap_or(WHOLE_PPM).min(shown.least_ppm);
    let lines: Vec<Vec<String>> =
        all().map(|(stream, operator)| line(stream, operator, worst_ppm)).collect();
    let scale = format!("{} … 100 %", percent(Some(worst_ppm)));
    let heads =
        ["stream", "operator", "complete", "on time", "due", "missed", "payers", "", &scale];
    let mut rows = Vec::new();
    for stream in &shown.report.streams {
        rows.push(("stream", stream_row(stream)));
    }
    for Named { stream, operator_id, completeness_ppm } in &shown.named {
        let figure = percent(*completeness_ppm);
        rows.push(("below", format!("operator {operator_id} in {stream}: {figure} complete")));
    }
    let least = percent(Some(shown.least_ppm));
    rows.push((
        "result",
        match shown.named.len() {
            0 => format!("nobody is known to be below {least}"),
            count => format!("{count} below {least}"),
        },
    ));
    output.listing(shown, &heads, &lines, &rows);
    if shown.report.streams.is_empty() {
        output.progress("nobody was served in the epoch, as far as its receipts tell");
    }
}

fn line(stream: &StreamService, operator: &OperatorService, worst_ppm: u64) -> Vec<String> {
    let key = stream.stream.to_string();
    vec![
        key.get(..10).unwrap_or(&key).to_owned(),
        operator.operator_id.to_string(),
        percent(operator.completeness_ppm),
        percent(operator.timeliness_ppm),
        operator.due.to_string(),
        operator.due.saturating_sub(operator.brought).to_string(),
        operator.payers.len().to_string(),
        standing(operator.standing).to_owned(),
        operator.completeness_ppm.map(|ppm| mark(ppm, worst_ppm)).unwrap_or_default(),
    ]
}

fn stream_row(stream: &StreamService) -> String {
    let published = match stream.published {
        Some(count) => format!("{count} messages by their publishers' receipts"),
        None => "no publisher's own receipt says how much there was".to_owned(),
    };
    let view = percent(stream.readers_ppm());
    let disputed = match stream.disputed_chains {
        0 => String::new(),
        count => format!("; a publisher signed two messages in one place in {count} chains"),
    };
    format!("{}: {published}; readers hold {view} of theirs{disputed}", stream.stream)
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Measured => "",
        Standing::OneWord => "one payer's word",
        Standing::Few => "too few to tell",
        Standing::Silent => "nobody tells",
    }
}

fn percent(ppm: Option<u64>) -> String {
    ppm.map_or_else(|| "–".to_owned(), |ppm| format!("{}.{:02} %", ppm / 10_000, ppm / 100 % 100))
}

/// Where a figure stands between the worst and the whole.
fn mark(ppm: u64, worst_ppm: u64) -> String {
    let range = WHOLE_PPM.saturating_sub(worst_ppm).max(1);
    let at = (ppm.saturating_sub(worst_ppm) * (PLOT - 1) / range).min(PLOT - 1);
    (0..PLOT).map(|place| if place == at { '●' } else { '·' }).collect()
}

fn csv(report: &ServiceReport) -> String {
    let mut text = "epoch,stream,operator_id,standing,completeness_ppm,timeliness_ppm,due,brought,payers,published\n"
        .to_owned();
    let figure = |figure: Option<u64>| figure.map(|f| f.to_string()).unwrap_or_default();
    for stream in &report.streams {
        for operator in &stream.operators {
            let standing = format!("{:?}", operator.standing).to_lowercase();
            text += &format!(
                "{},{},{},{standing},{},{},{},{},{},{}\n",
                report.epoch,
                stream.stream,
                operator.operator_id,
                figure(operator.completeness_ppm),
                figure(operator.timeliness_ppm),
                operator.due,
                operator.brought,
                operator.payers.len(),
                figure(stream.published),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stands_left_and_the_whole_right() {
        assert!(mark(980_000, 980_000).starts_with('●'));
        assert!(mark(WHOLE_PPM, 980_000).ends_with('●'));
        assert!(mark(WHOLE_PPM, WHOLE_PPM).starts_with('●'));
        assert_eq!(mark(990_000, 980_000).chars().count() as u64, PLOT);
        assert_eq!(percent(Some(980_999)), "98.09 %");
    }
}

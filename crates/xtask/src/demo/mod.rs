//! The demo: the main job on one machine, with real processes, a real chain and real records.
//!
//! Invariant: every figure in the summary is measured from what the processes wrote, published or put on chain.

mod records;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use tatum_primitives::Epoch;
use tatum_test_utils::testnet::{self, Cast, Network};
use tatum_test_utils::{Devnet, DevnetParameters, repository};

use summary::Summary;

/// Long enough to set the stage in epoch 0, short enough for two more epochs within the two minutes.
const EPOCH_LENGTH_S: u64 = 20;
const CHALLENGE_WINDOW_S: u64 = 4;
const GRACE_S: u64 = 4;
/// Relays of each operator: four relays of three operators.
const RELAYS: [usize; 3] = [2, 1, 1];
const SUBSCRIBERS_PER_STREAM: usize = 2;
/// The one subscriber that pays by channel, beside another of its stream whose stake pays.
const BY_CHANNEL: usize = 1;
/// Records per second of each publisher: all are out within the two epochs.
const RATE: u32 = 345;

/// How to run the demo.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave everything running, and print what to try
    #[arg(long)]
    keep: bool,
    /// Where results and logs go; what is there is replaced
    #[arg(long, default_value = "demo-out")]
    out: PathBuf,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let out = prepare(&args.out)?;
    let streams = records::streams(&repository())?;

    say(started, "starting a chain and deploying the contracts");
    let parameters = DevnetParameters {
        epoch_length_s: EPOCH_LENGTH_S,
        challenge_window_s: CHALLENGE_WINDOW_S,
        grace_s: GRACE_S,
        force_s: 0,
    };
    let devnet = Devnet::start(parameters, &out.join("logs")).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;

    say(started, "registering operators and staking for publishers and subscribers, with the CLI");
    let mut cast = Cast::assemble(&devnet, &streams, &RELAYS, SUBSCRIBERS_PER_STREAM).await?;
    let payer = &cast.subscribers[BY_CHANNEL].name;
    say(started, &format!("{payer} opens a payment channel with every operator"));
    cast.open_channels(&devnet, BY_CHANNEL).await?;

    say(started, "starting the aggregator, a tracker, relays and the web API");
    let mut network = Network::start(&devnet, &cast, &streams, &out).await?;
    network.start_api(&devnet).await?;

    let first = cast.first_epoch;
    say(started, &format!("waiting for epoch {first}, from which on operators and stakes count"));
    network.until_epoch(schedule, first).await;
    say(started, "granting: the streams' owners sign who may publish and subscribe");
    network.grant(&devnet, &cast, &streams).await?;
    say(started, "starting the subscribers");
    network.subscribe(&devnet, &cast, &streams).await?;
    let total: usize = streams.iter().map(|stream| stream.records.len()).sum();
    say(started, &format!("publishing {total} records on {} streams", streams.len()));
    network.publish(&devnet, &cast, &streams, RATE)?;
    let progress = |line: String| say(started, &line);
    network.until_published(&streams, progress).await?;

    say(started, "all records are published; subscribers hand in their closing receipts");
    network.stop_subscribers(&streams).await?;
    let delivery = testnet::compare(&streams, &out)?;

    say(started, "waiting until every epoch is closed, proposed and final");
    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, progress).await?;

    say(started, "auditing: every root again from the published datasets and the chain");
    let epochs = testnet::audit_all(&devnet, &network, last).await?;
    testnet::keep_receipts(&network, last, &out).await?;
    let recomputed = testnet::recompute(&devnet, &network, last).await?;

    say(started, "claiming for every operator");
    let operators = testnet::claim_all(&devnet, &cast, &network, &recomputed).await?;

    say(
        started,
        "redeeming the channels from what the relays keep, beside what the aggregator has as evidence",
    );
    let payer = &cast.subscribers[BY_CHANNEL];
    let channels = testnet::redeem_all(&devnet, &cast, &network, (payer, last)).await?;

    let summary = Summary::new(&delivery, epochs, operators, channels, &recomputed);
    summary.print();
    summary.write(&out.join("summary.json"))?;
    say(started, &format!("results are in {}", out.display()));
    if args.keep {
        explain(&devnet, &network, first, &out);
        tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    }
    network.stop().await?;
    Ok(if summary.all_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An empty output folder.
fn prepare(out: &Path) -> anyhow::Result<PathBuf> {
    let out = if out.is_absolute() { out.to_owned() } else { repository().join(out) };
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    std::fs::create_dir_all(out.join("logs"))
        .with_context(|| format!("creating {}", out.display()))?;
    Ok(out)
}

/// Tells what is going on.
fn say(started: Instant, what: &str) {
    println!("[{:5.1} s] {what}", started.elapsed().as_secs_f32());
}

/// Prints what can be tried while everything runs.
fn explain(devnet: &Devnet, network: &Network, first: Epoch, out: &Path) {
    let deployment = devnet.deployment();
    println!("\nEverything is still running. Contracts:");
    println!("  token              {}", deployment.token);
    println!("  stake pool         {}", deployment.stake_pool);
    println!("  operator registry  {}", deployment.operator_registry);
    println!("  distributor        {}", deployment.distributor);
    println!("\nThe page: {}/", network.api_url());
    println!("\nTry, in another terminal:");
    println!("  export TATUM_RPC={}", devnet.rpc_url());
    println!("  export TATUM_DEPLOYMENT={}", devnet.deployment_file().display());
    println!("  export TATUM_AGGREGATOR={}", network.aggregator_url());
    println!("  cargo tatum operator status --operator 0");
    println!("  cargo tatum audit epoch {first}");
    println!("  cargo tatum audit receipt {}/receipts/receipt-0.json", out.display());
    for url in network.relay_status_urls() {
        println!("  curl -s {url}");
    }
    println!("\nCtrl-C ends it.");
}

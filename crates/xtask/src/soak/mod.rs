//! The soak: a whole deployment under faults that a seed draws, and what must hold afterwards.
//!
//! Two aggregators on one PostgreSQL, two trackers, four relays of three operators, publishers and subscribers are processes of their own on
//! anvil behind two providers with bad habits. They are killed, cut off from the chain, reorganised, run out of disk and attacked.
//!
//! Invariant: nothing is judged by what the soak believes; every check compares what processes printed, published or put on chain.

mod delivery;
mod memory;
mod plan;
mod storm;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tatum_test_utils::hostile::Account;
use tatum_test_utils::postgres::Postgres;
use tatum_test_utils::testnet::{self, Cast, Layout, Network, Payer, RecordedStream, Witness};
use tatum_test_utils::{Devnet, DevnetParameters, Provider, SmallDisk};
use tokio::signal::unix::{SignalKind, signal};

use crate::stage::{empty_folder, say};
use plan::{Plan, Processes, good_rules};
use storm::Storm;
use verdict::Verdict;

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 4, grace_s: 4, force_s: 0 };
/// Relays of each operator.
const RELAYS: [usize; 3] = [2, 1, 1];
const SUBSCRIBERS_PER_STREAM: usize = 2;
const STREAMS: [&str; 2] = ["tides", "winds"];
/// Records per second of each publisher.
const RATE: u32 = 20;
/// What a service with a small disk has of it.
const DISK_BYTES: u64 = 64 << 20;
/// Services whose folder is on a small disk.
const ON_SMALL_DISKS: [&str; 2] = ["aggregator", "relay-2-0"];
/// How long the last deliveries may take once it is calm.
const LAST_DELIVERIES: Duration = Duration::from_secs(60);

/// How long, and by which seed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For how many minutes things go wrong
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=7 * 24 * 60))]
    minutes: u64,
    /// What the faults are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where results and logs go; what is there is replaced
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut terminated = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    // Whatever ends it, all that was started is dropped, and ends too.
    tokio::select! {
        ended = soak(args) => ended,
        _ = terminated.recv() => bail!("ended by SIGTERM before anything could be said"),
        _ = tokio::signal::ctrl_c() => bail!("ended by SIGINT before anything could be said"),
    }
}

async fn soak(args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let out = empty_folder(&args.out)?;
    let streams = streams(args.minutes, args.seed)?;
    say(started, "starting a chain behind two providers, a database, and deploying the contracts");
    let devnet = Devnet::start(PARAMETERS, &out.join("logs")).await?;
    let providers = [
        Arc::new(Provider::start(devnet.rpc_url(), good_rules()).await?),
        Arc::new(Provider::start(devnet.rpc_url(), good_rules()).await?),
    ];
    let database = Postgres::start()?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;

    say(started, "registering operators and staking");
    // First, so that its stake counts when those of the others do.
    let witness = Payer::new("witness".to_owned(), Devnet::account("witness"), 0);
    let intruder = Payer::new("intruder".to_owned(), Devnet::account("intruder"), 0);
    for payer in [&witness, &intruder] {
        testnet::stake(&devnet, payer).await?;
    }
    let cast = Cast::assemble(&devnet, &streams, &RELAYS, SUBSCRIBERS_PER_STREAM).await?;
    let layout = Layout {
        rpc_urls: providers.iter().map(|provider| provider.rpc_url().to_owned()).collect(),
        database: Some(database.database("soak")?),
        aggregators: 2,
        trackers: 2,
        disks: small_disks(&out)?,
    };
    let plan = Plan::new(args.seed, processes(&cast, &layout));
    let mut network = Network::start_as(layout, &devnet, &cast, &streams, &out).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;

    say(started, &format!("{} minutes of faults by seed {}", args.minutes, args.seed));
    let witness = Witness::new(&devnet, &cast, &network, witness)?.stand_by(schedule);
    let stage = (&devnet, &cast, streams.as_slice());
    let account = Account::open(Arc::new(intruder.account))?;
    let say_so = |line: String| say(started, &line);
    let mut storm = Storm::new(stage, &mut network, &providers, account, say_so);
    storm.rage(plan, Duration::from_secs(args.minutes * 60)).await?;
    let (memory, happened) = storm.calm().await;

    say(started, "it is calm; waiting for the last messages");
    network.until_published(&streams, |line| say(started, &line)).await?;
    delivery::until_complete(&mut network, stage, LAST_DELIVERIES).await?;
    network.stop_subscribers(&streams).await?;
    let witness = witness.leave().await?;
    let last = schedule.epoch_at_ms(network.now_ms());
    say(started, &format!("waiting until epoch {last} is final"));
    network.until_finalized(&devnet, last, |line| say(started, &line)).await?;

    say(started, "auditing every epoch and claiming for every operator");
    network.start_api(&devnet).await?;
    let epochs = testnet::audit_all(&devnet, &network, last).await?;
    let recomputed = testnet::recompute(&devnet, &network, last).await?;
    let verdict = Verdict {
        seed: args.seed,
        minutes: args.minutes,
        happened,
        deliveries: delivery::compare(&network, &cast, &streams)?,
        testimony: witness.testify(&network, last).await?,
        operators: testnet::claim_all(&devnet, &cast, &network, &recomputed).await?,
        epochs,
        memory: memory.judge(),
    };
    network.stop().await?;
    let holds = verdict.tell(&recomputed, &out.join("soak.json"))?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Streams whose publishers have something to say for all of the time.
fn streams(minutes: u64, seed: u64) -> anyhow::Result<Vec<RecordedStream>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let records = u64::from(RATE) * (minutes * 60 + 10);
    let mut stream = |name| {
        let mut record = |n| {
            // Most are small; one in 200 is of the size that travels in pieces of its own.
            let padding = if n % 200 == 199 { 20_000 } else { rng.random_range(0..200) };
            format!("{{\"{name}\":{n},\"padding\":\"{}\"}}", "x".repeat(padding))
        };
        Ok(RecordedStream::new(name, (0..records).map(&mut record).collect())?)
    };
    STREAMS.into_iter().map(&mut stream).collect()
}

/// The small disks; none where the kernel lets nobody make one, which is said.
fn small_disks(out: &Path) -> anyhow::Result<BTreeMap<String, SmallDisk>> {
    let mut disks = BTreeMap::new();
    for name in ON_SMALL_DISKS {
        match SmallDisk::mount(&out.join("data").join(name), DISK_BYTES)? {
            Some(disk) => drop(disks.insert(name.to_owned(), disk)),
            None => println!("no namespaces may be made here: no disk of {name} will be full"),
        }
    }
    ensure!(disks.len() == ON_SMALL_DISKS.len() || disks.is_empty(), "one disk of two was made");
    Ok(disks)
}

fn processes(cast: &Cast, layout: &Layout) -> Processes {
    let numbered = |kind: &str| vec![kind.to_owned(), format!("{kind}-2")];
    Processes {
        aggregators: numbered("aggregator"),
        trackers: numbered("tracker"),
        relays: cast.relays.iter().map(|relay| relay.name.clone()).collect(),
        subscribers: cast.subscribers.iter().map(|subscriber| subscriber.name.clone()).collect(),
        disks: layout.disks.keys().cloned().collect(),
        providers: layout.rpc_urls.len(),
    }
}

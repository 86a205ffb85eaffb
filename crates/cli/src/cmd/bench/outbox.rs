//! `tatum bench outbox`: a relay with a full outbox hands it in to the service's own intake on a loopback socket.
//!
//! Invariant: what counts is on disk at the aggregator, and answered for on disk at the node; afterwards both hold all of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_database::{Database, NodeStore};
use tatum_node::relay::{self, SharedFacts};
use tatum_node::{Clock, NodeKey, SystemClock};
use tatum_receipt::{Contents, ReceiptKey, Step, Verifier};
use tokio::sync::oneshot;

use super::ingest::{domain, everybody, schedule, serve, signed_receipts, temporary_folder};
use crate::output::Output;

/// How often is looked whether all of it is answered.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Nobody: a relay hands in without a tracker as well.
const NO_TRACKER: &str = "ws://127.0.0.1:1/v1/tracker";

/// How much there is to hand in.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Receipts in the relay's outbox
    #[arg(long, default_value_t = 60_000)]
    receipts: usize,
    /// Where the temporary folder goes
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    receipts: usize,
    seconds: f64,
    receipts_per_s: f64,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<()> {
    let folder = temporary_folder(args.folder.as_deref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(schedule()));
    let epoch = clock.epoch();
    let verifier = Verifier::new(domain());
    let database = Database::open_file(&folder.path().join("aggregator.db")).await;
    let database = database.context("opening the aggregator's database")?;
    let address = serve(database.clone(), verifier, schedule(), everybody()).await?;

    output.progress(format!("filling an outbox with {} receipts …", args.receipts));
    let store = NodeStore::open_file(&folder.path().join("node.db")).await;
    let store = store.context("opening the node's store")?;
    let mut keys = Vec::with_capacity(args.receipts);
    for signed in signed_receipts(args.receipts, epoch, &verifier) {
        let kept =
            store.keep_own(&signed, &Contents::default()).await.context("filling the outbox")?;
        ensure!(kept == Step::Advance, "a receipt was not kept: {kept:?}");
        keys.push(signed.receipt.key());
    }
    keys.sort_unstable();

    output.progress("handing in …");
    let facts = SharedFacts::new(everybody());
    let key = NodeKey::from_bytes(&[0x7a; 32]);
    let data = folder.path().to_owned();
    let mut config = relay::Config::new(key, NO_TRACKER.to_owned(), data, domain(), facts, clock);
    config.aggregator = Some(format!("http://{address}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let started = Instant::now();
    let relay = tokio::spawn(relay::run(config, async { drop(stopped.await) }));
    while waits(&store, &keys).await? {
        ensure!(!relay.is_finished(), "the relay ended early");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(stop);
    relay.await.context("the relay was cut off")?.context("running the relay")?;
    let held = database.count_receipts(epoch).await.context("counting receipts")?;
    ensure!(held == u64::try_from(args.receipts)?, "the aggregator holds {held} receipts");
    let receipts_per_s = args.receipts as f64 / seconds;
    report(&Measured { receipts: args.receipts, seconds, receipts_per_s }, output);
    Ok(())
}

/// Whether a receipt waits to be handed in. All rows are counted only once the last one is answered, or that would be measured too.
async fn waits(store: &NodeStore, keys: &[ReceiptKey]) -> anyhow::Result<bool> {
    let before_last = keys.len().checked_sub(2).and_then(|at| keys.get(at));
    let last = store.to_hand_in(before_last, 1).await.context("looking at the last receipt")?;
    if !last.is_empty() {
        return Ok(true);
    }
    Ok(store.counts().await.context("counting what waits")?.waiting > 0)
}

fn report(measured: &Measured, output: Output) {
    output.result(
        measured,
        &[
            ("receipts", measured.receipts.to_string()),
            ("seconds", format!("{:.2}", measured.seconds)),
            ("receipts per second", format!("{:.0}", measured.receipts_per_s)),
        ],
    );
}

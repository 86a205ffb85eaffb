//! `tatum bench ingest`: the service's own intake on a loopback socket, with a database on disk, under load from here.
//!
//! Invariant: what counts is acknowledged as accepted, and afterwards the database holds exactly that.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_aggregator::ingest::{self, Checker, Ingest, Limits};
use tatum_aggregator::{Clock, Metrics};
use tatum_database::{Database, Writer, WriterOptions};
use tatum_merkle::map_in_order;
use tatum_primitives::{
    Address, B256, Domain, Epoch, EpochSchedule, NodeId, OperatorId, Role, StreamKey,
};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::{Answer, encode};
use tatum_receipt::checks::{ChainFacts, StatedFacts};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tokio::net::TcpListener;

use crate::output::Output;

/// Receipts of one payer, each for another stream.
const RECEIPTS_A_PAYER: usize = 10;
const OPERATORS: u32 = 1_000;
const DAY_S: u64 = 24 * 3600;

/// How much load.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Receipts to send
    #[arg(long, default_value_t = 300_000)]
    receipts: usize,
    /// Receipts in a request
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// Requests under way at the same time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Database; otherwise an SQLite file in a temporary folder
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Where the temporary folder goes
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    receipts: usize,
    batch: usize,
    connections: usize,
    seconds: f64,
    receipts_per_s: f64,
    /// From sending a request to its answer.
    p50_ms: f64,
    p99_ms: f64,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<()> {
    ensure!(args.batch > 0 && args.connections > 0, "a batch and a connection at least");
    let folder = temporary_folder(args.folder.as_deref())?;
    let (verifier, schedule) = (Verifier::new(domain()), schedule());
    output.progress(format!("signing {} receipts …", args.receipts));
    let epoch = schedule.epoch_at_ms(Clock::default().now_ms());
    let batches = batches(&args, epoch, &verifier);
    let database = match &args.database {
        Some(url) => Database::open(url).await,
        None => Database::open_file(&folder.path().join("bench.db")).await,
    };
    let database = database.context("opening the database")?;
    let before = database.count_receipts(epoch).await.context("counting receipts")?;
    let address = serve(database.clone(), verifier, schedule, everybody()).await?;

    output.progress("sending …");
    let started = Instant::now();
    let mut took = load(address, batches, args.connections).await?;
    let seconds = started.elapsed().as_secs_f64();
    let held = database.count_receipts(epoch).await.context("counting receipts")?;
    let expected = before.saturating_add(u64::try_from(args.receipts)?);
    ensure!(held == expected, "the database holds {held} receipts, acknowledged were {expected}");
    took.sort_unstable();
    let measured = Measured {
        receipts: args.receipts,
        batch: args.batch,
        connections: args.connections,
        seconds,
        receipts_per_s: args.receipts as f64 / seconds,
        p50_ms: percentile_ms(&took, 50),
        p99_ms: percentile_ms(&took, 99),
    };
    report(&measured, output);
    Ok(())
}

fn report(measured: &Measured, output: Output) {
    output.result(
        measured,
        &[
            ("receipts", measured.receipts.to_string()),
            ("seconds", format!("{:.2}", measured.seconds)),
            ("receipts per second", format!("{:.0}", measured.receipts_per_s)),
            ("request p50 (ms)", format!("{:.1}", measured.p50_ms)),
            ("request p99 (ms)", format!("{:.1}", measured.p99_ms)),
        ],
    );
}

/// A folder that goes when it is dropped.
pub(super) fn temporary_folder(
    parent: Option<&std::path::Path>,
) -> anyhow::Result<tempfile::TempDir> {
    let folder = match parent {
        Some(parent) => tempfile::TempDir::new_in(parent),
        None => tempfile::TempDir::new(),
    };
    folder.context("making a temporary folder")
}

fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e3)
}

/// The receipts of a request, ready to be sent.
struct Batch {
    bytes: Vec<u8>,
    receipts: usize,
}

/// All requests.
fn batches(args: &Args, epoch: Epoch, verifier: &Verifier) -> Vec<Batch> {
    let batch =
        |receipts: &[SignedReceipt]| Batch { bytes: encode(receipts), receipts: receipts.len() };
    signed_receipts(args.receipts, epoch, verifier).chunks(args.batch).map(batch).collect()
}

/// Signed receipts in an order that no database likes better than another.
pub(super) fn signed_receipts(
    count: usize,
    epoch: Epoch,
    verifier: &Verifier,
) -> Vec<SignedReceipt> {
    // A receipt's payer moves fastest, so that a batch holds receipts of as many payers.
    let payers = count.div_ceil(RECEIPTS_A_PAYER).max(1);
    let keys: Vec<SessionKey> = (0..payers).map(key).collect();
    let numbers: Vec<usize> = (0..count).collect();
    let sign = |number: &usize| {
        let (payer, key) = (number % payers, number % payers);
        let receipt = receipt(epoch, keys[key].address(), payer, number / payers);
        Ok::<_, std::convert::Infallible>(SignedReceipt::sign(receipt, &keys[key], verifier))
    };
    map_in_order(&numbers, 64, sign).unwrap_or_else(|never| match never {})
}

fn key(number: usize) -> SessionKey {
    let mut secret = [0x5a; 32];
    secret[24..].copy_from_slice(&(number as u64).to_be_bytes());
    SessionKey::from_bytes(&secret).unwrap_or_else(|_| unreachable!("below the group order"))
}

fn receipt(epoch: Epoch, payer: Address, number: usize, stream: usize) -> DeliveryReceipt {
    let operator_id = OperatorId(u32::try_from(number).unwrap_or(u32::MAX) % OPERATORS);
    DeliveryReceipt {
        payer,
        operator_id,
        node: node(operator_id),
        stream_key: StreamKey(tatum_primitives::keccak256((stream as u64).to_be_bytes())),
        role: Role::Subscriber,
        epoch,
        sequence: 7,
        messages: 1_000,
        bytes: 1_000_000,
        bytes_on_time: 990_000,
        contents: tatum_primitives::keccak256((number as u64).to_be_bytes()),
        ..DeliveryReceipt::default()
    }
}

fn node(operator: OperatorId) -> NodeId {
    NodeId(B256::left_padding_from(&operator.0.to_be_bytes()))
}

/// What receipts are signed for.
pub(super) fn domain() -> Domain {
    Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) }
}

/// Epochs of a day.
pub(super) const fn schedule() -> EpochSchedule {
    EpochSchedule { genesis_s: 0, length_s: DAY_S }
}

/// A chain on which every payer has a stake and operator `n` runs node `n`.
pub(super) fn everybody() -> StatedFacts {
    let facts = StatedFacts::default().quota_of_others(1 << 40);
    (0..OPERATORS).map(OperatorId).fold(facts, |facts, id| facts.node(node(id), id))
}

/// Starts the intake as the service does; it ends with the program.
pub(super) async fn serve(
    database: Database,
    verifier: Verifier,
    schedule: EpochSchedule,
    facts: impl ChainFacts + Send + Sync + 'static,
) -> anyhow::Result<SocketAddr> {
    // An epoch that ends while this runs still takes receipts.
    let grace = Duration::from_secs(DAY_S);
    let checker = Checker::new(verifier, schedule, grace, Clock::default(), facts, Duration::ZERO);
    let (writer, _) = Writer::spawn(database, WriterOptions::default());
    let intake = Ingest::new(Limits::default(), checker, writer, Arc::new(Metrics::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening on loopback")?;
    let address = listener.local_addr().context("reading the listening address")?;
    let service = ingest::router(intake).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// Sends every batch and gives how long each took.
async fn load(
    address: SocketAddr,
    batches: Vec<Batch>,
    connections: usize,
) -> anyhow::Result<Vec<Duration>> {
    let (batches, next) = (Arc::new(batches), Arc::new(AtomicUsize::new(0)));
    let client = AggregatorClient::new(&format!("http://{address}"))?;
    let send = |_| {
        let (batches, next, client) = (Arc::clone(&batches), Arc::clone(&next), client.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let started = Instant::now();
                let answers = client.hand_in_batch(batch.bytes.clone(), batch.receipts).await?;
                took.push(started.elapsed());
                let refused = answers.iter().find(|answer| **answer != Answer::Accepted);
                ensure!(refused.is_none(), "a receipt was not accepted: {refused:?}");
            }
            anyhow::Ok(took)
        })
    };
    let senders: Vec<_> = (0..connections).map(send).collect();
    let mut took = Vec::new();
    for sender in senders {
        took.extend(sender.await.context("a sender ended early")??);
    }
    Ok(took)
}

//! `tatum bench rollup`: closes a made-up epoch. What is timed goes from the dataset's files to the root: every receipt's
//! place and leaf, the roll-up, the distribution and its tree.

#[cfg(feature = "datafusion")]
mod query;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_dataset::{CountedReceipt, Dataset, Distribution, Operator, Parameters, Payer, Writer};
use tatum_primitives::{
    Address, B256, Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, U256, WEI_PER_DATA,
    WEI_PER_NANO, keccak256,
};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};

use super::ingest::temporary_folder;
use crate::output::Output;

const RECEIPTS_A_PAYER: u32 = 10;
/// Payers whose receipts are written together, on all cores.
const PAYERS_AT_A_TIME: usize = 1 << 10;

/// What epoch.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Payers, of ten receipts each
    #[arg(long, default_value_t = 100_000)]
    payers: u32,
    /// Operators
    #[arg(long, default_value_t = 10_000)]
    operators: u32,
    /// Where the dataset goes for the time being
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[cfg(feature = "datafusion")]
    #[command(flatten)]
    query: query::Args,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    receipts: u64,
    payers: u32,
    operators: u32,
    dataset_bytes: u64,
    write_s: f64,
    rollup_s: f64,
    /// The most memory in use while rolling up; 0 where the system does not say.
    peak_rss_mb: f64,
    root: B256,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<()> {
    let measuring = tokio::task::spawn_blocking(move || measure(&args, output));
    let measured = measuring.await.context("the measurement ended early")??;
    output.result(
        &measured,
        &[
            ("receipts", measured.receipts.to_string()),
            ("dataset (MB)", (measured.dataset_bytes / 1_000_000).to_string()),
            ("writing (s)", format!("{:.2}", measured.write_s)),
            ("files to root (s)", format!("{:.2}", measured.rollup_s)),
            ("peak memory (MB)", format!("{:.0}", measured.peak_rss_mb)),
            ("root", measured.root.to_string()),
        ],
    );
    Ok(())
}

fn measure(args: &Args, output: Output) -> anyhow::Result<Measured> {
    ensure!(args.operators >= RECEIPTS_A_PAYER, "{RECEIPTS_A_PAYER} operators at least");
    let folder = temporary_folder(args.folder.as_deref())?;
    output.progress("writing the dataset …");
    let started = Instant::now();
    let dataset = write(args, folder.path())?;
    let write_s = started.elapsed().as_secs_f64();

    output.progress("rolling it up …");
    forget_peak();
    let started = Instant::now();
    let distribution = roll_up(args, &dataset, output)?;
    let rollup_s = started.elapsed().as_secs_f64();
    let peak_rss_mb = peak_rss_mb();
    let results = &dataset.manifest().results;
    ensure!(distribution.results == *results, "the roll-up comes to another distribution");
    let files = &dataset.manifest().files;
    Ok(Measured {
        receipts: files.first().map_or(0, |receipts| receipts.rows),
        payers: args.payers,
        operators: args.operators,
        dataset_bytes: files.iter().map(|file| file.size_bytes).sum(),
        write_s,
        rollup_s,
        peak_rss_mb,
        root: results.root.0,
    })
}

#[cfg(feature = "datafusion")]
fn roll_up(args: &Args, dataset: &Dataset, output: Output) -> anyhow::Result<Distribution> {
    if args.query.query {
        return query::roll_up(&args.query, dataset, output);
    }
    dataset.roll_up().context("rolling up")
}

#[cfg(not(feature = "datafusion"))]
fn roll_up(_: &Args, dataset: &Dataset, _: Output) -> anyhow::Result<Distribution> {
    dataset.roll_up().context("rolling up")
}

/// Writes the epoch.
fn write(args: &Args, parent: &Path) -> anyhow::Result<Dataset> {
    let payers: Vec<Payer> = (0..args.payers).map(payer).collect();
    let operator = |id: u32| Operator {
        operator_id: OperatorId(id),
        payout: Address::left_padding_from(&id.to_be_bytes()),
        bond_wei: WEI_PER_DATA,
        capacity_bytes: 1 << 40,
    };
    let operators = (0..args.operators).map(operator).collect();
    let parameters = parameters(args.payers);
    let mut writer = Writer::create(parent, parameters, payers.clone(), operators, vec![])?;
    let numbered: Vec<(u32, &Payer)> = (0..).zip(&payers).collect();
    for some in numbered.chunks(PAYERS_AT_A_TIME) {
        let of = |(number, payer): &(u32, &Payer)| {
            let (number, payer) = (*number, **payer);
            let signed = move |index| receipt(&payer, number, index, args.operators);
            (0..RECEIPTS_A_PAYER).map(signed).map(CountedReceipt::forced)
        };
        writer.push_all(&some.iter().flat_map(of).collect::<Vec<_>>())?;
    }
    let written = writer.finish()?;
    Dataset::open(&written.folder).context("opening the dataset")
}

fn parameters(payers: u32) -> Parameters {
    Parameters {
        chain_id: 31_337,
        stake_pool: Address::repeat_byte(1),
        distributor: Address::repeat_byte(2),
        epoch: Epoch(1),
        pool_bps: Bps::new(1_000).unwrap_or(Bps::ONE),
        pool_limit_bps: Bps::new(5_000).unwrap_or(Bps::ONE),
        grace_ms: 0,
        pot_nano: Nano(u64::from(payers).saturating_mul(WEI_PER_NANO)),
        available_nano: Nano(u64::from(payers).saturating_mul(1_000_000_007)),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    }
}

/// Payers in order of their addresses, which are otherwise as good as random.
fn payer(number: u32) -> Payer {
    let mut address = [0; 20];
    let (head, tail) = address.split_at_mut(4);
    head.copy_from_slice(&number.to_be_bytes());
    tail.copy_from_slice(&keccak256(number.to_be_bytes())[..16]);
    Payer {
        payer: Address::from(address),
        fee_wei: U256::from(WEI_PER_DATA + u128::from(number)),
        quota_bytes: U256::from(1u64 << 40),
    }
}

fn receipt(payer: &Payer, number: u32, index: u32, operators: u32) -> SignedReceipt {
    let apart = operators / RECEIPTS_A_PAYER;
    let operator = number % apart + index * apart;
    let contents = keccak256([number.to_be_bytes(), index.to_be_bytes()].concat());
    let mut signature = [27; 65];
    signature[..32].copy_from_slice(contents.as_slice());
    signature[32..64].copy_from_slice(keccak256(contents).as_slice());
    let receipt = DeliveryReceipt {
        payer: payer.payer,
        operator_id: OperatorId(operator),
        node: NodeId(keccak256(operator.to_be_bytes())),
        stream_key: StreamKey(keccak256((number % 1_000).to_be_bytes())),
        role: Role::Subscriber,
        epoch: Epoch(1),
        sequence: 100,
        messages: 1_000 + u64::from(number % 977),
        bytes: 1_000_000 + u64::from(number),
        bytes_on_time: 990_000,
        contents,
        ..DeliveryReceipt::default()
    };
    SignedReceipt { receipt, signature: Signature(signature) }
}

/// Lets the system count the most memory in use from here on.
fn forget_peak() {
    // Where this cannot be, the peak is that of writing too: too much, never too little.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.map_or(0.0, |kib| kib * 1024.0 / 1e6)
}

//! An aggregator that is killed again and again pays what it would have paid.

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tatum_dataset::{Beside, EpochData, Sources};
use tatum_primitives::{B256, Epoch, StreamKey};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_receipt::SignedReceipt;
use tatum_test_utils::{Devnet, free_port};

use crate::world::{EPOCH_S, World, signer};

const CONFIG: &str = "TATUM_CRASH_TEST_CONFIG";

/// Not a test of its own: the process that gets killed.
#[tokio::test]
async fn victim() {
    let Ok(path) = std::env::var(CONFIG) else { return };
    let config = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let key = signer(&Devnet::account("proposer"));
    tatum_aggregator::run(config, key, std::future::pending()).await.unwrap();
}

#[tokio::test]
async fn killed_at_any_moment_it_pays_what_it_would_have_paid() {
    let world = World::start().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let config = world.config("victim", listen);
    let path = world.folder.path().join("config.json");
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    let url = format!("http://{listen}");

    let mut victim = Victim::start(path.to_str().unwrap());
    let traffic = world.traffic(1);
    let (early, late) = traffic.split_at(traffic.len() / 2);
    world.hand_in(&url, early).await;
    victim.kill();
    world.hand_in(&url, late).await;
    victim.kill();
    world.advance(EPOCH_S + 60).await;
    let summary = world.until_final_while(&url, 1, || victim.kill_when_due()).await;
    assert!(victim.kills >= 8, "only {} kills hit", victim.kills);

    let got: B256 = serde_json::from_value(summary["manifest_hash"].clone()).unwrap();
    let receipts = world.traffic(1);
    assert_eq!(got, undisturbed(&world, &config.datasets(), got, receipts).await);
    victim.end();
}

/// How often a process is killed: eight times, or as often as `TATUM_CRASHES` says.
fn crashes() -> u32 {
    std::env::var("TATUM_CRASHES").map_or(8, |text| text.parse().unwrap())
}

/// One party that hands in ever newer receipts of its own keys, and notes which were acknowledged.
struct Submitter {
    receipts: Vec<SignedReceipt>,
    acknowledged: usize,
}

const KEYS: usize = 4;
const BATCH: usize = 12;

impl Submitter {
    /// The receipts of payer `n % 2` for `KEYS` streams, the sequence rising.
    fn new(world: &World, n: usize, count: usize) -> Self {
        let receipt = |at: usize| {
            let (sequence, stream) = ((at / KEYS + 1) as u64, (n * KEYS + at % KEYS + 1) as u64);
            let mut receipt = world.receipt(n % 2, n / 2 % 2, 1, 1).receipt;
            receipt.stream_key = StreamKey(B256::left_padding_from(&stream.to_be_bytes()));
            (receipt.sequence, receipt.messages) = (sequence, sequence);
            (receipt.bytes, receipt.bytes_on_time) = (sequence * 10, sequence * 9);
            world.sign(n % 2, receipt)
        };
        Self { receipts: (0..count).map(receipt).collect(), acknowledged: 0 }
    }

    /// Hands in everything, each batch until it is acknowledged, a newer one never before an older one.
    async fn run(mut self, url: String) -> Self {
        let aggregator = AggregatorClient::new(&url).unwrap();
        while self.acknowledged < self.receipts.len() {
            let end = self.receipts.len().min(self.acknowledged + BATCH);
            let batch = &self.receipts[self.acknowledged..end];
            let answers = aggregator.hand_in(batch).await;
            let stored = |answer: &Answer| answer.reason().is_none();
            if answers.is_ok_and(|answers| answers.iter().all(stored)) {
                self.acknowledged = end;
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self
    }

    /// The newest of each key.
    fn newest(&self) -> impl Iterator<Item = SignedReceipt> {
        self.receipts.iter().rev().take(KEYS).cloned()
    }
}

#[tokio::test]
async fn killed_under_load_it_keeps_what_it_acknowledged_and_counts_it_once() {
    let world = World::start().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let config = world.config("victim", listen);
    let path = world.folder.path().join("config.json");
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    let url = format!("http://{listen}");
    let mut victim = Victim::start(path.to_str().unwrap());

    // So many kills fall into the load; half as many more, as far as there is time for them, into the end of the epoch.
    let kills = crashes();
    let mut seed = 20_261_122_u64;
    let mut acknowledged: Vec<SignedReceipt> = Vec::new();
    let (mut round, mut rounds) = (0, Vec::new());
    while victim.kills < kills {
        // A round of load ends by itself; there is one under way as long as there are kills to come.
        let submitters: Vec<_> = (0..4)
            .map(|n| Submitter::new(&world, n + 4 * round, 3_000))
            .map(|submitter| tokio::spawn(submitter.run(url.clone())))
            .collect();
        while victim.kills < kills && submitters.iter().any(|running| !running.is_finished()) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            tokio::time::sleep(Duration::from_millis(150 + (seed >> 33) % 1_000)).await;
            victim.kill();
        }
        rounds.extend(submitters);
        round += 1;
    }
    for submitter in rounds {
        acknowledged.extend(submitter.await.unwrap().newest());
    }
    world.advance(EPOCH_S + 60).await;
    let total = kills + kills / 2;
    let each = || {
        if victim.kills < total {
            victim.kill_when_due();
        }
    };
    let summary = world.until_final_while(&url, 1, each).await;
    println!("killed {} times, {} keys", victim.kills, acknowledged.len());
    assert!(victim.kills >= kills);

    let got: B256 = serde_json::from_value(summary["manifest_hash"].clone()).unwrap();
    let dataset = tatum_dataset::Dataset::open(&config.datasets().join(got.to_string())).unwrap();
    let mut counted: Vec<SignedReceipt> = dataset.receipts().unwrap().map(Result::unwrap).collect();
    acknowledged.sort_by_key(|signed| signed.receipt.key());
    counted.sort_by_key(|signed| signed.receipt.key());
    assert_eq!(counted, acknowledged);
    assert_eq!(got, undisturbed(&world, &config.datasets(), got, acknowledged).await);
    victim.end();
}

/// The manifest hash of a dataset made in one go from what was handed in.
async fn undisturbed(
    world: &World,
    datasets: &std::path::Path,
    got: B256,
    receipts: Vec<SignedReceipt>,
) -> B256 {
    let chain = world.reader().await;
    let inputs = chain.epoch_inputs(Epoch(1)).await.unwrap();
    let published = tatum_dataset::Dataset::open(&datasets.join(got.to_string())).unwrap();
    let before = published.manifest().parameters.previous_manifest_hash.unwrap();
    let before = tatum_dataset::Dataset::open(&datasets.join(before.to_string())).unwrap();
    let previous_nano: Vec<_> =
        before.distribution().unwrap().iter().map(|row| row.cumulative_nano).collect();
    let parameters = published.manifest().parameters.clone();
    let payers = inputs.payers.iter().map(|row| tatum_dataset::Payer {
        payer: row.payer,
        fee_wei: row.fee_wei,
        quota_bytes: row.quota_bytes,
    });
    let operators = inputs.operators.iter().map(|row| tatum_dataset::Operator {
        operator_id: row.id,
        payout: row.payout,
        bond_wei: row.bond_wei,
        capacity_bytes: row.capacity_bytes,
    });
    let (payers, operators) = (payers.collect(), operators.collect());
    let (sources, beside) = (Sources::default(), Beside::default());
    let data =
        EpochData { parameters, payers, operators, previous_nano, receipts, sources, beside };
    let folder = tempfile::tempdir().unwrap();
    tatum_dataset::write(folder.path(), data).unwrap().manifest_hash
}

/// The killed process, started anew after each kill.
pub(crate) struct Victim {
    config: String,
    child: Child,
    kills: u32,
    due: Instant,
}

impl Victim {
    pub(crate) fn start(config: &str) -> Self {
        let child = spawn(config);
        Self { config: config.to_owned(), child, kills: 0, due: Instant::now() }
    }

    fn kill(&mut self) {
        self.stop();
        self.kills += 1;
        self.child = spawn(&self.config);
    }

    /// Kills after ever other times, at first so short that only one step is done between two kills.
    fn kill_when_due(&mut self) {
        if Instant::now() < self.due {
            return;
        }
        self.kill();
        let life = 300 + u64::from(self.kills) * 137 % 400 + u64::from(self.kills) * 50;
        self.due = Instant::now() + Duration::from_millis(life);
    }

    /// Ends it at once, for good.
    pub(crate) fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Best effort: it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::victim", "--nocapture", "--test-threads=1"])
        .env(CONFIG, config)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

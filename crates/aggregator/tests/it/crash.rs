//! An aggregator that is killed again and again pays what it would have paid.

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tatum_dataset::{EpochData, Parameters};
use tatum_primitives::{B256, Epoch};
use tatum_rewards::PoolWeight;
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
    assert_eq!(got, undisturbed(&world, &config.datasets(), got).await);
    victim.end();
}

/// The manifest hash of a dataset made in one go from what was handed in.
async fn undisturbed(world: &World, datasets: &std::path::Path, got: B256) -> B256 {
    let chain = world.reader().await;
    let inputs = chain.epoch_inputs(Epoch(1)).await.unwrap();
    let published = tatum_dataset::Dataset::open(&datasets.join(got.to_string())).unwrap();
    let before = published.manifest().parameters.previous_manifest_hash.unwrap();
    let before = tatum_dataset::Dataset::open(&datasets.join(before.to_string())).unwrap();
    let previous_nano: Vec<_> =
        before.distribution().unwrap().iter().map(|row| row.cumulative_nano).collect();
    let parameters = Parameters {
        pool_weight: PoolWeight::Uniform,
        block_number: inputs.block_number,
        block_hash: inputs.block_hash,
        ..published.manifest().parameters.clone()
    };
    let payers = inputs.payers.iter().map(|row| tatum_dataset::Payer {
        payer: row.payer,
        fee_wei: row.fee_wei,
        quota_bytes: row.quota_bytes,
    });
    let operators = inputs.operators.iter().map(|row| tatum_dataset::Operator {
        operator_id: row.id,
        payout: row.payout,
        bond_wei: row.bond_wei,
        eligible: row.eligible,
    });
    let (payers, operators) = (payers.collect(), operators.collect());
    let receipts = world.traffic(1);
    let data = EpochData { parameters, payers, operators, previous_nano, receipts };
    let folder = tempfile::tempdir().unwrap();
    tatum_dataset::write(folder.path(), data).unwrap().manifest_hash
}

/// The killed process, started anew after each kill.
struct Victim {
    config: String,
    child: Child,
    kills: u32,
    due: Instant,
}

impl Victim {
    fn start(config: &str) -> Self {
        let child = spawn(config);
        Self { config: config.to_owned(), child, kills: 0, due: Instant::now() }
    }

    fn kill(&mut self) {
        self.end();
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

    fn end(&mut self) {
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

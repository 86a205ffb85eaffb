//! What issue 13 asks of a watchtower, each as a test of its own, with the real process on a real chain whose blocks the test mines.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tatum_chain::Chain;
use tatum_database::NodeStore;
use tatum_primitives::{B256, NodeId, OperatorId, ReaderId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::{Contents, DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters, Process, Provider, Rules, free_port};
use tokio::time::{Instant, sleep};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
const CALM_WEI: u64 = 1_000_000_000;
const JUMPED_WEI: u64 = 20 * CALM_WEI;
const BLOCK_S: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(30);

/// An operator, a payer that is about to leave an open channel, and a watchtower's account with gas.
struct World {
    devnet: Devnet,
    folder: tempfile::TempDir,
    node: PathBuf,
    payer: Chain,
    payer_key: SessionKey,
    tower: SessionKey,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        devnet.anvil().set_automine(true).await?;
        let owner = Devnet::account("owner");
        devnet.fund(owner.address(), U256::from(20_000 * DATA)).await?;
        let chain = devnet.connect(&owner).await?;
        let bond_wei = chain.minimum_bond_wei().await?.to::<u128>();
        chain.register_operator(payee(), bond_wei, 1 << 40, String::new()).await?;
        let (payer_key, tower) = (Devnet::account("payer"), Devnet::account("tower"));
        devnet.fund(payer_key.address(), U256::from(1_000 * DATA)).await?;
        devnet.anvil().fund(tower.address()).await?;
        let payer = devnet.connect(&payer_key).await?;
        payer.open_channel(OperatorId(0), 60, U256::from(100 * DATA)).await?;
        devnet.anvil().mine(10).await?;
        let node = folder.path().join("relay");
        std::fs::create_dir_all(&node)?;
        let world = Self { devnet, folder, node, payer, payer_key, tower };
        world.keep(10).await?;
        Ok(world)
    }

    /// The node is given a receipt that owes so much DATA.
    async fn keep(&self, owed: u128) -> anyhow::Result<()> {
        let payer = self.payer_key.address();
        let receipt = DeliveryReceipt {
            payer,
            node: NodeId(B256::repeat_byte(7)),
            reader: ReaderId(0),
            sequence: u64::try_from(owed)?,
            channel: self.payer.channel(payer, OperatorId(0)).await?.id(),
            owed: owed * DATA,
            ..DeliveryReceipt::default()
        };
        let verifier = Verifier::new(self.devnet.deployment().domain());
        let store = NodeStore::open_file(&self.node.join("node.db")).await?;
        let signed = SignedReceipt::sign(receipt, &self.payer_key, &verifier);
        store.keep_own(&signed, &Contents::default()).await?;
        store.close().await;
        Ok(())
    }

    /// The payer leaves; from then on the test mines, so that nothing is answered before it looks.
    async fn leave(&self) -> anyhow::Result<()> {
        self.devnet.anvil().set_automine(false).await?;
        let mine = async {
            // Anvil has been seen to pass over what came a moment before a block.
            loop {
                self.until_waiting(&self.payer_key).await?;
                self.block(CALM_WEI).await?;
                sleep(Duration::from_millis(400)).await;
            }
        };
        tokio::select! {
            left = self.payer.exit_channel(OperatorId(0)) => left.map(drop).map_err(Into::into),
            mined = mine => mined,
        }
    }

    fn spawn(&self, account: &SessionKey, rpc: &str, more: &[&str]) -> anyhow::Result<Process> {
        let node = self.node.to_str().context("the folder's name")?;
        let words = [&["watchtower", "run", "--data", node][..], more].concat();
        let mut command = tatum::command(&self.devnet, &words)?;
        command.env("TATUM_RPC", rpc).env("TATUM_PRIVATE_KEY", tatum::hex(account));
        command.env("TATUM_STATE", self.folder.path().join(account.address().to_string()));
        Process::spawn("tower", command, self.folder.path())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("tower.log")).unwrap_or_default()
    }

    async fn block(&self, base_fee_wei: u64) -> anyhow::Result<()> {
        let (_, now_s) = self.payer.head().await?;
        self.devnet.anvil().mine_at(now_s + BLOCK_S, base_fee_wei).await
    }

    async fn paid(&self) -> anyhow::Result<U256> {
        Ok(self.payer.balance_wei(payee()).await?)
    }

    async fn until_waiting(&self, account: &SessionKey) -> anyhow::Result<Duration> {
        let began = Instant::now();
        while !self.devnet.anvil().has_waiting(account.address()).await? {
            ensure!(began.elapsed() < PATIENCE, "nothing was sent; {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(began.elapsed())
    }

    /// Blocks until so much DATA is paid, with time between them for the watchtower to see each.
    async fn blocks_until_paid(&self, data: u128, base_fee_wei: u64) -> anyhow::Result<usize> {
        for blocks in 0..50 {
            if self.paid().await? >= U256::from(data * DATA) {
                return Ok(blocks);
            }
            sleep(Duration::from_millis(400)).await;
            self.block(base_fee_wei).await?;
        }
        anyhow::bail!("not paid within fifty blocks; {}", self.log())
    }
}

fn payee() -> tatum_primitives::Address {
    Devnet::account("payee").address()
}

#[tokio::test]
async fn an_exit_is_answered_within_two_blocks_at_normal_fees() -> anyhow::Result<()> {
    let world = World::start().await?;
    // As it is run by default: it looks every four seconds, and there are twelve between two blocks.
    let _tower = world.spawn(&world.tower, world.devnet.rpc_url(), &[])?;
    sleep(Duration::from_secs(2)).await;
    world.leave().await?;
    let took = world.until_waiting(&world.tower).await?;
    println!("handed over {took:.1?} after the exit was mined");
    assert!(took < Duration::from_secs(2 * BLOCK_S), "too late for the second block: {took:?}");
    world.block(CALM_WEI).await?;
    assert_eq!(world.paid().await?, U256::from(10 * DATA), "the next block pays");
    Ok(())
}

#[tokio::test]
async fn a_base_fee_that_jumps_twentyfold_is_followed_by_dearer_versions_of_one_transaction()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let tower = world.spawn(&world.tower, world.devnet.rpc_url(), &["--poll-ms", "200"])?;
    world.leave().await?;
    world.until_waiting(&world.tower).await?;
    let blocks = world.blocks_until_paid(10, JUMPED_WEI).await?;
    println!("answered {blocks} blocks after the base fee jumped");
    assert!((2..=4).contains(&blocks), "{blocks} blocks; {}", world.log());
    let (paid_at, _) = world.payer.head().await?;
    let fee = world.devnet.anvil().most_fee_wei(world.tower.address(), paid_at).await?;
    assert!(fee.is_some_and(|fee| fee >= u128::from(JUMPED_WEI)), "{fee:?}");
    assert!(world.log().contains("sent again with a higher fee"), "{}", world.log());

    // One that was started anew knows the dearer versions of what it finds open, and goes on from there.
    world.keep(20).await?;
    world.until_waiting(&world.tower).await?;
    world.block(40 * JUMPED_WEI).await?;
    sleep(Duration::from_millis(600)).await;
    tower.kill().await?;
    let _tower = world.spawn(&world.tower, world.devnet.rpc_url(), &["--poll-ms", "200"])?;
    sleep(Duration::from_secs(1)).await;
    let blocks = world.blocks_until_paid(20, 40 * JUMPED_WEI).await?;
    println!("answered {blocks} blocks after it was started anew");
    assert!(blocks <= 4, "{blocks} blocks; {}", world.log());
    Ok(())
}

#[tokio::test]
async fn it_answers_within_a_few_blocks_while_thirty_of_a_hundred_transactions_are_lost()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let rules = Rules { lost_percent: 30, seed: 5, ..Rules::default() };
    let provider = Provider::start(world.devnet.rpc_url(), rules).await?;
    let _tower = world.spawn(&world.tower, provider.rpc_url(), &["--poll-ms", "100"])?;
    world.leave().await?;
    let mut most = 0;
    for owed in 11..=30 {
        world.keep(owed).await?;
        most = most.max(world.blocks_until_paid(owed, CALM_WEI).await?);
    }
    println!("{} transactions were lost; {most} blocks at most", provider.lost());
    assert!(provider.lost() >= 4, "{} lost", provider.lost());
    assert!(most <= 8, "{most} blocks; {}", world.log());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_a_reorganisation_throws_out_is_given_again_by_the_same_process()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let tower = world.spawn(&world.tower, world.devnet.rpc_url(), &["--poll-ms", "100"])?;
    world.leave().await?;
    let blocks = world.blocks_until_paid(10, CALM_WEI).await?;
    // It is the newest block that pays: nothing has mined another since the exit.
    assert!((1..=3).contains(&blocks), "{blocks} blocks");
    for depth in [1, 3, 6] {
        for _ in 1..depth {
            world.block(CALM_WEI).await?;
        }
        world.devnet.anvil().reorganise(depth).await?;
        assert_eq!(world.paid().await?, U256::ZERO, "the answer is gone");
        let blocks = world.blocks_until_paid(10, CALM_WEI).await?;
        println!("answered again {blocks} blocks after a reorganisation of {depth}");
        assert!(blocks <= 4, "{blocks} blocks; {}", world.log());
    }
    tower.terminate().await
}

#[tokio::test]
async fn two_watchtowers_do_no_harm_and_a_restart_sends_nothing_again() -> anyhow::Result<()> {
    let world = World::start().await?;
    let second = Devnet::account("second tower");
    world.devnet.anvil().fund(second.address()).await?;
    let often = ["--poll-ms", "100"];
    let first = world.spawn(&world.tower, world.devnet.rpc_url(), &often)?;
    let _second = world.spawn(&second, world.devnet.rpc_url(), &often)?;
    sleep(Duration::from_secs(1)).await;
    world.leave().await?;
    // Both have sent; one of them is paid for, the other costs its account some gas.
    world.until_waiting(&world.tower).await?;
    world.until_waiting(&second).await?;
    first.kill().await?;
    let _first = world.spawn(&world.tower, world.devnet.rpc_url(), &often)?;
    sleep(Duration::from_millis(800)).await;
    for _ in 0..4 {
        world.block(CALM_WEI).await?;
        sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(world.paid().await?, U256::from(10 * DATA), "paid once");
    for account in [&world.tower, &second] {
        assert!(!world.devnet.anvil().has_waiting(account.address()).await?);
    }
    world.keep(15).await?;
    let blocks = world.blocks_until_paid(15, CALM_WEI).await?;
    assert!(blocks <= 3, "{blocks} blocks; {}", world.log());
    Ok(())
}

/// What a webhook was told.
async fn webhook(told: Arc<Mutex<Vec<Value>>>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/alarm", listener.local_addr()?);
    let take = move |Json(alarm): Json<Value>| {
        told.lock().unwrap().push(alarm);
        std::future::ready(())
    };
    let router = Router::new().route("/alarm", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn standing(metrics: &str) -> anyhow::Result<String> {
    let text = reqwest::get(metrics).await?.text().await?;
    let line = text.lines().find(|line| line.starts_with("tatum_watchtower_alarms_standing "));
    Ok(line.unwrap_or_default().to_owned())
}

#[tokio::test]
async fn it_alarms_by_log_metric_webhook_and_exit_code_while_there_is_time() -> anyhow::Result<()> {
    let world = World::start().await?;
    let penniless = Devnet::account("penniless");
    let told = Arc::new(Mutex::new(Vec::new()));
    let (url, listen) = (webhook(Arc::clone(&told)).await?, format!("127.0.0.1:{}", free_port()?));
    let more =
        ["--poll-ms", "100", "--alarm-minutes", "50", "--webhook", &url, "--listen", &listen];
    let mut tower = world.spawn(&penniless, world.devnet.rpc_url(), &more)?;
    tower.until_healthy(&format!("http://{listen}/health"), PATIENCE).await?;
    world.leave().await?;
    let metrics = format!("http://{listen}/metrics");
    sleep(Duration::from_secs(1)).await;
    assert!(standing(&metrics).await?.ends_with(" 0"), "an hour is left: no alarm yet");
    assert!(told.lock().unwrap().is_empty());

    let (_, now_s) = world.payer.head().await?;
    world.devnet.anvil().mine_at(now_s + 660, CALM_WEI).await?;
    let deadline = Instant::now() + PATIENCE;
    while told.lock().unwrap().is_empty() || standing(&metrics).await?.ends_with(" 0") {
        ensure!(Instant::now() < deadline, "no alarm; {}", world.log());
        sleep(Duration::from_millis(50)).await;
    }
    let alarm = told.lock().unwrap()[0].clone();
    assert_eq!(
        (&alarm["kind"], &alarm["due_wei"]),
        (&"exit".into(), &(10 * DATA).to_string().into())
    );
    let left_s = alarm["ends_s"].as_u64().context("no end")? - (now_s + 660);
    assert!(left_s > 2_800, "{left_s} s are left to do something");
    assert!(world.log().contains("ALARM: an exit is not answered"), "{}", world.log());
    assert_eq!(exit_code(&world, &penniless).await?, Some(3));

    // Somebody hears it and hands out some gas.
    world.devnet.anvil().fund(penniless.address()).await?;
    world.until_waiting(&penniless).await?;
    world.block(CALM_WEI).await?;
    let deadline = Instant::now() + PATIENCE;
    while !standing(&metrics).await?.ends_with(" 0") {
        ensure!(Instant::now() < deadline, "the alarm stands; {}", world.log());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.paid().await?, U256::from(10 * DATA));
    assert_eq!(told.lock().unwrap().len(), 1, "one alarm, told once");
    Ok(())
}

/// Of a single look, beside the watchtower that runs.
async fn exit_code(world: &World, account: &SessionKey) -> anyhow::Result<Option<i32>> {
    let node: &Path = &world.node;
    let words = ["watchtower", "run", "--once", "--data", node.to_str().context("a name")?];
    let mut command = tatum::command(&world.devnet, &words)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(account));
    command.env("TATUM_STATE", world.folder.path().join("once"));
    Ok(command.output().await?.status.code())
}

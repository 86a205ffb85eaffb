//! A chain with payers, operators and an aggregator: everything an epoch needs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tatum_aggregator::Config;
use tatum_chain::{Chain, Fate, PrivateKeySigner, Proposal};
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, StreamKey, U256};
use tatum_protocol::EpochState;
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Epochs are long and the chain's clock is moved by hand, so that nothing depends on how fast this machine is.
pub(crate) const EPOCH_S: u64 = 3600;
pub(crate) const WINDOW_S: u64 = 60;
pub(crate) const GRACE_S: u64 = 60;
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn data(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// An operator with one node.
pub(crate) struct Operator {
    pub(crate) chain: Chain,
    pub(crate) id: OperatorId,
    pub(crate) node: NodeId,
}

/// Two payers with a session key each, two operators with a node each, two proposers.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) operators: Vec<Operator>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
}

impl World {
    /// Sets everything up in epoch 0 and goes on to epoch 1, the first in which the stakes count.
    pub(crate) async fn start() -> Self {
        Self::start_with(WINDOW_S, 0).await
    }

    /// As [`World::start`], with a challenge window and a time to force receipts of so many seconds.
    pub(crate) async fn start_with(challenge_window_s: u64, force_s: u64) -> Self {
        let parameters = DevnetParameters {
            epoch_length_s: EPOCH_S,
            challenge_window_s,
            grace_s: GRACE_S,
            force_s,
        };
        // With RUST_LOG set, a failing test shows what the services logged.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let folder = tempfile::tempdir().unwrap();
        let devnet = Devnet::start(parameters, folder.path()).await.unwrap();
        for name in ["proposer", "rival", "payer 0", "payer 1", "operator 0", "operator 1"] {
            devnet.fund(Devnet::account(name).address(), data(20_000)).await.unwrap();
        }
        let (_, _, first) =
            tokio::join!(payer(&devnet, 0), payer(&devnet, 1), operator(&devnet, 0));
        let operators = vec![first, operator(&devnet, 1).await];
        let world = Self { devnet, operators, folder, http: reqwest::Client::new() };
        world.advance(EPOCH_S).await;
        world
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.devnet.anvil().advance(seconds).await.unwrap();
    }

    pub(crate) async fn reader(&self) -> Chain {
        let deployment = self.devnet.deployment().clone();
        Chain::connect(&self.devnet.rpc_url().parse().unwrap(), deployment).await.unwrap()
    }

    pub(crate) fn config(&self, name: &str, listen: SocketAddr) -> Config {
        let mut config = Config::new(
            self.folder.path().join(name),
            self.devnet.rpc_url().to_owned(),
            self.devnet.deployment_file().to_owned(),
        );
        config.listen = listen;
        config.poll_ms = 200;
        config
    }

    /// A receipt signed by payer `payer`'s session key for the node of operator `operator`.
    pub(crate) fn receipt(
        &self,
        payer: usize,
        operator: usize,
        epoch: u64,
        sequence: u64,
    ) -> SignedReceipt {
        let receipt = DeliveryReceipt {
            payer: Devnet::account(&format!("payer {payer}")).address(),
            operator_id: self.operators[operator].id,
            node: self.operators[operator].node,
            stream_key: StreamKey(B256::repeat_byte(1)),
            epoch: Epoch(epoch),
            sequence,
            messages: sequence * 10,
            bytes: sequence * 1000 * (1 + operator as u64),
            bytes_on_time: sequence * 900 * (1 + operator as u64),
            ..Default::default()
        };
        self.sign(payer, receipt)
    }

    /// Signs with payer `payer`'s session key.
    pub(crate) fn sign(&self, payer: usize, receipt: DeliveryReceipt) -> SignedReceipt {
        let session = Devnet::account(&format!("session {payer}"));
        let verifier = Verifier::new(self.devnet.deployment().domain());
        SignedReceipt::sign(receipt, &session, &verifier)
    }

    /// What the test hands in for an epoch: receipts of both payers for both operators, the newest last.
    pub(crate) fn traffic(&self, epoch: u64) -> Vec<SignedReceipt> {
        let all = (1..=3).flat_map(|sequence| {
            [(0, 0), (0, 1), (1, 1)].map(|(payer, operator)| (payer, operator, sequence))
        });
        all.map(|(payer, operator, sequence)| self.receipt(payer, operator, epoch, sequence))
            .collect()
    }

    /// Moves the chain's clock on whenever `url`'s epoch waits for it, until the epoch is final.
    pub(crate) async fn until_final(&self, url: &str, epoch: u64) -> Value {
        self.until_final_while(url, epoch, || ()).await
    }

    pub(crate) async fn until_final_while(
        &self,
        url: &str,
        epoch: u64,
        mut each: impl FnMut(),
    ) -> Value {
        let chain = self.reader().await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut seen = Value::Null;
        while tokio::time::Instant::now() < deadline {
            each();
            for waiting in (0..=epoch).map(|epoch| format!("{url}/v1/epochs/{epoch}")) {
                // An aggregator that was just killed does not answer.
                let Ok(answer) = self.http.get(waiting).send().await else { continue };
                let Ok(answer) = answer.json::<Value>().await else { continue };
                let (_, now_s) = chain.head().await.unwrap();
                let state = answer["state"].as_str().unwrap_or_default();
                if state == EpochState::Proposed.to_string()
                    && answer["finalizable_at_s"].as_u64().is_some_and(|at| now_s < at)
                {
                    let window_s = chain.deployment().windows.challenge_s;
                    self.advance(window_s).await;
                }
                if answer["epoch"] == epoch && state == EpochState::Finalized.to_string() {
                    return answer;
                }
                seen = answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("epoch {epoch} did not become final within {PATIENCE:?}; last seen: {seen}");
    }

    /// Waits, without moving the clock on, until `url` says that `epoch` has what `is` looks for.
    pub(crate) async fn until(&self, url: &str, epoch: u64, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut seen = Value::Null;
        while tokio::time::Instant::now() < deadline {
            let answer = self.http.get(format!("{url}/v1/epochs/{epoch}")).send().await;
            if let Ok(answer) = answer {
                seen = answer.json().await.unwrap_or_default();
                if is(&seen) {
                    return seen;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("epoch {epoch} did not come so far within {PATIENCE:?}; last seen: {seen}");
    }

    /// The proposals of `epoch` that nothing was decided about, the oldest first.
    pub(crate) async fn open(&self, epoch: u64) -> Vec<Proposal> {
        let records = self.reader().await.proposals(Epoch(epoch)).await.unwrap();
        let open = records.into_iter().filter(|record| record.fate == Fate::Open);
        open.map(|record| record.proposal).collect()
    }

    /// Moves the chain's clock to `seconds` after the end of `epoch`.
    pub(crate) async fn advance_to_end_of(&self, epoch: u64, seconds: u64) {
        let chain = self.reader().await;
        let end_s = chain.schedule().await.unwrap().end_ms(Epoch(epoch)) / 1000;
        let (_, now_s) = chain.head().await.unwrap();
        self.advance((end_s + seconds).saturating_sub(now_s)).await;
    }

    /// A connection as a further account, with DATA.
    pub(crate) async fn stranger(&self, name: &str) -> Chain {
        let account = Devnet::account(name);
        self.devnet.fund(account.address(), data(20_000)).await.unwrap();
        self.devnet.connect(&account).await.unwrap()
    }

    /// Hands receipts in until the aggregator, whose view of the chain may lag, has taken every one.
    pub(crate) async fn hand_in(&self, url: &str, receipts: &[SignedReceipt]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let aggregator = AggregatorClient::new(url).unwrap();
        let mut last = String::new();
        while tokio::time::Instant::now() < deadline {
            let answers = aggregator.hand_in(receipts).await;
            last = format!("{answers:?}");
            let taken = |answer: &Answer| answer.reason().is_none();
            if answers.is_ok_and(|answers| answers.iter().all(taken)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("receipts were not taken: {last}");
    }
}

async fn payer(devnet: &Devnet, n: usize) {
    let chain = devnet.connect(&Devnet::account(&format!("payer {n}"))).await.unwrap();
    chain.stake(data(1_000 * (1 + n as u64))).await.unwrap();
    chain.authorize_session_key(&Devnet::account(&format!("session {n}"))).await.unwrap();
}

async fn operator(devnet: &Devnet, n: usize) -> Operator {
    let account = Devnet::account(&format!("operator {n}"));
    let chain = devnet.connect(&account).await.unwrap();
    let bond = chain.minimum_bond_wei().await.unwrap().to::<u128>();
    let id = chain
        .register_operator(account.address(), bond, u64::MAX, format!("operator {n}"))
        .await
        .unwrap();
    let node = NodeId(B256::repeat_byte([0x42, 0x17][n]));
    chain.add_node(id, node).await.unwrap();
    Operator { chain, id, node }
}

pub(crate) fn signer(account: &SessionKey) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(account.to_bytes().as_slice()).unwrap()
}

/// An aggregator in this process.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) datasets: PathBuf,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Service {
    /// Starts one with its own folder, proposing as the account `proposer`.
    pub(crate) async fn start(world: &World, name: &str, proposer: &str) -> Self {
        Self::start_with(world, name, proposer, |_| ()).await
    }

    /// Starts one whose configuration `change` touches first.
    pub(crate) async fn start_with(
        world: &World,
        name: &str,
        proposer: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = world.config(name, address);
        change(&mut config);
        let datasets = config.datasets();
        let (stop, stopped) = oneshot::channel();
        let key = signer(&Devnet::account(proposer));
        let shutdown = async { stopped.await.unwrap_or_default() };
        let running = tokio::spawn(tatum_aggregator::run_on(listener, config, key, shutdown));
        Self { url: format!("http://{address}"), datasets, stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }
}

/// Copies a folder of files.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

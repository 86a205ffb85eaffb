//! A chain with payers and operators, an aggregator process, and epochs that are closed on demand: what the commands of operators and
//! auditors look at.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tatum_chain::Chain;
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, StreamKey, U256};
use tatum_protocol::EpochState;
use tatum_protocol::client::AggregatorClient;
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

const DATA: u128 = 1_000_000_000_000_000_000;
/// Long, and moved by hand, so that nothing depends on how fast this machine is.
pub(crate) const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 60, force_s: 0 };
const PATIENCE: Duration = Duration::from_secs(90);
/// Operators, with a node each. The last is for nobody.
pub(crate) const OPERATORS: u8 = 4;
pub(crate) const PAYERS: u8 = 2;

/// Everything that an epoch needs.
pub(crate) struct Closed {
    pub(crate) devnet: Devnet,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) chain: Chain,
    parameters: DevnetParameters,
    listen: String,
    _aggregator: Process,
}

/// What goes on when somebody else has the chain.
pub(crate) struct Aggregator {
    pub(crate) url: String,
    _folder: tempfile::TempDir,
    _process: Process,
}

impl Closed {
    /// The chain, and the aggregator beside it.
    pub(crate) fn apart(self) -> (Devnet, Aggregator) {
        let Self { devnet, folder, url, _aggregator: process, .. } = self;
        (devnet, Aggregator { url, _folder: folder, _process: process })
    }

    /// Operators, payers and the aggregator, in epoch 1, the first in which they count.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same, with more words for the aggregator.
    pub(crate) async fn start_with(more: &[&str]) -> anyhow::Result<Self> {
        Self::start_as(PARAMETERS, more).await
    }

    /// The same, with other times.
    pub(crate) async fn start_as(
        parameters: DevnetParameters,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        Self::start_at(&listen, &format!("http://{listen}"), parameters, more).await
    }

    /// The same, where others reach the aggregator at `url`.
    pub(crate) async fn start_at(
        listen: &str,
        url: &str,
        parameters: DevnetParameters,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(parameters, folder.path()).await?;
        let (operator, proposer) = (Devnet::account("operator"), Devnet::account("proposer"));
        for account in [&operator, &proposer] {
            devnet.fund(account.address(), U256::from(50_000 * DATA)).await?;
        }
        let chain = devnet.connect(&operator).await?;
        let bond = chain.minimum_bond_wei().await?.to::<u128>();
        for number in 0..OPERATORS {
            let name = format!("operator {number}");
            let id = chain.register_operator(operator.address(), bond, u64::MAX, name).await?;
            chain.add_node(id, node(number)).await?;
        }
        for number in 0..PAYERS {
            let payer = Devnet::account(&format!("payer {number}"));
            let amount = 1_000 * DATA * u128::from(number + 1);
            devnet.fund(payer.address(), U256::from(amount)).await?;
            devnet.connect(&payer).await?.stake(U256::from(amount)).await?;
        }
        devnet.anvil().advance(parameters.epoch_length_s).await?;
        let aggregator = start_aggregator(&devnet, folder.path(), listen, url, more).await?;
        let (listen, url) = (listen.to_owned(), url.to_owned());
        Ok(Self { devnet, folder, url, chain, parameters, listen, _aggregator: aggregator })
    }

    /// Kills the aggregator, and starts it again with the same data.
    pub(crate) async fn kill_aggregator(self, more: &[&str]) -> anyhow::Result<Self> {
        let Self { devnet, folder, url, chain, parameters, listen, _aggregator: process } = self;
        process.kill().await?;
        let aggregator = start_aggregator(&devnet, folder.path(), &listen, &url, more).await?;
        Ok(Self { devnet, folder, url, chain, parameters, listen, _aggregator: aggregator })
    }

    /// Receipts of every payer for every operator but the last.
    pub(crate) fn traffic(&self, epoch: Epoch) -> Vec<SignedReceipt> {
        let pairs =
            (0..PAYERS).flat_map(|payer| (0..OPERATORS - 1).map(move |operator| (payer, operator)));
        pairs.map(|(payer, operator)| self.receipt(epoch, payer, operator)).collect()
    }

    fn receipt(&self, epoch: Epoch, payer: u8, operator: u8) -> SignedReceipt {
        let key = Devnet::account(&format!("payer {payer}"));
        let receipt = DeliveryReceipt {
            payer: key.address(),
            operator_id: OperatorId(operator.into()),
            node: node(operator),
            stream_key: StreamKey(B256::repeat_byte(payer + 1)),
            epoch,
            sequence: 1,
            messages: 10,
            bytes: 1_000 * u64::from(operator + 1),
            bytes_on_time: 900 * u64::from(operator + 1),
            ..Default::default()
        };
        SignedReceipt::sign(receipt, &key, &Verifier::new(self.devnet.deployment().domain()))
    }

    /// Hands in the traffic of the running epoch, ends it, and waits until it is final.
    pub(crate) async fn close(&self) -> anyhow::Result<Epoch> {
        let epoch = self.running().await?;
        self.close_with(epoch, &self.traffic(epoch)).await
    }

    /// The running epoch.
    pub(crate) async fn running(&self) -> anyhow::Result<Epoch> {
        let schedule = self.chain.schedule().await?;
        let (_, now_s) = self.chain.head().await?;
        Ok(schedule.epoch_at_ms(now_s * 1_000))
    }

    /// The same with other traffic.
    pub(crate) async fn close_with(
        &self,
        epoch: Epoch,
        receipts: &[SignedReceipt],
    ) -> anyhow::Result<Epoch> {
        self.hand_in(receipts).await?;
        let DevnetParameters { epoch_length_s, grace_s, .. } = self.parameters;
        self.devnet.anvil().advance(epoch_length_s + grace_s).await?;
        self.until_final(epoch).await?;
        Ok(epoch)
    }

    /// Until the aggregator, whose view of the chain may lag, has taken every one.
    pub(crate) async fn hand_in(&self, receipts: &[SignedReceipt]) -> anyhow::Result<()> {
        let aggregator = AggregatorClient::new(&self.url)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = aggregator.hand_in(receipts).await;
            if answers.as_ref().is_ok_and(|all| all.iter().all(|one| one.reason().is_none())) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "receipts were not taken: {answers:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn until_final(&self, epoch: Epoch) -> anyhow::Result<()> {
        let aggregator = AggregatorClient::new(&self.url)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for waiting in (0..=epoch.0).map(Epoch) {
                let Ok(summary) = aggregator.epoch(waiting).await else { continue };
                let (_, now_s) = self.chain.head().await?;
                let in_window = summary.finalizable_at_s.is_some_and(|at_s| now_s < at_s);
                if summary.state == EpochState::Proposed && in_window {
                    self.devnet.anvil().advance(self.parameters.challenge_window_s).await?;
                }
                if waiting == epoch && summary.state == EpochState::Finalized {
                    return Ok(());
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!("epoch {epoch} did not become final")
    }

    /// A command that knows the chain, the aggregator and an account that pays for gas.
    pub(crate) fn command(&self, words: &[&str]) -> anyhow::Result<Command> {
        let mut command = tatum::command(&self.devnet, words)?;
        command
            .env("TATUM_AGGREGATOR", &self.url)
            .env("TATUM_STATE", self.folder.path().join("state"))
            .env("TATUM_PRIVATE_KEY", tatum::hex(&Devnet::account("operator")));
        Ok(command)
    }

    /// What a command answers with.
    pub(crate) async fn json(&self, words: &[&str]) -> anyhow::Result<Value> {
        tatum::json(self.command(words)?).await
    }

    /// A command's exit code and what it prints for people.
    pub(crate) async fn told(&self, words: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
        let output = self.command(words)?.output().await?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&text).into_owned()))
    }

    /// The folder of an epoch's dataset.
    pub(crate) async fn dataset(&self, epoch: Epoch) -> anyhow::Result<PathBuf> {
        let summary = AggregatorClient::new(&self.url)?.epoch(epoch).await?;
        let hash = summary.manifest_hash.context("there is no dataset")?;
        Ok(self.folder.path().join("aggregator/datasets").join(hash.to_string()))
    }
}

async fn start_aggregator(
    devnet: &Devnet,
    folder: &Path,
    listen: &str,
    url: &str,
    more: &[&str],
) -> anyhow::Result<Process> {
    let data = folder.join("aggregator").display().to_string();
    let words = ["aggregator", "run", "--listen", listen, "--public-url", url, "--data", &data];
    let mut command =
        tatum::command(devnet, &[&words, ["--poll-ms", "200"].as_slice(), more].concat())?;
    let proposer = Devnet::account("proposer");
    command.env("TATUM_PRIVATE_KEY", tatum::hex(&proposer)).stdout(Stdio::null());
    let mut aggregator = Process::spawn("aggregator", command, folder)?;
    aggregator.until_healthy(&format!("{url}/ready"), PATIENCE).await?;
    Ok(aggregator)
}

pub(crate) fn node(number: u8) -> NodeId {
    NodeId(B256::repeat_byte(0x42 + number))
}

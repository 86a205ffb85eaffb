//! The processes of the demo: aggregator, tracker, relays, subscribers, publishers, each one a `tatum` of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};
use tatum_test_utils::{Devnet, Process, free_port};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::cast::{Cast, Payer, Relay};
use super::delivery;
use super::records::Stream;
use super::tatum;

/// How long a process may take to answer, on a machine that is busy with the others.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(90);
const FINAL_TIMEOUT: Duration = Duration::from_secs(90);
/// How long the aggregator takes receipts after an epoch's end.
const GRACE_S: &str = "4";
/// A fifth of every fee goes to the common pool, the rest follows the payer's receipts.
const POOL_BPS: &str = "2000";

/// The running processes and where they answer.
#[derive(Debug)]
pub(crate) struct Network {
    out: PathBuf,
    aggregator_url: String,
    tracker_url: String,
    relay_status_urls: Vec<String>,
    services: Vec<Process>,
    subscribers: Vec<Process>,
    publishers: Vec<Process>,
}

impl Network {
    /// Starts everything but the publishers, and waits until the subscribers are connected.
    pub(crate) async fn start(
        devnet: &Devnet,
        cast: &Cast,
        streams: &[Stream],
        out: &Path,
    ) -> anyhow::Result<Self> {
        let (aggregator, tracker) = (free_port()?, free_port()?);
        let mut network = Self {
            out: out.to_owned(),
            aggregator_url: format!("http://127.0.0.1:{aggregator}"),
            tracker_url: format!("http://127.0.0.1:{tracker}"),
            relay_status_urls: Vec::new(),
            services: Vec::new(),
            subscribers: Vec::new(),
            publishers: Vec::new(),
        };
        network.start_aggregator(devnet, cast, aggregator).await?;
        network.start_tracker(devnet, tracker).await?;
        for relay in &cast.relays {
            network.start_relay(devnet, relay).await?;
        }
        std::fs::create_dir_all(out.join("received"))?;
        for subscriber in &cast.subscribers {
            network.start_subscriber(devnet, subscriber, &streams[subscriber.stream])?;
        }
        for subscriber in &cast.subscribers {
            network.until_logged(&subscriber.name, "subscribed").await?;
        }
        Ok(network)
    }

    async fn start_aggregator(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        port: u16,
    ) -> anyhow::Result<()> {
        let listen = format!("127.0.0.1:{port}");
        let data = self.data("aggregator");
        let mut arguments = vec!["aggregator", "run", "--listen", &listen, "--data", &data];
        arguments.extend(["--grace", GRACE_S, "--pool-bps", POOL_BPS]);
        let mut command = tatum::command(devnet, &arguments)?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(&cast.proposer));
        let url = format!("{}/ready", self.aggregator_url);
        self.service("aggregator", command, &url).await
    }

    async fn start_tracker(&mut self, devnet: &Devnet, port: u16) -> anyhow::Result<()> {
        let listen = format!("127.0.0.1:{port}");
        let command = tatum::command(devnet, &["tracker", "run", "--listen", &listen])?;
        let url = format!("{}/health", self.tracker_url);
        self.service("tracker", command, &url).await
    }

    async fn start_relay(&mut self, devnet: &Devnet, relay: &Relay) -> anyhow::Result<()> {
        let status = format!("127.0.0.1:{}", free_port()?);
        let data = self.data(&relay.name);
        let mut arguments = vec!["node", "run", "--data", &data];
        arguments.extend(["--tracker", &self.tracker_url, "--aggregator", &self.aggregator_url]);
        arguments.extend(["--status", &status]);
        let mut command = tatum::command(devnet, &arguments)?;
        command.env("TATUM_NODE_KEY", relay.secret.to_string());
        let url = format!("http://{status}/health");
        self.relay_status_urls.push(format!("http://{status}/status"));
        self.service(&relay.name, command, &url).await
    }

    async fn service(
        &mut self,
        name: &str,
        mut command: tokio::process::Command,
        url: &str,
    ) -> anyhow::Result<()> {
        command.stdout(Stdio::null());
        let mut process = Process::spawn(name, command, &self.logs())?;
        process.until_healthy(url, START_TIMEOUT).await?;
        self.services.push(process);
        Ok(())
    }

    fn start_subscriber(
        &mut self,
        devnet: &Devnet,
        subscriber: &Payer,
        stream: &Stream,
    ) -> anyhow::Result<()> {
        let command = self.client(devnet, "subscribe", subscriber, stream)?;
        let received = delivery::file(&self.out, &subscriber.name);
        let process = Process::spawn_into(&subscriber.name, command, &self.logs(), &received)?;
        self.subscribers.push(process);
        Ok(())
    }

    /// Starts the publishers and feeds them their records.
    pub(crate) fn publish(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[Stream],
        rate: u32,
    ) -> anyhow::Result<()> {
        for publisher in &cast.publishers {
            let stream = &streams[publisher.stream];
            let mut command = self.client(devnet, "publish", publisher, stream)?;
            command.args(["--rate", &rate.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null());
            let mut process = Process::spawn(&publisher.name, command, &self.logs())?;
            let mut stdin = process.child().stdin.take().context("the publisher has no stdin")?;
            let lines = stream.records.join("\n") + "\n";
            // Ends when everything is written; the publisher then sees the end of its input.
            tokio::spawn(async move { stdin.write_all(lines.as_bytes()).await });
            self.publishers.push(process);
        }
        Ok(())
    }

    /// A publisher or subscriber: its account's address pays, its session key signs.
    fn client(
        &self,
        devnet: &Devnet,
        verb: &str,
        payer: &Payer,
        stream: &Stream,
    ) -> anyhow::Result<tokio::process::Command> {
        let data = self.data(&payer.name);
        let address = payer.account.address().to_string();
        let mut arguments = vec![verb, stream.id.as_str(), "--tracker", &self.tracker_url];
        arguments.extend(["--payer", &address, "--data", &data]);
        let mut command = tatum::command(devnet, &arguments)?;
        command
            .env("TATUM_SESSION_KEY", tatum::hex(&payer.session))
            .env("TATUM_GROUP_KEY", stream.group_key().to_string());
        Ok(command)
    }

    /// Waits until every publisher has ended well, telling how far the subscribers are.
    pub(crate) async fn until_published(
        &mut self,
        streams: &[Stream],
        progress: impl Fn(String),
    ) -> anyhow::Result<()> {
        let expected: usize = streams.iter().map(|s| s.records.len() * 2).sum();
        let publishers = std::mem::take(&mut self.publishers);
        let all = async {
            for publisher in publishers {
                publisher.success(PUBLISH_TIMEOUT).await?;
            }
            anyhow::Ok(())
        };
        tokio::pin!(all);
        loop {
            tokio::select! {
                published = &mut all => return published,
                () = sleep(Duration::from_secs(5)) => {
                    progress(format!("  {} of {expected} deliveries", self.received()?));
                }
            }
        }
    }

    /// Waits for the last deliveries, then ends the subscribers, which hand in their closing receipts.
    pub(crate) async fn stop_subscribers(&mut self, streams: &[Stream]) -> anyhow::Result<()> {
        let expected: usize = streams.iter().map(|s| s.records.len() * 2).sum();
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.received()? < expected && Instant::now() < deadline {
            sleep(Duration::from_millis(100)).await;
        }
        for subscriber in std::mem::take(&mut self.subscribers) {
            subscriber.terminate().await?;
        }
        Ok(())
    }

    /// Lines that all subscribers together have written.
    fn received(&self) -> anyhow::Result<usize> {
        let mut lines = 0;
        for entry in std::fs::read_dir(self.out.join("received"))? {
            lines += BufReader::new(std::fs::File::open(entry?.path())?).lines().count();
        }
        Ok(lines)
    }

    /// Waits until the distribution of `last` is final on chain.
    pub(crate) async fn until_finalized(
        &self,
        devnet: &Devnet,
        last: Epoch,
        progress: impl Fn(String),
    ) -> anyhow::Result<()> {
        let chain = devnet.connect(&Devnet::account("auditor")).await?;
        let deadline = Instant::now() + FINAL_TIMEOUT;
        let mut seen = None;
        loop {
            let finalized = chain.finalized_epoch().await?;
            if finalized != seen {
                seen = finalized;
                if let Some(epoch) = finalized {
                    progress(format!("  epoch {epoch} is final"));
                }
            }
            if finalized.is_some_and(|epoch| epoch >= last) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "epoch {last} is not final; see {}",
                self.logs().join("aggregator.log").display()
            );
            sleep(Duration::from_millis(300)).await;
        }
    }

    /// Asks the aggregator for JSON.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).with_context(|| format!("reading the answer to {path}"))
    }

    /// Asks the aggregator for text.
    pub(crate) async fn text(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("{}{path}", self.aggregator_url);
        let answer = reqwest::get(&url).await.with_context(|| format!("asking {url}"))?;
        let answer = answer.error_for_status().with_context(|| format!("asking {url}"))?;
        answer.text().await.with_context(|| format!("reading the answer of {url}"))
    }

    /// Where the aggregator answers.
    pub(crate) fn aggregator_url(&self) -> &str {
        &self.aggregator_url
    }

    /// Prints what can be tried while everything runs.
    pub(crate) fn explain(&self, devnet: &Devnet) {
        let deployment = devnet.deployment();
        println!("\nEverything is still running. Contracts:");
        println!("  token              {}", deployment.token);
        println!("  stake pool         {}", deployment.stake_pool);
        println!("  operator registry  {}", deployment.operator_registry);
        println!("  distributor        {}", deployment.distributor);
        println!("\nTry, in another terminal:");
        println!("  export TATUM_RPC={}", devnet.rpc_url());
        println!("  export TATUM_DEPLOYMENT={}", devnet.deployment_file().display());
        println!("  export TATUM_AGGREGATOR={}", self.aggregator_url);
        println!("  cargo tatum operator status --operator 0");
        println!("  cargo tatum audit epoch 1 --dataset {}", self.aggregator_url);
        println!("  cargo tatum audit receipt {}/receipts/*.json", self.out.display());
        for url in &self.relay_status_urls {
            println!("  curl -s {url}");
        }
        println!("\nCtrl-C ends it.");
    }

    /// Ends the relays, the tracker and the aggregator.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for service in self.services.into_iter().rev() {
            service.terminate().await?;
        }
        Ok(())
    }

    async fn until_logged(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let log = self.logs().join(format!("{name}.log"));
        let deadline = Instant::now() + START_TIMEOUT;
        while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text)) {
            ensure!(Instant::now() < deadline, "no {text:?} in {}", log.display());
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn logs(&self) -> PathBuf {
        self.out.join("logs")
    }

    fn data(&self, name: &str) -> String {
        self.out.join("data").join(name).display().to_string()
    }

    /// The receipts that an epoch was paid by.
    pub(crate) async fn receipts(&self, epoch: Epoch) -> anyhow::Result<Vec<SignedReceipt>> {
        let mut receipts = Vec::new();
        let mut offset = 0;
        loop {
            let path = format!("/v1/epochs/{epoch}/receipts?limit=1000&offset={offset}");
            let page: Page = serde_json::from_value(self.get(&path).await?)?;
            let counted = page.receipts.into_iter();
            receipts.extend(
                counted.map(|c| SignedReceipt { receipt: c.receipt, signature: c.signature }),
            );
            match page.next_offset {
                Some(next) => offset = next,
                None => return Ok(receipts),
            }
        }
    }

    /// How many receipts the aggregator accepted and rejected, from its metrics.
    pub(crate) async fn receipt_counts(&self) -> anyhow::Result<(u64, u64)> {
        let text = self.text("/metrics").await?;
        let sum = |prefix: &str| {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        let accepted = sum("tatum_receipts_total{outcome=\"accepted\"}");
        Ok((accepted, sum("tatum_receipts_rejected_total{")))
    }
}

/// A page of receipts as the aggregator publishes them.
#[derive(Debug, Deserialize)]
struct Page {
    receipts: Vec<Counted>,
    next_offset: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Counted {
    receipt: DeliveryReceipt,
    signature: Signature,
}

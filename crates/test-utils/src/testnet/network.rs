//! The processes: aggregator, tracker, relays, subscribers, publishers, each one a `tatum` of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Devnet, Process, SmallDisk, free_port};
use anyhow::{Context, ensure};
use tatum_devnet::Service;
use tatum_primitives::{Address, Epoch, EpochSchedule, millis};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::RecordedStream;
use super::cast::{Cast, Payer, Relay};
use super::delivery;
use super::layout::{Layout, numbered, tracker_key};
use super::tatum;

/// How long a process may take to answer, on a machine that is busy with the others.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(90);
/// What relays ask that take channels, in DATA.
const PRICE_PER_1000_MESSAGES: &str = "1";
/// How long the chain's last final epoch may stay the same.
const FINAL_TIMEOUT: Duration = Duration::from_secs(90);

/// The running processes and where they answer.
#[derive(Debug)]
pub struct Network {
    out: PathBuf,
    layout: Layout,
    aggregator_urls: Vec<String>,
    trackers: Vec<String>,
    /// All trackers, as nodes and clients are told them.
    tracker_url: String,
    api_url: String,
    relay_status_urls: BTreeMap<String, String>,
    /// The UDP port that each relay's owner opened, the same after a restart.
    relay_ports: BTreeMap<String, u16>,
    asks: BTreeMap<String, String>,
    pub(super) services: BTreeMap<String, Process>,
    subscribers_per_stream: usize,
    takes_channels: bool,
    pub(super) subscribers: Vec<Process>,
    pub(super) publishers: Vec<Process>,
    publish_timeout: Duration,
}

impl Network {
    /// Starts everything but publishers and subscribers.
    pub async fn start(
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
        out: &Path,
    ) -> anyhow::Result<Self> {
        Self::start_as(Layout::default(), devnet, cast, streams, out).await
    }

    /// The same, laid out as `layout` says.
    pub async fn start_as(
        layout: Layout,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
        out: &Path,
    ) -> anyhow::Result<Self> {
        let (aggregator_urls, trackers) = (urls(layout.aggregators)?, urls(layout.trackers)?);
        let mut network = Self {
            out: out.to_owned(),
            aggregator_urls,
            tracker_url: tracker_list(&trackers),
            trackers,
            layout,
            api_url: format!("http://127.0.0.1:{}", free_port()?),
            relay_status_urls: BTreeMap::new(),
            relay_ports: BTreeMap::new(),
            asks: BTreeMap::new(),
            services: BTreeMap::new(),
            subscribers_per_stream: cast.subscribers.len() / streams.len().max(1),
            takes_channels: cast.subscribers.iter().any(|payer| payer.by_channel),
            subscribers: Vec::new(),
            publishers: Vec::new(),
            publish_timeout: PUBLISH_TIMEOUT,
        };
        for index in 0..network.layout.aggregators {
            network.start_numbered_aggregator(devnet, cast, index).await?;
        }
        for index in 0..network.layout.trackers {
            network.start_tracker(devnet, index).await?;
        }
        for relay in &cast.relays {
            network.start_relay(devnet, relay).await?;
        }
        std::fs::create_dir_all(out.join("received"))?;
        Ok(network)
    }

    /// Starts the aggregator, again after a kill: with the same data and at the same address.
    pub async fn start_aggregator(&mut self, devnet: &Devnet, cast: &Cast) -> anyhow::Result<()> {
        self.start_numbered_aggregator(devnet, cast, 0).await
    }

    pub(super) async fn start_numbered_aggregator(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        index: usize,
    ) -> anyhow::Result<()> {
        let (name, url) = (numbered("aggregator", index), &self.aggregator_urls[index]);
        let data = self.data(&name);
        let mut service = Service::aggregator(address(url)?, Path::new(&data)).named(&name);
        if let Some(database) = &self.layout.database {
            // Another takes over while the one that is killed is still away.
            service = service.with(&["--database", database, "--lease-ms", "3000"]);
        }
        let mut command = tatum::command(devnet, &[])?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(cast.proposer(index)?));
        self.service(&service, command).await
    }

    pub(super) async fn start_tracker(
        &mut self,
        devnet: &Devnet,
        index: usize,
    ) -> anyhow::Result<()> {
        let name = numbered("tracker", index);
        let data = self.data(&name);
        let service = Service::tracker(address(&self.trackers[index])?, Path::new(&data));
        let mut command = tatum::command(devnet, &[])?;
        if self.trackers.len() > 1 {
            command.env("TATUM_NODE_KEY", tracker_key(index).0.to_string());
        }
        self.service(&service.named(&name), command).await
    }

    /// Starts the web API and the page.
    pub async fn start_api(&mut self, devnet: &Devnet) -> anyhow::Result<()> {
        let service = Service::api(address(&self.api_url)?, self.aggregator_url());
        let statuses = self.relay_status_urls().collect::<Vec<_>>().join(",");
        let service = service.with(&["--tracker", self.tracker_url()]);
        let service = service.with(&["--relay-status", &statuses]);
        self.service(&service, tatum::command(devnet, &[])?).await
    }

    /// Starts a relay, again after a kill: with the same key and data.
    pub async fn start_relay(&mut self, devnet: &Devnet, relay: &Relay) -> anyhow::Result<()> {
        let status = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let data = self.data(&relay.name);
        let port = match self.relay_ports.get(&relay.name) {
            Some(port) => *port,
            None => free_port()?,
        };
        self.relay_ports.insert(relay.name.clone(), port);
        let turn = relay.operator.0 as usize % self.aggregator_urls.len();
        let grace_s = devnet.deployment().windows.grace_s;
        let mut service = Service::relay(&relay.name, status, Path::new(&data), grace_s)
            .with(&["--bind", &format!("[::]:{port}"), "--tracker", &self.tracker_url])
            .with(&["--aggregator", &self.aggregator_urls[turn]]);
        if self.takes_channels {
            // What is delivered between two receipts.
            service = service.with(&["--channel-credit", "10"]);
            service = service.with(&["--price-per-1000-messages", PRICE_PER_1000_MESSAGES]);
        }
        if let Some(ask) = self.asks.get(&relay.name) {
            service = service.with(&["--ask", ask]);
        }
        let mut command = tatum::command(devnet, &[])?;
        command.env("TATUM_NODE_KEY", relay.secret.to_string());
        self.relay_status_urls.insert(relay.name.clone(), format!("http://{status}/status"));
        self.service(&service, command).await
    }

    /// What a relay asks, in DATA per GiB, from its next start on.
    pub fn set_ask(&mut self, relay: &str, ask: String) {
        self.asks.insert(relay.to_owned(), ask);
    }

    /// Starts another program in a relay's place, with its key, its data, and these words after those that name where everything is:
    /// data, tracker, aggregator, status, grace in seconds.
    pub async fn start_in_place_of(
        &mut self,
        devnet: &Devnet,
        relay: &Relay,
        program: &Path,
        words: &[&str],
    ) -> anyhow::Result<()> {
        let status = format!("127.0.0.1:{}", free_port()?);
        let grace = devnet.deployment().windows.grace_s.to_string();
        let data = self.data(&relay.name);
        let where_to = [data.as_str(), &self.tracker_url, self.aggregator_url(), &status, &grace];
        let url = format!("http://{status}/health");
        let service = Service::of_program(&relay.name, &where_to, &url).with(words);
        let mut command = tokio::process::Command::new(program);
        command
            .env("TATUM_RPC", devnet.rpc_url())
            .env("TATUM_DEPLOYMENT", devnet.deployment_file())
            .env("TATUM_NODE_KEY", relay.secret.to_string());
        self.relay_status_urls.insert(relay.name.clone(), format!("http://{status}/status"));
        self.service(&service, command).await
    }

    async fn service(
        &mut self,
        service: &Service,
        command: tokio::process::Command,
    ) -> anyhow::Result<()> {
        let mut command = service.told(command);
        self.go_to_its_endpoint(service.name(), &mut command);
        if let Some(disk) = self.layout.disks.get(service.name()) {
            command = disk.inside(&command);
            command.stdout(Stdio::null());
        }
        let process = service.start_told(command, &self.logs()).await?;
        self.services.insert(service.name().to_owned(), process);
        Ok(())
    }

    fn go_to_its_endpoint(&self, name: &str, command: &mut tokio::process::Command) {
        if let Some(url) = self.layout.rpc_url(name) {
            command.env("TATUM_RPC", url);
        }
    }

    /// Ends the aggregator or a relay at once (`kill -9`).
    pub async fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let process = self.services.remove(name);
        process.with_context(|| format!("{name} does not run"))?.kill().await
    }

    /// Where the tracker answers.
    pub fn tracker_url(&self) -> &str {
        &self.tracker_url
    }

    /// Where a relay tells how it is.
    pub fn status_url(&self, relay: &str) -> anyhow::Result<&str> {
        let url = self.relay_status_urls.get(relay);
        url.map(String::as_str).with_context(|| format!("{relay} does not run"))
    }

    /// Where the relays tell how they are.
    pub fn relay_status_urls(&self) -> impl Iterator<Item = &str> {
        self.relay_status_urls.values().map(String::as_str)
    }

    /// Starts the subscribers, and waits until relays serve them: their stakes count and they may subscribe.
    pub async fn subscribe(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
    ) -> anyhow::Result<()> {
        for subscriber in &cast.subscribers {
            self.start_subscriber(devnet, subscriber, &streams[subscriber.stream])?;
        }
        for subscriber in &cast.subscribers {
            self.until_logged(&subscriber.name, "subscribed").await?;
        }
        Ok(())
    }

    pub(super) fn start_subscriber(
        &mut self,
        devnet: &Devnet,
        subscriber: &Payer,
        stream: &RecordedStream,
    ) -> anyhow::Result<()> {
        let mut command = self.client(devnet, "subscribe", subscriber, stream)?;
        if subscriber.by_channel {
            command.args(["--channel-limit-per-1000-messages", PRICE_PER_1000_MESSAGES]);
        }
        let received = delivery::file(&self.out, &subscriber.name);
        let process = Process::spawn_into(&subscriber.name, command, &self.logs(), &received)?;
        self.subscribers.push(process);
        Ok(())
    }

    /// What a subscriber prints that is started again for so long, with the folder that it had.
    pub async fn subscribe_again(
        &self,
        devnet: &Devnet,
        subscriber: &Payer,
        stream: &RecordedStream,
        time: Duration,
    ) -> anyhow::Result<Vec<String>> {
        let name = format!("{}-again", subscriber.name);
        let received = self.out.join(format!("{name}.jsonl"));
        let command = self.client(devnet, "subscribe", subscriber, stream)?;
        let process = Process::spawn_into(&name, command, &self.logs(), &received)?;
        self.until_logged(&name, "subscribed").await?;
        sleep(time).await;
        process.terminate().await?;
        Ok(std::fs::read_to_string(received)?.lines().map(str::to_owned).collect())
    }

    /// Waits for the first second of `epoch`.
    pub async fn until_epoch(&self, schedule: EpochSchedule, epoch: Epoch) {
        let start_ms = schedule.start_ms(epoch).saturating_add(1_000);
        sleep(Duration::from_millis(start_ms.saturating_sub(self.now_ms()))).await;
    }

    /// The wall clock, which the chain follows.
    pub fn now_ms(&self) -> u64 {
        wall_ms()
    }

    /// Has every stream's owner permit its publisher's session key and all of its subscribers. A tracker takes the lists of
    /// owners whose stake counts, and learns that one counts a block or two after the epoch has begun.
    pub async fn grant(
        &self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
    ) -> anyhow::Result<()> {
        for (index, stream) in streams.iter().enumerate() {
            let of_stream = |payer: &&Payer| payer.stream == index;
            let publishers = cast.publishers.iter().filter(of_stream);
            let publishers = publishers.map(|payer| ("--publisher", payer.session.address()));
            let subscribers = cast.subscribers.iter().filter(of_stream);
            let subscribers = subscribers.map(|payer| ("--subscriber", payer.address()));
            let all: Vec<_> = publishers.chain(subscribers).collect();
            let deadline = Instant::now() + START_TIMEOUT;
            while let Err(refused) = self.permit(devnet, "grant", stream, &all).await {
                ensure!(Instant::now() < deadline, refused);
                sleep(Duration::from_millis(500)).await;
            }
        }
        Ok(())
    }

    /// Has a stream's owner take back the permission of a subscriber.
    pub async fn revoke(
        &self,
        devnet: &Devnet,
        stream: &RecordedStream,
        subscriber: &Payer,
    ) -> anyhow::Result<()> {
        let whom = ("--subscriber", subscriber.address());
        self.permit(devnet, "revoke", stream, &[whom]).await
    }

    async fn permit(
        &self,
        devnet: &Devnet,
        verb: &str,
        stream: &RecordedStream,
        whom: &[(&str, Address)],
    ) -> anyhow::Result<()> {
        let mut arguments =
            vec!["stream", verb, stream.id.as_str(), "--tracker", &self.tracker_url];
        let addresses: Vec<String> = whom.iter().map(|(_, address)| address.to_string()).collect();
        for ((as_what, _), address) in whom.iter().zip(&addresses) {
            arguments.extend([*as_what, address]);
        }
        let mut command = tatum::command(devnet, &arguments)?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(&stream.owner()));
        let _: serde_json::Value = tatum::json(command).await.context("changing permissions")?;
        Ok(())
    }

    /// Starts the publishers and feeds them their records.
    pub fn publish(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
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
            let takes_s = stream.records.len() as u64 / u64::from(rate.max(1));
            let timeout = PUBLISH_TIMEOUT + Duration::from_secs(takes_s);
            self.publish_timeout = self.publish_timeout.max(timeout);
        }
        Ok(())
    }

    /// A publisher or subscriber: its account's address pays, or a vault; its session key signs.
    fn client(
        &self,
        devnet: &Devnet,
        verb: &str,
        payer: &Payer,
        stream: &RecordedStream,
    ) -> anyhow::Result<tokio::process::Command> {
        let data = self.data(&payer.name);
        let address = payer.address().to_string();
        let mut arguments = vec![verb, stream.id.as_str(), "--tracker", &self.tracker_url];
        arguments.extend(["--payer", &address, "--data", &data]);
        let mut command = tatum::command(devnet, &arguments)?;
        command.env("TATUM_SESSION_KEY", tatum::hex(&payer.session));
        self.go_to_its_endpoint(&payer.name, &mut command);
        Ok(command)
    }

    /// Everything from the owners' grants to the closing receipts: all records are published and delivered.
    pub async fn deliver(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
        rate: u32,
    ) -> anyhow::Result<()> {
        self.grant(devnet, cast, streams).await?;
        self.subscribe(devnet, cast, streams).await?;
        self.publish(devnet, cast, streams, rate)?;
        self.until_published(streams, |_| {}).await?;
        self.stop_subscribers(streams).await
    }

    /// Waits until every publisher has ended well, telling how far the subscribers are.
    pub async fn until_published(
        &mut self,
        streams: &[RecordedStream],
        progress: impl Fn(String),
    ) -> anyhow::Result<()> {
        let expected = self.expected(streams);
        let publishers = std::mem::take(&mut self.publishers);
        let within = self.publish_timeout;
        let all = async {
            for publisher in publishers {
                publisher.success(within).await?;
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
    pub async fn stop_subscribers(&mut self, streams: &[RecordedStream]) -> anyhow::Result<()> {
        let expected = self.expected(streams);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.received()? < expected && Instant::now() < deadline {
            sleep(Duration::from_millis(100)).await;
        }
        for subscriber in std::mem::take(&mut self.subscribers) {
            subscriber.terminate().await?;
        }
        Ok(())
    }

    /// The records that a subscriber has written so far.
    pub fn received_by(&self, subscriber: &Payer) -> anyhow::Result<Vec<String>> {
        let text = std::fs::read_to_string(delivery::file(&self.out, &subscriber.name))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Deliveries that make every subscriber complete.
    fn expected(&self, streams: &[RecordedStream]) -> usize {
        let each = streams.iter().map(|stream| stream.records.len() * self.subscribers_per_stream);
        each.sum()
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
    pub async fn until_finalized(
        &self,
        devnet: &Devnet,
        last: Epoch,
        progress: impl Fn(String),
    ) -> anyhow::Result<()> {
        let chain = devnet.connect(&Devnet::account("auditor")).await?;
        let mut deadline = Instant::now() + FINAL_TIMEOUT;
        let mut seen = None;
        loop {
            let finalized = chain.finalized_epoch().await?;
            if finalized != seen {
                seen = finalized;
                deadline = Instant::now() + FINAL_TIMEOUT;
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

    /// Where the web API answers, once it was started.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Where the aggregator answers.
    pub fn aggregator_url(&self) -> &str {
        self.aggregator_urls.first().map_or("", String::as_str)
    }

    /// The UDP port of each relay.
    pub fn relay_ports(&self) -> impl Iterator<Item = u16> {
        self.relay_ports.values().copied()
    }

    /// Where each of the aggregators answers.
    pub fn aggregator_urls(&self) -> &[String] {
        &self.aggregator_urls
    }

    /// Where each of the trackers answers.
    pub fn tracker_urls(&self) -> &[String] {
        &self.trackers
    }

    /// The small disk of a service, if its folder is on one.
    pub fn disk(&self, name: &str) -> Option<&SmallDisk> {
        self.layout.disks.get(name)
    }

    /// Ends the relays, the tracker and the aggregator.
    pub async fn stop(self) -> anyhow::Result<()> {
        for service in self.services.into_values().rev() {
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

    /// The folder of the processes' logs.
    pub fn logs(&self) -> PathBuf {
        self.out.join("logs")
    }

    /// The folder of a process's data.
    pub fn data(&self, name: &str) -> String {
        self.out.join("data").join(name).display().to_string()
    }
}

/// The wall clock.
pub(super) fn wall_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Addresses that were free a moment ago.
fn urls(count: usize) -> anyhow::Result<Vec<String>> {
    let ports = std::iter::repeat_with(free_port).take(count);
    ports.map(|port| Ok(format!("http://127.0.0.1:{}", port?))).collect()
}

/// Trackers as they are named to who uses them: where there are several, each with its key.
fn tracker_list(urls: &[String]) -> String {
    match urls {
        [one] => one.clone(),
        all => {
            let named = all.iter().enumerate();
            let named = named.map(|(index, url)| format!("{url}#{}", tracker_key(index).1));
            named.collect::<Vec<_>>().join(",")
        }
    }
}

/// Where a service listens that answers at `url`.
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    url.trim_start_matches("http://").parse().with_context(|| format!("{url} is no address"))
}

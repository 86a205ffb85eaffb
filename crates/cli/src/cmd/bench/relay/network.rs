//! The network around the relay under test: tracker, intake, one publisher, subscribers that count.
//!
//! Invariant: a message counts as delivered once its opened payload is in the subscriber's hands, in order; one that is
//! missing ends the measurement with an error.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use tatum_database::{Database, NodeStore};
use tatum_node::client::{Config, Item, Publisher, Subscriber};
use tatum_node::relay::SharedFacts;
use tatum_node::tracker::{self, Tracker};
use tatum_node::{GroupKey, NodeKey};
use tatum_receipt::Verifier;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::super::ingest;
use super::process::{self, PRICE, Paying, Relay, one_operator, stream};

/// Bytes of a payload before it is sealed.
pub(super) const PAYLOAD_BYTES: usize = 1024;
/// Messages that may be on their way between the publisher and the slowest subscriber: enough to keep everybody busy,
/// too few to fill a link's queue, so nothing is dropped and repaired.
const WINDOW: u64 = 512;
/// No message is on its way for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything of a run.
pub(super) struct Network {
    pub(super) relay: Relay,
    tracker: String,
    genesis_s: u64,
    paying: Paying,
    folder: PathBuf,
    /// Payloads carry their time since then.
    started: Instant,
    publisher: Publisher,
    published: u64,
    readers: Vec<Reader>,
    _serving: oneshot::Sender<()>,
}

/// A subscriber that reads in a task of its own.
struct Reader {
    delivered: watch::Receiver<u64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<(Subscriber, Vec<Duration>)>>,
}

impl Network {
    /// Starts everything, with one subscriber.
    pub(super) async fn start(folder: &Path, paying: Paying) -> anyhow::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is wrong")?;
        let genesis_s = since.as_secs().saturating_sub(60);
        let clock = process::clock(genesis_s);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = tracker::Config::new(NodeKey::from_bytes(&rand::random()), listen, clock);
        config.facts = Some(SharedFacts::new(one_operator()));
        let tracker = Tracker::bind(config).await.context("starting a tracker")?;
        let url = tracker.url();
        let (serving, stopped) = oneshot::channel();
        tokio::spawn(tracker.serve(async {
            let _ = stopped.await;
        }));
        std::fs::create_dir_all(folder)?;
        let database = Database::open_file(&folder.join("aggregator.db")).await;
        let database = database.context("opening the database")?;
        let verifier = Verifier::new(process::domain());
        let schedule = process::schedule(genesis_s);
        let intake = ingest::serve(database, verifier, schedule, one_operator()).await?;
        let folder = folder.join("relay");
        let relay = Relay::start(&url, intake, &folder, genesis_s, paying).await?;
        let config = client(&url, genesis_s, 0, paying)?;
        let publisher = Publisher::connect(config, &stream()).await?;
        let mut network = Self {
            relay,
            tracker: url,
            genesis_s,
            paying,
            folder,
            started: Instant::now(),
            publisher,
            published: 0,
            readers: Vec::new(),
            _serving: serving,
        };
        network.subscribe().await?;
        Ok(network)
    }

    /// Adds a subscriber.
    pub(super) async fn subscribe(&mut self) -> anyhow::Result<()> {
        let number = u8::try_from(self.readers.len() + 1).context("too many subscribers")?;
        let config = client(&self.tracker, self.genesis_s, number, self.paying)?;
        let subscriber = Subscriber::connect(config, &[stream()]).await?;
        let (sender, delivered) = watch::channel(self.published);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(read(subscriber, sender, stopped, self.started));
        self.readers.push(Reader { delivered, stop, task });
        Ok(())
    }

    /// Publishes `count` messages as fast as the slowest subscriber takes them, and waits until all have all.
    pub(super) async fn flat_out(&mut self, count: u64) -> anyhow::Result<Duration> {
        let started = Instant::now();
        for _ in 0..count {
            if self.published.is_multiple_of(16) {
                self.delivered(self.published.saturating_sub(WINDOW)).await?;
            }
            self.publish().await?;
        }
        self.delivered(self.published).await?;
        Ok(started.elapsed())
    }

    /// Publishes at a steady rate for a while, and waits until all subscribers have all.
    pub(super) async fn steady(&mut self, per_s: u32, seconds: u32) -> anyhow::Result<()> {
        let mut ticks = interval(Duration::from_secs(1) / per_s.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..u64::from(per_s) * u64::from(seconds) {
            ticks.tick().await;
            self.publish().await?;
        }
        self.delivered(self.published).await
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let mut payload = [0x2e; PAYLOAD_BYTES];
        let at_nanos = u64::try_from(self.started.elapsed().as_nanos())?;
        payload[..8].copy_from_slice(&at_nanos.to_be_bytes());
        self.publisher.publish(&payload).await?;
        self.published += 1;
        Ok(())
    }

    /// Waits until every subscriber has the first `count` messages.
    async fn delivered(&mut self, count: u64) -> anyhow::Result<()> {
        for reader in &mut self.readers {
            let enough = reader.delivered.wait_for(|delivered| *delivered >= count);
            let enough = timeout(PATIENCE, enough).await.context("messages do not arrive")?;
            ensure!(enough.is_ok(), "a subscriber ended early: {:?}", reader.task.is_finished());
        }
        Ok(())
    }

    /// Ends everything in an orderly way; gives the first subscriber's delays in the order of the messages.
    pub(super) async fn finish(self) -> anyhow::Result<Finished> {
        let published = self.publisher.finish(PATIENCE).await;
        ensure!(published.accepted == self.published, "not all was accepted: {published:?}");
        ensure!(published.receipts_open == 0, "receipts were not settled: {published:?}");
        let mut settled = published.receipts_acknowledged;
        let mut delays = Vec::new();
        for reader in self.readers {
            let _ = reader.stop.send(());
            let (subscriber, of_reader) = reader.task.await.context("a subscriber failed")??;
            let stats = subscriber.finish(PATIENCE).await;
            ensure!(stats.receipts_open == 0, "receipts were not settled: {stats:?}");
            settled += stats.receipts_acknowledged;
            if delays.is_empty() {
                delays = of_reader;
            }
        }
        self.relay.stop().await?;
        let store = NodeStore::open_file(&self.folder.join("node.db")).await?;
        let lanes = store.lanes().await?;
        ensure!(lanes.is_empty() == (self.paying == Paying::Stake), "{} lanes", lanes.len());
        Ok(Finished { delays, settled })
    }
}

/// What is known at the end.
pub(super) struct Finished {
    /// Of each message, to the first subscriber.
    pub(super) delays: Vec<Duration>,
    /// Receipts that the relay acknowledged.
    pub(super) settled: u64,
}

fn client(tracker: &str, genesis_s: u64, number: u8, paying: Paying) -> anyhow::Result<Config> {
    let key = process::session(number)?;
    let (payer, group, clock) = (key.address(), GroupKey::new([9; 32]), process::clock(genesis_s));
    let mut config = Config::new(tracker.to_owned(), payer, key, process::domain(), group, clock);
    config.history = 0;
    if paying == Paying::Channel {
        config.facts = Some(SharedFacts::new(process::with_channels()));
        config.channel_limit = Some(PRICE);
    }
    Ok(config)
}

/// Reads until told to stop; checks that nothing is missing.
async fn read(
    mut subscriber: Subscriber,
    delivered: watch::Sender<u64>,
    mut stop: oneshot::Receiver<()>,
    started: Instant,
) -> anyhow::Result<(Subscriber, Vec<Duration>)> {
    let mut delays = Vec::new();
    loop {
        let item = tokio::select! {
            biased;
            item = subscriber.next() => item.context("the subscriber's engine ended")?,
            _ = &mut stop => return Ok((subscriber, delays)),
        };
        let Item::Message(message) = item else { bail!("not a message: {item:?}") };
        let expected = *delivered.borrow();
        ensure!(message.sequence == expected, "{} came, not {expected}", message.sequence);
        let Some(at_nanos) = message.payload.first_chunk() else { bail!("a short payload") };
        let at = Duration::from_nanos(u64::from_be_bytes(*at_nanos));
        delays.push(started.elapsed().saturating_sub(at));
        delivered.send_replace(expected + 1);
    }
}

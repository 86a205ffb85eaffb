//! Readers of streams.
//!
//! Invariant: all who read a stream from now on share one subscription, so that it is paid for once; whoever asks for older
//! messages has one of its own. None holds up another, and none is sent a message twice.

use std::sync::Arc;
use std::time::Duration;

use tatum_node::NodeKey;
use tatum_node::client::{Config as ClientConfig, Position, Stream, Subscriber};
use tatum_protocol::{Problem, ProblemKind};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use super::opened::{Handle, Opened};
use super::queue::{Receiver, Sender, queue};
use super::{Lifetime, PATIENCE, Work, refusal};

/// How long a reader with a subscription of its own may take nothing while messages wait.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a shared subscription stays without readers.
const LINGER: Duration = Duration::from_secs(10);
/// How often it is looked for readers that went away.
const LOOK: Duration = Duration::from_secs(1);

/// Where a reader begins.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    /// How many older messages of each publisher it wants.
    pub(super) history: u64,
    /// The chain with which it goes on elsewhere.
    pub(super) after: Option<Position>,
}

/// A reader that wants to join, and where it is told that it has.
#[derive(Debug)]
struct Join {
    reader: Sender,
    joined: oneshot::Sender<()>,
}

/// A shared subscription.
#[derive(Clone, Debug)]
struct Feed(mpsc::Sender<Join>);

impl Handle for Feed {
    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    client: ClientConfig,
    places: Arc<Semaphore>,
    feeds: Arc<Opened<Feed>>,
    work: Work,
}

impl Readers {
    /// Room for so many `readers`.
    pub(super) fn new(client: ClientConfig, readers: usize, work: Work) -> Self {
        let places = Arc::new(Semaphore::new(readers));
        Self { client, places, feeds: Arc::new(Opened::new()), work }
    }

    /// Reads a stream; waits until a relay serves it.
    pub(super) async fn read(&self, stream: Stream, from: Beginning) -> Result<Receiver, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Problem::new(ProblemKind::Busy, "as many read already as may (--readers)")
        })?;
        let (sender, receiver) = queue(place);
        if from.history > 0 || from.after.is_some() {
            let config = ClientConfig {
                data_dir: None,
                history: from.history,
                after: from.after.into_iter().collect(),
                ..self.client.clone()
            };
            let (subscriber, lifetime) = self.subscribe(config, &stream).await?;
            tokio::spawn(serve_one(subscriber, sender, lifetime));
        } else {
            self.join(stream, sender).await?;
        }
        Ok(receiver)
    }

    async fn join(&self, stream: Stream, reader: Sender) -> Result<(), Problem> {
        let all = self.clone();
        let key = stream.key();
        let feed = self.feeds.open(key, async move { all.feed(&stream).await }).await?;
        let (joined, has_joined) = oneshot::channel();
        let ended =
            || Problem::new(ProblemKind::Busy, "the subscription has just ended; try again");
        feed.0.send(Join { reader, joined }).await.map_err(|_| ended())?;
        has_joined.await.map_err(|_| ended())
    }

    async fn feed(&self, stream: &Stream) -> Result<(Feed, JoinHandle<()>), Problem> {
        let folder = self.client.data_dir.as_ref();
        let config = ClientConfig {
            data_dir: folder.map(|folder| folder.join("read").join(stream.key().to_string())),
            history: 0,
            ..self.client.clone()
        };
        let (subscriber, lifetime) = self.subscribe(config, stream).await?;
        let (joins, joining) = mpsc::channel(1);
        let task = tokio::spawn(serve_all(subscriber, joining, lifetime));
        Ok((Feed(joins), task))
    }

    async fn subscribe(
        &self,
        config: ClientConfig,
        stream: &Stream,
    ) -> Result<(Subscriber, Lifetime), Problem> {
        let lifetime = self.work.begin()?;
        let node_key = NodeKey::from_bytes(&rand::random());
        // Where to begin is said by whoever reads, not by an earlier run.
        let config = ClientConfig { node_key, resume: false, ..config };
        let connecting = Box::pin(Subscriber::connect(config, std::slice::from_ref(stream)));
        let subscriber = connecting.await.map_err(|error| refusal::problem(&error))?;
        tracing::info!(stream = %stream.id, partition = stream.partition, "subscribed");
        Ok((subscriber, lifetime))
    }
}

/// Hands everything to one reader, which may let it wait a while.
async fn serve_one(mut subscriber: Subscriber, reader: Sender, mut lifetime: Lifetime) {
    loop {
        let item = tokio::select! {
            item = subscriber.next() => item,
            () = reader.closed() => None,
            () = lifetime.ended() => None,
        };
        let Some(item) = item else { break };
        if !reader.push(Arc::new(item), READER_PATIENCE).await {
            break;
        }
    }
    drop(reader);
    finish(subscriber).await;
}

/// Hands everything to all readers, of which none may let it wait.
async fn serve_all(
    mut subscriber: Subscriber,
    mut joining: mpsc::Receiver<Join>,
    mut lifetime: Lifetime,
) {
    let mut readers: Vec<Sender> = Vec::new();
    let mut ticks = interval(LOOK);
    let mut last_read = Instant::now();
    while last_read.elapsed() < LINGER {
        tokio::select! {
            item = subscriber.next() => {
                let Some(item) = item.map(Arc::new) else { break };
                readers.retain(|reader| reader.offer(Arc::clone(&item)));
            }
            join = joining.recv() => {
                let Some(Join { reader, joined }) = join else { break };
                readers.push(reader);
                // Who has gone meanwhile is noticed at the next tick.
                let _ = joined.send(());
            }
            _ = ticks.tick() => readers.retain(|reader| !reader.is_closed()),
            () = lifetime.ended() => break,
        }
        if !readers.is_empty() {
            last_read = Instant::now();
        }
    }
    drop((readers, joining));
    finish(subscriber).await;
}

async fn finish(subscriber: Subscriber) {
    let stats = subscriber.finish(PATIENCE).await;
    tracing::info!(
        messages = stats.messages,
        missing = stats.missing,
        unreadable = stats.unreadable,
        receipts_open = stats.receipts_open,
        "unsubscribed"
    );
}

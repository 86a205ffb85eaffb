//! Publishers: one for each stream that is published to, from the first message on until the bridge ends.
//!
//! Invariant: a message is published by the one publisher of its stream, in the order in which it was handed over. A publisher
//! whose messages may wait for their keys is there again after a restart with the same folder, however the bridge ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tatum_node::client::{Acceptance, Config as ClientConfig, Publisher, Stream};
use tatum_node::{NodeError, NodeKey};
use tatum_protocol::{Problem, ProblemKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::opened::{Handle, Opened};
use super::{Lifetime, PATIENCE, Work, refusal};
use crate::args::StreamArg;

/// Messages that may wait for a publisher.
const WAITING: usize = 64;
/// The file in a publisher's folder that names its stream.
const STREAM_FILE: &str = "stream";
/// How long after a failed attempt the publisher of an earlier run is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A message to publish.
#[derive(Debug)]
struct Job {
    payload: Vec<u8>,
    published: oneshot::Sender<Result<Acceptance, NodeError>>,
}

/// A publisher's queue.
#[derive(Clone, Debug)]
pub(super) struct Publishing(mpsc::Sender<Job>);

impl Handle for Publishing {
    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

impl Publishing {
    /// Publishes a message; what it gives is the word about it that is yet to come.
    pub(super) async fn publish(&self, payload: Vec<u8>) -> Result<Acceptance, Problem> {
        let ended = || Problem::new(ProblemKind::Busy, "the publisher has ended; try again");
        let (published, sent) = oneshot::channel();
        let queued = self.0.send(Job { payload, published }).await;
        queued.map_err(|_| ended())?;
        sent.await.map_err(|_| ended())?.map_err(|error| refusal::problem(&error))
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Publishers {
    client: ClientConfig,
    places: Arc<Semaphore>,
    opened: Arc<Opened<Publishing>>,
    work: Work,
}

impl Publishers {
    /// Room for so many `streams`.
    pub(super) fn new(client: ClientConfig, streams: usize, work: Work) -> Self {
        let places = Arc::new(Semaphore::new(streams));
        Self { client, places, opened: Arc::new(Opened::new()), work }
    }

    /// The publisher of a stream; waits until a relay accepts from it.
    pub(super) async fn of(&self, stream: Stream) -> Result<Publishing, Problem> {
        let all = self.clone();
        let key = stream.key();
        self.opened.open(key, async move { all.connect(stream).await }).await
    }

    /// Opens the publishers of earlier runs, in time.
    pub(super) fn reopen(&self) {
        let Some(folder) = self.folder() else { return };
        for stream in earlier(&folder) {
            let all = self.clone();
            tokio::spawn(async move {
                let Ok(mut lifetime) = all.work.begin() else { return };
                tokio::select! {
                    () = all.reopened(stream) => {}
                    () = lifetime.ended() => {}
                }
            });
        }
    }

    async fn reopened(&self, stream: Stream) {
        while let Err(problem) = self.of(stream.clone()).await {
            let (stream, reason) = (&stream.id, &problem.detail);
            tracing::warn!(%stream, reason, "cannot yet publish again as before the restart");
            sleep(TRY_AGAIN).await;
        }
        tracing::info!(stream = %stream.id, "publishing again as before the restart");
    }

    fn folder(&self) -> Option<PathBuf> {
        self.client.data_dir.as_ref().map(|folder| folder.join("publish"))
    }

    async fn connect(&self, stream: Stream) -> Result<(Publishing, JoinHandle<()>), Problem> {
        let lifetime = self.work.begin()?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let detail = "the bridge publishes to as many streams as it may (--streams)";
            Problem::new(ProblemKind::Full, detail)
        })?;
        let folder = self.folder().map(|folder| folder.join(stream.key().to_string()));
        let config = ClientConfig {
            node_key: NodeKey::from_bytes(&rand::random()),
            data_dir: folder.clone(),
            ..self.client.clone()
        };
        let connected = Box::pin(Publisher::connect(config, &stream)).await;
        let publisher = connected.map_err(|error| refusal::problem(&error))?;
        if let Some(folder) = folder {
            keep(&folder, &stream).map_err(|error| {
                tracing::error!(error = format!("{error:#}"), "cannot keep what is published to");
                Problem::new(ProblemKind::Internal, "the bridge cannot write to its folder")
            })?;
        }
        tracing::info!(stream = %stream.id, partition = stream.partition, "publishing");
        let (jobs, queue) = mpsc::channel(WAITING);
        let task = tokio::spawn(run(publisher, queue, lifetime, place));
        Ok((Publishing(jobs), task))
    }
}

/// Publishes what comes until the bridge ends, and then waits for relays' words.
async fn run(
    mut publisher: Publisher,
    mut queue: mpsc::Receiver<Job>,
    mut lifetime: Lifetime,
    _place: OwnedSemaphorePermit,
) {
    loop {
        let job = tokio::select! {
            job = queue.recv() => job,
            () = lifetime.ended() => None,
        };
        let Some(Job { payload, published }) = job else { break };
        // While no relay accepts anything, this waits.
        let sent = tokio::select! {
            sent = publisher.publish_awaited(&payload) => sent,
            () = lifetime.ended() => break,
        };
        let has_stopped = matches!(sent, Err(NodeError::Stopped));
        // Whoever asked may have gone; what was published is.
        let _ = published.send(sent);
        if has_stopped {
            break;
        }
    }
    drop(queue);
    let stats = publisher.finish(PATIENCE).await;
    tracing::info!(
        published = stats.published,
        accepted = stats.accepted,
        keys_given = stats.keys_given,
        receipts_open = stats.receipts_open,
        "ended publishing"
    );
}

/// Names the stream in its publisher's folder.
fn keep(folder: &Path, stream: &Stream) -> anyhow::Result<()> {
    let file = folder.join(STREAM_FILE);
    std::fs::write(&file, format!("{}#{}\n", stream.id, stream.partition))
        .with_context(|| format!("writing {}", file.display()))
}

/// The streams whose publishers have folders here.
fn earlier(folder: &Path) -> Vec<Stream> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| {
        // Without a name nothing was published.
        std::fs::read_to_string(entry.path().join(STREAM_FILE)).ok()
    });
    texts.filter_map(|text| Some(text.trim().parse::<StreamArg>().ok()?.named())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_were_published_to_are_known_again() {
        let folder = tempfile::tempdir().unwrap();
        assert!(earlier(folder.path()).is_empty());
        let stream = "acme/weather#7".parse::<StreamArg>().unwrap().named();
        for (name, stream) in [("a", Some(&stream)), ("b", None)] {
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            if let Some(stream) = stream {
                keep(&folder, stream).unwrap();
            }
        }
        assert_eq!(earlier(folder.path()), [stream]);
    }
}

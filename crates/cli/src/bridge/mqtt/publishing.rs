//! What one connection publishes.
//!
//! Invariant: messages are handed over in the order in which they came, each is answered, in that order too, and those that were
//! sent before the connection ended are published all the same.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tatum_node::client::Stream;
use tatum_protocol::Problem;
use tokio::sync::mpsc;

use super::numbers::MOST_AWAITED;
use crate::bridge::accept::{accepted, publish};
use crate::bridge::{Bridge, Lifetime};

/// A message to publish.
#[derive(Debug)]
pub(super) struct Job {
    /// Its stream, or why it has none.
    pub(super) stream: Result<Stream, Problem>,
    pub(super) payload: Bytes,
    /// Its number, if whoever sent it waits for an answer.
    pub(super) id: Option<u16>,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) id: Option<u16>,
    pub(super) told: Result<(), Problem>,
}

/// Publishes until no more jobs come.
pub(super) async fn run(
    bridge: Arc<Bridge>,
    mut jobs: mpsc::Receiver<Job>,
    words: mpsc::Sender<Word>,
    mut lifetime: Lifetime,
) {
    let mut waiting = FuturesOrdered::new();
    loop {
        let job = tokio::select! {
            job = jobs.recv(), if waiting.len() < MOST_AWAITED => job,
            Some(word) = waiting.next() => {
                tell(&words, word).await;
                continue;
            }
            // What was not handed over by then is answered by nobody.
            () = lifetime.ended() => return,
        };
        let Some(Job { stream, payload, id }) = job else { break };
        let published = match stream {
            Ok(stream) => publish(&bridge, stream, &payload).await,
            Err(problem) => Err(problem),
        };
        waiting.push_back(async move {
            let told = match published {
                Ok(acceptance) => accepted(acceptance).await,
                Err(problem) => Err(problem),
            };
            Word { id, told }
        });
    }
    while let Some(word) = waiting.next().await {
        tell(&words, word).await;
    }
}

async fn tell(words: &mpsc::Sender<Word>, word: Word) {
    if let (None, Err(problem)) = (word.id, &word.told) {
        tracing::warn!(reason = problem.detail, "an MQTT message of QoS 0 was lost");
    }
    // Whoever sent it may have gone.
    let _ = words.send(word).await;
}

//! What is opened once for each stream and then shared.
//!
//! Invariant: of a stream at most one is open at a time, also while one ends and the next begins: the folder on disk is one
//! process's at a time, and so it is one task's. Who asks first and goes away leaves it open for the next. Whoever waits for one that
//! then cannot be opened is told why, and does not try once more.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tatum_primitives::StreamKey;
use tatum_protocol::{Problem, ProblemKind};
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Names of streams that were ever asked for, at most.
const MOST_NAMES: usize = 4_096;

/// What a task is asked through.
pub(super) trait Handle: Clone + Send + 'static {
    /// Whether the task still takes anything.
    fn is_open(&self) -> bool;
}

/// What is open of one stream.
#[derive(Debug)]
struct Entry<T> {
    /// A handle and its task.
    open: Option<(T, JoinHandle<()>)>,
    /// When it last could not be opened, and why.
    failed: Option<(Instant, Problem)>,
}

/// An entry is locked while it is opened.
type SharedEntry<T> = Arc<AsyncMutex<Entry<T>>>;

/// What is open.
#[derive(Debug)]
pub(super) struct Opened<T>(Mutex<HashMap<StreamKey, SharedEntry<T>>>);

impl<T: Handle> Opened<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The one that is open for `stream`; otherwise what `connect` opens.
    pub(super) async fn open(
        &self,
        stream: StreamKey,
        connect: impl Future<Output = Result<(T, JoinHandle<()>), Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let (entry, asked) = (self.entry(stream)?, Instant::now());
        // In a task of its own: what is half open when who asked for it goes away must not be opened a second time.
        let opening = tokio::spawn(async move {
            let mut entry = entry.lock_owned().await;
            if let Some((_, problem)) = entry.failed.as_ref().filter(|(at, _)| *at >= asked) {
                return Err(problem.clone());
            }
            entry.handle(connect).await
        });
        opening.await.unwrap_or_else(|_| {
            Err(Problem::new(ProblemKind::Internal, "the stream could not be opened"))
        })
    }

    fn entry(&self, stream: StreamKey) -> Result<SharedEntry<T>, Problem> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST_NAMES && !entries.contains_key(&stream) {
            let detail = format!("{MOST_NAMES} streams were asked for; start the bridge anew");
            return Err(Problem::new(ProblemKind::Full, detail));
        }
        let closed = || Arc::new(AsyncMutex::new(Entry { open: None, failed: None }));
        Ok(Arc::clone(entries.entry(stream).or_insert_with(closed)))
    }
}

impl<T: Handle> Entry<T> {
    /// The handle that is open; otherwise, after the end of the last, the one that `connect` opens.
    async fn handle(
        &mut self,
        connect: impl Future<Output = Result<(T, JoinHandle<()>), Problem>>,
    ) -> Result<T, Problem> {
        if let Some((handle, _)) = self.open.as_ref().filter(|(handle, _)| handle.is_open()) {
            return Ok(handle.clone());
        }
        if let Some((_, task)) = self.open.take() {
            // How it ended is in the log.
            drop(task.await);
        }
        match connect.await {
            Ok((handle, task)) => {
                self.open = Some((handle.clone(), task));
                Ok(handle)
            }
            Err(problem) => {
                self.failed = Some((Instant::now(), problem.clone()));
                Err(problem)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tatum_primitives::B256;
    use tokio::sync::mpsc;

    use super::*;

    impl Handle for mpsc::Sender<()> {
        fn is_open(&self) -> bool {
            !self.is_closed()
        }
    }

    #[tokio::test]
    async fn one_is_open_at_a_time_and_the_next_waits_for_the_end_of_the_last() {
        let (opened, open) = (Opened::new(), Arc::new(AtomicUsize::new(0)));
        let stream = StreamKey(B256::ZERO);
        let connect = || {
            let open = Arc::clone(&open);
            async move {
                assert_eq!(open.fetch_add(1, Ordering::SeqCst), 0, "another is open");
                let (handle, mut asked) = mpsc::channel::<()>(1);
                let task = tokio::spawn(async move {
                    asked.recv().await;
                    asked.close();
                    tokio::task::yield_now().await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
                Ok((handle, task))
            }
        };
        let first = opened.open(stream, connect()).await.unwrap();
        let same = opened.open(stream, connect()).await.unwrap();
        assert!(first.same_channel(&same));
        first.send(()).await.unwrap();
        first.closed().await;
        let next = opened.open(stream, connect()).await.unwrap();
        assert!(!first.same_channel(&next));
    }

    #[tokio::test]
    async fn who_waited_for_what_cannot_be_opened_is_told_so_and_the_next_tries_again() {
        let (opened, tried) = (Opened::<mpsc::Sender<()>>::new(), Arc::new(AtomicUsize::new(0)));
        let stream = StreamKey(B256::ZERO);
        let connect = || {
            let tried = Arc::clone(&tried);
            async move {
                tried.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Err(Problem::new(ProblemKind::Busy, "no relay"))
            }
        };
        let both = tokio::join!(opened.open(stream, connect()), opened.open(stream, connect()));
        assert!(both.0.is_err() && both.1.is_err());
        assert_eq!(tried.load(Ordering::SeqCst), 1);
        assert!(opened.open(stream, connect()).await.is_err());
        assert_eq!(tried.load(Ordering::SeqCst), 2);
    }
}

//! The one task that writes receipts: it gathers everything that waits into one transaction and answers once that is
//! committed (group commit), so the cost of a disk sync is shared.
//!
//! Invariant: no answer before the commit; a submission that fails changes nothing, and fails alone.

mod batch;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tatum_primitives::millis;
use tatum_receipt::{CheckedReceipt, Contents, Rejection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{Database, DatabaseError, Rejected};

/// How often old rejections are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// What a submitter hands to the writer.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// Passed every rule of receipts; with what came beside it.
    Checked(Box<CheckedReceipt>, Contents),
    /// Rejected already; to be kept with its reason.
    Rejected(Rejected),
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ranks highest of its key and is stored.
    Accepted,
    /// One of its key that ranks higher is stored.
    Superseded,
    /// It is stored already.
    Duplicate,
    /// It does not count.
    Rejected(Rejection),
}

/// Why a submission was not carried out. Nothing of it is stored; it may be sent again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The writer has been stopped.
    #[error("the receipt store has been stopped")]
    Stopped,
    /// The database failed.
    #[error("the receipt store failed")]
    Database(#[source] Arc<DatabaseError>),
}

/// Bounds of a writer.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// Submissions that may wait; the next waits outside.
    pub queue: usize,
    /// Candidates after which a transaction takes no further submission.
    pub batch: usize,
    /// Rejections kept per minute; further ones are only answered.
    pub rejections_per_minute: u32,
    /// For how long rejections are kept.
    pub rejection_retention: Duration,
    /// How many rejections are kept in all.
    pub rejections_kept: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            queue: 256,
            batch: 8192,
            rejections_per_minute: 6000,
            rejection_retention: Duration::from_secs(7 * 24 * 3600),
            rejections_kept: 100_000,
        }
    }
}

struct Job {
    candidates: Vec<Candidate>,
    reply: oneshot::Sender<Result<Vec<Outcome>, SubmitError>>,
}

/// Hands candidates to the writing task. Clones share it; it ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the writing task; await the handle after dropping every [`Writer`] to know that all is written.
    pub fn spawn(database: Database, options: WriterOptions) -> (Self, JoinHandle<()>) {
        let (jobs, waiting) = mpsc::channel(options.queue.max(1));
        let task = Task { database, options, rejections_left: options.rejections_per_minute };
        (Self { jobs }, tokio::spawn(task.run(waiting)))
    }

    /// Stores what counts and answers for each candidate, in order, once that is on disk.
    pub async fn submit(&self, candidates: Vec<Candidate>) -> Result<Vec<Outcome>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { candidates, reply }).await.map_err(|_| SubmitError::Stopped)?;
        answer.await.map_err(|_| SubmitError::Stopped)?
    }
}

struct Task {
    database: Database,
    options: WriterOptions,
    rejections_left: u32,
}

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                job = waiting.recv() => match job {
                    Some(job) => {
                        let jobs = self.gather(job, &mut waiting);
                        self.carry_out(jobs).await;
                    }
                    None => return,
                },
                _ = sweep.tick() => self.sweep().await,
            }
        }
    }

    /// `first` and whatever else waits, up to the size of a batch.
    fn gather(&self, first: Job, waiting: &mut mpsc::Receiver<Job>) -> Vec<Job> {
        let mut size = first.candidates.len();
        let mut jobs = vec![first];
        while size < self.options.batch {
            let Ok(job) = waiting.try_recv() else { break };
            size = size.saturating_add(job.candidates.len());
            jobs.push(job);
        }
        jobs
    }

    async fn carry_out(&mut self, jobs: Vec<Job>) {
        let together: Vec<&[Candidate]> =
            jobs.iter().map(|job| job.candidates.as_slice()).collect();
        match self.write(&together).await {
            Ok(outcomes) => {
                for (job, outcomes) in jobs.into_iter().zip(outcomes) {
                    // A submitter that is gone sends again and is told "duplicate".
                    let _ = job.reply.send(Ok(outcomes));
                }
            }
            Err(error) if jobs.len() == 1 => self.fail(jobs, error),
            Err(error) => {
                tracing::warn!(%error, submissions = jobs.len(), "a group commit failed; writing one by one");
                for job in jobs {
                    match self.write(&[&job.candidates]).await {
                        Ok(mut outcomes) => {
                            let _ = job.reply.send(Ok(outcomes.pop().unwrap_or_default()));
                        }
                        Err(error) => self.fail(vec![job], error),
                    }
                }
            }
        }
    }

    fn fail(&self, jobs: Vec<Job>, error: DatabaseError) {
        let error = Arc::new(error);
        let database = self.database.place();
        tracing::error!(database, error = ?error, "a submission could not be written: {error}");
        for job in jobs {
            let _ = job.reply.send(Err(SubmitError::Database(Arc::clone(&error))));
        }
    }

    async fn write(
        &mut self,
        submissions: &[&[Candidate]],
    ) -> Result<Vec<Vec<Outcome>>, DatabaseError> {
        let keep = usize::try_from(self.rejections_left).unwrap_or(usize::MAX);
        let (outcomes, kept) = batch::write(&self.database, submissions, keep, now_ms()).await?;
        let kept = u32::try_from(kept).unwrap_or(u32::MAX);
        self.rejections_left = self.rejections_left.saturating_sub(kept);
        Ok(outcomes)
    }

    async fn sweep(&mut self) {
        self.rejections_left = self.options.rejections_per_minute;
        let retention_ms = millis(self.options.rejection_retention);
        let before = now_ms().saturating_sub(retention_ms);
        match self.database.forget_rejections(before, self.options.rejections_kept).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::debug!(forgotten, "forgot old rejections"),
            Err(error) => tracing::warn!(%error, "could not forget old rejections"),
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}

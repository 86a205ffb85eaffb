//! Which of several processes on one PostgreSQL closes epochs.
//!
//! Invariant: a process works on epochs only while it holds the lease by the database's clock; it believes in its own lease
//! for less time than the database does, so there are never two. Every step is idempotent all the same.

use std::time::Duration;

use tatum_database::{Backend, Database, DatabaseError};
use tatum_primitives::millis;
use tokio::time::Instant;

/// The lease's name.
const NAME: &str = "close";

/// This process's part in the lease.
#[derive(Clone, Debug)]
pub struct Leadership {
    database: Database,
    holder: String,
    length: Duration,
    /// When it was last renewed, as long as it is ours.
    renewed: Option<Instant>,
}

impl Leadership {
    /// A process called `holder`, a name that no other process has, that takes the lease for `length` at a time.
    pub fn new(database: Database, holder: String, length: Duration) -> Self {
        Self { database, holder, length: length.max(Duration::from_millis(100)), renewed: None }
    }

    /// Whether this process may close epochs now; renews the lease if a third of it is over.
    pub(super) async fn is_held(&mut self) -> Result<bool, DatabaseError> {
        // An SQLite file belongs to one process.
        if self.database.backend() == Backend::Sqlite {
            return Ok(true);
        }
        if self.renewed.is_some_and(|at| at.elapsed() < self.third()) {
            return Ok(true);
        }
        // From before the question, for the database may answer late.
        let asked = Instant::now();
        let length_ms = millis(self.length);
        let held = self.database.hold_lease(NAME, &self.holder, length_ms).await?;
        match (self.renewed.is_some(), held) {
            (false, true) => tracing::info!(holder = self.holder, "this process closes epochs now"),
            (true, false) => {
                tracing::warn!(holder = self.holder, "another process closes epochs now");
            }
            (true, true) | (false, false) => {}
        }
        self.renewed = held.then_some(asked);
        Ok(held)
    }

    /// Renews the lease again and again; ends when it is lost, or may be.
    pub(super) async fn keep(&mut self) {
        loop {
            tokio::time::sleep(self.third()).await;
            let asked = tokio::time::timeout(self.third(), self.is_held()).await;
            match asked {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return,
                // The database does not answer; until two thirds are over the lease is ours.
                Ok(Err(_)) | Err(_) => {
                    let safe = self.third().saturating_mul(2);
                    if self.renewed.is_none_or(|at| at.elapsed() >= safe) {
                        self.renewed = None;
                        return;
                    }
                }
            }
        }
    }

    /// Lets another process close epochs at once.
    pub(super) async fn release(&mut self) {
        if self.renewed.take().is_some()
            && let Err(error) = self.database.release_lease(NAME, &self.holder).await
        {
            tracing::debug!(%error, "the lease was not given up; it ends by itself");
        }
    }

    fn third(&self) -> Duration {
        self.length.checked_div(3).unwrap_or_default()
    }
}

//! Runs the queries.
//!
//! Invariant: nothing of a run is left behind, neither threads nor files.

use std::num::NonZero;
use std::path::Path;

use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use tatum_dataset::Parameters;

use crate::answer::{Answer, broken_rules, shares};
use crate::{Error, session};

/// What must hold of the tables.
const CHECKS: &str = include_str!("../sql/checks.sql");
/// What each operator gets.
const ROLL_UP: &str = include_str!("../sql/roll_up.sql");

/// How a query may use this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Threads, and parts that rows are divided into.
    pub threads: NonZero<usize>,
    /// Rows worked on at a time.
    pub batch_rows: NonZero<usize>,
    /// Bytes for what the query keeps; the rest goes to temporary files beside the dataset's.
    pub memory_bytes: usize,
    /// The receipts are known to be in canonical order, so that much is grouped in passing.
    pub sorted: bool,
}

impl Engine {
    /// All of this machine's cores and 512 MiB, for receipts in canonical order.
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let batch_rows = NonZero::new(8_192).unwrap_or(NonZero::<usize>::MIN);
        Self { threads, batch_rows, memory_bytes: 512 << 20, sorted: true }
    }

    /// What each operator gets by the tables in `folder`, by id. Call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; there are no shares then.
    pub fn shares(&self, folder: &Path, parameters: &Parameters) -> Result<Answer, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads.get())
            .thread_name("query")
            .build()
            .map_err(Error::Threads)?;
        runtime.block_on(async {
            let session = session::open(self, folder, parameters).await?;
            check(&session).await?;
            roll_up(&session).await
        })
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

async fn check(session: &SessionContext) -> Result<(), Error> {
    broken_rules(&session.sql(CHECKS).await?.collect().await?)
}

async fn roll_up(session: &SessionContext) -> Result<Answer, Error> {
    let query = session.sql(ROLL_UP).await?;
    let context = query.task_ctx();
    let plan = query.create_physical_plan().await?;
    let batches = collect(plan.clone(), context.into()).await?;
    Ok(Answer { shares: shares(&batches)?, spilled_bytes: spilled_bytes(plan.as_ref()) })
}

/// What a plan that has run wrote to temporary files.
fn spilled_bytes(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    let below = plan.children().into_iter().map(|child| spilled_bytes(child.as_ref()));
    below.fold(own, u64::saturating_add)
}

//! Runs the queries.
//!
//! Invariant: nothing of a run is left behind, neither threads nor files.

use std::path::Path;

use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::{ExecutionPlan, collect};
use tatum_dataset::Parameters;
use tatum_watcher::EdgeLeaf;

use crate::answer::{Answer, broken_rules, edge_lines, pays, receipt_units};
use crate::{Engine, Error, session};

/// What must hold of the tables.
const CHECKS: &str = include_str!("../sql/checks.sql");
/// The lines of the edges.
const EDGE_LINES: &str = include_str!("../sql/edge_lines.sql");
/// What the lines of the receipts add to them.
const RECEIPT_UNITS: &str = include_str!("../sql/receipt_units.sql");
/// What each operator gets.
const ROLL_UP: &str = include_str!("../sql/roll_up.sql");

impl Engine {
    /// What each operator gets by the tables in `folder`, by id. Call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; there are no payouts then.
    pub fn pays(&self, folder: &Path, parameters: &Parameters) -> Result<Answer, Error> {
        let (batches, spilled_bytes) = self.run(folder, parameters, ROLL_UP)?;
        let (pays, receipts) = pays(&batches)?;
        Ok(Answer { pays, receipts, spilled_bytes })
    }

    /// The lines of the edges, in order. Call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn edge_lines(
        &self,
        folder: &Path,
        parameters: &Parameters,
    ) -> Result<Vec<EdgeLeaf>, Error> {
        edge_lines(&self.run(folder, parameters, EDGE_LINES)?.0)
    }

    /// For each receipt in order the units so far of its payer and operator, and of its payer. Call it from a thread that may
    /// block.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn receipt_units(
        &self,
        folder: &Path,
        parameters: &Parameters,
    ) -> Result<Vec<(u128, u128)>, Error> {
        receipt_units(&self.run(folder, parameters, RECEIPT_UNITS)?.0)
    }

    /// What a query answers, and how many bytes it spilled; nothing if a rule is broken.
    fn run(
        &self,
        folder: &Path,
        parameters: &Parameters,
        query: &str,
    ) -> Result<(Vec<RecordBatch>, u64), Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads.get())
            .thread_name("query")
            .build()
            .map_err(Error::Threads)?;
        runtime.block_on(async {
            let session = session::open(self, folder, parameters).await?;
            broken_rules(&session.sql(CHECKS).await?.collect().await?)?;
            let query = session.sql(query).await?;
            let context = query.task_ctx();
            let plan = query.create_physical_plan().await?;
            let batches = collect(plan.clone(), context.into()).await?;
            Ok((batches, spilled_bytes(plan.as_ref())))
        })
    }
}

/// What a plan that has run wrote to temporary files.
fn spilled_bytes(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    let below = plan.children().into_iter().map(|child| spilled_bytes(child.as_ref()));
    below.fold(own, u64::saturating_add)
}

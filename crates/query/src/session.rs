//! A session of the engine with the epoch's tables.
//!
//! Invariant: the tables are the dataset's files under their names, `parameters`, one row from the manifest, and `edges`.

use std::path::Path;
use std::sync::Arc;

use datafusion::datasource::file_format::options::ParquetReadOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext, col};
use tatum_dataset::Parameters;

use crate::{Engine, Error};

/// What each payer's receipts steer to each operator.
const EDGES: &str = include_str!("../sql/edges.sql");
/// The order of receipts.
const CANONICAL: [&str; 6] = ["payer", "operator_id", "node", "stream_key", "role", "reader"];
/// What a sort may need on top when it merges what it spilled: a part of the memory, and not more than this. The memory is shared equally by
/// all that sort at the moment, three dozen of them on two threads, and a part that is larger than a share is an error.
const MOST_RESERVED: usize = 10 << 20;
const RESERVED_PARTS: usize = 96;

/// Opens the tables in `folder`.
pub(crate) async fn open(
    engine: &Engine,
    folder: &Path,
    parameters: &Parameters,
) -> Result<SessionContext, Error> {
    let session = SessionContext::new_with_state(
        SessionStateBuilder::new_with_default_features()
            .with_config(config(engine))
            .with_runtime_env(Arc::new(
                RuntimeEnvBuilder::new()
                    .with_memory_pool(Arc::new(FairSpillPool::new(engine.memory_bytes)))
                    .with_temp_file_path(folder)
                    .build()?,
            ))
            .build(),
    );
    for table in ["receipts", "payers", "operators"] {
        let path = folder.join(format!("{table}.parquet"));
        let path = path.to_str().ok_or(Error::Path)?;
        session.register_parquet(table, path, options(engine, table)).await?;
    }
    session.sql(&parameters_view(parameters)).await?.collect().await?;
    session.sql(&format!("CREATE VIEW edges AS {EDGES}")).await?.collect().await?;
    Ok(session)
}

fn config(engine: &Engine) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(engine.threads.get())
        .with_batch_size(engine.batch_rows.get())
        // Rows that come in order stay in order from thread to thread, and nothing is sorted or hashed again.
        .with_prefer_existing_sort(engine.sorted)
        .with_sort_spill_reservation_bytes(MOST_RESERVED.min(engine.memory_bytes / RESERVED_PARTS));
    // A hash join keeps one side in memory and fails where that does not fit; a merge join spills.
    config.options_mut().optimizer.prefer_hash_join = false;
    config
}

fn options(engine: &Engine, table: &str) -> ParquetReadOptions<'static> {
    let options = ParquetReadOptions::default();
    if table == "receipts" && engine.sorted {
        let order = CANONICAL.map(|column| col(column).sort(true, false));
        return options.file_sort_order(vec![order.to_vec()]);
    }
    options
}

/// The parameters that the queries ask for. Only numbers go into the text.
fn parameters_view(parameters: &Parameters) -> String {
    format!(
        "CREATE VIEW parameters AS SELECT \
         CAST({} AS BIGINT) AS epoch, \
         CAST({} AS DECIMAL(5, 0)) AS pool_bps, \
         CAST({} AS DECIMAL(5, 0)) AS pool_limit_bps, \
         CAST('{}' AS DECIMAL(20, 0)) AS pot_nano, \
         CAST('{}' AS DECIMAL(20, 0)) AS available_nano",
        parameters.epoch.0,
        parameters.pool_bps.bps(),
        parameters.pool_limit_bps.bps(),
        parameters.pot_nano.0,
        parameters.available_nano.0,
    )
}

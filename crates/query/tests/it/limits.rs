//! Threads, batches, memory and the order of rows change no digit.

use std::num::NonZero;
use std::path::Path;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use tatum_query::{Answer, Engine};

use crate::world::{engine, large, parameters, queried, write};

fn run(engine: &Engine, folder: &Path) -> Answer {
    engine.pays(folder, &parameters()).unwrap()
}

#[test]
fn threads_batches_and_memory_change_nothing() {
    let (reference, dataset, _parent) = write(large());
    let (folder, answer) = (dataset.folder(), queried(&engine(2), &dataset).unwrap());
    assert_eq!(answer.pays, reference);
    assert_eq!(answer.spilled_bytes, 0);
    for threads in [1, 2, 7] {
        for batch_rows in [100, 8_192] {
            for sorted in [false, true] {
                let batch_rows = NonZero::new(batch_rows).unwrap();
                let engine = Engine { batch_rows, sorted, ..engine(threads) };
                assert_eq!(run(&engine, folder).pays, reference, "{engine:?}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_into_memory_is_spilled() {
    let (reference, dataset, _parent) = write(large());
    let folder = dataset.folder();
    for threads in [1, 2] {
        let batch_rows = NonZero::new(256).unwrap();
        let engine = Engine { batch_rows, memory_bytes: 5 << 20, ..engine(threads) };
        let answer = run(&engine, folder);
        assert!(answer.spilled_bytes > 0, "{threads} threads spilled nothing");
        assert_eq!(answer.pays, reference);
    }
    let left: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    assert_eq!(left.len(), 6, "temporary files are left: {left:?}");
}

#[test]
fn too_little_memory_is_an_error() {
    let (_, dataset, _parent) = write(large());
    let error = queried(&Engine { memory_bytes: 4 << 10, ..engine(2) }, &dataset).unwrap_err();
    assert!(matches!(error, tatum_query::Error::Engine(_)), "{error:?}");
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let (reference, dataset, _parent) = write(large());
    let folder = dataset.folder();
    let shuffled = tempfile::TempDir::new().unwrap();
    for file in ["payers.parquet", "operators.parquet"] {
        std::fs::copy(folder.join(file), shuffled.path().join(file)).unwrap();
    }
    shuffle(&folder.join("receipts.parquet"), &shuffled.path().join("receipts.parquet"));
    for threads in [1, 2, 7] {
        assert_eq!(run(&engine(threads), shuffled.path()).pays, reference);
    }
}

/// Orders rows by a hash instead.
fn shuffle(from: &Path, to: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = SessionContext::new();
        let from = from.to_str().unwrap();
        session.register_parquet("receipts", from, ParquetReadOptions::default()).await.unwrap();
        let copy = format!(
            "COPY (SELECT * FROM receipts ORDER BY contents) TO '{}' STORED AS PARQUET",
            to.display()
        );
        session.sql(&copy).await.unwrap().collect().await.unwrap();
    });
}

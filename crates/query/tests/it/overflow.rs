//! Numbers that do not fit are errors. The engine wraps sums and products silently, so the query casts before; here is shown
//! that each cast it leans on fails, and that tables beyond the bounds are refused.

use std::path::Path;

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use tatum_dataset::{Dataset, Parameters};
use tatum_primitives::{Nano, WEI_PER_NANO};
use tatum_query::Error;

use crate::world::{Work, engine, epoch, operator, parameters, payer, write};

const WORK: Work = Work { payer: 0, operator: 0, stream: 0, bytes: 1, on_time: 1 };
const TABLES: [&str; 3] = ["receipts", "payers", "operators"];

/// A dataset of two operators and a payer with one receipt.
fn small() -> (Dataset, tempfile::TempDir) {
    let operators = vec![operator(0, 1, 1), operator(1, 1, 1)];
    let (_, dataset, parent) = write(epoch(vec![payer(0, 1_000_000_000_000)], operators, &[WORK]));
    (dataset, parent)
}

/// Writes what `rows` selects in the place of a table.
fn replace(dataset: &Dataset, folder: &Path, table: &str, rows: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = SessionContext::new();
        let from = dataset.folder().join(format!("{table}.parquet"));
        let options = ParquetReadOptions::default();
        session.register_parquet(table, from.to_str().unwrap(), options).await.unwrap();
        let to = folder.join(format!("{table}.parquet"));
        let copy = format!("COPY ({rows}) TO '{}' STORED AS PARQUET", to.display());
        session.sql(&copy).await.unwrap().collect().await.unwrap();
    });
}

/// What the query says of a dataset in which `rows` stand in the place of a table.
fn answer(table: &str, rows: &str, parameters: &Parameters) -> Result<usize, Error> {
    let (dataset, _parent) = small();
    let folder = tempfile::TempDir::new().unwrap();
    for name in TABLES.iter().filter(|name| **name != table) {
        let file = format!("{name}.parquet");
        std::fs::copy(dataset.folder().join(&file), folder.path().join(&file)).unwrap();
    }
    replace(&dataset, folder.path(), table, rows);
    engine(2).pays(folder.path(), parameters).map(|answer| answer.pays.len())
}

fn rule(table: &str, rows: &str) -> String {
    match answer(table, rows, &parameters()).unwrap_err() {
        Error::Refused { rule, rows: 1 } => rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_beyond_the_bounds_are_refused() {
    assert_eq!(answer("payers", "SELECT * FROM payers", &parameters()).unwrap(), 2);
    let fee = (u128::from(u64::MAX) + 1) * u128::from(WEI_PER_NANO);
    let dear = format!("SELECT payer, CAST('{fee}' AS DECIMAL(38, 0)) AS fee_wei FROM payers");
    assert_eq!(rule("payers", &dear), "fees of more nano than 64 bits hold");
    let twice = "SELECT * FROM payers UNION ALL SELECT * FROM payers";
    assert_eq!(rule("payers", twice), "payers that stand there twice");
    let gap = "SELECT operator_id * 2 AS operator_id, bond_wei, capacity_bytes FROM operators";
    assert_eq!(rule("operators", gap), "operators whose ids are not 0, 1, 2 and so on");
    let nobody = "SELECT * FROM operators WHERE operator_id > 5";
    assert_eq!(rule("operators", nobody), "receipts for operators that do not exist");
    let owing = "SELECT operator_id, bond_wei, operator_id - 1 AS capacity_bytes FROM operators";
    assert_eq!(rule("operators", owing), "operators with a bond or a capacity below nothing");
}

#[test]
fn bonds_beyond_all_money_are_refused() {
    let bonded = |one: u128, other: u128| {
        let rows = format!(
            "SELECT operator_id, capacity_bytes, CASE operator_id
                 WHEN 0 THEN CAST('{one}' AS DECIMAL(38, 0))
                 ELSE CAST('{other}' AS DECIMAL(38, 0))
             END AS bond_wei FROM operators"
        );
        answer("operators", &rows, &parameters())
    };
    let half = 10u128.pow(28) / 2;
    assert_eq!(bonded(half, half - 1).unwrap(), 2);
    assert!(matches!(bonded(half, half), Err(Error::Engine(_))));
    assert!(matches!(bonded(10u128.pow(28), 0), Err(Error::Engine(_))));
    let largest = 10u128.pow(38) - 1;
    assert!(matches!(bonded(largest, largest), Err(Error::Engine(_))));
}

#[test]
fn fees_beyond_what_is_available_are_refused() {
    let short = Parameters { available_nano: Nano(1), ..parameters() };
    let refused = answer("payers", "SELECT * FROM payers", &short);
    assert!(matches!(refused, Err(Error::Answer(_))), "{refused:?}");
}

/// Runs an expression over a column, so that nothing is worked out while planning.
fn evaluate(expression: &str, values: &str) -> Result<String, datafusion::error::DataFusionError> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = SessionContext::new();
        let table = format!("CREATE TABLE numbers AS SELECT CAST(column1 AS DECIMAL(38, 0)) AS x FROM (VALUES {values})");
        session.sql(&table).await?.collect().await?;
        let batches = session.sql(&format!("SELECT {expression} FROM numbers")).await?.collect().await?;
        Ok(datafusion::arrow::util::pretty::pretty_format_batches(&batches)?.to_string())
    })
}

#[test]
fn every_cast_the_query_leans_on_fails_where_a_number_does_not_fit() {
    for digits in [5u32, 6, 9, 10, 11, 13, 20, 23, 28] {
        let cast = format!("CAST(x AS DECIMAL({digits}, 0))");
        let most = "9".repeat(digits.try_into().unwrap());
        assert!(evaluate(&cast, &format!("('{most}')")).unwrap().contains(&most));
        let more = format!("1{}", "0".repeat(digits.try_into().unwrap()));
        assert!(evaluate(&cast, &format!("('{more}')")).is_err(), "{more} fits {digits} digits");
        let sum = format!("CAST(SUM(x) AS DECIMAL({digits}, 0))");
        assert!(evaluate(&sum, &format!("('{most}'), ('1')")).is_err(), "{digits} digits wrap");
    }
}

#[test]
fn products_divisions_and_remainders_at_the_stated_bounds_are_exact() {
    // 10^11 * 10^23 is the largest number that is divided.
    let high = evaluate(
        "CAST((x - x % 7) / 7 AS DECIMAL(38, 0))",
        "('9999999999999999999999999999999999')",
    );
    assert!(high.unwrap().contains("1428571428571428571428571428571428"));
    let product = evaluate(
        "CAST(x AS DECIMAL(11, 0)) * CAST('99999999999999999999999' AS DECIMAL(23, 0))",
        "('99999999999')",
    );
    assert!(product.unwrap().contains("9999999999899999999999900000000001"));
    // Beyond them, a division fails rather than wraps.
    assert!(evaluate("x / 7", "('99999999999999999999999999999999999999')").is_err());
    assert!(evaluate("x / (x - x)", "('1')").is_err());
    assert!(evaluate("x * x", "('99999999999999999999999999999999999999')").is_err());
}

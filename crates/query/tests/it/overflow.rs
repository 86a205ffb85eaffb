//! Numbers that do not fit are errors. The engine wraps sums and products silently, so the query casts before; here is shown
//! that each cast it leans on fails, and that tables beyond the bounds are refused.

use datafusion::prelude::SessionContext;
use tatum_dataset::EpochData;
use tatum_primitives::Nano;
use tatum_query::Error;
use tatum_rewards::PoolWeight;

use crate::world::{Work, both_ways, engine, epoch, operator, payer};

const WORK: Work = Work { payer: 0, operator: 0, stream: 0, bytes: 1, on_time: 1 };

fn refusal(data: EpochData) -> Error {
    both_ways(data, &engine(2)).map(|(_, answer, ..)| answer).unwrap_err()
}

fn rule(data: EpochData) -> String {
    match refusal(data) {
        Error::Refused { rule, rows: 1 } => rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_beyond_the_bounds_are_refused() {
    let one = || vec![operator(0, 1, true)];
    let fee = (u128::from(u64::MAX) + 1) * 1_000_000_000;
    let data = epoch(vec![payer(0, fee)], one(), &[WORK]);
    assert_eq!(rule(data), "fees of more nano than 64 bits hold");
    let data = epoch(vec![payer(0, 1), payer(0, 1)], one(), &[WORK]);
    assert_eq!(rule(data), "payers that stand there twice");
}

#[test]
fn operators_with_gaps_are_refused() {
    let data = epoch(vec![payer(0, 1)], vec![operator(0, 1, true), operator(2, 1, true)], &[]);
    assert_eq!(rule(data), "operators whose ids are not 0, 1, 2 and so on");
}

#[test]
fn bonds_beyond_all_money_are_refused() {
    let by_bond = |bonds: &[u128]| {
        let operators = (0..).zip(bonds).map(|(id, bond)| operator(id, *bond, true)).collect();
        let mut data = epoch(vec![], operators, &[]);
        data.parameters.pool_weight = PoolWeight::Bond;
        data
    };
    let half = 10u128.pow(28) / 2;
    both_ways(by_bond(&[half, half - 1]), &engine(2)).unwrap();
    assert!(matches!(refusal(by_bond(&[half, half])), Error::Engine(_)));
    assert!(matches!(refusal(by_bond(&[10u128.pow(28)])), Error::Engine(_)));
    let largest = 10u128.pow(38) - 1;
    assert!(matches!(refusal(by_bond(&[largest, largest])), Error::Engine(_)));
}

#[test]
fn fees_beyond_what_is_available_are_refused() {
    let mut data = epoch(vec![payer(0, 1_000_000_000_000)], vec![operator(0, 1, true)], &[WORK]);
    data.parameters.available_nano = Nano(1);
    assert!(both_ways(data, &engine(2)).is_err());
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

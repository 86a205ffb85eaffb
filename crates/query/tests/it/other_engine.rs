//! Another engine, given the same rows and the same text of the queries, answers digit by digit the same: PostgreSQL.

use sqlx::{AssertSqlSafe, PgPool, Row};
use tatum_dataset::{Dataset, Parameters};
use tatum_primitives::{Bps, Nano};
use tatum_rewards::{PoolWeight, Share};
use tatum_test_utils::postgres::Postgres;

use crate::world::{Work, both_ways, engine, epoch, operator, payer};

const CHECKS: &str = include_str!("../../sql/checks.sql");
const ROLL_UP: &str = include_str!("../../sql/roll_up.sql");

/// The tables as PostgreSQL has them.
fn load(dataset: &Dataset) -> String {
    let Parameters { epoch, pool_bps, available_nano, .. } = &dataset.manifest().parameters;
    let mut sql = format!(
        "CREATE TABLE receipts (payer bytea, operator_id bigint, epoch bigint, messages bigint, bytes bigint, bytes_on_time bigint);
         CREATE TABLE payers (payer bytea, fee_wei decimal(38, 0));
         CREATE TABLE operators (operator_id bigint, bond_wei decimal(38, 0), eligible boolean);
         CREATE VIEW parameters AS SELECT CAST({epoch} AS bigint) AS epoch, CAST({} AS decimal(5, 0)) AS pool_bps,
             'bond' AS pool_weight, CAST({} AS decimal(20, 0)) AS available_nano;",
        pool_bps.bps(),
        available_nano.0,
    );
    for signed in dataset.receipts().unwrap() {
        let receipt = signed.unwrap().receipt;
        sql += &format!(
            "INSERT INTO receipts VALUES ('\\x{:x}', {}, {}, {}, {}, {});",
            receipt.payer,
            receipt.operator_id,
            receipt.epoch,
            receipt.messages,
            receipt.bytes,
            receipt.bytes_on_time
        );
    }
    for payer in dataset.payers().unwrap() {
        sql += &format!("INSERT INTO payers VALUES ('\\x{:x}', {});", payer.payer, payer.fee_wei);
    }
    for operator in dataset.operators().unwrap() {
        let (id, bond, eligible) = (operator.operator_id, operator.bond_wei, operator.eligible);
        sql += &format!("INSERT INTO operators VALUES ({id}, {bond}, {eligible});");
    }
    sql
}

#[tokio::test]
async fn postgresql_answers_the_same() {
    // Counters at their bounds, fees that are most of all money, and weights that are too.
    let work: Vec<Work> = (0..400u64)
        .map(|number| Work {
            payer: number % 7,
            operator: u32::try_from(number % 5).unwrap(),
            stream: number,
            bytes: (1 << 40) - number * number,
            on_time: ((1 << 40) - number * number) / (1 + number % 3),
        })
        .collect();
    let payers = (0..7)
        .map(|number| payer(number, 1_234_567_890_123_456_789_012_345_678 + u128::from(number)));
    let operators = (0..5).map(|id| operator(id, 10u128.pow(27) + u128::from(id) * 7 + 1, id != 3));
    let mut data = epoch(payers.collect(), operators.collect(), &work);
    data.parameters.pool_weight = PoolWeight::Bond;
    data.parameters.pool_bps = Bps::new(3_333).unwrap();
    data.parameters.available_nano = Nano(9_000_000_000_000_000_007);
    let (reference, answer, folder, _parent) =
        tokio::task::spawn_blocking(move || both_ways(data, &engine(2)).unwrap()).await.unwrap();
    assert_eq!(answer.shares, reference);

    let cluster = Postgres::start().unwrap();
    let database = PgPool::connect(&cluster.database("rollup").unwrap()).await.unwrap();
    let tables = load(&Dataset::open(&folder).unwrap());
    sqlx::raw_sql(AssertSqlSafe(tables)).execute(&database).await.unwrap();
    for rule in sqlx::query(CHECKS).fetch_all(&database).await.unwrap() {
        assert_eq!(rule.get::<i64, _>("broken"), 0, "{}", rule.get::<String, _>("rule"));
    }
    let as_text = format!(
        "SELECT from_receipts_nano::text AS receipts, from_pool_nano::text AS pool FROM ({ROLL_UP}) AS shares"
    );
    let rows = sqlx::query(AssertSqlSafe(as_text)).fetch_all(&database).await.unwrap();
    let nano =
        |row: &sqlx::postgres::PgRow, name| Nano(row.get::<String, _>(name).parse().unwrap());
    let shares: Vec<Share> = rows
        .iter()
        .map(|row| Share {
            from_receipts_nano: nano(row, "receipts"),
            from_pool_nano: nano(row, "pool"),
        })
        .collect();
    assert_eq!(shares, reference);
    database.close().await;
}

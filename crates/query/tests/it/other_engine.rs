//! Another engine, given the same rows and the same text of the queries, answers digit by digit the same: PostgreSQL.

use sqlx::{AssertSqlSafe, PgPool, Row};
use tatum_dataset::{Dataset, Parameters};
use tatum_primitives::{Bps, Nano};
use tatum_rewards::Pay;
use tatum_test_utils::postgres::Postgres;

use crate::world::{Work, engine, epoch, operator, payer, queried, write};

const CHECKS: &str = include_str!("../../sql/checks.sql");
const EDGES: &str = include_str!("../../sql/edges.sql");
const EDGE_LINES: &str = include_str!("../../sql/edge_lines.sql");
const RECEIPT_UNITS: &str = include_str!("../../sql/receipt_units.sql");
const ROLL_UP: &str = include_str!("../../sql/roll_up.sql");

/// The tables as PostgreSQL has them.
fn load(dataset: &Dataset) -> String {
    let Parameters { epoch, pool_bps, pool_limit_bps, pot_nano, available_nano, .. } =
        &dataset.manifest().parameters;
    let mut sql = format!(
        "CREATE TABLE receipts (payer bytea, operator_id bigint, node bytea, stream_key bytea, role bigint, reader bigint,
             epoch bigint, messages bigint, bytes bigint, bytes_on_time bigint);
         CREATE TABLE payers (payer bytea, fee_wei decimal(38, 0));
         CREATE TABLE operators (operator_id bigint, bond_wei decimal(38, 0), capacity_bytes bigint);
         CREATE VIEW parameters AS SELECT CAST({epoch} AS bigint) AS epoch, CAST({} AS decimal(5, 0)) AS pool_bps,
             CAST({} AS decimal(5, 0)) AS pool_limit_bps, CAST({} AS decimal(20, 0)) AS pot_nano,
             CAST({} AS decimal(20, 0)) AS available_nano;
         CREATE VIEW edges AS {EDGES};",
        pool_bps.bps(),
        pool_limit_bps.bps(),
        pot_nano.0,
        available_nano.0,
    );
    for signed in dataset.receipts().unwrap() {
        let receipt = signed.unwrap().receipt;
        sql += &format!(
            "INSERT INTO receipts VALUES ('\\x{:x}', {}, '\\x{:x}', '\\x{:x}', {}, {}, {}, {}, {}, {});",
            receipt.payer,
            receipt.operator_id,
            receipt.node.0,
            receipt.stream_key.0,
            receipt.role as u8,
            receipt.reader.0,
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
        let (id, bond, capacity) =
            (operator.operator_id, operator.bond_wei, operator.capacity_bytes);
        sql += &format!("INSERT INTO operators VALUES ({id}, {bond}, {capacity});");
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
    let backed = |id: u32| (10u128.pow(27) + u128::from(id) * 7 + 1, (1 << 60) + u64::from(id));
    let operators = (0..5).map(|id| if id == 3 { (id, (0, 0)) } else { (id, backed(id)) });
    let operators = operators.map(|(id, (bond, capacity))| operator(id, bond, capacity));
    let mut data = epoch(payers.collect(), operators.collect(), &work);
    data.parameters.pool_bps = Bps::new(3_333).unwrap();
    data.parameters.pot_nano = Nano(8_641_975_231_000_000_000);
    data.parameters.available_nano = Nano(9_000_000_000_000_000_007);
    let (reference, dataset, _parent) = write(data);
    let (units, lines) = tokio::task::spawn_blocking({
        let (dataset, reference) = (dataset.clone(), reference.clone());
        move || {
            let (engine, parameters) = (engine(2), &dataset.manifest().parameters);
            assert_eq!(queried(&engine, &dataset).unwrap().pays, reference);
            let units = engine.receipt_units(dataset.folder(), parameters).unwrap();
            (units, engine.edge_lines(dataset.folder(), parameters).unwrap())
        }
    })
    .await
    .unwrap();

    let cluster = Postgres::start().unwrap();
    let database = PgPool::connect(&cluster.database("rollup").unwrap()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(load(&dataset))).execute(&database).await.unwrap();
    for rule in sqlx::query(CHECKS).fetch_all(&database).await.unwrap() {
        assert_eq!(rule.get::<i64, _>("broken"), 0, "{}", rule.get::<String, _>("rule"));
    }
    let pays = rows(&database, ROLL_UP, ["work_nano", "paid_nano", "pool_nano"]).await;
    let expected = reference.iter().map(|Pay { work_nano, paid_nano, pool_nano }| {
        [work_nano.0, paid_nano.0, pool_nano.0].map(u128::from)
    });
    assert_eq!(pays, expected.collect::<Vec<_>>());
    let columns = ["units", "payer_units", "nano", "operator_nano", "total_nano"];
    let expected = lines.iter().map(|line| {
        let nano = [line.nano, line.operator_nano, line.total_nano].map(|nano| u128::from(nano.0));
        [line.units, line.payer_units, nano[0], nano[1], nano[2]]
    });
    assert_eq!(rows(&database, EDGE_LINES, columns).await, expected.collect::<Vec<_>>());
    let expected = units.iter().map(|(edge, payer)| [*edge, *payer]).collect::<Vec<_>>();
    assert_eq!(rows(&database, RECEIPT_UNITS, ["edge_units", "payer_units"]).await, expected);
    database.close().await;
}

/// Numbers in the columns of a query's answer.
async fn rows<const N: usize>(
    database: &PgPool,
    query: &'static str,
    columns: [&str; N],
) -> Vec<[u128; N]> {
    let columns = columns.map(|column| format!("{column}::text"));
    let as_text = format!("SELECT {} FROM ({query}) AS answer", columns.join(", "));
    let rows = sqlx::query(AssertSqlSafe(as_text)).fetch_all(database).await.unwrap();
    let number = |row: &sqlx::postgres::PgRow, at: usize| row.get::<String, _>(at).parse().unwrap();
    rows.iter().map(|row| std::array::from_fn(|at| number(row, at))).collect()
}

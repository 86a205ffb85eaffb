//! From the engine's columns to payouts and lines.
//!
//! Invariant: there is one payout for each id from 0 on, in order; amounts fit 64 bits of nano; any other answer is refused.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
use tatum_primitives::{Address, Nano, OperatorId};
use tatum_rewards::Pay;
use tatum_watcher::EdgeLeaf;

use crate::Error;

/// What the query answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What each operator gets, by id.
    pub pays: Vec<Pay>,
    /// Receipts that were counted.
    pub receipts: u64,
    /// Bytes that did not fit into the memory given and went through temporary files.
    pub spilled_bytes: u64,
}

/// The first rule that is broken.
pub(crate) fn broken_rules(batches: &[RecordBatch]) -> Result<(), Error> {
    for batch in batches {
        let rules = column(batch, "rule")?;
        let rules = rules.as_string_opt::<i32>().ok_or(OTHER_TYPES)?;
        let broken = column(batch, "broken")?;
        let broken = broken.as_primitive_opt::<Int64Type>().ok_or(OTHER_TYPES)?;
        for (rule, rows) in rules.iter().zip(broken) {
            match (rule, rows) {
                (Some(_), Some(0)) => {}
                (Some(rule), Some(rows)) => {
                    let rows = u64::try_from(rows).map_err(|_| OTHER_TYPES)?;
                    return Err(Error::Refused { rule: rule.to_owned(), rows });
                }
                _ => return Err(MISSING),
            }
        }
    }
    Ok(())
}

/// The payouts in the roll-up's rows, and the receipts that were counted for them.
pub(crate) fn pays(batches: &[RecordBatch]) -> Result<(Vec<Pay>, u64), Error> {
    let (mut pays, mut counted) = (Vec::new(), 0u64);
    for batch in batches {
        let mut amounts = ["receipts", "common_nano", "work_nano", "paid_nano", "pool_nano"]
            .map(|name| numbers::<u64>(batch, name));
        for id in ids(batch)? {
            if usize::try_from(id?.0).ok() != Some(pays.len()) {
                return Err(Error::Answer("with an operator missing or out of order"));
            }
            // What is common only has to be an amount: below nothing, more would be paid than there is.
            let [receipts, _, work, paid, pool] = next(&mut amounts)?;
            counted = counted.checked_add(receipts).ok_or(TOO_LARGE)?;
            let [work_nano, paid_nano, pool_nano] = [work, paid, pool].map(Nano);
            pays.push(Pay { work_nano, paid_nano, pool_nano });
        }
    }
    Ok((pays, counted))
}

/// The lines in the edges' rows.
pub(crate) fn edge_lines(batches: &[RecordBatch]) -> Result<Vec<EdgeLeaf>, Error> {
    let mut lines = Vec::new();
    for batch in batches {
        let payers = column(batch, "payer")?;
        let payers = payers.as_fixed_size_binary_opt().ok_or(OTHER_TYPES)?;
        let mut units = ["units", "payer_units"].map(|name| numbers::<u128>(batch, name));
        let mut amounts =
            ["nano", "operator_nano", "total_nano"].map(|name| numbers::<u64>(batch, name));
        for (id, payer) in ids(batch)?.zip(payers) {
            let [units, payer_units] = next(&mut units)?;
            let [nano, operator_nano, total_nano] = next(&mut amounts)?.map(Nano);
            let (operator_id, payer) = (id?, address(payer.ok_or(MISSING)?)?);
            let of = EdgeLeaf {
                operator_id,
                payer,
                units,
                payer_units,
                nano,
                operator_nano,
                total_nano,
            };
            lines.push(of);
        }
    }
    Ok(lines)
}

/// The units so far in the receipts' rows.
pub(crate) fn receipt_units(batches: &[RecordBatch]) -> Result<Vec<(u128, u128)>, Error> {
    let mut units = Vec::new();
    for batch in batches {
        let mut columns = ["edge_units", "payer_units"].map(|name| numbers::<u128>(batch, name));
        for _ in 0..batch.num_rows() {
            let [edge, payer] = next(&mut columns)?;
            units.push((edge, payer));
        }
    }
    Ok(units)
}

/// The operators of a batch's rows.
fn ids(batch: &RecordBatch) -> Result<impl Iterator<Item = Result<OperatorId, Error>> + '_, Error> {
    let ids = column(batch, "operator_id")?;
    let ids = ids.as_primitive_opt::<Int64Type>().ok_or(OTHER_TYPES)?;
    let id = |id: Option<i64>| u32::try_from(id.ok_or(MISSING)?).map_err(|_| TOO_LARGE);
    Ok(ids.iter().map(move |cell| id(cell).map(OperatorId)))
}

fn address(bytes: &[u8]) -> Result<Address, Error> {
    <[u8; 20]>::try_from(bytes).map(Address::from).map_err(|_| OTHER_TYPES)
}

const OTHER_TYPES: Error = Error::Answer("with columns of other types");
const MISSING: Error = Error::Answer("without a value in a column");

const TOO_LARGE: Error = Error::Answer("with a number that its type cannot hold");

/// The numbers of a column, one after the other.
fn numbers<'a, T: TryFrom<i128>>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> impl Iterator<Item = Result<T, Error>> + use<'a, T> {
    let cells = column(batch, name).and_then(|column| {
        let cells = column.as_primitive_opt::<Decimal128Type>().ok_or(OTHER_TYPES)?;
        if cells.scale() == 0 { Ok(cells) } else { Err(OTHER_TYPES) }
    });
    let number = |cell: Option<i128>| T::try_from(cell.ok_or(MISSING)?).map_err(|_| TOO_LARGE);
    let (cells, refused) = match cells {
        Ok(cells) => (Some(cells), None),
        Err(error) => (None, Some(Err(error))),
    };
    refused.into_iter().chain(cells.into_iter().flatten().map(number))
}

/// The next number of each column.
fn next<T, const N: usize>(
    columns: &mut [impl Iterator<Item = Result<T, Error>>; N],
) -> Result<[T; N], Error> {
    let mut row = Vec::with_capacity(N);
    for column in columns {
        row.push(column.next().ok_or(MISSING)??);
    }
    row.try_into().map_err(|_| MISSING)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, Error> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or(Error::Answer("without a column"))
}

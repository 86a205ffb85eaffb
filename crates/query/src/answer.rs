//! From the engine's columns to shares.
//!
//! Invariant: there is one share for each id from 0 on, in order, in 64 bits of nano; any other answer is refused.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
use tatum_primitives::Nano;
use tatum_rewards::Share;

use crate::Error;

/// What the query answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What each operator gets, by id.
    pub shares: Vec<Share>,
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

/// The shares in the roll-up's rows.
pub(crate) fn shares(batches: &[RecordBatch]) -> Result<Vec<Share>, Error> {
    let mut shares = Vec::new();
    for batch in batches {
        let ids = column(batch, "operator_id")?;
        let ids = ids.as_primitive_opt::<Int64Type>().ok_or(OTHER_TYPES)?;
        let receipts = nano(batch, "from_receipts_nano")?;
        let pool = nano(batch, "from_pool_nano")?;
        for (id, (receipts, pool)) in ids.iter().zip(receipts.zip(pool)) {
            if id.and_then(|id| usize::try_from(id).ok()) != Some(shares.len()) {
                return Err(Error::Answer("with an operator missing or out of order"));
            }
            shares.push(Share { from_receipts_nano: receipts?, from_pool_nano: pool? });
        }
    }
    Ok(shares)
}

const OTHER_TYPES: Error = Error::Answer("with columns of other types");
const MISSING: Error = Error::Answer("without a value in a column");

fn nano<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<impl Iterator<Item = Result<Nano, Error>> + 'a, Error> {
    let cells = column(batch, name)?.as_primitive_opt::<Decimal128Type>().ok_or(OTHER_TYPES)?;
    if cells.scale() != 0 {
        return Err(OTHER_TYPES);
    }
    let amount = |cell: i128| u64::try_from(cell).map(Nano);
    Ok(cells.iter().map(move |cell| {
        amount(cell.ok_or(MISSING)?).map_err(|_| Error::Answer("with an amount beyond 64 bits"))
    }))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, Error> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or(Error::Answer("without a column"))
}

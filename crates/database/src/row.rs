//! Values as columns hold them, and back.
//!
//! Invariant: every number written fits a signed 64-bit column, and what does not read back is `Corrupt`, never a guess.

use sqlx::any::AnyRow;
use sqlx::{Row, SqlStr};
use tatum_primitives::{Address, B256};

use crate::{Backend, DatabaseError};

/// Rows a statement handles at most: few distinct statements, far below either backend's parameter limit.
pub(crate) const CHUNK: usize = 512;

/// `value` as a column holds it.
pub(crate) fn bigint(value: u64) -> Result<i64, DatabaseError> {
    i64::try_from(value).map_err(|_| DatabaseError::TooLarge { value })
}

/// A number that was written by [`bigint`].
pub(crate) fn unsigned(row: &AnyRow, column: &'static str) -> Result<u64, DatabaseError> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| corrupt(column, "negative"))
}

/// A number that may be absent.
pub(crate) fn unsigned_opt(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<u64>, DatabaseError> {
    let value: Option<i64> = row.try_get(column)?;
    value.map(|value| u64::try_from(value).map_err(|_| corrupt(column, "negative"))).transpose()
}

/// A 32-byte hash that may be absent.
pub(crate) fn hash_opt(row: &AnyRow, column: &'static str) -> Result<Option<B256>, DatabaseError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    let wrong = |_| corrupt(column, "not 32 bytes");
    bytes.map(|bytes| B256::try_from(bytes.as_slice()).map_err(wrong)).transpose()
}

/// An address that may be absent.
pub(crate) fn address_opt(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<Address>, DatabaseError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    let wrong = |_| corrupt(column, "not 20 bytes");
    bytes.map(|bytes| Address::try_from(bytes.as_slice()).map_err(wrong)).transpose()
}

/// A value that this program did not write.
pub(crate) fn corrupt(column: &'static str, reason: impl ToString) -> DatabaseError {
    DatabaseError::Corrupt { column, reason: reason.to_string() }
}

/// `items` in runs whose lengths are powers of two up to [`CHUNK`], so that few different statements are prepared.
pub(crate) fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let fitting = items.len().checked_ilog2().map_or(0, |log| 1usize.wrapping_shl(log));
        let (chunk, rest) = items.split_at_checked(fitting.min(CHUNK))?;
        items = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// `head`, then `rows` groups of `width` parameters, then `tail`, neither of which has any.
///
/// SQLite takes `$1` for a name, and binding a thousand named ones takes it a thousand times a thousand steps: there they have none.
pub(crate) fn with_rows(
    backend: Backend,
    head: &str,
    (rows, width): (usize, usize),
    tail: &str,
) -> SqlStr {
    let mut sql = String::from(head);
    let mut parameter = 0usize;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            parameter = parameter.saturating_add(1);
            sql.push_str(if column == 0 { "" } else { "," });
            match backend {
                Backend::Sqlite => sql.push('?'),
                Backend::Postgres => sql.push_str(&format!("${parameter}")),
            }
        }
        sql.push(')');
    }
    sql.push_str(tail);
    // Nothing but numbers was put between the two fixed texts.
    sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe(sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        let items: Vec<u32> = (0..1203).collect();
        let sizes: Vec<usize> = chunks(&items).map(<[u32]>::len).collect();
        assert_eq!(sizes, [512, 512, 128, 32, 16, 2, 1]);
        assert_eq!(chunks(&items).flatten().count(), items.len());
        assert_eq!(chunks::<u32>(&[]).count(), 0);
    }

    #[test]
    fn parameters_are_numbered_through() {
        let sql = |backend| with_rows(backend, "V ", (2, 2), " end");
        assert_eq!(sql(Backend::Postgres).as_str(), "V ($1,$2),($3,$4) end");
        assert_eq!(sql(Backend::Sqlite).as_str(), "V (?,?),(?,?) end");
    }
}

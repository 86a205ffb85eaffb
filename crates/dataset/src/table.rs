//! Rows to Parquet and back, column by column.
//!
//! Invariant: the bytes depend on the rows and this file's constants alone: columns REQUIRED, row groups of a fixed number
//! of rows, fixed encodings and compression, no creation time. Readers take any file that has the table's columns.

mod pages;
mod read;
mod write;

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use crate::RowError;

#[cfg(test)]
pub(crate) use read::Foreign;
pub(crate) use read::{Cursor, TableReader};
pub(crate) use write::{Cells, TableWriter};

/// Rows held in memory at a time, when writing and when reading: some 20 MB of receipts.
pub(crate) const ROWS_PER_GROUP: usize = 1 << 16;
/// Digits of a decimal: the most that every query engine knows.
const DECIMAL_DIGITS: i32 = 38;
/// The first number that no decimal holds.
const DECIMAL_TOO_LARGE: u128 = 10u128.pow(38);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signed 64-bit integer, 0 to 2^63 − 1.
    Int,
    /// A decimal of 38 digits and no fraction: 16 bytes, big-endian, never negative.
    Decimal,
    /// So many bytes; amounts are big-endian.
    Bytes(usize),
    /// So many bytes, hardly ever the same twice, so that no dictionary is tried.
    UniqueBytes(usize),
}

impl Kind {
    /// What a column of it is, for people.
    fn in_words(self) -> String {
        match self {
            Self::Int => "INT64".to_owned(),
            Self::Decimal => "DECIMAL(38, 0) in 16 bytes".to_owned(),
            Self::Bytes(width) | Self::UniqueBytes(width) => {
                format!("FIXED_LEN_BYTE_ARRAY({width})")
            }
        }
    }

    /// Bytes in a cell, where that is fixed.
    const fn width(self) -> usize {
        match self {
            Self::Int => 0,
            Self::Decimal => 16,
            Self::Bytes(width) | Self::UniqueBytes(width) => width,
        }
    }
}

/// A column's name and what it holds.
pub(crate) type Column = (&'static str, Kind);

/// A row of one of the dataset's tables.
pub(crate) trait Row: Sized {
    /// The table's file.
    const FILE: &'static str;
    /// The table's columns, in order.
    const COLUMNS: &'static [Column];

    /// Appends one cell to each column, in order.
    fn put(&self, cells: &mut Cells) -> Result<(), RowError>;

    /// Takes one cell from each column, in order.
    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError>;
}

/// The number in its table of the row `at` in a row group.
pub(crate) fn row_number(group: usize, at: usize) -> u64 {
    let row = group.saturating_mul(ROWS_PER_GROUP).saturating_add(at);
    u64::try_from(row).unwrap_or(u64::MAX)
}

/// The row group of a row, and its place there.
pub(crate) fn place_of_row(row: u64) -> (usize, usize) {
    let row = usize::try_from(row).unwrap_or(usize::MAX);
    (row / ROWS_PER_GROUP, row % ROWS_PER_GROUP)
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let column = |(name, kind): &Column| {
        let physical = match kind {
            Kind::Int => Physical::INT64,
            Kind::Decimal | Kind::Bytes(_) | Kind::UniqueBytes(_) => Physical::FIXED_LEN_BYTE_ARRAY,
        };
        let width = i32::try_from(kind.width()).unwrap_or(i32::MAX);
        let mut field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_length(width);
        if matches!(kind, Kind::Decimal) {
            field = field
                .with_logical_type(Some(LogicalType::decimal(0, DECIMAL_DIGITS)))
                .with_converted_type(ConvertedType::DECIMAL)
                .with_precision(DECIMAL_DIGITS)
                .with_scale(0);
        }
        field.build().map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("tatum").with_fields(fields).build().map(Arc::new)
}

//! Rows out of a table's file, a row group at a time.
//!
//! Invariant: nothing is taken for a row but what stands in exactly the table's columns, and no file, however broken, does
//! worse than an error: the library's panics over malformed files are caught here.

use std::fs::File;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::{DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{DECIMAL_TOO_LARGE, Kind, ROWS_PER_GROUP, Row, place_of_row, row_number, schema};
use crate::{Error, RowError};

/// The cells of one column of a row group that was read.
enum ReadValues {
    Int(Vec<i64>),
    Bytes(Vec<FixedLenByteArray>),
}

/// The number of rows of a group, and its columns by name.
type Group = (usize, Vec<(&'static str, ReadValues)>);

/// Reads one table, a row group at a time.
pub(crate) struct TableReader<R> {
    path: PathBuf,
    file: SerializedFileReader<File>,
    table: PhantomData<R>,
}

impl<R: Row> TableReader<R> {
    /// Opens the table's file in `folder`, if it has exactly the table's columns.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(R::FILE);
        let file = File::open(&path).map_err(Error::io(&path))?;
        let file = no_panic(|| SerializedFileReader::new(file)).map_err(Error::table(&path))?;
        let expected = schema(R::COLUMNS).map_err(Error::table(&path))?;
        if file.metadata().file_metadata().schema() != expected.as_ref() {
            return Err(Error::Columns { path });
        }
        check_groups(&file).map_err(Error::table(&path))?;
        Ok(Self { path, file, table: PhantomData })
    }

    /// Number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.file.num_row_groups()
    }

    /// The rows of one group; each may be malformed by itself.
    pub(crate) fn group(&self, group: usize) -> Result<Vec<Result<R, RowError>>, Error> {
        let (rows, columns) = no_panic(|| self.columns(group)).map_err(Error::table(&self.path))?;
        Ok((0..rows).map(|row| R::take(&mut Cursor { columns: &columns, row, at: 0 })).collect())
    }

    /// All rows; a malformed one is an error in its place.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = Result<R, Error>> {
        self.into_rows_from(0)
    }

    /// The rows from `first` on; groups before it are not read.
    pub(crate) fn into_rows_from(self, first: u64) -> impl Iterator<Item = Result<R, Error>> {
        let (first_group, skipped) = place_of_row(first);
        let groups = (first_group..self.groups()).flat_map(move |group| match self.group(group) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        (row_number(first_group, 0)..)
            .zip(groups)
            .map(|(row, item)| item?.map_err(|source| Error::Row { file: R::FILE, row, source }))
            .skip(skipped)
    }

    fn columns(&self, group: usize) -> Result<Group, ParquetError> {
        let reader = self.file.get_row_group(group)?;
        let rows = usize::try_from(reader.metadata().num_rows());
        let rows = rows.map_err(|_| ParquetError::General("negative number of rows".into()))?;
        let mut columns = Vec::with_capacity(R::COLUMNS.len());
        for (at, (name, kind)) in R::COLUMNS.iter().enumerate() {
            let cells = reader.get_column_reader(at)?;
            let values = match kind {
                Kind::Int => ReadValues::Int(read_all::<Int64Type>(cells, rows)?),
                Kind::Decimal | Kind::Bytes(_) | Kind::UniqueBytes(_) => {
                    ReadValues::Bytes(read_all::<FixedLenByteArrayType>(cells, rows)?)
                }
            };
            columns.push((*name, values));
        }
        Ok((rows, columns))
    }
}

/// Every row group but the last is full and none is empty, as they were written: so rows have the same places everywhere.
fn check_groups(file: &SerializedFileReader<File>) -> Result<(), ParquetError> {
    let groups = file.metadata().row_groups();
    let last = groups.len().saturating_sub(1);
    let fits = |(at, rows): (usize, Option<usize>)| match rows {
        Some(ROWS_PER_GROUP) => true,
        Some(rows) => at == last && rows > 0 && rows < ROWS_PER_GROUP,
        None => false,
    };
    let rows = groups.iter().map(|group| usize::try_from(group.num_rows()).ok());
    if rows.enumerate().all(fits) {
        Ok(())
    } else {
        Err(ParquetError::General("row groups of another size".into()))
    }
}

/// The library's answer, where a panic is one of its errors.
fn no_panic<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    // What a panic leaves behind is dropped with the reader; nothing half-changed is looked at again.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(ParquetError::General("malformed beyond the reader's checks".into()))
    })
}

fn read_all<T: DataType>(column: ColumnReader, rows: usize) -> Result<Vec<T::T>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(column);
    let mut values = Vec::new();
    while values.len() < rows {
        let missing = rows.saturating_sub(values.len());
        let (read, ..) = reader.read_records(missing, None, None, &mut values)?;
        if read == 0 {
            let got = values.len();
            return Err(ParquetError::General(format!("{got} of {rows} cells in a column")));
        }
    }
    Ok(values)
}

/// Walks over the cells of one row.
pub(crate) struct Cursor<'a> {
    columns: &'a [(&'static str, ReadValues)],
    row: usize,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<(&'static str, &'a ReadValues)> {
        let column = self.columns.get(self.at).map(|(name, values)| (*name, values));
        self.at = self.at.saturating_add(1);
        column
    }

    /// The next cell as an integer of any unsigned type.
    pub(crate) fn int<T: TryFrom<u64>>(&mut self) -> Result<T, RowError> {
        let Some((field, ReadValues::Int(values))) = self.next() else { return Err(missing("")) };
        let value = values.get(self.row).ok_or_else(|| missing(field))?;
        let unsigned = u64::try_from(*value).ok().and_then(|value| T::try_from(value).ok());
        unsigned
            .ok_or_else(|| RowError::Field { field, detail: format!("{value} is out of range") })
    }

    /// The next cell as a decimal.
    pub(crate) fn decimal(&mut self) -> Result<u128, RowError> {
        let field = self.columns.get(self.at).map_or("", |(name, _)| *name);
        let value = u128::from_be_bytes(self.bytes()?);
        if value < DECIMAL_TOO_LARGE {
            return Ok(value);
        }
        Err(RowError::Field { field, detail: "not a decimal of at most 38 digits".to_owned() })
    }

    /// The next cell as bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let Some((field, ReadValues::Bytes(values))) = self.next() else { return Err(missing("")) };
        let cell = values.get(self.row).and_then(|cell| cell.data().try_into().ok());
        cell.ok_or_else(|| missing(field))
    }
}

fn missing(field: &'static str) -> RowError {
    RowError::Field { field, detail: "no such cell".to_owned() }
}

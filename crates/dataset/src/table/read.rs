//! Rows out of a table's file, so many at a time.
//!
//! Invariant: a file comes from a stranger, whatever wrote it. It is read if it has the table's columns by name, order and type, and no empty
//! cell; sizes and counts are bounded before anything is decoded; and no file, however broken, does worse than an error: the library's
//! panics over malformed files are caught here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::basic::{LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::pages::{self, Chunk};
use super::{DECIMAL_TOO_LARGE, Kind, ROWS_PER_GROUP, Row, place_of_row, row_number};
use crate::folder::regular;
use crate::{Error, RowError};

/// The longest description of a table at its file's end: ours of ten million receipts has half a megabyte.
const FOOTER_BYTES: u32 = 16 << 20;

/// The cells of one column that were read.
enum ReadValues {
    Int(Vec<i64>),
    Bytes(Vec<ByteArray>),
}

/// The number of rows of a group, and its columns by name.
type Group = (usize, Vec<(&'static str, ReadValues)>);

/// Reads one table, a group of [`ROWS_PER_GROUP`] rows at a time, however many the file's own row groups have.
pub(crate) struct TableReader<R> {
    path: PathBuf,
    file: SerializedFileReader<File>,
    /// The first row of each row group in the file, and the number of rows.
    starts: Vec<usize>,
    table: PhantomData<R>,
}

impl<R: Row> TableReader<R> {
    /// Opens the table's file in `folder`, if it has the table's columns.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(R::FILE);
        let table = |source| Error::Table { path: path.clone(), source };
        let mut file = regular(&path).map_err(Error::io(&path))?;
        check_footer(&mut file).map_err(table)?;
        let file = no_panic(|| SerializedFileReader::new(file)).map_err(table)?;
        let columns = file.metadata().file_metadata().schema_descr();
        if columns.num_columns() != R::COLUMNS.len() {
            return Err(Error::Columns { path });
        }
        for (got, (name, kind)) in columns.columns().iter().zip(R::COLUMNS) {
            if !is_column(got, name, *kind) {
                return Err(Error::Column { path, column: name, kind: kind.in_words() });
            }
        }
        let starts = starts(&file).map_err(table)?;
        Ok(Self { path, file, starts, table: PhantomData })
    }

    /// Number of rows, by the file's own description.
    pub(crate) fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.rows().div_ceil(ROWS_PER_GROUP)
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
        let first = group.saturating_mul(ROWS_PER_GROUP);
        let rows = self.rows().saturating_sub(first).min(ROWS_PER_GROUP);
        self.check_pages(first, first.saturating_add(rows))?;
        let mut columns = Vec::with_capacity(R::COLUMNS.len());
        for (at, (name, kind)) in R::COLUMNS.iter().enumerate() {
            let mut values = match kind {
                Kind::Int => ReadValues::Int(Vec::with_capacity(rows)),
                Kind::Decimal | Kind::Bytes(_) | Kind::UniqueBytes(_) => {
                    ReadValues::Bytes(Vec::with_capacity(rows))
                }
            };
            self.read_column(at, *kind, (first, rows), &mut values)?;
            columns.push((*name, values));
        }
        Ok((rows, columns))
    }

    /// The row groups that have rows from `first` to `end`, each with its first row and that of the next.
    fn row_groups(&self, first: usize, end: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let before = self.starts.partition_point(|start| *start <= first).saturating_sub(1);
        let groups = self.starts.iter().zip(self.starts.iter().skip(1)).enumerate().skip(before);
        let groups = groups.map(|(group, (start, next))| (group, *start, *next));
        groups.take_while(move |(_, start, _)| *start < end)
    }

    /// Looks through the pages of the row groups that have rows from `first` to `end`.
    fn check_pages(&self, first: usize, end: usize) -> Result<(), ParquetError> {
        // A handle of its own, because the library's and this one would move each other.
        let mut file = regular(&self.path)?;
        for (group, start, next) in self.row_groups(first, end) {
            let described = self.file.metadata().row_group(group);
            for (column, (_, kind)) in described.columns().iter().zip(R::COLUMNS) {
                let (start_byte, bytes) = column.byte_range();
                let width = u64::try_from(kind.width().max(size_of::<i64>())).unwrap_or(u64::MAX);
                let rows = u64::try_from(next.saturating_sub(start)).unwrap_or(u64::MAX);
                pages::check(&mut file, Chunk { start: start_byte, bytes, rows, width })?;
            }
        }
        Ok(())
    }

    /// Reads `count` rows of a column from the row `first` on, out of all row groups that have some of them.
    fn read_column(
        &self,
        column: usize,
        kind: Kind,
        (first, count): (usize, usize),
        values: &mut ReadValues,
    ) -> Result<(), ParquetError> {
        let end = first.saturating_add(count);
        for (group, start, next) in self.row_groups(first, end) {
            let skipped = first.saturating_sub(start);
            let wanted = end.min(next).saturating_sub(first.max(start));
            let reader = self.file.get_row_group(group)?;
            let cells = reader.get_column_reader(column)?;
            match (&mut *values, cells) {
                (ReadValues::Int(into), cells @ ColumnReader::Int64ColumnReader(_)) => {
                    into.extend(read_some::<Int64Type>(cells, skipped, wanted)?);
                }
                (
                    ReadValues::Bytes(into),
                    cells @ ColumnReader::FixedLenByteArrayColumnReader(_),
                ) => {
                    let read = read_some::<FixedLenByteArrayType>(cells, skipped, wanted)?;
                    into.extend(read.into_iter().map(ByteArray::from));
                }
                (ReadValues::Bytes(into), cells) => {
                    into.extend(read_some::<ByteArrayType>(cells, skipped, wanted)?);
                }
                (ReadValues::Int(_), _) => {
                    return Err(ParquetError::General(format!(
                        "{} in another type",
                        kind.in_words()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Bounds what describes the table before it is read: its length stands before the last four bytes.
fn check_footer(file: &mut File) -> Result<(), ParquetError> {
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut tail)?;
    file.rewind()?;
    let [a, b, c, d, ..] = tail;
    match u32::from_le_bytes([a, b, c, d]) {
        length if length > FOOTER_BYTES => Err(ParquetError::General(format!(
            "its description has {length} bytes, at most {FOOTER_BYTES} are read"
        ))),
        _ => Ok(()),
    }
}

/// Whether a file's column is the table's: by name and by what its cells can hold. What else writers note down of it is theirs.
fn is_column(got: &ColumnDescriptor, name: &str, kind: Kind) -> bool {
    let flat =
        got.max_rep_level() == 0 && got.max_def_level() <= 1 && got.path().parts().len() == 1;
    let logical = got.logical_type_ref();
    let holds = match (kind, got.physical_type()) {
        (Kind::Int, Physical::INT64) => {
            matches!(logical, None | Some(LogicalType::Integer(_)))
        }
        (Kind::Decimal, Physical::FIXED_LEN_BYTE_ARRAY) => {
            got.type_length() == 16 && got.type_scale() <= 0
        }
        (Kind::Bytes(width) | Kind::UniqueBytes(width), Physical::FIXED_LEN_BYTE_ARRAY) => {
            usize::try_from(got.type_length()).is_ok_and(|length| length == width)
        }
        // Whoever knows no columns of a fixed width writes each cell with its length, which is checked cell by cell.
        (Kind::Bytes(_) | Kind::UniqueBytes(_), Physical::BYTE_ARRAY) => true,
        _ => false,
    };
    got.name() == name && flat && holds
}

/// Where row groups begin, and where the last one ends.
fn starts(file: &SerializedFileReader<File>) -> Result<Vec<usize>, ParquetError> {
    let bad =
        || ParquetError::General("a row group says that it has a wrong number of rows".into());
    let mut starts = vec![0usize];
    for group in file.metadata().row_groups() {
        let rows = usize::try_from(group.num_rows()).map_err(|_| bad())?;
        let start = starts.last().copied().unwrap_or_default();
        starts.push(start.checked_add(rows).ok_or_else(bad)?);
    }
    Ok(starts)
}

/// The library's answer, where a panic is one of its errors.
fn no_panic<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    // What a panic leaves behind is dropped with the reader; nothing half-changed is looked at again.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(ParquetError::General("malformed beyond the reader's checks".into()))
    })
}

/// So many cells, none of them empty, after so many that are skipped.
fn read_some<T: DataType>(
    column: ColumnReader,
    skipped: usize,
    wanted: usize,
) -> Result<Vec<T::T>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(column);
    let passed = reader.skip_records(skipped)?;
    let (mut values, mut levels, mut records) = (Vec::new(), Vec::new(), 0usize);
    while passed == skipped && records < wanted {
        let missing = wanted.saturating_sub(records);
        let (read, ..) = reader.read_records(missing, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            break;
        }
        records = records.saturating_add(read);
    }
    match values.len() {
        got if got == wanted => Ok(values),
        got => Err(ParquetError::General(format!("{got} of {wanted} cells in a column"))),
    }
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
        let cell = values.get(self.row).ok_or_else(|| missing(field))?;
        let other = || format!("{} bytes instead of {N}", cell.len());
        cell.data().try_into().map_err(|_| RowError::Field { field, detail: other() })
    }
}

fn missing(field: &'static str) -> RowError {
    RowError::Field { field, detail: "no such cell".to_owned() }
}

/// The cells of a table as they are, for tests that write them in another way.
#[cfg(test)]
pub(crate) struct Foreign<R> {
    pub(crate) rows: usize,
    columns: Vec<(&'static str, ReadValues)>,
    table: PhantomData<R>,
}

#[cfg(test)]
impl<R: Row> Foreign<R> {
    pub(crate) fn read(folder: &Path) -> Self {
        let (rows, columns) = TableReader::<R>::open(folder).unwrap().columns(0).unwrap();
        Self { rows, columns, table: PhantomData }
    }

    pub(crate) fn int(&self, column: usize, row: usize) -> i64 {
        let ReadValues::Int(values) = &self.columns[column].1 else { panic!("no numbers") };
        values[row]
    }

    pub(crate) fn bytes(&self, column: usize, row: usize) -> Vec<u8> {
        let ReadValues::Bytes(values) = &self.columns[column].1 else { panic!("no bytes") };
        values[row].data().to_vec()
    }
}

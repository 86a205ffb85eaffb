//! Rows to Parquet and back, column by column.
//!
//! Invariant: the bytes depend on the rows and this file's constants alone: columns REQUIRED, row groups of a fixed number
//! of rows, fixed encodings and compression, no creation time. Readers take nothing but exactly the table's columns.

use std::fs::File;
use std::io::BufWriter;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArray, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::{Error, RowError};

/// Rows held in memory at a time, when writing and when reading: some 20 MB of receipts.
const ROWS_PER_GROUP: u64 = 1 << 16;

/// Written into every file, so that a new version of the library does not change the bytes by its name.
const CREATED_BY: &str = "tatum-dataset 1";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signed 64-bit integer, 0 to 2^63 − 1.
    Int,
    /// Yes or no.
    Bool,
    /// So many bytes; amounts are big-endian.
    Bytes(usize),
    /// So many bytes, hardly ever the same twice, so that no dictionary is tried.
    UniqueBytes(usize),
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

/// The cells of one column of a row group.
#[derive(Debug)]
enum Values {
    Int(Vec<i64>),
    Bool(Vec<bool>),
    Bytes(Vec<u8>),
}

/// A row group on its way into a file.
#[derive(Debug)]
pub(crate) struct Cells {
    columns: Vec<(Column, Values)>,
    at: usize,
}

impl Cells {
    fn new(columns: &[Column]) -> Self {
        let empty = |column: &Column| match column.1 {
            Kind::Int => Values::Int(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Bytes(_) | Kind::UniqueBytes(_) => Values::Bytes(Vec::new()),
        };
        Self { columns: columns.iter().map(|column| (*column, empty(column))).collect(), at: 0 }
    }

    fn next(&mut self) -> Option<&mut (Column, Values)> {
        let column = self.columns.get_mut(self.at);
        self.at = self.at.saturating_add(1);
        column
    }

    /// The next cell is an integer.
    pub(crate) fn int(&mut self, value: u64) -> Result<(), RowError> {
        if let Some(((field, _), Values::Int(values))) = self.next() {
            let detail = || format!("{value} is more than 2^63 - 1");
            let cell = i64::try_from(value);
            values.push(cell.map_err(|_| RowError::Field { field, detail: detail() })?);
        }
        Ok(())
    }

    /// The next cell is yes or no.
    pub(crate) fn bool(&mut self, value: bool) {
        if let Some((_, Values::Bool(values))) = self.next() {
            values.push(value);
        }
    }

    /// The next cell is bytes.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        if let Some((_, Values::Bytes(values))) = self.next() {
            values.extend_from_slice(value);
        }
    }
}

/// Writes one table.
pub(crate) struct TableWriter<R> {
    path: PathBuf,
    file: SerializedFileWriter<BufWriter<File>>,
    cells: Cells,
    rows: u64,
    table: PhantomData<R>,
}

impl<R: Row> TableWriter<R> {
    /// Begins the table's file in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(R::FILE);
        let file = BufWriter::new(File::create_new(&path).map_err(Error::io(&path))?);
        let schema = schema(R::COLUMNS).map_err(Error::table(&path))?;
        let properties = properties(R::COLUMNS).map_err(Error::table(&path))?;
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties));
        let file = file.map_err(Error::table(&path))?;
        Ok(Self { path, file, cells: Cells::new(R::COLUMNS), rows: 0, table: PhantomData })
    }

    /// Rows so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, row: &R) -> Result<(), Error> {
        self.cells.at = 0;
        let at = self.rows;
        row.put(&mut self.cells).map_err(|source| Error::Row { file: R::FILE, row: at, source })?;
        self.rows = self.rows.saturating_add(1);
        if self.rows.is_multiple_of(ROWS_PER_GROUP) { self.flush() } else { Ok(()) }
    }

    /// Ends the file and waits until it is on disk.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        if !self.rows.is_multiple_of(ROWS_PER_GROUP) {
            self.flush()?;
        }
        let buffered = self.file.into_inner().map_err(Error::table(&self.path))?;
        let file = buffered.into_inner().map_err(|e| Error::io(&self.path)(e.into_error()))?;
        file.sync_all().map_err(Error::io(&self.path))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let cells = std::mem::replace(&mut self.cells, Cells::new(R::COLUMNS));
        write_group(&mut self.file, cells).map_err(Error::table(&self.path))
    }
}

fn write_group(
    file: &mut SerializedFileWriter<BufWriter<File>>,
    cells: Cells,
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for ((_, kind), values) in cells.columns {
        let Some(mut column) = group.next_column()? else { break };
        match (values, kind) {
            (Values::Int(values), _) => {
                column.typed::<Int64Type>().write_batch(&values, None, None)?;
            }
            (Values::Bool(values), _) => {
                column.typed::<BoolType>().write_batch(&values, None, None)?;
            }
            (Values::Bytes(values), Kind::Bytes(width) | Kind::UniqueBytes(width)) => {
                let values = fixed(values, width);
                column.typed::<FixedLenByteArrayType>().write_batch(&values, None, None)?;
            }
            (Values::Bytes(_), Kind::Int | Kind::Bool) => {}
        }
        column.close()?;
    }
    group.close().map(drop)
}

/// Cells of `width` bytes, all in one allocation.
fn fixed(values: Vec<u8>, width: usize) -> Vec<FixedLenByteArray> {
    let mut rest = Bytes::from(values);
    let mut cells = Vec::new();
    while rest.len() >= width.max(1) {
        cells.push(FixedLenByteArray::from(ByteArray::from(rest.split_to(width))));
    }
    cells
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let column = |(name, kind): &Column| {
        let (physical, width) = match kind {
            Kind::Int => (Physical::INT64, 0),
            Kind::Bool => (Physical::BOOLEAN, 0),
            Kind::Bytes(width) | Kind::UniqueBytes(width) => {
                (Physical::FIXED_LEN_BYTE_ARRAY, i32::try_from(*width).unwrap_or(i32::MAX))
            }
        };
        let field = Type::primitive_type_builder(name, physical);
        field.with_repetition(Repetition::REQUIRED).with_length(width).build().map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("tatum").with_fields(fields).build().map(Arc::new)
}

fn properties(columns: &[Column]) -> Result<WriterProperties, ParquetError> {
    let base = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None);
    let unique = columns.iter().filter(|(_, kind)| matches!(kind, Kind::UniqueBytes(_)));
    let plain = |properties: parquet::file::properties::WriterPropertiesBuilder, name: &str| {
        properties.set_column_dictionary_enabled(ColumnPath::from(name), false)
    };
    Ok(unique.fold(base, |properties, (name, _)| plain(properties, name)).build())
}

/// The cells of one column of a row group that was read.
enum ReadValues {
    Int(Vec<i64>),
    Bool(Vec<bool>),
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
        let file = SerializedFileReader::new(file).map_err(Error::table(&path))?;
        let expected = schema(R::COLUMNS).map_err(Error::table(&path))?;
        if file.metadata().file_metadata().schema() != expected.as_ref() {
            return Err(Error::Columns { path });
        }
        Ok(Self { path, file, table: PhantomData })
    }

    /// Number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.file.num_row_groups()
    }

    /// The rows of one group; each may be malformed by itself.
    pub(crate) fn group(&self, group: usize) -> Result<Vec<Result<R, RowError>>, Error> {
        let (rows, columns) = self.columns(group).map_err(Error::table(&self.path))?;
        Ok((0..rows).map(|row| R::take(&mut Cursor { columns: &columns, row, at: 0 })).collect())
    }

    /// All rows; a malformed one is an error in its place.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = Result<R, Error>> {
        let groups = (0..self.groups()).flat_map(move |group| match self.group(group) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        (0u64..)
            .zip(groups)
            .map(|(row, item)| item?.map_err(|source| Error::Row { file: R::FILE, row, source }))
    }

    fn columns(&self, group: usize) -> Result<Group, ParquetError> {
        let reader = self.file.get_row_group(group)?;
        let rows = usize::try_from(reader.metadata().num_rows());
        let rows = rows.map_err(|_| ParquetError::General("negative row count".into()))?;
        let mut columns = Vec::with_capacity(R::COLUMNS.len());
        for (at, (name, kind)) in R::COLUMNS.iter().enumerate() {
            let cells = reader.get_column_reader(at)?;
            let values = match kind {
                Kind::Int => ReadValues::Int(read_all::<Int64Type>(cells, rows)?),
                Kind::Bool => ReadValues::Bool(read_all::<BoolType>(cells, rows)?),
                Kind::Bytes(_) | Kind::UniqueBytes(_) => {
                    ReadValues::Bytes(read_all::<FixedLenByteArrayType>(cells, rows)?)
                }
            };
            columns.push((*name, values));
        }
        Ok((rows, columns))
    }
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

    /// The next cell as yes or no.
    pub(crate) fn bool(&mut self) -> Result<bool, RowError> {
        let Some((field, ReadValues::Bool(values))) = self.next() else { return Err(missing("")) };
        values.get(self.row).copied().ok_or_else(|| missing(field))
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

//! Rows into a table's file.
//!
//! Invariant: everything that could make two files of the same rows differ is a constant here.

use std::fs::File;
use std::io::BufWriter;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::{Column, DECIMAL_TOO_LARGE, Kind, ROWS_PER_GROUP, Row, schema};
use crate::{Error, RowError};

/// Written into every file, so that a new version of the library does not change the bytes by its name.
const CREATED_BY: &str = "tatum-dataset 1";

/// The cells of one column of a row group.
#[derive(Debug)]
enum Values {
    Int(Vec<i64>),
    Bytes(Vec<u8>),
}

/// A row group on its way into a file.
#[derive(Debug)]
pub(crate) struct Cells {
    columns: Vec<(Column, Values)>,
    /// The column that the next cell goes to.
    at: usize,
    rows: usize,
}

impl Cells {
    fn new(columns: &[Column]) -> Self {
        let empty = |column: &Column| match column.1 {
            Kind::Int => Values::Int(Vec::new()),
            Kind::Decimal | Kind::Bytes(_) | Kind::UniqueBytes(_) => Values::Bytes(Vec::new()),
        };
        Self {
            columns: columns.iter().map(|column| (*column, empty(column))).collect(),
            at: 0,
            rows: 0,
        }
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

    /// The next cell is a decimal.
    pub(crate) fn decimal(&mut self, value: u128) -> Result<(), RowError> {
        if let Some(((field, _), Values::Bytes(values))) = self.next() {
            if value >= DECIMAL_TOO_LARGE {
                let detail = format!("{value} has more than 38 digits");
                return Err(RowError::Field { field, detail });
            }
            values.extend_from_slice(&value.to_be_bytes());
        }
        Ok(())
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

    /// Appends a row.
    pub(crate) fn push(&mut self, row: &R) -> Result<(), Error> {
        self.cells.at = 0;
        let at = self.rows;
        row.put(&mut self.cells).map_err(|source| Error::Row { file: R::FILE, row: at, source })?;
        self.rows = self.rows.saturating_add(1);
        self.cells.rows = self.cells.rows.saturating_add(1);
        if self.cells.rows == ROWS_PER_GROUP { self.flush() } else { Ok(()) }
    }

    /// Ends the file and waits until it is on disk.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        if self.cells.rows != 0 {
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
            (Values::Bytes(values), _) => {
                let values = fixed(values, kind.width());
                column.typed::<FixedLenByteArrayType>().write_batch(&values, None, None)?;
            }
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

fn properties(columns: &[Column]) -> Result<WriterProperties, ParquetError> {
    let base = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None);
    let unique = columns.iter().filter(|(_, kind)| matches!(kind, Kind::UniqueBytes(_)));
    let plain = |properties: WriterPropertiesBuilder, name: &str| {
        properties.set_column_dictionary_enabled(ColumnPath::from(name), false)
    };
    Ok(unique.fold(base, |properties, (name, _)| plain(properties, name)).build())
}

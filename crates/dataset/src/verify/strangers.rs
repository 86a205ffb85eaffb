//! Datasets of strangers: written by other libraries, or to do harm.

use std::fs::{self, File};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::tests::{counted, forge, receipts, written};
use super::*;
use crate::table::{Foreign, Kind};
use crate::{MANIFEST, Written};

const BOUNDS: Bounds = Bounds { receipts: 6, payers: 2, operators: 3 };

/// How another library writes columns.
struct Style {
    /// Empty cells are allowed, though there are none.
    optional: bool,
    /// Byte strings carry their length.
    variable: bool,
    rows_per_group: usize,
}

/// A table as others would write it: other schema name, annotations, row groups, pages, encodings.
fn rewrite<R: Row>(folder: &Path, style: &Style) {
    let tables = Foreign::<R>::read(folder);
    let (repetition, levels) = if style.optional { ("optional", 1) } else { ("required", 0) };
    let column = |(name, kind): &(&str, Kind)| {
        let physical = match kind {
            Kind::Int => "int64".to_owned(),
            Kind::Decimal => "fixed_len_byte_array(16)".to_owned(),
            _ if style.variable => "byte_array".to_owned(),
            Kind::Bytes(width) | Kind::UniqueBytes(width) => {
                format!("fixed_len_byte_array({width})")
            }
        };
        let annotation = match kind {
            Kind::Int => " (INTEGER(64,true))",
            Kind::Decimal => " (DECIMAL(38,0))",
            _ => "",
        };
        format!("{repetition} {physical} {name}{annotation};")
    };
    let columns: String = R::COLUMNS.iter().map(column).collect();
    let schema = parse_message_type(&format!("message duckdb_schema {{ {columns} }}")).unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED);
    let properties = properties.set_data_page_size_limit(64).set_write_batch_size(2).build();
    let file = File::create(folder.join(R::FILE)).unwrap();
    let mut file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).unwrap();
    for first in (0..tables.rows).step_by(style.rows_per_group) {
        let end = tables.rows.min(first + style.rows_per_group);
        let levels = vec![levels; end - first];
        let levels = style.optional.then_some(levels.as_slice());
        let mut group = file.next_row_group().unwrap();
        for (at, (_, kind)) in R::COLUMNS.iter().enumerate() {
            let mut column = group.next_column().unwrap().unwrap();
            let cells = |row| ByteArray::from(tables.bytes(at, row));
            match kind {
                Kind::Int => {
                    let cells: Vec<i64> = (first..end).map(|row| tables.int(at, row)).collect();
                    column.typed::<Int64Type>().write_batch(&cells, levels, None).unwrap();
                }
                Kind::Decimal => {
                    let cells: Vec<_> = (first..end).map(|row| cells(row).into()).collect();
                    column
                        .typed::<FixedLenByteArrayType>()
                        .write_batch(&cells, levels, None)
                        .unwrap();
                }
                _ if style.variable => {
                    let cells: Vec<ByteArray> = (first..end).map(cells).collect();
                    column.typed::<ByteArrayType>().write_batch(&cells, levels, None).unwrap();
                }
                _ => {
                    let cells: Vec<_> = (first..end).map(|row| cells(row).into()).collect();
                    column
                        .typed::<FixedLenByteArrayType>()
                        .write_batch(&cells, levels, None)
                        .unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    file.close().unwrap();
}

/// Has the manifest say what the files are, in a folder of its name.
fn fit(written: &Written) -> std::path::PathBuf {
    let mut manifest = written.manifest.clone();
    for entry in &mut manifest.files {
        let (keccak256, size) =
            crate::folder::digest(&written.folder.join(&entry.name), u64::MAX).unwrap();
        (entry.keccak256, entry.size_bytes) = (keccak256, size);
    }
    fs::write(written.folder.join(MANIFEST), manifest.encode().unwrap()).unwrap();
    let folder = written.folder.with_file_name(manifest.hash().unwrap().to_string());
    fs::rename(&written.folder, &folder).unwrap();
    folder
}

#[test]
fn tables_of_any_writer_with_the_right_names_types_and_values_do() {
    for (optional, variable, rows_per_group) in
        [(false, false, 1), (true, false, 2), (false, true, 4), (true, true, 5)]
    {
        let (_parent, written) = written();
        let style = Style { optional, variable, rows_per_group };
        rewrite::<CountedReceipt>(&written.folder, &style);
        rewrite::<Payer>(&written.folder, &style);
        rewrite::<Operator>(&written.folder, &style);
        rewrite::<DistributionRow>(&written.folder, &style);
        let folder = fit(&written);
        let verified = verify_within(&folder, BOUNDS).unwrap();
        assert_eq!(verified.distribution, written.distribution);
        let data = Dataset::open_within(&folder, BOUNDS).unwrap().proposal_data().unwrap();
        assert_eq!(data.receipts.commitment(), written.manifest.results.receipts);
    }
}

#[test]
fn a_column_of_another_type_is_named_with_the_type_that_it_must_have() {
    let (_parent, written) = written();
    let schema = "message m { required byte_array payer; required int64 fee_wei; required fixed_len_byte_array(32) quota_bytes; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(written.folder.join(Payer::FILE)).unwrap();
    SerializedFileWriter::new(file, schema, Arc::default()).unwrap().close().unwrap();
    let said = verify_within(&fit(&written), BOUNDS).unwrap_err().to_string();
    assert!(said.contains("no column fee_wei of type DECIMAL(38, 0) in 16 bytes"), "{said}");
}

#[test]
fn more_rows_than_the_chain_or_the_manifest_allows_are_not_read() {
    let (_parent, honest) = written();
    let payer = honest_payer(&honest);
    // By the manifest: whoever says that there are more than the chain has is not believed.
    let folder = forge(&honest, &vec![payer; 100_000], None);
    let said = verify_within(&folder, BOUNDS).unwrap_err().to_string();
    assert_eq!(
        said,
        "manifest.json cannot be read: payers.parquet has 100000 rows, at most 2 can be right"
    );
    // By the file: whoever hides them from the manifest is found out before a row is read.
    let (_parent, other) = written();
    super::tests::replace(&other.folder, &vec![payer; 100_000]);
    let said = verify_within(&fit(&other), BOUNDS).unwrap_err().to_string();
    assert!(said.contains("payers.parquet has 100000 rows, at most 2 can be right"), "{said}");
}

fn honest_payer(written: &Written) -> Payer {
    Dataset::open(&written.folder).unwrap().payers().unwrap()[0]
}

#[test]
fn a_table_ends_at_its_first_row_out_of_order_whatever_follows() {
    let (_parent, honest) = written();
    let one = receipts(&honest)[0].clone();
    let folder = forge(&honest, &counted(&vec![one; 70_000]), None);
    let found = verify(&folder).unwrap_err();
    let rows = found.list().iter().filter(|found| matches!(found, Difference::Row { .. })).count();
    let said = found.to_string();
    assert!(said.contains("receipts.parquet row 1: another row has the same key"), "{said}");
    assert_eq!((rows, found.more()), (1, 0), "{said}");
}

/// One cell of 200 MiB of zeros has some 6 KB in the file.
#[test]
fn a_cell_that_decodes_to_more_than_it_can_hold_is_never_decoded() {
    let (_parent, written) = written();
    let schema = "message m { required byte_array payer; required fixed_len_byte_array(16) fee_wei (DECIMAL(38,0)); required fixed_len_byte_array(32) quota_bytes; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let properties =
        WriterProperties::builder().set_compression(zstd).set_dictionary_enabled(false);
    let file = File::create(written.folder.join(Payer::FILE)).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let large = ByteArray::from(vec![0; 200 << 20]);
    column.typed::<ByteArrayType>().write_batch(&[large], None, None).unwrap();
    column.close().unwrap();
    for width in [16, 32] {
        let mut column = group.next_column().unwrap().unwrap();
        let cell = ByteArray::from(vec![0; width]).into();
        column.typed::<FixedLenByteArrayType>().write_batch(&[cell], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    assert!(fs::metadata(written.folder.join(Payer::FILE)).unwrap().len() < 100_000);
    let said = verify_within(&fit(&written), BOUNDS).unwrap_err().to_string();
    assert!(said.contains("pages decode to more than its cells need"), "{said}");
}

#[test]
fn a_description_of_gigabytes_is_not_believed() {
    let (_parent, written) = written();
    let path = written.folder.join(Operator::FILE);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let said = verify_within(&fit(&written), BOUNDS).unwrap_err().to_string();
    assert!(said.contains("its description has 4294967295 bytes"), "{said}");
}

/// A device never ends, and nobody ever writes into the pipe.
#[cfg(unix)]
#[test]
fn devices_and_pipes_in_the_place_of_files_are_refused_at_once() {
    use std::os::unix::fs::symlink;

    let (_parent, written) = written();
    let pipe = written.folder.join(Operator::FILE);
    fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let said = verify(&written.folder).unwrap_err().to_string();
    assert!(said.contains("operators.parquet") && said.contains("no regular file"), "{said}");
    for name in [Payer::FILE, MANIFEST] {
        fs::remove_file(written.folder.join(name)).unwrap();
        symlink("/dev/zero", written.folder.join(name)).unwrap();
        let said = verify(&written.folder).unwrap_err().to_string();
        assert!(said.contains("no regular file"), "{said}");
    }
}

#[test]
fn a_manifest_of_megabytes_is_none() {
    let (_parent, written) = written();
    fs::write(written.folder.join(MANIFEST), vec![b' '; 2 << 20]).unwrap();
    let said = verify(&written.folder).unwrap_err().to_string();
    assert!(said.contains("manifest.json: more than 1048576 bytes"), "{said}");
}

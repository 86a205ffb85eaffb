//! The pages of a column chunk, looked through before the library makes room for any: sizes before bytes.
//!
//! Invariant: a chunk that passes decodes to no more than its cells need, however little of it there is in the file: 3 KB of a stranger's can
//! otherwise stand for gigabytes. Source: the Parquet format's `PageHeader` in Thrift's compact protocol (a page begins with its type, its
//! size decoded and its size in the file, in this order).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use parquet::errors::ParquetError;

/// The largest page that is decoded.
const PAGE_BYTES: u64 = 16 << 20;
/// The longest header of a page: it may hold the least and the largest value.
const HEADER_BYTES: usize = 1 << 12;
/// What a page takes besides its cells, and the pages of a chunk that is nearly empty.
const SLACK_BYTES: u64 = 1 << 16;
/// What encodings may take more than the cell itself.
const CELL_SLACK_BYTES: u64 = 16;
/// Structures in structures in a header.
const DEPTH: usize = 8;

/// What a column chunk may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Where it lies in the file.
    pub(super) start: u64,
    /// How long it is there.
    pub(super) bytes: u64,
    /// Its rows.
    pub(super) rows: u64,
    /// What a cell takes.
    pub(super) width: u64,
}

/// Refuses a chunk whose pages would decode to more than its cells need.
pub(super) fn check(file: &mut File, chunk: Chunk) -> Result<(), ParquetError> {
    let cell = chunk.width.saturating_add(CELL_SLACK_BYTES);
    // A dictionary may repeat every cell once.
    let allowed = chunk.rows.saturating_mul(cell).saturating_mul(2).saturating_add(SLACK_BYTES);
    let end = chunk.start.saturating_add(chunk.bytes);
    let (mut at, mut decoded) = (chunk.start, 0u64);
    while at < end {
        let page = header(file, at)?;
        decoded = decoded.saturating_add(page.decoded_bytes);
        if page.decoded_bytes > PAGE_BYTES || decoded > allowed {
            return Err(refused("a column's pages decode to more than its cells need"));
        }
        // Room is made for so many cells before one is decoded.
        if page.cells > chunk.rows {
            return Err(refused("a page says that it has more cells than its row group has rows"));
        }
        // A header alone is more than nothing, so this ends.
        at = at.saturating_add(page.header_bytes).saturating_add(page.stored_bytes);
    }
    Ok(())
}

/// What a page says of itself.
struct Page {
    cells: u64,
    header_bytes: u64,
    decoded_bytes: u64,
    stored_bytes: u64,
}

fn header(file: &mut File, at: u64) -> Result<Page, ParquetError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    file.take(u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    let mut thrift = Thrift { rest: &bytes };
    let page = thrift.page().ok_or_else(|| refused("a page without a header"))?;
    let used = bytes.len().saturating_sub(thrift.rest.len());
    Ok(Page { header_bytes: u64::try_from(used).unwrap_or(u64::MAX), ..page })
}

fn refused(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

/// Reads Thrift's compact protocol as far as a page's header needs it; `None` is for what is none.
struct Thrift<'a> {
    rest: &'a [u8],
}

impl Thrift<'_> {
    fn page(&mut self) -> Option<Page> {
        let (mut sizes, mut cells) = ([None; 2], 0);
        let mut field = 0u8;
        while let Some((id, kind)) = self.field(field)? {
            field = id;
            match (id, kind) {
                (2 | 3, 5) => {
                    let size = u64::try_from(zigzag(self.varint()?)).ok()?;
                    *sizes.get_mut(usize::from(id).checked_sub(2)?)? = Some(size);
                }
                // The head of a data page, of a dictionary, or of a data page of the second version.
                (5 | 7 | 8, 12) => cells = self.cells()?.max(cells),
                _ => self.skip(kind, DEPTH)?,
            }
        }
        let [decoded, stored] = sizes;
        Some(Page { cells, header_bytes: 0, decoded_bytes: decoded?, stored_bytes: stored? })
    }

    /// The number of cells in the head of a page, whose first field it is.
    fn cells(&mut self) -> Option<u64> {
        let (mut last, mut cells) = (0, None);
        while let Some((id, kind)) = self.field(last)? {
            last = id;
            match (id, kind) {
                (1, 5) => cells = u64::try_from(zigzag(self.varint()?)).ok(),
                _ => self.skip(kind, DEPTH)?,
            }
        }
        cells
    }

    /// The next field's number and kind; `Some(None)` at the end of the structure.
    fn field(&mut self, last: u8) -> Option<Option<(u8, u8)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        let (step, kind) = (byte >> 4, byte & 15);
        let id = match step {
            0 => u8::try_from(zigzag(self.varint()?)).ok()?,
            step => last.checked_add(step)?,
        };
        Some(Some((id, kind)))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // Booleans are in the kind itself.
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(length)
            }
            12 => {
                let mut last = 0;
                while let Some((id, kind)) = self.field(last)? {
                    last = id;
                    self.skip(kind, depth)?;
                }
                Some(())
            }
            // Headers of pages hold no lists, sets or maps.
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(length).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127).checked_shl(shift)?;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }
}

/// A signed number as the protocol writes it.
const fn zigzag(value: u64) -> i64 {
    let half = (value >> 1).cast_signed();
    if value & 1 == 0 { half } else { !half }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A data page of 100 bytes in the file that decodes to `decoded` bytes, as parquet-rs heads it.
    fn headed(decoded: u32) -> Vec<u8> {
        let mut bytes = vec![0x15, 0, 0x15];
        let mut zigzagged = u64::from(decoded) << 1;
        let low = |value: u64| u8::try_from(value & 127).unwrap();
        while zigzagged > 127 {
            bytes.push(low(zigzagged) | 128);
            zigzagged >>= 7;
        }
        bytes.extend([low(zigzagged), 0x15, 200, 1]);
        // A data page's own header: values, encodings, statistics with a value of three bytes.
        bytes.extend([0x2c, 0x15, 8, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, 3, 1, 2, 3, 0, 0, 0]);
        bytes
    }

    #[test]
    fn the_sizes_of_a_page_are_read_and_its_end_is_found() {
        for decoded in [0, 63, 64, 1 << 20, 0x7fff_ffff] {
            let mut bytes = headed(decoded);
            let header = bytes.len();
            bytes.extend([9; 50]);
            let mut thrift = Thrift { rest: &bytes };
            let page = thrift.page().unwrap();
            assert_eq!((page.decoded_bytes, page.stored_bytes), (decoded.into(), 100));
            assert_eq!(page.cells, 4);
            assert_eq!(bytes.len() - thrift.rest.len(), header);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Thrift { rest: &bytes }.page();
        }
    }
}

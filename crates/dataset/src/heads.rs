//! What lies beside an epoch's receipts, line by line, in a table of its own.
//!
//! Invariant: rows stand in order of their receipt's row and then of publisher and chain; those of one receipt are all that its
//! `contents` commits to. What did not come with a receipt is not there: it can be left out by whoever writes, and not be made up.

use std::collections::HashMap;
use std::iter::Peekable;

use alloy_primitives::{Address, B256};
use tatum_receipt::{Contents, ContentsLine, SignedReceipt, Witnessed};

use crate::table::{Cells, Column, Cursor, Kind, Row};
use crate::{Error, RowError};

/// A line beside a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// The receipt's row in `receipts.parquet`, from 0.
    pub receipt: u64,
    /// The line.
    pub line: ContentsLine,
}

impl Row for HeadRow {
    const FILE: &'static str = "heads.parquet";
    const COLUMNS: &'static [Column] = &[
        ("receipt", Kind::Int),
        ("publisher", Kind::Bytes(20)),
        ("chain", Kind::Bytes(8)),
        ("number", Kind::Int),
        ("id", Kind::UniqueBytes(32)),
        ("span", Kind::Int),
        ("held", Kind::Int),
        ("due", Kind::Int),
        ("brought", Kind::Int),
    ];

    fn put(&self, cells: &mut Cells) -> Result<(), RowError> {
        let line = &self.line;
        cells.int(self.receipt)?;
        cells.bytes(line.publisher.as_slice());
        cells.bytes(&line.chain.to_be_bytes());
        cells.int(line.number)?;
        cells.bytes(line.id.as_slice());
        cells.int(line.span)?;
        cells.int(line.held)?;
        cells.int(line.due)?;
        cells.int(line.brought)
    }

    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError> {
        Ok(Self {
            receipt: cells.int()?,
            line: ContentsLine {
                publisher: Address::from(cells.bytes::<20>()?),
                chain: u64::from_be_bytes(cells.bytes()?),
                number: cells.int()?,
                id: B256::from(cells.bytes::<32>()?),
                span: cells.int()?,
                held: cells.int()?,
                due: cells.int()?,
                brought: cells.int()?,
            },
        })
    }
}

/// Contents by what receipts commit to.
#[derive(Clone, Debug, Default)]
pub struct Beside(HashMap<B256, Contents>);

impl FromIterator<Contents> for Beside {
    fn from_iter<I: IntoIterator<Item = Contents>>(all: I) -> Self {
        let named = all.into_iter().filter(|contents| !contents.is_empty());
        Self(named.map(|contents| (contents.root(), contents)).collect())
    }
}

impl Beside {
    /// The lines that a receipt commits to, if they are here.
    pub(crate) fn of(&self, signed: &SignedReceipt) -> &[ContentsLine] {
        let stated = signed.receipt.contents;
        let known = if stated == B256::ZERO { None } else { self.0.get(&stated) };
        known.map(Contents::lines).unwrap_or_default()
    }
}

/// Walks over the table beside the receipts.
pub(crate) struct HeadWalk<I: Iterator<Item = Result<HeadRow, Error>>> {
    rows: Peekable<I>,
    /// The row that is looked at next.
    pub(crate) at: u64,
}

impl<I: Iterator<Item = Result<HeadRow, Error>>> HeadWalk<I> {
    pub(crate) fn new(rows: I) -> Self {
        Self { rows: rows.peekable(), at: 0 }
    }

    /// The receipt in this row with what lies beside it. Receipts are asked for in order, none is left out.
    pub(crate) fn join(&mut self, row: u64, signed: SignedReceipt) -> Result<Witnessed, Error> {
        let mut lines = Vec::new();
        let first = self.at;
        while let Some(next) = self.rows.next_if(|next| match next {
            Ok(next) => next.receipt <= row,
            Err(_) => true,
        }) {
            let next = next?;
            let at = self.at;
            self.at = self.at.saturating_add(1);
            if next.receipt < row {
                return Err(in_row(at, RowError::OutOfOrder));
            }
            lines.push(next.line);
        }
        let wrong = |error: tatum_receipt::ContentsError| {
            in_row(first, RowError::Field { field: "receipt", detail: error.to_string() })
        };
        let contents = Contents::new(lines).map_err(wrong)?;
        Witnessed::new(signed, contents).map_err(wrong)
    }

    /// Whether nothing is left that belongs to no receipt.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        match self.rows.next() {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(row)) => {
                let detail = format!("{} is no receipt's row", row.receipt);
                Err(in_row(self.at, RowError::Field { field: "receipt", detail }))
            }
        }
    }
}

fn in_row(row: u64, source: RowError) -> Error {
    Error::Row { file: HeadRow::FILE, row, source }
}

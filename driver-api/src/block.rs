//! Rows as one flat byte buffer: written cell by cell, sent as it is, read without copying.
//!
//! ```text
//! block   := row* trailer
//! row     := slot[columns] heap           a slot is 9 bytes: tag u8, payload u64
//! trailer := offset u32[rows]  rows u32  columns u32      where each row starts
//! ```
//!
//! All numbers are little-endian. A slot's payload is the value itself for fixed-size kinds; for
//! text-like kinds it is the offset of the bytes from the start of the row (low half) and their
//! length (high half). So a cell is found in constant time and a block holds up to 4 GiB.

use crate::row::RowBlockRef;
use crate::value::{ValueKind, ValueRef};

/// Bytes of a slot: tag and payload.
pub(crate) const SLOT: usize = 9;
/// Bytes after the row index: rows and columns.
pub(crate) const TRAILER: usize = 8;

/// Why bytes are not a block, or a cell is not what the reader asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The bytes are no block, or the block is damaged.
    #[error("damaged row block: {0}")]
    Damaged(&'static str),
    /// There is no such row or column.
    #[error("there is no {what} {index}: the block has {count}")]
    OutOfRange {
        /// `row` or `column`.
        what: &'static str,
        /// The index that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The cell holds another kind of value.
    #[error("column {column} holds {found}, not {expected}")]
    WrongKind {
        /// The column's index.
        column: usize,
        /// The kind in the cell.
        found: ValueKind,
        /// The kind that was asked for.
        expected: &'static str,
    },
}

/// Rows under construction, in the form that crosses every boundary; see the module for the layout.
///
/// A block is reused: [`clear`](Self::clear) keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct RowBlock {
    bytes: Vec<u8>,
    /// Where the last complete row ends. What follows is an unfinished row, or the trailer.
    complete: usize,
    offsets: Vec<u32>,
    columns: usize,
    /// Whether the trailer follows the rows.
    finished: bool,
}

impl RowBlock {
    /// An empty block for rows of this many columns.
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// A block of one row: how parameters are passed.
    pub fn of_params<'v>(values: impl IntoIterator<Item = ValueRef<'v>>) -> Self {
        let values: Vec<ValueRef<'v>> = values.into_iter().collect();
        let mut block = Self::new(values.len());
        block.push_row(values);
        block
    }

    /// Empties the block and sets the number of columns.
    pub fn clear(&mut self, columns: usize) {
        self.bytes.clear();
        self.complete = 0;
        self.offsets.clear();
        self.columns = columns;
        self.finished = false;
    }

    /// Number of complete rows.
    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes of the complete rows, without the trailer.
    pub fn len(&self) -> usize {
        self.complete
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Starts a row; nothing of it is kept unless [`RowWriter::finish`] is called.
    pub fn row(&mut self) -> RowWriter<'_> {
        self.finished = false;
        let start = self.complete;
        self.bytes.truncate(start);
        self.bytes.resize(start + self.columns * SLOT, 0);
        RowWriter {
            block: self,
            start,
            column: 0,
        }
    }

    /// Adds a whole row; values beyond the number of columns are ignored, missing ones are null.
    pub fn push_row<'v>(&mut self, values: impl IntoIterator<Item = ValueRef<'v>>) {
        let mut row = self.row();
        for value in values {
            row.push(value);
        }
        row.finish();
    }

    /// The block's bytes, trailer included.
    pub fn as_bytes(&mut self) -> &[u8] {
        if !self.finished {
            self.bytes.truncate(self.complete);
            for offset in &self.offsets {
                self.bytes.extend_from_slice(&offset.to_le_bytes());
            }
            let rows = self.offsets.len() as u32;
            self.bytes.extend_from_slice(&rows.to_le_bytes());
            self.bytes
                .extend_from_slice(&(self.columns as u32).to_le_bytes());
            self.finished = true;
        }
        &self.bytes
    }

    /// A reader of the rows written so far.
    pub fn view(&mut self) -> RowBlockRef<'_> {
        let (rows, columns) = (self.offsets.len(), self.columns);
        RowBlockRef::trusted(self.as_bytes(), rows, columns)
    }
}

/// One row being written into a [`RowBlock`].
///
/// A row that is dropped without [`finish`](Self::finish) is not part of the block.
#[must_use = "a row is kept only when it is finished"]
#[derive(Debug)]
pub struct RowWriter<'b> {
    block: &'b mut RowBlock,
    start: usize,
    column: usize,
}

impl<'b> RowWriter<'b> {
    /// Writes the next cell. Cells beyond the last column are counted, and otherwise ignored.
    #[inline]
    pub fn push<'v>(&mut self, value: impl Into<ValueRef<'v>>) {
        let value = value.into();
        let slot = self.start + self.column * SLOT;
        let inside = self.column < self.block.columns;
        self.column += 1;
        if !inside {
            return;
        }
        let payload = match value {
            ValueRef::Null => 0,
            ValueRef::Bool(v) => u64::from(v),
            ValueRef::I64(v)
            | ValueRef::Time(v)
            | ValueRef::Timestamp(v)
            | ValueRef::TimestampTz(v) => v as u64,
            ValueRef::F64(v) => v.to_bits(),
            ValueRef::Date(v) => i64::from(v) as u64,
            ValueRef::Decimal(v) | ValueRef::Text(v) | ValueRef::Json(v) => self.heap(v.as_bytes()),
            ValueRef::Bytes(v) => self.heap(v),
            ValueRef::Uuid(v) => self.heap(&v),
        };
        let cell = &mut self.block.bytes[slot..slot + SLOT];
        cell[0] = value.kind() as u8;
        cell[1..].copy_from_slice(&payload.to_le_bytes());
    }

    /// Number of cells pushed so far.
    pub fn cells(&self) -> usize {
        self.column
    }

    /// Bytes of this row so far.
    pub fn len(&self) -> usize {
        self.block.bytes.len() - self.start
    }

    /// Whether no cell was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.column == 0
    }

    /// Keeps the row, and gives the block back. Cells that were not pushed are null.
    pub fn finish(self) -> &'b mut RowBlock {
        self.block.offsets.push(self.start as u32);
        self.block.complete = self.block.bytes.len();
        self.block
    }

    fn heap(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.block.bytes.len() - self.start;
        self.block.bytes.extend_from_slice(bytes);
        offset as u64 | (bytes.len() as u64) << 32
    }
}

//! Reading rows from a block's bytes without copying: a block, a row, a cell, typed getters.

use crate::block::{BlockError, SLOT, TRAILER};
use crate::value::{Value, ValueKind, ValueRef};

/// A reader of a block's bytes, wherever they came from. Nothing is copied.
///
/// The bytes need not be trusted: a damaged block gives errors, never a panic.
#[derive(Clone, Copy, Debug)]
pub struct RowBlockRef<'a> {
    bytes: &'a [u8],
    /// Where the row index starts, which is where the last row ends.
    index: usize,
    rows: usize,
    columns: usize,
}

impl<'a> RowBlockRef<'a> {
    /// Reads the trailer.
    ///
    /// # Errors
    /// [`BlockError::Damaged`] when the bytes are too short for what the trailer says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let trailer = bytes
            .len()
            .checked_sub(TRAILER)
            .ok_or(BlockError::Damaged("shorter than its trailer"))?;
        let rows = read_u32(bytes, trailer)? as usize;
        let columns = read_u32(bytes, trailer + 4)? as usize;
        let index = rows
            .checked_mul(4)
            .and_then(|size| trailer.checked_sub(size))
            .ok_or(BlockError::Damaged("more rows than bytes"))?;
        let smallest = rows.checked_mul(columns).and_then(|c| c.checked_mul(SLOT));
        if smallest.is_none_or(|size| size > index) {
            return Err(BlockError::Damaged("more cells than bytes"));
        }
        Ok(Self {
            bytes,
            index,
            rows,
            columns,
        })
    }

    /// A reader of bytes that were just written in this form.
    pub(crate) fn trusted(bytes: &'a [u8], rows: usize, columns: usize) -> Self {
        Self {
            bytes,
            index: bytes.len() - TRAILER - rows * 4,
            rows,
            columns,
        }
    }

    /// The bytes that this block reads, trailer included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The row with this index.
    ///
    /// # Errors
    /// [`BlockError::OutOfRange`] beyond the last row, [`BlockError::Damaged`] when the row lies
    /// outside the block.
    #[inline]
    pub fn row(&self, index: usize) -> Result<RowRef<'a>, BlockError> {
        if index >= self.rows {
            return Err(out_of_range("row", index, self.rows));
        }
        let start = read_u32(self.bytes, self.index + index * 4)? as usize;
        let bytes = self
            .bytes
            .get(start..self.index)
            .filter(|bytes| bytes.len() >= self.columns * SLOT)
            .ok_or(BlockError::Damaged("a row lies outside the block"))?;
        Ok(RowRef {
            bytes,
            columns: self.columns,
            block: self.bytes,
        })
    }

    /// All rows in order; a damaged one is an error in its place.
    pub fn iter(&self) -> impl Iterator<Item = Result<RowRef<'a>, BlockError>> + use<'a> {
        let block = *self;
        (0..self.rows).map(move |index| block.row(index))
    }
}

/// One row of a block, or the parameters of one statement.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    /// From the row's first slot to the end of all rows.
    bytes: &'a [u8],
    columns: usize,
    /// The whole block, so that parameters can be passed on as they are.
    block: &'a [u8],
}

impl<'a> RowRef<'a> {
    /// A row without columns: no parameters.
    pub const EMPTY: RowRef<'static> = RowRef {
        bytes: &[],
        columns: 0,
        block: &[],
    };

    /// The bytes of the block that this row is part of; empty for [`EMPTY`](Self::EMPTY). For one
    /// that was made by [`RowBlock::of_params`](crate::RowBlock::of_params) that is how the parameters cross a boundary.
    pub fn block_bytes(&self) -> &'a [u8] {
        self.block
    }

    /// Reads what [`block_bytes`](Self::block_bytes) gave: the first row of a block, or no
    /// parameters for no bytes.
    ///
    /// # Errors
    /// As [`RowBlockRef::parse`] and [`RowBlockRef::row`].
    pub fn from_block_bytes(bytes: &'a [u8]) -> Result<Self, BlockError> {
        if bytes.is_empty() {
            return Ok(RowRef::EMPTY);
        }
        RowBlockRef::parse(bytes)?.row(0)
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns
    }

    /// Whether the row has no columns.
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The value in this column.
    ///
    /// # Errors
    /// [`BlockError::OutOfRange`] beyond the last column, [`BlockError::Damaged`] for an unknown
    /// kind, bytes outside the block, or text that is not UTF-8.
    #[inline]
    pub fn get(&self, column: usize) -> Result<ValueRef<'a>, BlockError> {
        if column >= self.columns {
            return Err(out_of_range("column", column, self.columns));
        }
        let slot = column * SLOT;
        let payload = read_u64(self.bytes, slot + 1)?;
        let kind = ValueKind::from_tag(self.bytes[slot])
            .ok_or(BlockError::Damaged("a value of unknown kind"))?;
        Ok(match kind {
            ValueKind::Null => ValueRef::Null,
            ValueKind::Bool => ValueRef::Bool(payload != 0),
            ValueKind::I64 => ValueRef::I64(payload as i64),
            ValueKind::F64 => ValueRef::F64(f64::from_bits(payload)),
            ValueKind::Date => ValueRef::Date(payload as i64 as i32),
            ValueKind::Time => ValueRef::Time(payload as i64),
            ValueKind::Timestamp => ValueRef::Timestamp(payload as i64),
            ValueKind::TimestampTz => ValueRef::TimestampTz(payload as i64),
            ValueKind::Decimal => ValueRef::Decimal(self.heap_text(payload)?),
            ValueKind::Text => ValueRef::Text(self.heap_text(payload)?),
            ValueKind::Json => ValueRef::Json(self.heap_text(payload)?),
            ValueKind::Bytes => ValueRef::Bytes(self.heap(payload)?),
            ValueKind::Uuid => ValueRef::Uuid(
                self.heap(payload)?
                    .try_into()
                    .map_err(|_| BlockError::Damaged("a UUID that has not sixteen bytes"))?,
            ),
        })
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<ValueRef<'a>, BlockError>> + use<'a> {
        let row = *self;
        (0..self.columns).map(move |column| row.get(column))
    }

    /// All values, owned.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn to_values(&self) -> Result<Vec<Value>, BlockError> {
        self.iter().map(|value| Ok(value?.to_value())).collect()
    }

    /// The integer in this column; booleans count as 0 and 1.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`BlockError::WrongKind`] for another kind or null.
    pub fn i64(&self, column: usize) -> Result<i64, BlockError> {
        match self.get(column)? {
            ValueRef::I64(v) => Ok(v),
            ValueRef::Bool(v) => Ok(v.into()),
            other => Err(wrong_kind(column, other, "i64")),
        }
    }

    /// The number in this column; integers are converted.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`BlockError::WrongKind`] for another kind or null.
    pub fn f64(&self, column: usize) -> Result<f64, BlockError> {
        match self.get(column)? {
            ValueRef::F64(v) => Ok(v),
            ValueRef::I64(v) => Ok(v as f64),
            other => Err(wrong_kind(column, other, "f64")),
        }
    }

    /// The truth value in this column; an integer counts as true unless it is 0.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`BlockError::WrongKind`] for another kind or null.
    pub fn bool(&self, column: usize) -> Result<bool, BlockError> {
        match self.get(column)? {
            ValueRef::Bool(v) => Ok(v),
            ValueRef::I64(v) => Ok(v != 0),
            other => Err(wrong_kind(column, other, "bool")),
        }
    }

    /// The text in this column.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`BlockError::WrongKind`] for another kind or null.
    pub fn text(&self, column: usize) -> Result<&'a str, BlockError> {
        match self.get(column)? {
            ValueRef::Text(v) | ValueRef::Json(v) | ValueRef::Decimal(v) => Ok(v),
            other => Err(wrong_kind(column, other, "text")),
        }
    }

    /// The bytes in this column.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`BlockError::WrongKind`] for another kind or null.
    pub fn bytes(&self, column: usize) -> Result<&'a [u8], BlockError> {
        match self.get(column)? {
            ValueRef::Bytes(v) => Ok(v),
            other => Err(wrong_kind(column, other, "bytes")),
        }
    }

    /// Whether this column is null.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_null(&self, column: usize) -> Result<bool, BlockError> {
        Ok(self.get(column)? == ValueRef::Null)
    }

    /// `None` for null, otherwise what `read` makes of the column: `row.opt(2, RowRef::text)`.
    ///
    /// # Errors
    /// As [`get`](Self::get) and `read`.
    pub fn opt<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self, usize) -> Result<T, BlockError>,
    ) -> Result<Option<T>, BlockError> {
        if self.is_null(column)? {
            return Ok(None);
        }
        read(self, column).map(Some)
    }

    fn heap(&self, payload: u64) -> Result<&'a [u8], BlockError> {
        let offset = (payload & u64::from(u32::MAX)) as usize;
        let length = (payload >> 32) as usize;
        offset
            .checked_add(length)
            .and_then(|end| self.bytes.get(offset..end))
            .ok_or(BlockError::Damaged("a value lies outside the block"))
    }

    fn heap_text(&self, payload: u64) -> Result<&'a str, BlockError> {
        std::str::from_utf8(self.heap(payload)?)
            .map_err(|_| BlockError::Damaged("text that is not UTF-8"))
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Result<u32, BlockError> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|four| u32::from_le_bytes(*four))
        .ok_or(BlockError::Damaged("a number is cut off"))
}

fn read_u64(bytes: &[u8], at: usize) -> Result<u64, BlockError> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|eight| u64::from_le_bytes(*eight))
        .ok_or(BlockError::Damaged("a number is cut off"))
}

fn out_of_range(what: &'static str, index: usize, count: usize) -> BlockError {
    BlockError::OutOfRange { what, index, count }
}

fn wrong_kind(column: usize, found: ValueRef<'_>, expected: &'static str) -> BlockError {
    BlockError::WrongKind {
        column,
        found: found.kind(),
        expected,
    }
}

#[cfg(test)]
mod tests;

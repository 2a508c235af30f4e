//! Where a query's rows go: the driver pushes cells, full blocks leave for the reader.

use crate::block::{RowBlock, RowWriter};
use crate::columns::{self, Column};
use crate::error::{DriverError, ErrorClass, Result};
use crate::value::ValueRef;

/// A block leaves once it holds this many bytes. A row larger than this leaves alone.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// The largest row that can be sent, in bytes: what a block can address, with room to spare.
const LARGEST_ROW: usize = 1 << 31;

/// Whether the reader wants more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a driver stops its query when the reader has had enough"]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop: end the query early and return `Ok`.
    Stop,
}

impl Flow {
    /// `Continue` where more is wanted.
    pub fn from_wants_more(wants_more: bool) -> Self {
        if wants_more {
            Self::Continue
        } else {
            Self::Stop
        }
    }
}

/// The reader's end of a query: takes the header, then blocks.
pub trait BlockReceiver {
    /// Takes the header, in the form of [`columns::encode`]; `count` is the number of columns.
    fn columns(&mut self, header: &[u8], count: usize) -> Flow;
    /// Takes a block of rows, in the form of [`RowBlock`].
    fn block(&mut self, block: &[u8]) -> Flow;
}

/// What a driver writes its rows to.
///
/// ```
/// # use driver_api::{Column, Flow, Result, RowSink};
/// # fn rows(sink: &mut RowSink<'_>) -> Result<()> {
/// sink.start(&[Column::new("id"), Column::new("name")])?;
/// for (id, name) in [(1, "one"), (2, "two")] {
///     let mut row = sink.row()?;
///     row.push(id);
///     row.push(name);
///     if row.finish()? == Flow::Stop {
///         break;
///     }
/// }
/// # Ok(()) }
/// ```
///
/// A statement without a result calls nothing at all. What is left in the last block leaves when
/// the driver's `query` returns `Ok`.
pub struct RowSink<'a> {
    block: &'a mut RowBlock,
    receiver: &'a mut dyn BlockReceiver,
    started: bool,
    flow: Flow,
}

impl<'a> RowSink<'a> {
    /// A sink that fills `block` (whose memory is reused) and hands it to `receiver`.
    pub fn new(block: &'a mut RowBlock, receiver: &'a mut dyn BlockReceiver) -> Self {
        block.clear(0);
        Self {
            block,
            receiver,
            started: false,
            flow: Flow::Continue,
        }
    }

    /// Announces the columns, once, before the first row.
    ///
    /// # Errors
    /// [`ErrorClass::Internal`] when it is called twice: a fault of the driver.
    pub fn start(&mut self, columns: &[Column]) -> Result<()> {
        let mut header = Vec::with_capacity(columns.len() * 32);
        columns::encode(columns, &mut header);
        self.forward_columns(&header, columns.len()).map(|_| ())
    }

    /// Starts a row.
    ///
    /// # Errors
    /// [`ErrorClass::Internal`] before [`start`](Self::start): a fault of the driver.
    #[inline]
    pub fn row(&mut self) -> Result<SinkRow<'_>> {
        if !self.started {
            return Err(fault("a row was pushed before the columns were announced"));
        }
        Ok(SinkRow {
            columns: self.block.columns(),
            writer: self.block.row(),
            receiver: &mut *self.receiver,
            flow: &mut self.flow,
        })
    }

    /// Announces columns whose header is encoded already; `count` is their number.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn forward_columns(&mut self, header: &[u8], count: usize) -> Result<Flow> {
        if self.started {
            return Err(fault("the columns were announced twice"));
        }
        self.started = true;
        self.block.clear(count);
        self.flow = self.receiver.columns(header, count);
        Ok(self.flow)
    }

    /// Passes on a block as it is: for drivers that receive blocks themselves.
    ///
    /// # Errors
    /// [`ErrorClass::Internal`] before the columns were announced.
    pub fn forward_block(&mut self, block: &[u8]) -> Result<Flow> {
        if !self.started {
            return Err(fault(
                "a block was pushed before the columns were announced",
            ));
        }
        if self.flow == Flow::Continue {
            self.flow = self.receiver.block(block);
        }
        Ok(self.flow)
    }

    /// Sends what is left; the caller of the driver does this after a successful `query`.
    pub fn finish(&mut self) -> Flow {
        if !self.block.is_empty() {
            flush(self.block, self.receiver, &mut self.flow);
        }
        self.flow
    }
}

/// One row on its way into a [`RowSink`]; without [`finish`](Self::finish) it is not sent.
#[must_use = "a row is sent only when it is finished"]
pub struct SinkRow<'s> {
    writer: RowWriter<'s>,
    columns: usize,
    receiver: &'s mut dyn BlockReceiver,
    flow: &'s mut Flow,
}

impl SinkRow<'_> {
    /// Writes the next cell.
    #[inline]
    pub fn push<'v>(&mut self, value: impl Into<ValueRef<'v>>) {
        self.writer.push(value);
    }

    /// Ends the row; a full block leaves now.
    ///
    /// # Errors
    /// [`ErrorClass::Internal`] when the number of cells is not that of the columns: a fault of
    /// the driver. [`ErrorClass::LimitExceeded`] for a row of more than 2 GiB.
    #[inline]
    pub fn finish(self) -> Result<Flow> {
        if self.writer.cells() != self.columns {
            return Err(fault(&format!(
                "a row has {} cells, the result has {} columns",
                self.writer.cells(),
                self.columns
            )));
        }
        if self.writer.len() > LARGEST_ROW {
            return Err(DriverError::new(
                ErrorClass::LimitExceeded,
                format!(
                    "a row has {} bytes, more than {LARGEST_ROW}",
                    self.writer.len()
                ),
            ));
        }
        let block = self.writer.finish();
        if block.len() >= BLOCK_BYTES {
            flush(block, self.receiver, self.flow);
        }
        Ok(*self.flow)
    }
}

fn flush(block: &mut RowBlock, receiver: &mut dyn BlockReceiver, flow: &mut Flow) {
    if *flow == Flow::Continue {
        *flow = receiver.block(block.as_bytes());
    }
    let columns = block.columns();
    block.clear(columns);
}

fn fault(message: &str) -> DriverError {
    DriverError::new(
        ErrorClass::Internal,
        format!("fault in the driver: {message}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::RowBlockRef;

    #[derive(Default)]
    struct Collected {
        header: Vec<Column>,
        blocks: Vec<Vec<u8>>,
        stop_after: Option<usize>,
    }

    impl BlockReceiver for Collected {
        fn columns(&mut self, header: &[u8], count: usize) -> Flow {
            assert_eq!(count, 2);
            self.header = columns::decode(header).unwrap();
            Flow::Continue
        }

        fn block(&mut self, block: &[u8]) -> Flow {
            self.blocks.push(block.to_vec());
            match self.stop_after {
                Some(limit) if self.blocks.len() >= limit => Flow::Stop,
                _ => Flow::Continue,
            }
        }
    }

    fn fill(sink: &mut RowSink<'_>, rows: i64) -> i64 {
        sink.start(&[Column::new("n"), Column::new("text")])
            .unwrap();
        let mut pushed = 0;
        for n in 0..rows {
            let mut row = sink.row().unwrap();
            row.push(n);
            row.push("0123456789");
            pushed += 1;
            if row.finish().unwrap() == Flow::Stop {
                break;
            }
        }
        pushed
    }

    #[test]
    fn rows_arrive_in_order_in_blocks_of_bounded_size() {
        let (mut block, mut out) = (RowBlock::default(), Collected::default());
        let mut sink = RowSink::new(&mut block, &mut out);
        assert_eq!(fill(&mut sink, 10_000), 10_000);
        let _ = sink.finish();
        assert_eq!(out.header[1].name, "text");
        assert!(out.blocks.len() > 3);
        let mut expected = 0;
        for bytes in &out.blocks {
            assert!(bytes.len() < BLOCK_BYTES * 2);
            for row in RowBlockRef::parse(bytes).unwrap().iter() {
                assert_eq!(row.unwrap().i64(0), Ok(expected));
                expected += 1;
            }
        }
        assert_eq!(expected, 10_000);
    }

    #[test]
    fn a_reader_that_has_enough_stops_the_driver() {
        let mut block = RowBlock::default();
        let mut out = Collected {
            stop_after: Some(1),
            ..Default::default()
        };
        let mut sink = RowSink::new(&mut block, &mut out);
        let pushed = fill(&mut sink, 1_000_000);
        assert!(pushed < 5_000, "{pushed} rows were pushed");
        assert_eq!(sink.finish(), Flow::Stop);
        assert_eq!(out.blocks.len(), 1);
    }

    #[test]
    fn a_row_of_the_wrong_width_is_the_drivers_fault() {
        let (mut block, mut out) = (RowBlock::default(), Collected::default());
        let mut sink = RowSink::new(&mut block, &mut out);
        assert!(sink.row().is_err());
        sink.start(&[Column::new("a"), Column::new("b")]).unwrap();
        let mut row = sink.row().unwrap();
        row.push(1i64);
        let error = row.finish().unwrap_err();
        assert_eq!(
            error.message(),
            "fault in the driver: a row has 1 cells, the result has 2 columns"
        );
        let _ = sink.finish();
        assert!(out.blocks.is_empty());
    }
}

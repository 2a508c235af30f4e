//! Queries of the worker's own: each row is given to a closure.

use driver_api::{BlockReceiver, Connection, Flow, Result, RowBlock, RowBlockRef, RowRef, RowSink};

/// Runs a query on a connection and gives its rows to `each`, whose error ends it.
pub(super) fn each_row(
    connection: &mut dyn Connection,
    sql: &str,
    params: RowRef<'_>,
    each: impl FnMut(RowRef<'_>) -> Result<()>,
) -> Result<()> {
    let mut rows = Rows {
        each,
        result: Ok(()),
    };
    let mut block = RowBlock::default();
    let mut sink = RowSink::new(&mut block, &mut rows);
    connection.query(sql, params, &mut sink)?;
    let _ = sink.finish();
    rows.result
}

struct Rows<F> {
    each: F,
    result: Result<()>,
}

impl<F: FnMut(RowRef<'_>) -> Result<()>> Rows<F> {
    fn read(&mut self, block: &[u8]) -> Result<()> {
        for row in RowBlockRef::parse(block)?.iter() {
            (self.each)(row?)?;
        }
        Ok(())
    }
}

impl<F: FnMut(RowRef<'_>) -> Result<()>> BlockReceiver for Rows<F> {
    fn columns(&mut self, _: &[u8], _: usize) -> Flow {
        Flow::Continue
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        if self.result.is_ok() {
            self.result = self.read(block);
        }
        Flow::from_wants_more(self.result.is_ok())
    }
}

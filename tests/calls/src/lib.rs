//! A driver's connection called with plain values, and a sink that keeps every row, for the drivers' unit tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "only tests use this crate"
)]

pub mod cancelling;
pub mod memory;

use driver_api::{
    BlockReceiver, Column, Connection, ExecuteResult, Flow, Result, RowBlock, RowBlockRef, RowSink,
    Value, decode_columns,
};

/// A connection; statements take arrays of values as their parameters.
#[derive(Debug)]
pub struct Calls<C> {
    /// For whatever else is to be called.
    pub connection: C,
}

impl<C: Connection> Calls<C> {
    /// Runs a statement and drops its rows.
    ///
    /// # Errors
    /// The driver's.
    pub fn execute<const N: usize>(
        &mut self,
        sql: &str,
        params: [Value; N],
    ) -> Result<ExecuteResult> {
        let mut block = params_block(&params);
        self.connection.execute(sql, block.view().row(0)?)
    }

    /// Runs a statement for every row.
    ///
    /// # Errors
    /// The driver's.
    pub fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<ExecuteResult> {
        let mut block = RowBlock::new(rows.first().map_or(0, Vec::len));
        for row in rows {
            block.push_row(row.iter().map(Value::as_ref));
        }
        self.connection.execute_many(sql, block.view())
    }

    /// Runs a query and keeps what it pushes.
    ///
    /// # Errors
    /// The driver's.
    pub fn query<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Result<Kept> {
        let mut kept = Kept::default();
        self.query_into(sql, params, &mut kept)?;
        Ok(kept)
    }

    /// Runs a query whose rows go to `receiver`.
    ///
    /// # Errors
    /// The driver's.
    pub fn query_into<const N: usize>(
        &mut self,
        sql: &str,
        params: [Value; N],
        receiver: &mut dyn BlockReceiver,
    ) -> Result<()> {
        let (mut params, mut block) = (params_block(&params), RowBlock::default());
        let mut sink = RowSink::new(&mut block, receiver);
        self.connection
            .query(sql, params.view().row(0)?, &mut sink)?;
        let _ = sink.finish();
        Ok(())
    }

    /// The rows of a query that must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub fn rows<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Vec<Vec<Value>> {
        self.query(sql, params)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows
    }

    /// The one value of the one row.
    ///
    /// # Panics
    /// When there is more or less than that.
    pub fn value<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Value {
        let rows = self.rows(sql, params);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}");
        rows[0][0].clone()
    }
}

fn params_block(params: &[Value]) -> RowBlock {
    RowBlock::of_params(params.iter().map(Value::as_ref))
}

/// What a query pushed.
#[derive(Debug, Default)]
pub struct Kept {
    /// The columns that were announced.
    pub columns: Vec<Column>,
    /// Every row.
    pub rows: Vec<Vec<Value>>,
    /// The receiver has enough after this many blocks.
    pub stop_after: Option<usize>,
    /// Blocks that came.
    pub blocks: usize,
}

impl BlockReceiver for Kept {
    fn columns(&mut self, header: &[u8], count: usize) -> Flow {
        self.columns = decode_columns(header).unwrap();
        assert_eq!(self.columns.len(), count);
        Flow::from_wants_more(self.stop_after != Some(0))
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        self.blocks += 1;
        for row in RowBlockRef::parse(block).unwrap().iter() {
            self.rows.push(row.unwrap().to_values().unwrap());
        }
        Flow::from_wants_more(self.stop_after.is_none_or(|limit| self.blocks < limit))
    }
}

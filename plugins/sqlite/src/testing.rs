//! A real database in a temporary directory, and a sink that keeps every row, for unit tests.

use driver_api::{
    BlockReceiver, Column, Connection, ExecuteResult, Flow, Result, RowBlock, RowBlockRef, RowSink,
    Value, decode_columns,
};
use tempfile::TempDir;

use crate::connection::SqliteConnection;
use crate::open;
use crate::options::{SqliteOptions, Synchronous};

/// A database file that is removed after the test, with one connection.
pub(crate) struct TestDatabase {
    pub(crate) connection: SqliteConnection,
    pub(crate) options: SqliteOptions,
    /// Dropped last, so that the connection still finds its files; a second connection has none.
    _directory: Option<TempDir>,
}

impl TestDatabase {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = options(&directory);
        assert!(open::create(&options).unwrap());
        let connection = SqliteConnection::open(&options).unwrap();
        Self {
            connection,
            options,
            _directory: Some(directory),
        }
    }

    /// A second connection with changed options.
    pub(crate) fn connect(&self, change: impl FnOnce(&mut SqliteOptions)) -> Self {
        let mut options = self.options.clone();
        change(&mut options);
        let connection = SqliteConnection::open(&options).unwrap();
        Self {
            connection,
            options,
            _directory: None,
        }
    }

    pub(crate) fn execute<const N: usize>(
        &mut self,
        sql: &str,
        params: [Value; N],
    ) -> Result<ExecuteResult> {
        let mut block = params_block(&params);
        self.connection.execute(sql, block.view().row(0)?)
    }

    pub(crate) fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<ExecuteResult> {
        let mut block = RowBlock::new(rows.first().map_or(0, Vec::len));
        for row in rows {
            block.push_row(row.iter().map(Value::as_ref));
        }
        self.connection.execute_many(sql, block.view())
    }

    pub(crate) fn query<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Result<Kept> {
        let mut kept = Kept::default();
        self.query_into(sql, params, &mut kept)?;
        Ok(kept)
    }

    pub(crate) fn query_into<const N: usize>(
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

    pub(crate) fn rows<const N: usize>(
        &mut self,
        sql: &str,
        params: [Value; N],
    ) -> Vec<Vec<Value>> {
        self.query(sql, params).unwrap().rows
    }

    /// The one value of the one row.
    pub(crate) fn value<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Value {
        let rows = self.rows(sql, params);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}");
        rows[0][0].clone()
    }
}

/// Default options for a file in this directory, with a short wait for locks.
pub(crate) fn options(directory: &TempDir) -> SqliteOptions {
    SqliteOptions {
        path: directory.path().join("deep/test.db"),
        read_only: false,
        synchronous: Synchronous::Full,
        busy_timeout: std::time::Duration::from_millis(20),
        cache_kib: 1024,
        statement_cache: 16,
    }
}

fn params_block(params: &[Value]) -> RowBlock {
    RowBlock::of_params(params.iter().map(Value::as_ref))
}

/// What a query pushed.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// The receiver has enough after this many blocks.
    pub(crate) stop_after: Option<usize>,
    pub(crate) blocks: usize,
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

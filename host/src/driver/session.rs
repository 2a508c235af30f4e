//! One connection in use: statements with parameters in, typed rows out, without copying cells.

use std::path::Path;
use std::sync::Arc;

use driver_api::{
    BackupWatch, BlockReceiver, CancelHandle, Column, ColumnInfo, Connection, ExecuteResult, Flow,
    Result, RowBlock, RowBlockRef, RowRef, RowSink, TableInfo, TransactionMode, ValueRef,
    decode_columns,
};

/// One connection in use. Placeholders are `?` in every dialect.
pub struct Session {
    connection: Box<dyn Connection>,
    /// Rows are written here first where the driver is linked in; kept, so that a query allocates nothing.
    block: RowBlock,
    /// Parameters of the running statement; kept for the same reason.
    params: RowBlock,
}

impl Session {
    pub(super) fn new(connection: Box<dyn Connection>) -> Self {
        Self {
            connection,
            block: RowBlock::default(),
            params: RowBlock::default(),
        }
    }

    /// Runs a query and gives each row to `each`, which says whether it wants more.
    ///
    /// # Errors
    /// The driver's, or that of `each`, which ends the query.
    pub fn query_each(
        &mut self,
        sql: &str,
        params: &[ValueRef<'_>],
        each: impl FnMut(RowRef<'_>) -> Result<Flow>,
    ) -> Result<()> {
        self.query_with_columns(sql, params, |_| Ok(()), each)
    }

    /// As [`query_each`](Self::query_each), and gives the columns to `header` first.
    ///
    /// # Errors
    /// The driver's, or that of a closure, which ends the query.
    pub fn query_with_columns(
        &mut self,
        sql: &str,
        params: &[ValueRef<'_>],
        header: impl FnMut(Vec<Column>) -> Result<()>,
        each: impl FnMut(RowRef<'_>) -> Result<Flow>,
    ) -> Result<()> {
        let params = fill(&mut self.params, params)?;
        let mut reader = RowReader {
            header,
            each,
            failed: None,
        };
        let mut sink = RowSink::new(&mut self.block, &mut reader);
        let result = self.connection.query(sql, params, &mut sink);
        if result.is_ok() {
            let _ = sink.finish();
        }
        match reader.failed {
            Some(error) => Err(error),
            None => result,
        }
    }

    /// All rows of a query, each made into a `T`.
    ///
    /// # Errors
    /// The driver's, or that of `make`.
    pub fn query_all<T>(
        &mut self,
        sql: &str,
        params: &[ValueRef<'_>],
        mut make: impl FnMut(RowRef<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.query_each(sql, params, |row| {
            all.push(make(row)?);
            Ok(Flow::Continue)
        })?;
        Ok(all)
    }

    /// The first row of a query, made into a `T`; `None` when there is no row.
    ///
    /// # Errors
    /// The driver's, or that of `make`.
    pub fn query_first<T>(
        &mut self,
        sql: &str,
        params: &[ValueRef<'_>],
        mut make: impl FnMut(RowRef<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut first = None;
        self.query_each(sql, params, |row| {
            first = Some(make(row)?);
            Ok(Flow::Stop)
        })?;
        Ok(first)
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// The driver's.
    pub fn execute(&mut self, sql: &str, params: &[ValueRef<'_>]) -> Result<ExecuteResult> {
        let params = fill(&mut self.params, params)?;
        self.connection.execute(sql, params)
    }

    /// Runs a statement once for every row of `batch`, all or nothing. An empty batch does nothing.
    ///
    /// # Errors
    /// The driver's.
    pub fn execute_many(&mut self, sql: &str, batch: &mut RowBlock) -> Result<ExecuteResult> {
        if batch.is_empty() {
            return Ok(ExecuteResult::default());
        }
        self.connection.execute_many(sql, batch.view())
    }

    /// The tables and views of the database.
    ///
    /// # Errors
    /// The driver's.
    pub fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.connection.tables()
    }

    /// The columns of a table.
    ///
    /// # Errors
    /// The driver's.
    pub fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.connection.columns(table)
    }

    /// Copies the database into a new file; see [`Connection::backup`].
    ///
    /// # Errors
    /// The driver's.
    pub fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        self.connection.backup(target, watch)
    }

    /// Makes sure that the database answers.
    ///
    /// # Errors
    /// The driver's.
    pub fn ping(&mut self) -> Result<()> {
        self.connection.ping()
    }

    /// Stops this session's running statement from another thread, where the driver can.
    pub fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        self.connection.cancel_handle()
    }

    pub(super) fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.connection.begin(mode)
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.connection.commit()
    }

    pub(super) fn rollback(&mut self) -> Result<()> {
        self.connection.rollback()
    }

    pub(super) fn close(&mut self) -> Result<()> {
        self.connection.close()
    }
}

fn fill<'b>(block: &'b mut RowBlock, params: &[ValueRef<'_>]) -> Result<RowRef<'b>> {
    if params.is_empty() {
        return Ok(RowRef::EMPTY);
    }
    block.clear(params.len());
    block.push_row(params.iter().copied());
    Ok(block.view().row(0)?)
}

/// Reads blocks as they arrive and hands their rows to the caller's closures.
struct RowReader<H, F> {
    header: H,
    each: F,
    failed: Option<driver_api::DriverError>,
}

impl<H, F> RowReader<H, F>
where
    H: FnMut(Vec<Column>) -> Result<()>,
    F: FnMut(RowRef<'_>) -> Result<Flow>,
{
    fn read(&mut self, block: &[u8]) -> Result<Flow> {
        for row in RowBlockRef::parse(block)?.iter() {
            if (self.each)(row?)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    fn or_stop(&mut self, flow: Result<Flow>) -> Flow {
        flow.unwrap_or_else(|error| {
            self.failed = Some(error);
            Flow::Stop
        })
    }
}

impl<H, F> BlockReceiver for RowReader<H, F>
where
    H: FnMut(Vec<Column>) -> Result<()>,
    F: FnMut(RowRef<'_>) -> Result<Flow>,
{
    fn columns(&mut self, header: &[u8], _count: usize) -> Flow {
        let flow = decode_columns(header)
            .map_err(Into::into)
            .and_then(|columns| (self.header)(columns))
            .map(|()| Flow::Continue);
        self.or_stop(flow)
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        let flow = self.read(block);
        self.or_stop(flow)
    }
}

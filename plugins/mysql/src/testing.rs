//! A real server that the tests of this process share, a database of its own for each, and a sink that keeps rows.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use driver_api::{
    BlockReceiver, Column, Connection, ExecuteResult, Flow, Options, Result, RowBlock, RowBlockRef,
    RowSink, Value, decode_columns,
};
use serde_json::{Value as Json, json};
use test_servers::mariadb::MariaDbServer;

use crate::connection::MysqlConnection;
use crate::options::{self, MysqlOptions};
use crate::session;

/// The server that tests share as long as one of them runs.
fn shared_server() -> Option<Arc<MariaDbServer>> {
    static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(MariaDbServer::start()?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A database of its own, with one connection.
pub(crate) struct TestDatabase {
    pub(crate) connection: MysqlConnection,
    /// What it was connected with, to connect once more.
    pub(crate) values: Json,
    /// The shared server ends with the last test that uses it.
    _server: Option<Arc<MariaDbServer>>,
}

impl TestDatabase {
    /// On the shared server; `None`, after one line on standard error, where there is none.
    pub(crate) fn new() -> Option<Self> {
        let server = shared_server()?;
        let database = Self::on(&server);
        Some(Self {
            _server: Some(server),
            ..database
        })
    }

    /// On this server, which must outlive it.
    pub(crate) fn on(server: &MariaDbServer) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let database = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let values = json!({
            "host": server.host(), "port": server.port(), "database": database,
            "user": server.user(), "password": server.password(), "lock_timeout_ms": 1000,
        });
        assert_eq!(session::create_database(&read(&values).unwrap()), Ok(true));
        Self::with(open(&values).unwrap(), values)
    }

    /// Around a connection that these options made.
    pub(crate) fn with(connection: MysqlConnection, values: Json) -> Self {
        Self {
            connection,
            values,
            _server: None,
        }
    }

    pub(crate) fn database(&self) -> &str {
        self.values["database"].as_str().unwrap()
    }

    /// A second connection with changed options; null takes one away.
    pub(crate) fn connect(&self, change: Json) -> Result<Self> {
        let mut values = self.values.clone();
        for (key, value) in change.as_object().unwrap() {
            values[key] = value.clone();
        }
        Ok(Self {
            connection: open(&values)?,
            values,
            _server: self._server.clone(),
        })
    }

    /// A second connection with the same options.
    pub(crate) fn again(&self) -> Self {
        self.connect(json!({})).unwrap()
    }

    pub(crate) fn execute<const N: usize>(
        &mut self,
        sql: &str,
        params: [Value; N],
    ) -> Result<ExecuteResult> {
        let mut block = params_block(&params);
        self.connection.execute(sql, block.view().row(0)?)
    }

    /// Runs statements that must succeed.
    pub(crate) fn run(&mut self, statements: &[&str]) {
        for sql in statements {
            self.execute(sql, [])
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
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
        self.query(sql, params)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows
    }

    /// The one value of the one row.
    pub(crate) fn value<const N: usize>(&mut self, sql: &str, params: [Value; N]) -> Value {
        let rows = self.rows(sql, params);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}");
        rows[0][0].clone()
    }
}

/// Options as the host would have them checked.
pub(crate) fn read(values: &Json) -> Result<MysqlOptions> {
    let values = values.as_object().unwrap();
    let options = Options::check(&options::schema(), values, Path::new("/")).unwrap();
    MysqlOptions::read(&options)
}

pub(crate) fn open(values: &Json) -> Result<MysqlConnection> {
    MysqlConnection::open(read(values)?)
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

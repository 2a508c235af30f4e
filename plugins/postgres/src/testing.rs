//! A database on a real server, and a sink that keeps every row, for unit tests.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use driver_api::{
    BlockReceiver, Column, Connection, Driver, ExecuteResult, Flow, Options, Result, RowBlock,
    RowBlockRef, RowSink, Value, decode_columns,
};
use serde_json::{Map, Value as Json, json};
use test_servers::postgres::PostgresServer;

use crate::connection::PostgresConnection;
use crate::driver::PostgresDriver;
use crate::options::{PostgresOptions, schema};

/// A database with one connection, on a server that tests share.
pub(crate) struct TestDatabase {
    pub(crate) connection: PostgresConnection,
    pub(crate) options: Map<String, Json>,
    pub(crate) server: Arc<PostgresServer>,
}

/// The server that tests share as long as one of them runs.
fn shared_server() -> Option<Arc<PostgresServer>> {
    static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let settings = [("max_connections", "60"), ("deadlock_timeout", "100ms")];
    let server = Arc::new(PostgresServer::with_settings(&settings)?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// The options for a server's database, over TCP and with the password.
pub(crate) fn options(server: &PostgresServer, database: &str) -> Map<String, Json> {
    let options = json!({
        "host": server.host(),
        "port": server.port(),
        "database": database,
        "user": server.user(),
        "password": server.password(),
    });
    options.as_object().unwrap().clone()
}

/// Options as the host checks them.
pub(crate) fn checked(options: &Map<String, Json>) -> Options {
    Options::check(&schema(), options, Path::new("/")).unwrap()
}

/// A connection with these options.
pub(crate) fn open(options: &Map<String, Json>) -> Result<PostgresConnection> {
    PostgresConnection::open(&PostgresOptions::read(&checked(options))?)
}

impl TestDatabase {
    /// A new database; `None` where no server is installed.
    pub(crate) fn new() -> Option<Self> {
        Some(Self::on(shared_server()?))
    }

    /// A new database on this server.
    pub(crate) fn on(server: Arc<PostgresServer>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let options = options(&server, &name);
        assert!(PostgresDriver.create_database(&checked(&options)).unwrap());
        Self {
            connection: open(&options).unwrap(),
            options,
            server,
        }
    }

    /// A second connection with changed options.
    pub(crate) fn connect(&self, change: Json) -> Self {
        let mut options = self.options.clone();
        options.extend(change.as_object().unwrap().clone());
        Self {
            connection: open(&options).unwrap(),
            options,
            server: Arc::clone(&self.server),
        }
    }

    /// Runs SQL of which the result does not matter.
    pub(crate) fn run(&mut self, sql: &str) {
        self.execute(sql, []).unwrap();
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

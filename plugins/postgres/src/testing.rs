//! A database on a real server, for unit tests.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use driver_api::{Driver, Options, Result};
use serde_json::{Map, Value as Json, json};
use test_calls::Calls;
use test_servers::postgres::PostgresServer;

use crate::connection::PostgresConnection;
use crate::driver::PostgresDriver;
use crate::options::{PostgresOptions, schema};

/// A database with one connection, on a server that tests share.
pub(crate) struct TestDatabase {
    pub(crate) calls: Calls<PostgresConnection>,
    pub(crate) options: Map<String, Json>,
    pub(crate) server: Arc<PostgresServer>,
}

/// The server that tests share as long as one of them runs.
fn shared_server() -> Arc<PostgresServer> {
    static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let settings = [("max_connections", "60"), ("deadlock_timeout", "100ms")];
    let server = Arc::new(PostgresServer::with_settings(&settings));
    *shared = Arc::downgrade(&server);
    server
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
    /// A new database on the shared server.
    pub(crate) fn new() -> Self {
        Self::on(shared_server())
    }

    /// A new database on this server.
    pub(crate) fn on(server: Arc<PostgresServer>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let options = options(&server, &name);
        assert!(PostgresDriver.create_database(&checked(&options)).unwrap());
        Self {
            calls: Calls {
                connection: open(&options).unwrap(),
            },
            options,
            server,
        }
    }

    /// A second connection with changed options.
    pub(crate) fn connect(&self, change: Json) -> Self {
        let mut options = self.options.clone();
        options.extend(change.as_object().unwrap().clone());
        Self {
            calls: Calls {
                connection: open(&options).unwrap(),
            },
            options,
            server: Arc::clone(&self.server),
        }
    }

    /// Runs SQL of which the result does not matter.
    pub(crate) fn run(&mut self, sql: &str) {
        self.execute(sql, []).unwrap();
    }
}

/// The calls of the connection are those of the database.
impl Deref for TestDatabase {
    type Target = Calls<PostgresConnection>;

    fn deref(&self) -> &Self::Target {
        &self.calls
    }
}

impl DerefMut for TestDatabase {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.calls
    }
}

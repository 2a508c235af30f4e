//! A real server that the tests of this process share, and a database of its own for each.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use driver_api::{Options, Result};
use serde_json::{Value as Json, json};
use test_calls::Calls;
use test_servers::mariadb::MariaDbServer;

use crate::connection::MysqlConnection;
use crate::options::{self, MysqlOptions};
use crate::session;

/// The server that tests share as long as one of them runs.
fn shared_server() -> Arc<MariaDbServer> {
    static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(MariaDbServer::start());
    *shared = Arc::downgrade(&server);
    server
}

/// A database of its own, with one connection.
pub(crate) struct TestDatabase {
    calls: Calls<MysqlConnection>,
    /// What it was connected with, to connect once more.
    pub(crate) values: Json,
    /// The shared server ends with the last test that uses it.
    _server: Option<Arc<MariaDbServer>>,
}

impl TestDatabase {
    /// On the shared server.
    pub(crate) fn new() -> Self {
        let server = shared_server();
        let database = Self::on(&server);
        Self {
            _server: Some(server),
            ..database
        }
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
            calls: Calls { connection },
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
            calls: Calls {
                connection: open(&values)?,
            },
            values,
            _server: self._server.clone(),
        })
    }

    /// A second connection with the same options.
    pub(crate) fn again(&self) -> Self {
        self.connect(json!({})).unwrap()
    }

    /// Runs statements that must succeed.
    pub(crate) fn run(&mut self, statements: &[&str]) {
        for sql in statements {
            self.execute(sql, [])
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
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

/// The calls of the connection are those of the database.
impl Deref for TestDatabase {
    type Target = Calls<MysqlConnection>;

    fn deref(&self) -> &Self::Target {
        &self.calls
    }
}

impl DerefMut for TestDatabase {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.calls
    }
}

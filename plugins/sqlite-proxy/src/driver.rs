//! The proxy as a driver: its descriptor, and how it connects.

use driver_api::{
    Capabilities, Connection, Dialect, Driver, DriverDescriptor, Options, Placement, Result,
};

use crate::connection::ProxyConnection;
use crate::options;

/// Reaches a database through the DB worker that owns it.
#[derive(Default)]
pub(crate) struct ProxyDriver;

impl Driver for ProxyDriver {
    fn descriptor(&self) -> DriverDescriptor {
        let mut capabilities = Capabilities::none();
        capabilities.transactions = true;
        capabilities.savepoints = true;
        capabilities.streaming = true;
        capabilities.cancel = true;
        capabilities.describe = true;
        capabilities.catalog = true;
        capabilities.read_only = true;
        capabilities.ddl = true;
        capabilities.expressions = true;
        capabilities.quoted_identifiers = true;
        capabilities.shared_data = true;
        capabilities.constraints = true;
        capabilities.foreign_keys = true;
        capabilities.generated_keys = true;
        capabilities.backup = true;
        let descriptor = DriverDescriptor::new(
            "sqlite-proxy",
            env!("CARGO_PKG_VERSION"),
            Placement::Direct,
            Dialect::Sqlite,
        )
        .alias("sqlite_proxy")
        .summary("Asks the DB worker that owns an SQLite file")
        .capabilities(capabilities);
        options::schema()
            .into_iter()
            .fold(descriptor, DriverDescriptor::option)
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        Ok(Box::new(ProxyConnection::open(options::read(options)?)?))
    }
}

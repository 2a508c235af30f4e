//! The driver: its descriptor, and how connections are made.

use driver_api::{
    Capabilities, Connection, Dialect, Driver, DriverDescriptor, Options, Placement, Result,
};

use crate::connection::PostgresConnection;
use crate::create;
use crate::options::{self, PostgresOptions};

/// The PostgreSQL driver.
#[derive(Debug, Default)]
pub(crate) struct PostgresDriver;

impl Driver for PostgresDriver {
    fn descriptor(&self) -> DriverDescriptor {
        let descriptor = DriverDescriptor::new(
            "postgres",
            env!("CARGO_PKG_VERSION"),
            Placement::Direct,
            Dialect::Postgres,
        )
        .alias("postgresql")
        .summary("PostgreSQL 14 and later")
        .capabilities(capabilities());
        options::schema()
            .into_iter()
            .fold(descriptor, DriverDescriptor::option)
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        let connection = PostgresConnection::open(&PostgresOptions::read(options)?)?;
        Ok(Box::new(connection))
    }

    fn create_database(&self, options: &Options) -> Result<bool> {
        create::create(&PostgresOptions::read(options)?)
    }
}

fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::none();
    capabilities.transactions = true;
    capabilities.savepoints = true;
    capabilities.streaming = true;
    capabilities.cancel = true;
    capabilities.describe = true;
    capabilities.catalog = true;
    capabilities.create_database = true;
    capabilities.read_only = true;
    capabilities.ddl = true;
    capabilities.expressions = true;
    capabilities.quoted_identifiers = true;
    capabilities.shared_data = true;
    capabilities.constraints = true;
    capabilities.foreign_keys = true;
    capabilities.strict_types = true;
    capabilities
}

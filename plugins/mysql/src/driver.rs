//! The driver: its descriptor, and the way to a connection.

use driver_api::{
    Capabilities, Connection, Dialect, Driver, DriverDescriptor, Options, Placement, Result,
};

use crate::connection::MysqlConnection;
use crate::options::{self, MysqlOptions};
use crate::session;

/// The MySQL and MariaDB driver.
#[derive(Debug, Default)]
pub(crate) struct MysqlDriver;

impl Driver for MysqlDriver {
    fn descriptor(&self) -> DriverDescriptor {
        let descriptor = DriverDescriptor::new(
            "mysql",
            env!("CARGO_PKG_VERSION"),
            Placement::Direct,
            Dialect::Mysql,
        )
        .alias("mariadb")
        .summary("MySQL and MariaDB servers")
        .capabilities(capabilities());
        options::schema()
            .into_iter()
            .fold(descriptor, DriverDescriptor::option)
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        let connection = MysqlConnection::open(MysqlOptions::read(options)?)?;
        Ok(Box::new(connection))
    }

    fn create_database(&self, options: &Options) -> Result<bool> {
        session::create_database(&MysqlOptions::read(options)?)
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
    capabilities.generated_keys = true;
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_names_placement_and_options() {
        let descriptor = MysqlDriver.descriptor();
        assert_eq!(
            (descriptor.name.as_str(), descriptor.placement),
            ("mysql", Placement::Direct)
        );
        assert_eq!(descriptor.aliases, ["mariadb"]);
        assert_eq!(descriptor.dialect, Dialect::Mysql);
        let secret: Vec<_> = descriptor
            .options
            .iter()
            .filter(|spec| spec.secret)
            .map(|spec| spec.key.as_str())
            .collect();
        assert_eq!(secret, ["password", "url"]);
        let pool = descriptor
            .options
            .iter()
            .find(|spec| spec.key == "pool_size");
        assert_eq!(pool.unwrap().default, 8);
    }
}

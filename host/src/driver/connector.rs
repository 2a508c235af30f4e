//! How the pool gets a new connection: the one thing that differs between direct and worker-served drivers.

use driver_api::{Connection, Dialect, Result};

/// Makes connections to one database.
pub trait Connector: Send + Sync {
    /// The SQL that the database speaks.
    fn dialect(&self) -> Dialect;

    /// Changes when connections that were made before are to be replaced, as by those of a newer driver.
    fn version(&self) -> u64 {
        0
    }

    /// Opens a connection, which may mean that a DB worker is started first.
    ///
    /// # Errors
    /// What the driver or the worker said, as one error.
    fn connect(&self) -> Result<Box<dyn Connection>>;
}

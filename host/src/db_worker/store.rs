//! The database as the worker holds it: opens connections through the loaded driver.

use std::sync::Arc;

use driver_api::{CancelHandle, Connection, Driver, Options, Result};

/// Opens connections of the two kinds that the worker uses.
pub(super) struct Store {
    driver: Arc<dyn Driver>,
    /// For the writer.
    writing: Options,
    /// For readers: the same with `read_only`, where the driver knows that.
    reading: Options,
}

/// A connection with the handle that cancels it, which is asked for only once.
pub(super) struct OpenConnection {
    pub(super) connection: Box<dyn Connection>,
    pub(super) cancel: Option<Arc<dyn CancelHandle>>,
}

impl OpenConnection {
    /// Ends the connection; the last one to end lets SQLite fold its log back into the file.
    pub(super) fn close(mut self) {
        if let Err(error) = self.connection.close() {
            tracing::warn!(%error, "a connection did not close cleanly");
        }
    }
}

impl Store {
    pub(super) fn new(driver: Arc<dyn Driver>, writing: Options, reading: Options) -> Self {
        Self {
            driver,
            writing,
            reading,
        }
    }

    pub(super) fn open_writer(&self) -> Result<OpenConnection> {
        self.open(&self.writing)
    }

    pub(super) fn open_reader(&self) -> Result<OpenConnection> {
        self.open(&self.reading)
    }

    fn open(&self, options: &Options) -> Result<OpenConnection> {
        let connection = self.driver.connect(options)?;
        let cancel = connection.cancel_handle();
        Ok(OpenConnection { connection, cancel })
    }
}

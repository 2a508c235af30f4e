//! The entry point: a database whose tables are those of [`schema`](super::schema).

use driver_api::Dialect;

use super::error::{Doing, Result};
use super::schema::live::{self, MissingObject};
use crate::driver::database::Database;

/// A code database. Clones share the connections.
///
/// Calls block; each runs on a connection of its own, so one value serves many threads.
#[derive(Clone)]
pub struct CodeDatabase {
    pub(super) database: Database,
}

impl CodeDatabase {
    /// A code database in `database`, whose schema is expected to be there: it is never created here.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database underneath, for statements that are not ours (a user's query).
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The tables and indexes that the database lacks; empty when the schema is complete.
    ///
    /// # Errors
    /// The driver's.
    pub fn missing_schema(&self) -> Result<Vec<MissingObject>> {
        let dialect = self.database.dialect();
        self.database
            .read(|session| live::missing(session, dialect))
            .doing("looking at the schema")
    }

    /// Creates the tables and indexes that the database lacks, in one transaction, and returns them.
    /// What exists is left as it is. Another host may do the same at the same time.
    ///
    /// # Errors
    /// The driver's; nothing is created then. On MySQL, whose every such statement is a transaction, what was
    /// created before the error stays, and the next call creates the rest.
    pub fn create_schema(&self) -> Result<Vec<MissingObject>> {
        let dialect = self.database.dialect();
        let created = match dialect {
            Dialect::Mysql => self.database.read(|session| live::create(session, dialect)),
            _ => self
                .database
                .transaction(|session| live::create(session, dialect)),
        };
        created.doing("creating the schema")
    }

    /// Closes the connections; later calls fail.
    pub fn close(&self) {
        self.database.close();
    }
}

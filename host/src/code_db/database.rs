//! The entry point: a database whose tables are those of [`schema`](super::schema).

use driver_api::Dialect;

use super::error::{CodeDbError, Doing, Result};
use super::schema::VERSION;
use super::schema::apply::{self, RecordedVersion};
use super::schema::plan::SchemaPlan;
use crate::driver::database::Database;
use crate::driver::session::Session;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::StepProgress;

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

    /// The same database, whose statements stop when `cancellation` asks for it.
    #[must_use]
    pub fn cancelled_by(&self, cancellation: Cancellation) -> Self {
        Self::new(self.database.cancelled_by(cancellation))
    }

    /// The database underneath, for statements that are not ours (a user's query).
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What has to be done so that the schema is the declared one; nothing is changed.
    ///
    /// # Errors
    /// The driver's, and [`CodeDbError::NewerSchema`].
    pub fn plan_schema(&self) -> Result<SchemaPlan> {
        let dialect = self.database.dialect();
        let mut newer = None;
        let planned = self
            .database
            .read(|session| apply::plan(session, dialect, &mut newer));
        or_newer(planned, newer, "looking at the schema")
    }

    /// As [`plan_schema`](Self::plan_schema), after a wait for others who work on the schema.
    ///
    /// # Errors
    /// As [`plan_schema`](Self::plan_schema), and the driver's of the class `busy` when they take long.
    pub fn settled_plan(&self) -> Result<SchemaPlan> {
        let dialect = self.database.dialect();
        let mut newer = None;
        let planned =
            self.at_the_schema(|session| apply::settled_plan(session, dialect, &mut newer));
        or_newer(planned, newer, "looking at the schema")
    }

    /// Makes the schema the declared one and answers what was done, in one transaction: every row stays, and after
    /// an error nothing has changed. Another host may do the same at the same time.
    ///
    /// MySQL, whose every such statement is a transaction, keeps what was done before the error; the next call goes
    /// on from there.
    ///
    /// # Errors
    /// The driver's, and [`CodeDbError::NewerSchema`].
    pub fn apply_schema(&self, progress: &dyn StepProgress) -> Result<SchemaPlan> {
        let dialect = self.database.dialect();
        let mut newer = None;
        let applied =
            self.at_the_schema(|session| apply::apply(session, dialect, &mut newer, progress));
        or_newer(applied, newer, "changing the schema")
    }

    /// Works on the schema in one transaction, where the engine has them for that. What several statements find is one view
    /// then: with a part from before another host's change and a part from after it, a database that was just made
    /// would look like one to be upgraded.
    fn at_the_schema<T>(
        &self,
        work: impl FnMut(&mut Session) -> driver_api::Result<T>,
    ) -> driver_api::Result<T> {
        match self.database.dialect() {
            Dialect::Mysql => self.database.read(work),
            _ => self.database.transaction(work),
        }
    }

    /// The version of the schema that the database has on record; none in one of the older program.
    ///
    /// # Errors
    /// The driver's.
    pub fn recorded_version(&self) -> Result<Option<RecordedVersion>> {
        self.database
            .read(apply::recorded)
            .doing("looking for the version of the schema")
    }

    /// Closes the connections; later calls fail.
    pub fn close(&self) {
        self.database.close();
    }
}

fn or_newer<T>(
    done: driver_api::Result<T>,
    newer: Option<RecordedVersion>,
    doing: &'static str,
) -> Result<T> {
    match newer {
        Some(newer) => Err(CodeDbError::NewerSchema {
            found: newer.version,
            program: newer.program,
            known: VERSION,
        }),
        None => done.doing(doing),
    }
}

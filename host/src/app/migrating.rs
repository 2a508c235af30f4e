//! How the schema of a database is looked at and brought up to date when a user asks for that.

use driver_api::ErrorClass;

use super::{App, AppError};
use crate::code_db::schema::plan::SchemaPlan;
use crate::foundation::progress::StepProgress;
use crate::universal_driver::driver::Access;
use crate::universal_driver::error::UniversalDriverError;

impl App {
    /// What [`migrate`](Self::migrate) would do; nothing is changed or created. None where there is no database yet.
    ///
    /// # Errors
    /// [`AppError::Database`].
    pub fn plan_migration(&self) -> Result<Option<SchemaPlan>, AppError> {
        if self.is_missing()? {
            return Ok(None);
        }
        let database = self.open_database(Access::ReadOnly)?;
        let planned = match database.raw_database().read(|session| session.ping()) {
            Err(error) if error.class() == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(UniversalDriverError::from(error)),
            Ok(()) => database.plan_schema().map(Some),
        };
        database.close();
        Ok(planned?)
    }

    /// Creates the database where it is missing, brings its schema up to date, and answers what was done.
    ///
    /// # Errors
    /// [`AppError::Database`]; then the schema is as it was. On MySQL the next call goes on where this one ended.
    pub fn migrate(&self, progress: &dyn StepProgress) -> Result<SchemaPlan, AppError> {
        let database = self.open_database(Access::ReadWrite)?;
        database.ensure_database_exists()?;
        let applied = database.apply_schema(progress);
        database.close();
        Ok(applied?)
    }
}

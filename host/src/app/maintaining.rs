//! How a user looks after a whole database: its state, its checks, its backups, its restoration and repair.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{App, AppError};
use crate::code_db::backup::save::Watch;
use crate::code_db::status::DatabaseStatus;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::RowProgress;
use crate::universal_driver::driver::UniversalDriver;
use crate::universal_driver::error::UniversalDriverError;
use crate::universal_driver::maintenance::backup_file::{Backup, Reason};
use crate::universal_driver::maintenance::check::Checked;
use crate::universal_driver::maintenance::error::MaintenanceError;
use crate::universal_driver::maintenance::repair::Repaired;
use crate::universal_driver::maintenance::restore::Restored;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// Why it cannot be looked after.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceFailure {
    /// The host or its database.
    #[error(transparent)]
    App(#[from] AppError),
    /// There is no database yet.
    #[error("there is no database {} yet; index something first", .0.display())]
    NoDatabase(PathBuf),
    /// What was to be done.
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
}

type Result<T> = std::result::Result<T, MaintenanceFailure>;

/// A database in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatabaseState {
    /// The driver that it is reached through.
    pub driver: String,
    /// Its file; none on a server.
    pub file: Option<PathBuf>,
    /// Whether it is there.
    pub exists: bool,
    /// Why it is in safe mode.
    pub safe_mode: Option<SafeMode>,
    /// The version of its schema on record.
    pub schema_version: Option<i64>,
    /// What it holds; none where it is not there, or damaged.
    pub holds: Option<DatabaseStatus>,
    /// Where its backups lie.
    pub backup_directory: PathBuf,
    /// Its backups, newest first.
    pub backups: Vec<Backup>,
}

/// Who hears of long work, and who stops it.
pub struct Listening<'a> {
    /// Hears how far it is.
    pub progress: &'a dyn RowProgress,
    /// Stops it.
    pub cancellation: Cancellation,
}

impl Listening<'_> {
    fn watch(&self) -> Watch<'_> {
        Watch {
            progress: self.progress,
            cancellation: self.cancellation.clone(),
        }
    }
}

impl App {
    /// The database in short. Nothing is created or changed.
    ///
    /// # Errors
    /// [`MaintenanceFailure`].
    pub fn database_state(&self) -> Result<DatabaseState> {
        let database = self.opened_database()?;
        let file = database.database_file().map(Path::to_owned);
        let exists = file.as_ref().is_none_or(|file| file.exists());
        let safe_mode = database.safe_mode();
        let mut state = DatabaseState {
            driver: database.driver_name().to_owned(),
            exists,
            schema_version: None,
            holds: None,
            backup_directory: database.backups().directory.clone(),
            backups: database.backups().list()?,
            file,
            safe_mode,
        };
        if state.exists && state.safe_mode.is_none() {
            database.make_ready().map_err(AppError::from)?;
            let code = database.database();
            let version = code.recorded_version().map_err(MaintenanceError::from)?;
            state.schema_version = version.map(|found| found.version);
            state.holds = Some(code.database_status(None).map_err(MaintenanceError::from)?);
        }
        Ok(state)
    }

    /// Checks the whole database; nothing is changed.
    ///
    /// # Errors
    /// [`MaintenanceFailure`].
    pub fn check_database(&self, listening: &Listening<'_>) -> Result<Checked> {
        let database = self.existing_database()?;
        if database.safe_mode().is_none() {
            // Not made ready: that would mend the schema, which is one of the things that are looked at.
            database.ensure_database_exists().map_err(AppError::from)?;
        }
        Ok(database.check(&listening.watch())?)
    }

    /// Makes a backup, in the configured directory or another one.
    ///
    /// # Errors
    /// [`MaintenanceFailure`].
    pub fn back_up_database(
        &self,
        directory: Option<&Path>,
        portable: bool,
        listening: &Listening<'_>,
    ) -> Result<Backup> {
        let database = self.existing_database()?;
        let own = database.backups();
        let backups =
            directory.map_or_else(|| own.clone(), |directory| own.in_directory(directory));
        let watch = listening.watch();
        Ok(database.back_up_to(&backups, Reason::Requested, portable, &watch)?)
    }

    /// Restores a backup: by its name, by the path of its file, or the newest.
    ///
    /// # Errors
    /// [`MaintenanceFailure`]; the database is as it was then.
    pub fn restore_database(
        &self,
        backup: Option<&str>,
        listening: &Listening<'_>,
    ) -> Result<Restored> {
        let database = self.opened_database()?;
        let backup = database.backups().find(backup)?;
        if database.database_file().is_none() {
            database.make_ready().map_err(AppError::from)?;
        }
        Ok(database.restore(&backup, &listening.watch())?)
    }

    /// Makes sure that a backup can be restored, and answers it with its rows. Nothing is changed.
    ///
    /// # Errors
    /// [`MaintenanceFailure`].
    pub fn verify_backup(
        &self,
        backup: Option<&str>,
        listening: &Listening<'_>,
    ) -> Result<(Backup, u64)> {
        let database = self.opened_database()?;
        let backup = database.backups().find(backup)?;
        let rows = database.verify_backup(&backup, &listening.watch())?;
        Ok((backup, rows))
    }

    /// Repairs the database.
    ///
    /// # Errors
    /// [`MaintenanceFailure`]; the database is as it was then.
    pub fn repair_database(&self, listening: &Listening<'_>) -> Result<Repaired> {
        let database = self.existing_database()?;
        if database.safe_mode().is_none()
            && let Err(error) = database.ensure_database_exists()
            && database.safe_mode().is_none()
        {
            return Err(AppError::from(error).into());
        }
        Ok(database.repair(&listening.watch())?)
    }

    fn existing_database(&self) -> Result<Arc<UniversalDriver>> {
        let database = self.opened_database()?;
        match database.database_file().filter(|file| !file.exists()) {
            Some(missing) => Err(MaintenanceFailure::NoDatabase(missing.to_owned())),
            None => Ok(database),
        }
    }
}

impl MaintenanceFailure {
    /// Whether a configuration has to be changed.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::App(error) if error.is_configuration())
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Maintenance(error) if error.is_cancelled())
    }

    /// Whether something that was named does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::NoDatabase(_) | Self::Maintenance(MaintenanceError::NoBackup { .. })
        )
    }

    /// Whether the database cannot be reached, which may pass.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::App(_) => true,
            Self::NoDatabase(_) => false,
            Self::Maintenance(error) => error.is_unavailable(),
        }
    }
}

impl From<UniversalDriverError> for MaintenanceFailure {
    fn from(error: UniversalDriverError) -> Self {
        Self::App(error.into())
    }
}

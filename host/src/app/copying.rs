//! How the database of one configuration is copied into that of another: a host for each, so that each side has
//! its own drivers, workers and logs.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use driver_api::{DriverError, ErrorClass};

use super::{App, AppError};
use crate::code_db::copy::CopyOptions;
use crate::code_db::copy::error::{CopyError, Side};
use crate::code_db::copy::report::{CopyPlan, CopyReport};
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::RowProgress;
use crate::plugins::resolve::{ResolvedDatabase, resolve};
use crate::universal_driver::driver::{Access, UniversalDriver};
use crate::universal_driver::error::UniversalDriverError;
use crate::universal_driver::identity::identity;

/// Why a database is not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyFailure {
    /// One of the databases cannot be used.
    #[error("the {side}: {error}")]
    Side {
        /// Which.
        side: Side,
        /// Why.
        error: AppError,
    },
    /// The source's file does not exist.
    #[error("the source: there is no database {}; check `path` in its configuration", .0.display())]
    NoSource(PathBuf),
    /// The copy itself.
    #[error(transparent)]
    Copy(#[from] CopyError),
}

/// What is to be done about a [`CopyFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFailureKind {
    /// A configuration has to be changed.
    Configuration,
    /// A database cannot be reached or does not work; that may pass.
    Unavailable,
    /// The source does not exist.
    NoSource,
    /// Both sides are one database.
    SameDatabase,
    /// The target holds code data.
    NotEmpty,
    /// It was asked to stop.
    Stopped,
    /// Anything else; the message names what.
    Failed,
}

impl CopyFailure {
    /// What is to be done.
    pub fn kind(&self) -> CopyFailureKind {
        use ErrorClass::{Busy, ConnectionLost, Timeout, Unavailable};
        match self {
            Self::Side { error, .. } if error.is_configuration() => CopyFailureKind::Configuration,
            Self::Side { .. } => CopyFailureKind::Unavailable,
            Self::NoSource(_) => CopyFailureKind::NoSource,
            Self::Copy(CopyError::SameDatabase) => CopyFailureKind::SameDatabase,
            Self::Copy(CopyError::NotEmpty { .. }) => CopyFailureKind::NotEmpty,
            Self::Copy(CopyError::Cancelled) => CopyFailureKind::Stopped,
            Self::Copy(error) => match error.driver_error().map(DriverError::class) {
                Some(Unavailable | ConnectionLost | Timeout | Busy) => CopyFailureKind::Unavailable,
                _ => CopyFailureKind::Failed,
            },
        }
    }
}

impl App {
    /// Copies this host's database into that of `target`, which is made to exist and given its schema.
    ///
    /// # Errors
    /// [`CopyFailure`]; then the target holds what it held before.
    pub fn copy_database_to(
        &self,
        target: &App,
        replace: bool,
        progress: &dyn RowProgress,
        cancellation: &Cancellation,
    ) -> Result<CopyReport, CopyFailure> {
        let source = self.open_source(target)?;
        let copied = target.open_target().and_then(|target| {
            let options = CopyOptions {
                replace,
                progress,
                cancellation: cancellation.clone(),
            };
            let copied = source.database().copy_to(&target.database(), &options);
            target.close();
            Ok(copied?)
        });
        source.close();
        copied
    }

    /// What [`copy_database_to`](Self::copy_database_to) would do. Nothing is created.
    ///
    /// # Errors
    /// [`CopyFailure`].
    pub fn plan_copy_to(&self, target: &App) -> Result<CopyPlan, CopyFailure> {
        let source = self.open_source(target)?;
        let planned = target.open_existing_target().and_then(|target| {
            let database = target.as_ref().map(UniversalDriver::database);
            let planned = source.database().plan_copy_to(database.as_ref());
            if let Some(target) = target {
                target.close();
            }
            Ok(planned?)
        });
        source.close();
        planned
    }

    /// The database as the source of a copy into that of `target`: it must exist, and be another.
    fn open_source(&self, target: &App) -> Result<UniversalDriver, CopyFailure> {
        let source = self.resolved().map_err(of(Side::Source))?;
        if let Some(missing) = missing_file(&source) {
            return Err(CopyFailure::NoSource(missing));
        }
        let other = target.resolved().map_err(of(Side::Target))?;
        if missing_file(&other).is_none() && is_same(&source, &other)? {
            return Err(CopyError::SameDatabase.into());
        }
        let opened = self
            .open_database(Access::ReadOnly)
            .map_err(of(Side::Source))?;
        answers(&opened).map_err(of(Side::Source))?;
        Ok(opened)
    }

    fn open_target(&self) -> Result<UniversalDriver, CopyFailure> {
        let open = || {
            let opened = self.open_database(Access::ReadWrite)?;
            opened.ensure_database_exists()?;
            opened.initialize_schema()?;
            Ok(opened)
        };
        open().map_err(of(Side::Target))
    }

    /// The database, unless it has yet to be created.
    fn open_existing_target(&self) -> Result<Option<UniversalDriver>, CopyFailure> {
        let open = || {
            if missing_file(&self.resolved()?).is_some() {
                return Ok(None);
            }
            let opened = self.open_database(Access::ReadOnly)?;
            match answers(&opened) {
                Err(AppError::Database(UniversalDriverError::Driver(error)))
                    if error.class() == ErrorClass::NotFound =>
                {
                    Ok(None)
                }
                answered => answered.map(|()| Some(opened)),
            }
        };
        open().map_err(of(Side::Target))
    }

    /// Whether the database is a file that does not exist yet.
    pub(super) fn is_missing(&self) -> Result<bool, AppError> {
        Ok(missing_file(&self.resolved()?).is_some())
    }

    fn resolved(&self) -> Result<ResolvedDatabase, AppError> {
        Ok(resolve(&self.plugins, &self.config().database).map_err(UniversalDriverError::from)?)
    }
}

fn of(side: Side) -> impl FnOnce(AppError) -> CopyFailure {
    move |error| CopyFailure::Side { side, error }
}

/// The file of a database that is a file, where it does not exist.
fn missing_file(database: &ResolvedDatabase) -> Option<PathBuf> {
    database.options.path("path").filter(|path| !path.exists())
}

/// Whether two databases that exist are one, as far as their configurations tell. Servers are asked later.
fn is_same(one: &ResolvedDatabase, other: &ResolvedDatabase) -> Result<bool, CopyFailure> {
    let identity = |database, side| {
        identity(database).map_err(|error| of(side)(UniversalDriverError::from(error).into()))
    };
    let (one, other) = (identity(one, Side::Source)?, identity(other, Side::Target)?);
    Ok(one == other || is_same_file(&one, &other))
}

/// Whether two paths are hard links to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| {
        let metadata = path.is_absolute().then(|| path.metadata().ok()).flatten()?;
        Some((metadata.dev(), metadata.ino()))
    };
    file(one).is_some_and(|one| file(other) == Some(one))
}

fn answers(database: &UniversalDriver) -> Result<(), AppError> {
    let answered = database.raw_database().read(|session| session.ping());
    Ok(answered.map_err(UniversalDriverError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hard_link_is_the_same_file_and_a_copy_is_not() {
        let place = tempfile::tempdir().unwrap();
        let [file, link, copy] = ["a.db", "b.db", "c.db"].map(|name| place.path().join(name));
        std::fs::write(&file, "rows").unwrap();
        std::fs::hard_link(&file, &link).unwrap();
        std::fs::copy(&file, &copy).unwrap();
        assert!(is_same_file(&file, &link));
        assert!(!is_same_file(&file, &copy));
        assert!(!is_same_file(&place.path().join("d.db"), &file));
        assert!(!is_same_file(
            Path::new("postgres-1"),
            Path::new("postgres-1")
        ));
    }
}

//! Puts a backup in the place of what the database holds, after it was verified and what is there was saved.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::backup_file::{Backup, Form, Reason};
use super::check::Rows;
use super::error::{MaintenanceError, Result, of_file};
use super::pieces::{checksum, copy_synced};
use crate::code_db::backup::restore::verify;
use crate::code_db::backup::save::Watch;
use crate::code_db::database::CodeDatabase;
use crate::code_db::schema::VERSION;
use crate::foundation::progress::Silent;
use crate::universal_driver::driver::UniversalDriver;

/// Why a copy of a damaged file is not restored.
const DAMAGED: &str =
    "it is the copy of a damaged database, kept for those who can recover rows from it";

/// What a restoration did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Restored {
    /// The backup that was restored.
    pub backup: Backup,
    /// The backup that was made of what was there before; none where there was nothing.
    pub saved: Option<Backup>,
    /// Rows of all tables of the backup.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
}

impl UniversalDriver {
    /// Makes sure that a backup is whole and can be restored here; answers its rows. Nothing is changed.
    ///
    /// # Errors
    /// [`MaintenanceError`].
    pub fn verify_backup(&self, backup: &Backup, watch: &Watch<'_>) -> Result<u64> {
        match backup.form {
            Form::Portable => Ok(verify(open(&backup.path)?, backup.bytes, watch)?.rows),
            Form::Sqlite => {
                let file = self.require_file(backup)?;
                let next = self.next_file(file)?;
                let rows = self.prepare(backup, &next, watch);
                self.next_file(file)?;
                rows
            }
            Form::Damaged => Err(unusable(backup, DAMAGED)),
        }
    }

    /// Restores a backup: it is verified first, what the database holds is saved, and then everything changes at one
    /// moment. The schema of an older backup is brought up to date.
    ///
    /// # Errors
    /// [`MaintenanceError`]; the database is as it was then.
    pub fn restore(&self, backup: &Backup, watch: &Watch<'_>) -> Result<Restored> {
        let started = Instant::now();
        let is_file = self.database_file().is_some();
        let (rows, saved) = match backup.form {
            Form::Damaged => return Err(unusable(backup, DAMAGED)),
            Form::Portable if !is_file || !self.needs_new_file() => {
                verify(open(&backup.path)?, backup.bytes, watch)?;
                let saved = self.save_present(watch)?;
                let saved_rows = self
                    .database()
                    .restore_from(|| Ok((open_file(&backup.path)?, backup.bytes)), watch)?;
                (saved_rows.rows, saved)
            }
            Form::Portable | Form::Sqlite => {
                let file = self.require_file(backup)?;
                let next = self.next_file(file)?;
                let placed = self.place_backup(backup, &next, watch);
                if placed.is_err() {
                    self.remove_database(&next)?;
                }
                let rows = placed?;
                let saved = self.save_present(watch)?;
                self.swap(file, &next)?;
                (rows, saved)
            }
        };
        self.initialize_schema().map_err(Box::new)?;
        Ok(Restored {
            backup: backup.clone(),
            saved,
            rows,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Whether the rows cannot be put into the file that is there.
    fn needs_new_file(&self) -> bool {
        self.safe_mode().is_some() || self.database_file().is_some_and(|file| !file.exists())
    }

    fn require_file(&self, backup: &Backup) -> Result<&Path> {
        self.database_file()
            .ok_or_else(|| MaintenanceError::OtherKind {
                path: backup.path.clone(),
            })
    }

    /// What is there now is kept, so that a restoration can be undone.
    pub(super) fn save_present(&self, watch: &Watch<'_>) -> Result<Option<Backup>> {
        if self.database_file().is_some_and(|file| !file.exists()) {
            return Ok(None);
        }
        self.back_up(Reason::BeforeRestore, false, watch).map(Some)
    }

    /// Makes the file `next` of a backup that is whole; answers its rows.
    pub(super) fn place_backup(
        &self,
        backup: &Backup,
        next: &Path,
        watch: &Watch<'_>,
    ) -> Result<u64> {
        match backup.form {
            Form::Sqlite => self.prepare(backup, next, watch),
            Form::Portable => self.fill(backup, next, watch),
            Form::Damaged => Err(unusable(backup, DAMAGED)),
        }
    }

    /// Copies a backup to `next`, and looks into it with its own engine.
    fn prepare(&self, backup: &Backup, next: &Path, watch: &Watch<'_>) -> Result<u64> {
        copy_synced(&backup.path, next, watch)?;
        if checksum(next, watch)?.1 != backup.checksum {
            return Err(unusable(
                backup,
                "its checksum is wrong: it was changed or damaged since it was made",
            ));
        }
        self.at(next, |database| {
            let code = CodeDatabase::new(database.clone()).cancelled_by(watch.cancellation.clone());
            let rows = Rows::of(&code);
            watch.progress.begin(rows.total());
            let mut tell = |table| rows.tell(watch, "checking the pages of", table);
            if let Some(damage) = code.engine_check(&mut tell)? {
                return Err(unusable(backup, &format!("it is damaged ({damage})")));
            }
            watch.progress.done();
            let counted = code.count_rows()?;
            if counted.is_empty() {
                return Err(unusable(
                    backup,
                    "it has none of the tables of a code database",
                ));
            }
            let version = code.recorded_version()?.map_or(0, |found| found.version);
            if version > VERSION {
                return Err(unusable(
                    backup,
                    &format!("its schema has version {version}, and {VERSION} is known"),
                ));
            }
            Ok(counted.iter().map(|(_, rows)| rows).sum())
        })
    }

    /// Makes a new file of the rows of a portable backup.
    fn fill(&self, backup: &Backup, next: &Path, watch: &Watch<'_>) -> Result<u64> {
        self.at(next, |database| {
            let code = CodeDatabase::new(database.clone());
            code.apply_schema(&Silent)?;
            let restored =
                code.restore_from(|| Ok((open_file(&backup.path)?, backup.bytes)), watch)?;
            Ok(restored.rows)
        })
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    open_file(path).map_err(of_file(path))
}

fn open_file(path: &Path) -> std::io::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path)?))
}

fn unusable(backup: &Backup, reason: &str) -> MaintenanceError {
    MaintenanceError::Unusable {
        path: backup.path.clone(),
        reason: reason.to_owned(),
    }
}

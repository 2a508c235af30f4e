//! Makes a backup: of a file through its driver, of a database on a server in the portable form; of a damaged file as
//! it is.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use driver_api::{BackupProgress, ErrorClass};

use super::backup_file::{Backup, Form, Reason};
use super::backups::Backups;
use super::error::{Result, of_file};
use super::pieces::{copy_synced, private_file};
use crate::code_db::backup::save::Watch;
use crate::universal_driver::driver::UniversalDriver;

impl UniversalDriver {
    /// Copies the database as it is at one moment, while others go on to write. A file is copied as such unless
    /// `portable` is wanted; a damaged file is copied byte by byte.
    ///
    /// # Errors
    /// [`MaintenanceError`](super::error::MaintenanceError); there is no backup then.
    pub fn back_up(&self, reason: Reason, portable: bool, watch: &Watch<'_>) -> Result<Backup> {
        self.back_up_to(&self.backups(), reason, portable, watch)
    }

    /// As [`back_up`](Self::back_up), in another directory.
    ///
    /// # Errors
    /// As [`back_up`](Self::back_up).
    pub fn back_up_to(
        &self,
        backups: &Backups,
        reason: Reason,
        portable: bool,
        watch: &Watch<'_>,
    ) -> Result<Backup> {
        let (form, path) = match (self.safe_mode(), self.database_file()) {
            (Some(_), Some(file)) => (Form::Damaged, copy_damaged(file, backups, reason, watch)?),
            (None, Some(_)) if !portable => self.copy_file(backups, reason, watch)?,
            _ => (Form::Portable, self.save_portable(backups, reason, watch)?),
        };
        let version = match form {
            Form::Damaged => None,
            _ => self
                .database()
                .recorded_version()?
                .map(|found| found.version),
        };
        backups.add(&path, reason, form, self.driver_name(), version)
    }

    fn copy_file(
        &self,
        backups: &Backups,
        reason: Reason,
        watch: &Watch<'_>,
    ) -> Result<(Form, PathBuf)> {
        let path = backups.new_path(reason, Form::Sqlite)?;
        let mut begun = false;
        let mut before = 0;
        let told = |at: BackupProgress| {
            if !begun {
                watch.progress.begin(at.total);
                begun = true;
            }
            watch
                .progress
                .rows("copying", "the database", at.done.saturating_sub(before));
            before = at.done;
        };
        match self.raw_database().backup(&path, told, &watch.cancellation) {
            Err(error) if error.class() == ErrorClass::Unsupported => {
                Ok((Form::Portable, self.save_portable(backups, reason, watch)?))
            }
            copied => {
                copied?;
                watch.progress.done();
                Ok((Form::Sqlite, path))
            }
        }
    }

    fn save_portable(
        &self,
        backups: &Backups,
        reason: Reason,
        watch: &Watch<'_>,
    ) -> Result<PathBuf> {
        let path = backups.new_path(reason, Form::Portable)?;
        // It bears its name once it is complete and on the disk.
        let part = with_suffix(&path, ".part");
        let saved = self.save_part(&part, watch);
        if saved.is_err() {
            // What was said counts; a part that stays is no backup, because nothing is said of it.
            let _ = fs::remove_file(&part);
        }
        saved?;
        fs::rename(&part, &path).map_err(of_file(&path))?;
        sync_directory(&path)?;
        Ok(path)
    }

    fn save_part(&self, part: &Path, watch: &Watch<'_>) -> Result<()> {
        let file = private_file(part)?;
        let (_, mut written) = self.database().save_to(BufWriter::new(file), watch)?;
        written.flush().map_err(of_file(part))?;
        written.get_ref().sync_all().map_err(of_file(part))
    }
}

/// The file as it is, and its log beside the copy.
fn copy_damaged(
    file: &Path,
    backups: &Backups,
    reason: Reason,
    watch: &Watch<'_>,
) -> Result<PathBuf> {
    let path = backups.new_path(reason, Form::Damaged)?;
    copy_synced(file, &path, watch)?;
    let log = with_suffix(file, "-wal");
    if log.exists() {
        copy_synced(&log, &with_suffix(&path, "-wal"), watch)?;
    }
    Ok(path)
}

/// A path with this behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes sure that a name in a directory is on the disk.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(of_file(directory))
}

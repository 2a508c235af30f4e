//! A damaged database file gives way to one that holds what can be read of it, and what a backup has of the rest.

use std::path::{Path, PathBuf};

use super::backup_file::{Backup, Form};
use super::error::Result;
use super::make::with_suffix;
use super::pieces::copy_synced;
use super::repair::RepairMode;
use crate::code_db::backup::save::Watch;
use crate::code_db::database::CodeDatabase;
use crate::code_db::salvage::Salvaged;
use crate::foundation::progress::Silent;
use crate::universal_driver::driver::UniversalDriver;

/// What is added to the name of a database file for the copy of it that is read.
const COPY: &str = ".salvage";

/// The file that is going to take the place of a damaged one.
pub(super) struct Successor {
    /// How it came about.
    pub(super) mode: RepairMode,
    /// The backup in it.
    pub(super) backup: Option<Backup>,
    /// The rows of the damaged file in it.
    pub(super) salvaged: Salvaged,
}

impl UniversalDriver {
    /// Fills `next`: with all rows of the damaged file, whose copy is `saved`, where all can be read; else with the
    /// newest sound backup and those projects and files that it lacks; without one, with what can be read.
    pub(super) fn prepare_successor(
        &self,
        saved: Option<&Backup>,
        next: &Path,
        watch: &Watch<'_>,
    ) -> Result<Successor> {
        let salvaged = self.begin_anew(saved, next, watch)?;
        if salvaged.complete {
            return Ok(Successor {
                mode: RepairMode::Salvaged,
                backup: None,
                salvaged,
            });
        }
        if let Some(backup) = self.place_newest_backup(next, watch)? {
            let salvaged = self.salvage_into(next, saved, watch)?;
            return Ok(Successor {
                mode: RepairMode::Restored,
                backup: Some(backup),
                salvaged,
            });
        }
        // Backups that turned out to be unusable may have been put there.
        let salvaged = self.begin_anew(saved, next, watch)?;
        let mode = match salvaged.rows {
            0 => RepairMode::Emptied,
            _ => RepairMode::Salvaged,
        };
        Ok(Successor {
            mode,
            backup: None,
            salvaged,
        })
    }

    fn begin_anew(
        &self,
        saved: Option<&Backup>,
        next: &Path,
        watch: &Watch<'_>,
    ) -> Result<Salvaged> {
        self.remove_database(next)?;
        self.salvage_into(next, saved, watch)
    }

    /// Puts the newest backup that is sound there; none where none is.
    fn place_newest_backup(&self, next: &Path, watch: &Watch<'_>) -> Result<Option<Backup>> {
        for backup in self.backups().list()? {
            if backup.form == Form::Damaged {
                continue;
            }
            self.remove_database(next)?;
            match self.place_backup(&backup, next, watch) {
                Ok(_) => return Ok(Some(backup)),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, backup = %backup.path.display(), "an unusable backup");
                }
            }
        }
        Ok(None)
    }

    /// Brings the schema of `next` up to date, and into it what can be read of the damaged file and is not there.
    fn salvage_into(
        &self,
        next: &Path,
        saved: Option<&Backup>,
        watch: &Watch<'_>,
    ) -> Result<Salvaged> {
        self.at(next, |target| {
            let code = CodeDatabase::new(target.clone());
            code.apply_schema(&Silent)?;
            let Some(saved) = saved else {
                return Ok(Salvaged::default());
            };
            let copy = self.copy_to_read(saved, next, watch)?;
            let salvaged = self.at_damaged(&copy, |damaged| Ok(code.salvage_from(damaged, watch)?));
            self.remove_database(&copy)?;
            match salvaged {
                // What cannot be opened at all has nothing to give.
                Err(error) if error.is_damage() => Ok(Salvaged {
                    problem: Some(error.to_string()),
                    ..Salvaged::default()
                }),
                salvaged => salvaged,
            }
        })
    }

    /// The engine writes to what it opens, and the saved file is to stay as it is.
    fn copy_to_read(&self, saved: &Backup, next: &Path, watch: &Watch<'_>) -> Result<PathBuf> {
        let copy = with_suffix(next, COPY);
        self.remove_database(&copy)?;
        copy_synced(&saved.path, &copy, watch)?;
        let log = with_suffix(&saved.path, "-wal");
        if log.exists() {
            copy_synced(&log, &with_suffix(&copy, "-wal"), watch)?;
        }
        Ok(copy)
    }
}

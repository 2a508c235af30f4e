//! Repairs a database: mends rows where the file is sound, else goes back to a backup, else begins anew.

use schemars::JsonSchema;
use serde::Serialize;

use super::backups::{Backup, Form, Reason};
use super::check::{Checked, compare_with_disk};
use super::error::Result;
use crate::code_db::backup::save::Watch;
use crate::code_db::database::CodeDatabase;
use crate::foundation::progress::Silent;
use crate::universal_driver::driver::UniversalDriver;

/// How a database was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairMode {
    /// There was nothing to do.
    Nothing,
    /// Rows were mended.
    Mended,
    /// The file was damaged; a backup is in its place.
    Restored,
    /// The file was damaged and there is no backup; an empty database is in its place.
    Emptied,
}

/// What a repair did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Repaired {
    /// How it was repaired.
    pub mode: RepairMode,
    /// The backup of what was there before.
    pub saved: Option<Backup>,
    /// The backup that was restored.
    pub restored: Option<Backup>,
    /// Rows that were deleted or changed.
    pub rows_changed: u64,
    /// Files that were marked deleted because they are not on the disk.
    pub files_marked_deleted: u64,
    /// What the check says afterwards.
    pub after: Checked,
    /// What to do next.
    pub next_step: String,
}

impl UniversalDriver {
    /// Does what [`check`](Self::check) says that a repair would do, after a backup. A damaged file gives way to the
    /// newest backup that is sound, or to an empty database; it is kept among the backups.
    ///
    /// # Errors
    /// [`MaintenanceError`](super::error::MaintenanceError); the database is as it was then.
    pub fn repair(&self, watch: &Watch<'_>) -> Result<Repaired> {
        let before = self.check()?;
        if before.safe_mode.is_some() || !before.integrity_ok {
            return self.replace(watch);
        }
        let wanted = before
            .findings
            .iter()
            .any(|finding| finding.repair.is_some());
        if !wanted {
            return self.repaired(RepairMode::Nothing, None, None, "nothing is to be done");
        }
        let saved = self.back_up(Reason::BeforeRepair, false, watch)?;
        self.initialize_schema().map_err(Box::new)?;
        let code = self.database();
        let rows_changed = match code.check_rows()?.is_empty() {
            true => 0,
            false => code.mend_rows()?,
        };
        let gone = compare_with_disk(&code, None)?.gone;
        let gone: Vec<i64> = gone.iter().map(|file| file.id).collect();
        let files_marked_deleted = code.mark_deleted(&gone)?;
        let mut repaired = self.repaired(
            RepairMode::Mended,
            Some(saved),
            None,
            "index the projects (`update_indexes`), so that what is missing comes back",
        )?;
        repaired.rows_changed = rows_changed;
        repaired.files_marked_deleted = files_marked_deleted;
        Ok(repaired)
    }

    fn replace(&self, watch: &Watch<'_>) -> Result<Repaired> {
        self.declare_damaged()?;
        for backup in self.backups().list()? {
            if backup.form == Form::Damaged {
                continue;
            }
            match self.verify_backup(&backup, watch) {
                Ok(_) => {
                    let restored = self.restore(&backup, watch)?;
                    return self.repaired(
                        RepairMode::Restored,
                        restored.saved,
                        Some(backup),
                        "index the projects (`update_indexes`): what changed since the backup is read again",
                    );
                }
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, backup = %backup.path.display(), "an unusable backup")
                }
            }
        }
        let Some(file) = self.database_file() else {
            return Err(self.backups().none());
        };
        let saved = self.save_present(watch)?;
        let next = self.next_file(file)?;
        self.at(&next, |database| {
            CodeDatabase::new(database.clone()).apply_schema(&Silent)?;
            Ok(())
        })?;
        self.swap(file, &next)?;
        self.repaired(
            RepairMode::Emptied,
            saved,
            None,
            "index the projects (`update_indexes`): the database is empty",
        )
    }

    /// Nobody opens a damaged file from now on, its own worker included.
    fn declare_damaged(&self) -> Result<()> {
        let (Some(file), Some(worker), None) = (
            self.database_file(),
            self.worker_connector(),
            self.safe_mode(),
        ) else {
            return Ok(());
        };
        let quarantine = self.quarantine();
        worker.workers.while_stopped(file, |_| {
            if let Some(quarantine) = quarantine {
                quarantine.impose("the database is damaged, and being repaired");
            }
        })?;
        Ok(())
    }

    fn repaired(
        &self,
        mode: RepairMode,
        saved: Option<Backup>,
        restored: Option<Backup>,
        next_step: &str,
    ) -> Result<Repaired> {
        Ok(Repaired {
            mode,
            saved,
            restored,
            rows_changed: 0,
            files_marked_deleted: 0,
            after: self.check()?,
            next_step: next_step.to_owned(),
        })
    }
}

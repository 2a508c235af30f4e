//! Repairs a database: mends rows where the file is sound, else puts what can be read of it, and a backup, in its place.

use schemars::JsonSchema;
use serde::Serialize;

use super::backup_file::{Backup, Reason};
use super::check::{Checked, Rows, compare_with_disk};
use super::error::Result;
use crate::code_db::backup::save::Watch;
use crate::code_db::salvage::Salvaged;
use crate::universal_driver::driver::UniversalDriver;

/// How a database was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairMode {
    /// There was nothing to do.
    Nothing,
    /// Rows were mended.
    Mended,
    /// The file was damaged; what could be read of it is in its place.
    Salvaged,
    /// The database was damaged; a backup is in its place, and what could be read of files that the backup lacks.
    Restored,
    /// The file was damaged, nothing of it can be read, and there is no backup; an empty database is in its place.
    Emptied,
}

/// What is to be done next.
const MISSING: &str = "index the projects (`update_indexes`), so that what is missing comes back";
const CHANGED_SINCE: &str =
    "index the projects (`update_indexes`): what changed since the backup is read again";

/// What a repair did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Repaired {
    /// How it was repaired.
    pub mode: RepairMode,
    /// The backup of what was there before.
    pub saved: Option<Backup>,
    /// The backup that was restored.
    pub restored: Option<Backup>,
    /// What was brought over from a damaged file.
    pub salvaged: Option<Salvaged>,
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
    /// Does what [`check`](Self::check) says that a repair would do, after a backup. A damaged file gives way to what can
    /// be read of it and the newest backup that is sound; it is kept among the backups.
    ///
    /// # Errors
    /// [`MaintenanceError`](super::error::MaintenanceError); the database is as it was then.
    pub fn repair(&self, watch: &Watch<'_>) -> Result<Repaired> {
        let before = self.check(watch)?;
        if before.safe_mode.is_some() || !before.integrity_ok {
            return self.replace(watch);
        }
        let wanted = before
            .findings
            .iter()
            .any(|finding| finding.repair.is_some());
        if !wanted {
            return self.repaired(RepairMode::Nothing, watch);
        }
        let saved = self.back_up(Reason::BeforeRepair, false, watch)?;
        self.initialize_schema().map_err(Box::new)?;
        let code = self.database();
        let rows = Rows::of(&code);
        watch
            .progress
            .begin(2 * rows.total() + rows.of_table("files"));
        let found = code.check_rows(&mut |table| rows.tell(watch, "checking", table))?;
        let rows_changed = match found.is_empty() {
            true => 0,
            false => code.mend_rows(&mut |table| rows.tell(watch, "mending", table))?,
        };
        let gone = compare_with_disk(&code, None, watch)?.gone;
        let gone: Vec<i64> = gone.iter().map(|file| file.id).collect();
        let files_marked_deleted = code.mark_deleted(&gone)?;
        watch.progress.done();
        let mut repaired = self.repaired(RepairMode::Mended, watch)?;
        repaired.saved = Some(saved);
        repaired.next_step = MISSING.to_owned();
        repaired.rows_changed = rows_changed;
        repaired.files_marked_deleted = files_marked_deleted;
        Ok(repaired)
    }

    fn replace(&self, watch: &Watch<'_>) -> Result<Repaired> {
        let Some(file) = self.database_file() else {
            return self.restore_newest(watch);
        };
        self.declare_damaged()?;
        let saved = self.save_present(watch)?;
        let next = self.next_file(file)?;
        let successor = self.prepare_successor(saved.as_ref(), &next, watch)?;
        self.swap(file, &next)?;
        self.initialize_schema().map_err(Box::new)?;
        let mut repaired = self.repaired(successor.mode, watch)?;
        repaired.next_step = match successor.mode {
            RepairMode::Emptied => "index the projects (`update_indexes`): the database is empty",
            RepairMode::Restored => CHANGED_SINCE,
            _ => MISSING,
        }
        .to_owned();
        repaired.saved = saved;
        repaired.restored = successor.backup;
        repaired.salvaged = Some(successor.salvaged);
        Ok(repaired)
    }

    /// A server looks after its own files; what it has lost comes from the newest backup that is whole.
    fn restore_newest(&self, watch: &Watch<'_>) -> Result<Repaired> {
        for backup in self.backups().list()? {
            match self.restore(&backup, watch) {
                Ok(restored) => {
                    let mut repaired = self.repaired(RepairMode::Restored, watch)?;
                    repaired.saved = restored.saved;
                    repaired.restored = Some(backup);
                    repaired.next_step = CHANGED_SINCE.to_owned();
                    return Ok(repaired);
                }
                Err(error) if error.is_cancelled() || error.is_unavailable() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, backup = %backup.path.display(), "an unusable backup");
                }
            }
        }
        Err(self.backups().none())
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

    fn repaired(&self, mode: RepairMode, watch: &Watch<'_>) -> Result<Repaired> {
        Ok(Repaired {
            mode,
            saved: None,
            restored: None,
            salvaged: None,
            rows_changed: 0,
            files_marked_deleted: 0,
            after: self.check(watch)?,
            next_step: "nothing is to be done".to_owned(),
        })
    }
}

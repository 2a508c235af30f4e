//! The safe mode of a damaged database: it is in quarantine, and only what looks after it works.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::foundation::quarantine::Quarantine;
use crate::supervisor::db_worker_manager::names::owner_file;
use crate::universal_driver::driver::UniversalDriver;

/// Why a database is in safe mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SafeMode {
    /// What is wrong, and what to do.
    pub reason: String,
    /// The note beside the database that says so.
    pub marker_path: PathBuf,
}

impl UniversalDriver {
    /// Why the database is in safe mode; none when it is not. One that is no file is never.
    pub fn safe_mode(&self) -> Option<SafeMode> {
        let quarantine = self.quarantine()?;
        // A note that cannot be read keeps the worker from starting, too.
        let reason = quarantine
            .reason()
            .unwrap_or_else(|error| Some(error.to_string()))?;
        Some(SafeMode {
            reason,
            marker_path: quarantine.note().to_owned(),
        })
    }

    pub(super) fn quarantine(&self) -> Option<Quarantine> {
        let file = self.database_file()?;
        Some(Quarantine::beside(&owner_file(file).ok()?))
    }
}

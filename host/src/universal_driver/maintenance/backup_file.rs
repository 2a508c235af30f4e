//! One backup: its file, and the manifest beside it that says what it is.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::readable;
use super::error::{MaintenanceError, Result, of_file};
use super::pieces::checksum;
use crate::code_db::backup::save::Watch;

/// Added to the name of a backup to name what is said of it.
pub(super) const MANIFEST: &str = ".json";

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody asked for it. It stays until somebody deletes it.
    Requested,
    /// The schema was about to change.
    BeforeUpgrade,
    /// The content was about to be replaced.
    BeforeRestore,
    /// Rows were about to be mended.
    BeforeRepair,
}

/// What a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A database file of SQLite.
    Sqlite,
    /// Files of a damaged database, as they were; nothing that could be restored, but all that there was.
    Damaged,
    /// The portable form.
    Portable,
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// Name of the file in its directory, by which it is asked for.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub form: Form,
    /// Why it was made.
    pub reason: Reason,
    /// When, in seconds since 1970.
    pub created_at: u64,
    /// The same for people, in UTC.
    pub created: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of the file, in hexadecimal digits.
    pub checksum: String,
    /// The version of the schema in it, where it is known.
    pub schema_version: Option<i64>,
    /// The driver of the database.
    pub driver: String,
}

/// A file that is no backup of ours, or has lost what was said of it: its own bytes tell what it is.
pub(super) fn describe(path: &Path) -> Result<Backup> {
    if let Some(backup) = read_manifest(&manifest_of(path)) {
        return Ok(backup);
    }
    let mut first = [0; 8];
    let mut file = fs::File::open(path).map_err(of_file(path))?;
    let form = match file.read_exact(&mut first) {
        Ok(()) if &first == crate::code_db::backup::container::MARK => Form::Portable,
        Ok(()) if first.starts_with(b"SQLite f") => Form::Sqlite,
        _ => {
            return Err(MaintenanceError::Unusable {
                path: path.to_owned(),
                reason: "it is no backup and no database".to_owned(),
            });
        }
    };
    let (bytes, checksum) = checksum(path, &Watch::silent())?;
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let created_at = since.map_or(0, |since| since.as_secs());
    Ok(Backup {
        name: file_name(path),
        path: path.to_owned(),
        form,
        reason: Reason::Requested,
        created_at,
        created: readable(created_at),
        bytes,
        checksum,
        schema_version: None,
        driver: "unknown".to_owned(),
    })
}

/// The file in which is said what the backup in `path` is.
pub(super) fn manifest_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(MANIFEST);
    name.into()
}

/// What a manifest says; none where it says nothing.
pub(super) fn read_manifest(path: &Path) -> Option<Backup> {
    let mut backup: Backup = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    // The directory may have been moved.
    backup.path = path.with_file_name(&backup.name);
    Some(backup)
}

/// Writes the manifest of a backup.
pub(super) fn write_manifest(backup: &Backup) -> Result<()> {
    let path = manifest_of(&backup.path);
    let text = serde_json::to_vec_pretty(backup).map_err(|error| of_file(&path)(error.into()))?;
    fs::write(&path, text).map_err(of_file(&path))
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

//! The directory of a database's backups: what lies there, what new ones are called, and which old ones go.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::backup_file::{
    Backup, Form, MANIFEST, Reason, describe, file_name, manifest_of, read_manifest, write_manifest,
};
use super::calendar::{DAY, compact, now, readable};
use super::error::{MaintenanceError, Result, of_file};
use super::pieces::checksum;
use crate::code_db::backup::save::Watch;
use crate::config::types::Config;

/// Where backups lie beside a database file, or in the directory of state.
const DIRECTORY: &str = "backups";

/// Names of backups that an error suggests.
const SUGGESTIONS: usize = 3;

/// The backups of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Where they lie.
    pub directory: PathBuf,
    /// What their names begin with.
    pub stem: String,
    /// Number of automatic ones that are kept.
    pub keep: usize,
    /// Days for which automatic ones are kept.
    pub keep_days: u64,
}

impl Backups {
    /// Those of the database in `file`, or of the one that is reached through `driver`, as the configuration has them.
    pub(in crate::universal_driver) fn of(
        config: &Config,
        file: Option<&Path>,
        driver: &str,
    ) -> Self {
        let settings = &config.database.backup;
        let file = file.filter(|file| file.is_absolute());
        let beside = file.and_then(Path::parent).unwrap_or(&config.state_dir);
        let stem = file.and_then(Path::file_stem);
        Self {
            directory: settings
                .directory
                .clone()
                .unwrap_or_else(|| beside.join(DIRECTORY)),
            stem: stem.map_or_else(
                || driver.to_owned(),
                |stem| stem.to_string_lossy().into_owned(),
            ),
            keep: settings.keep,
            keep_days: settings.keep_days,
        }
    }

    /// The same in another directory.
    pub fn in_directory(&self, directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            ..self.clone()
        }
    }

    /// The backups that lie there, newest first.
    ///
    /// # Errors
    /// [`MaintenanceError::File`].
    pub fn list(&self) -> Result<Vec<Backup>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(of_file(&self.directory))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(of_file(&self.directory))?.path();
            if path.to_string_lossy().ends_with(MANIFEST)
                && let Some(backup) = read_manifest(&path)
                && backup.path.is_file()
            {
                // Of two that were made in one second the file system knows which came first.
                let written = fs::metadata(&path).map_err(of_file(&path))?;
                let order = (backup.created_at, written.mtime(), written.mtime_nsec());
                found.push((order, backup));
            }
        }
        found.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
        Ok(found.into_iter().map(|(_, backup)| backup).collect())
    }

    /// The backup that is meant: by its name, by the path of its file, or the newest that can be restored.
    ///
    /// # Errors
    /// [`MaintenanceError::NoBackup`], [`MaintenanceError::File`].
    pub fn find(&self, wanted: Option<&str>) -> Result<Backup> {
        let all = self.list()?;
        let missing = |name: &str| MaintenanceError::NoBackup {
            name: name.to_owned(),
            directory: self.directory.clone(),
            known: all
                .iter()
                .take(SUGGESTIONS)
                .map(|backup| backup.name.clone())
                .collect(),
        };
        let Some(wanted) = wanted else {
            let restorable = all.iter().find(|backup| backup.form != Form::Damaged);
            return restorable.cloned().ok_or_else(|| missing("the newest"));
        };
        if let Some(backup) = all.iter().find(|backup| backup.name == wanted) {
            return Ok(backup.clone());
        }
        let path = Path::new(wanted);
        match path.is_absolute() && path.is_file() {
            true => describe(path),
            false => Err(missing(wanted)),
        }
    }

    /// The error that there is none that could be restored.
    pub(super) fn none(&self) -> MaintenanceError {
        MaintenanceError::NoBackup {
            name: "the newest".to_owned(),
            directory: self.directory.clone(),
            known: Vec::new(),
        }
    }

    /// The path of a new backup that is made now.
    ///
    /// # Errors
    /// [`MaintenanceError::File`], when the directory cannot be made.
    pub(super) fn new_path(&self, reason: Reason, form: Form) -> Result<PathBuf> {
        use std::os::unix::fs::DirBuilderExt;
        // The text of the user's files is in it.
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory);
        made.map_err(of_file(&self.directory))?;
        let why = match reason {
            Reason::Requested => "",
            Reason::BeforeUpgrade => "-before-upgrade",
            Reason::BeforeRestore => "-before-restore",
            Reason::BeforeRepair => "-before-repair",
        };
        let extension = match form {
            Form::Sqlite => "db",
            Form::Damaged => "damaged",
            Form::Portable => "cahbackup",
        };
        let base = format!("{}-{}{why}", self.stem, compact(now()));
        let names = (1..).map(|number| match number {
            1 => format!("{base}.{extension}"),
            number => format!("{base}-{number}.{extension}"),
        });
        let mut paths = names.map(|name| self.directory.join(name));
        let free = paths.find(|path| !path.exists());
        free.ok_or_else(|| of_file(&self.directory)(std::io::Error::other("no name is free")))
    }

    /// Notes what a new backup is, and deletes automatic ones that are too many or too old.
    ///
    /// # Errors
    /// [`MaintenanceError::File`].
    pub(super) fn add(
        &self,
        path: &Path,
        reason: Reason,
        form: Form,
        driver: &str,
        schema_version: Option<i64>,
    ) -> Result<Backup> {
        let created_at = now();
        let (bytes, checksum) = checksum(path, &Watch::silent())?;
        let backup = Backup {
            name: file_name(path),
            path: path.to_owned(),
            form,
            reason,
            created_at,
            created: readable(created_at),
            bytes,
            checksum,
            schema_version,
            driver: driver.to_owned(),
        };
        write_manifest(&backup)?;
        self.prune()?;
        Ok(backup)
    }

    fn prune(&self) -> Result<()> {
        for old in surplus(self.list()?, self.keep, self.keep_days, now()) {
            tracing::info!(backup = %old.path.display(), "an automatic backup is deleted");
            fs::remove_file(&old.path).map_err(of_file(&old.path))?;
            let manifest = manifest_of(&old.path);
            fs::remove_file(&manifest).map_err(of_file(&manifest))?;
            // Beside the copy of a damaged file there may be its log.
            let log = PathBuf::from(format!("{}-wal", old.path.display()));
            if log.exists() {
                fs::remove_file(&log).map_err(of_file(&log))?;
            }
        }
        Ok(())
    }
}

/// The automatic ones, of all from the newest on, that are too many or too old. The newest stays.
fn surplus(all: Vec<Backup>, keep: usize, keep_days: u64, now: u64) -> Vec<Backup> {
    let oldest = now.saturating_sub(keep_days.saturating_mul(DAY));
    let automatic = all
        .into_iter()
        .filter(|backup| backup.reason != Reason::Requested);
    automatic
        .enumerate()
        .filter(|(place, backup)| {
            *place >= keep.max(1) || (*place > 0 && backup.created_at < oldest)
        })
        .map(|(_, backup)| backup)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(name: &str, reason: Reason, created_at: u64) -> Backup {
        Backup {
            name: name.into(),
            path: name.into(),
            form: Form::Sqlite,
            reason,
            created_at,
            created: readable(created_at),
            bytes: 1,
            checksum: String::new(),
            schema_version: None,
            driver: "sqlite".into(),
        }
    }

    #[test]
    fn automatic_backups_go_by_number_and_age_and_others_stay() {
        let day = DAY;
        let all = || {
            vec![
                backup("a", Reason::BeforeUpgrade, 100 * day),
                backup("b", Reason::Requested, 99 * day),
                backup("c", Reason::BeforeRepair, 98 * day),
                backup("d", Reason::BeforeRestore, 50 * day),
                backup("e", Reason::Requested, 1),
            ]
        };
        let gone = |keep, days| -> Vec<String> {
            let gone = surplus(all(), keep, days, 101 * day);
            gone.into_iter().map(|backup| backup.name).collect()
        };
        assert!(gone(3, 90).is_empty());
        assert_eq!(gone(2, 90), ["d"]);
        assert_eq!(gone(1, 90), ["c", "d"]);
        assert_eq!(gone(3, 10), ["d"]);
        // The newest stays, however old it is.
        assert_eq!(gone(0, 0), ["c", "d"]);
    }

    #[test]
    fn a_backup_is_found_by_its_name_by_its_path_and_as_the_newest() {
        let place = tempfile::tempdir().unwrap();
        let backups = Backups {
            directory: place.path().join("backups"),
            stem: "x".into(),
            keep: 10,
            keep_days: 10,
        };
        assert!(backups.list().unwrap().is_empty());
        let error = backups.find(None).unwrap_err().to_string();
        assert!(error.contains("there are none"), "{error}");
        let path = backups.new_path(Reason::Requested, Form::Sqlite).unwrap();
        fs::write(&path, "SQLite format 3").unwrap();
        let made = backups
            .add(&path, Reason::Requested, Form::Sqlite, "sqlite", Some(2))
            .unwrap();
        assert_eq!(made.bytes, 15);
        assert_eq!(backups.list().unwrap(), std::slice::from_ref(&made));
        assert_eq!(backups.find(None).unwrap(), made);
        assert_eq!(backups.find(Some(&made.name)).unwrap(), made);
        assert_eq!(backups.find(path.to_str()).unwrap(), made);
        let error = backups.find(Some("other")).unwrap_err().to_string();
        assert!(error.contains(&made.name), "{error}");
        let second = backups.new_path(Reason::Requested, Form::Sqlite).unwrap();
        assert_ne!(second, path);
        let stray = place.path().join("stray");
        fs::write(&stray, "hello, world").unwrap();
        assert!(matches!(
            backups.find(stray.to_str()),
            Err(MaintenanceError::Unusable { .. })
        ));
    }
}

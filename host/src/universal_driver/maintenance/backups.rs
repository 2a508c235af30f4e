//! The directory of a database's backups: what lies there, what new ones are called, and which old ones go.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{MaintenanceError, Result, of_file};
use crate::config::types::Config;

/// Added to the name of a backup to name what is said of it.
const MANIFEST: &str = ".json";

/// Where backups lie beside a database file, or in the directory of state.
const DIRECTORY: &str = "backups";

/// Names of backups that an error suggests.
const SUGGESTIONS: usize = 3;

const DAY: Duration = Duration::from_secs(24 * 3600);

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
                found.push(backup);
            }
        }
        found.sort_by(|one, other| {
            (other.created_at, &other.name).cmp(&(one.created_at, &one.name))
        });
        Ok(found)
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
        let (bytes, checksum) = checksum(path)?;
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
    let oldest = now.saturating_sub(keep_days.saturating_mul(DAY.as_secs()));
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

/// A file that is no backup of ours, or has lost what was said of it: its own bytes tell what it is.
fn describe(path: &Path) -> Result<Backup> {
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
    let (bytes, checksum) = checksum(path)?;
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

/// Size and BLAKE3 of a file.
pub(super) fn checksum(path: &Path) -> Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    let mut file = fs::File::open(path).map_err(of_file(path))?;
    std::io::copy(&mut file, &mut hasher).map_err(of_file(path))?;
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}

fn manifest_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(MANIFEST);
    name.into()
}

fn read_manifest(path: &Path) -> Option<Backup> {
    let mut backup: Backup = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    // The directory may have been moved.
    backup.path = path.with_file_name(&backup.name);
    Some(backup)
}

fn write_manifest(backup: &Backup) -> Result<()> {
    let path = manifest_of(&backup.path);
    let text = serde_json::to_vec_pretty(backup).map_err(|error| of_file(&path)(error.into()))?;
    fs::write(&path, text).map_err(of_file(&path))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// `2026-11-24 09:15:30 UTC`.
fn readable(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY.as_secs());
    let (hour, minute, second) = clock(seconds);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `20261124T091530Z`.
fn compact(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY.as_secs());
    let (hour, minute, second) = clock(seconds);
    format!("{year}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn clock(seconds: u64) -> (u64, u64, u64) {
    (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of a day since 1970, by counting from the first of March, so that leap days come last:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_the_calendar_has_them() {
        for (seconds, told) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(readable(seconds), told);
        }
        assert_eq!(compact(1_709_164_801), "20240229T000001Z");
    }

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
        let day = DAY.as_secs();
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

//! The database as a file of the system: which one it is, whether it is still there, and its log.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

/// A database file.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// What a look at the write-ahead log has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogStamp {
    pub(super) bytes: u64,
    pub(super) changed: SystemTime,
}

impl DatabaseFile {
    /// The file at this path; `None` for databases that are no files, whose identity is no absolute
    /// path.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        if !path.is_absolute() {
            return Ok(None);
        }
        let found = fs::metadata(path)?;
        Ok(Some(Self {
            path: path.to_owned(),
            device: found.dev(),
            inode: found.ino(),
        }))
    }

    /// Whether the same file still has the same name.
    pub(super) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }

    /// Locks the file itself, whatever its name, for as long as this process lives; false when another
    /// process has done so. Call it before SQLite opens the file.
    ///
    /// This lock and those of SQLite are of two kinds and do not meet. But closing any descriptor of
    /// the file would drop SQLite's, so this one stays open for ever.
    pub(super) fn lock(&self) -> io::Result<bool> {
        let file = File::open(&self.path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                std::mem::forget(file);
                Ok(true)
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// How large the write-ahead log is, and when it was changed; `None` without one.
    pub(super) fn log_stamp(&self) -> Option<LogStamp> {
        let found = fs::metadata(self.log()?).ok()?;
        Some(LogStamp {
            bytes: found.len(),
            changed: found.modified().ok()?,
        })
    }

    /// The write-ahead log that lies beside the file.
    pub(super) fn log(&self) -> Option<PathBuf> {
        let mut log = OsString::from(&self.path);
        log.push("-wal");
        let log = PathBuf::from(log);
        log.exists().then_some(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_of_the_same_name_is_noticed_and_another_name_of_the_same_file_is_not_another() {
        let place = tempfile::tempdir().unwrap();
        let [path, alias] = ["x.db", "alias.db"].map(|name| place.path().join(name));
        fs::write(&path, "one").unwrap();
        fs::hard_link(&path, &alias).unwrap();
        let file = DatabaseFile::at(&path).unwrap().unwrap();
        let other_name = DatabaseFile::at(&alias).unwrap().unwrap();
        assert!(file.lock().unwrap());
        assert!(!other_name.lock().unwrap());
        assert!(file.is_in_place());
        fs::remove_file(&path).unwrap();
        assert!(!file.is_in_place());
        fs::write(&path, "two").unwrap();
        assert!(!file.is_in_place());
        assert!(other_name.is_in_place());
        assert!(DatabaseFile::at(Path::new("mysql-1")).unwrap().is_none());
    }
}

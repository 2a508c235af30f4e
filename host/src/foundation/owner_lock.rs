//! The lock that decides which process owns a database: held for as long as the worker lives.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use super::db_worker_hello::DbWorkerOwner;

/// The lock. It goes with the process, however that ends; the file stays, and says nothing by itself.
pub struct OwnerLock {
    file: File,
}

/// The traces of an owner that did not end in good order.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// The write-ahead log that it had.
    pub log: Option<PathBuf>,
    /// The run of the system in which it was, as `/proc/sys/kernel/random/boot_id` says.
    pub boot: String,
    /// When it was last seen to write.
    pub last_write: SystemTime,
}

impl OwnerLock {
    /// Takes the lock; `None` when another process has it.
    ///
    /// # Errors
    /// The system's, when the lock file cannot be made or locked.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What the last owner left behind, because it did not end in good order.
    ///
    /// # Errors
    /// The system's.
    pub fn left(&mut self) -> io::Result<Option<Left>> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        // It may have ended while it wrote.
        let owner = serde_json::from_slice::<DbWorkerOwner>(&text).ok();
        let (log, boot) = owner.map_or_else(Default::default, |owner| (owner.log, owner.boot));
        Ok(Some(Left {
            log,
            boot,
            last_write: self.file.metadata()?.modified()?,
        }))
    }

    /// Writes down where to knock, for processes that want to adopt this worker.
    ///
    /// # Errors
    /// The system's.
    pub fn announce(&mut self, owner: &DbWorkerOwner) -> io::Result<()> {
        self.clear()?;
        self.file.write_all(&serde_json::to_vec(owner)?)
    }

    /// Notes that the owner writes to the database.
    ///
    /// # Errors
    /// The system's.
    pub fn note_write(&self) -> io::Result<()> {
        self.file.set_modified(SystemTime::now())
    }

    /// Takes the announcement back before the worker ends in good order.
    ///
    /// # Errors
    /// The system's.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holder_and_the_announcement_is_replaced_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.worker");
        let mut lock = OwnerLock::take(&path).unwrap().unwrap();
        assert_eq!(lock.left().unwrap(), None);
        assert!(OwnerLock::take(&path).unwrap().is_none());
        let long = DbWorkerOwner {
            socket: "/run/a-rather-long-name.sock".into(),
            pid: 123_456,
            host_version: "1".into(),
            log: None,
            boot: String::new(),
        };
        let short = DbWorkerOwner {
            socket: "/s".into(),
            pid: 1,
            host_version: "1".into(),
            log: Some("/x-wal".into()),
            boot: "this".into(),
        };
        lock.announce(&long).unwrap();
        lock.announce(&short).unwrap();
        let read: DbWorkerOwner = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, short);
        drop(lock);
        let mut next = OwnerLock::take(&path).unwrap().unwrap();
        let left = next.left().unwrap().unwrap();
        assert_eq!(
            (left.log, left.boot.as_str()),
            (Some("/x-wal".into()), "this")
        );
        next.clear().unwrap();
        assert_eq!(next.left().unwrap(), None);
    }
}

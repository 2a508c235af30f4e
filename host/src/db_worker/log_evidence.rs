//! What the traces of a worker that did not end in good order say of its write-ahead log: that it is whole, or that commits are gone.
//!
//! SQLite keeps an index of the log in `<database>-shm`, whose first bytes say how many frames the log has and how many
//! of them were copied into the database file. It is a file in memory: after the death of a process it is exact, after
//! that of the system it may be older than the log, and is not looked at.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What another program's fold of the log may be taken for, when it comes so soon after the worker's death.
const TOO_SOON: Duration = Duration::from_secs(2);

/// Bytes of the log before its first frame, and of each frame before its page
/// (<https://www.sqlite.org/walformat.html>, as all that follows).
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Length of the index's header, which lies there twice, and the place of the number of copied frames behind it.
const HEADER: usize = 48;
const COPIED: usize = 2 * HEADER;

/// Version of the index's layout; it is the same since 3.7.0.
const LAYOUT: u32 = 3_007_000;

/// Where everything lies, and what the dead owner left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traces<'t> {
    pub(super) database: &'t Path,
    pub(super) log: &'t Path,
    /// When the owner was last seen to write.
    pub(super) last_write: SystemTime,
    /// Whether the system has run since.
    pub(super) same_boot: bool,
}

/// Why commits are gone; `None` where nothing says so.
pub(super) fn lost_commits(traces: Traces<'_>) -> Option<&'static str> {
    let length = fs::metadata(traces.log).ok().map(|found| found.len());
    let index = if traces.same_boot {
        Index::of(traces.database)
    } else {
        None
    };
    match (index, length) {
        (Some(index), _) if index.copied >= index.frames => None,
        (Some(_), None) => Some("is gone"),
        (Some(_), Some(0)) => Some("was emptied"),
        (Some(index), Some(length)) => {
            let is_cut = length < index.log_length() && index.is_of(traces.log);
            is_cut.then_some("was cut")
        }
        (None, Some(_)) => None,
        // A program that opens the database and ends in good order removes the log as well, when it has copied it.
        (None, None) if traces.was_folded() => None,
        (None, None) => Some("is gone"),
    }
}

impl Traces<'_> {
    fn was_folded(&self) -> bool {
        let changed = fs::metadata(self.database).and_then(|found| found.modified());
        let index_is_gone = !index_path(self.database).exists();
        index_is_gone && changed.is_ok_and(|changed| changed > self.last_write + TOO_SOON)
    }
}

/// What the index says.
#[derive(Debug, PartialEq, Eq)]
struct Index {
    page: u64,
    /// Committed frames of the log.
    frames: u32,
    /// Of them, those that are in the database file.
    copied: u32,
    /// Tells one log from the next.
    salt: [u8; 8],
}

fn index_path(database: &Path) -> std::path::PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-shm");
    path.into()
}

impl Index {
    /// That of this database; `None` where there is none, or one that its owner did not finish.
    fn of(database: &Path) -> Option<Self> {
        Self::read(&fs::read(index_path(database)).ok()?)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_at_checked(HEADER)?;
        let number = |at: usize| -> Option<u32> {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let is_whole = rest.get(..HEADER)? == first && number(0)? == LAYOUT && first[12] == 1;
        if !is_whole {
            return None;
        }
        let page = u16::from_ne_bytes([first[14], first[15]]);
        Some(Self {
            page: if page == 1 { 1 << 16 } else { page.into() },
            frames: number(16)?,
            copied: number(COPIED)?,
            salt: first[32..40].try_into().ok()?,
        })
    }

    /// Bytes of a log with all frames.
    fn log_length(&self) -> u64 {
        LOG_HEADER + u64::from(self.frames) * (FRAME_HEADER + self.page)
    }

    /// Whether the index is of this log.
    fn is_of(&self, log: &Path) -> bool {
        let head = fs::File::open(log).and_then(|mut log| {
            let mut head = [0; 24];
            std::io::Read::read_exact(&mut log, &mut head)?;
            Ok(head)
        });
        // A log without its header cannot be read at all.
        head.map_or(true, |head| head[16..24] == self.salt)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const SALT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    struct Left {
        place: TempDir,
    }

    impl Left {
        /// What a worker leaves whose log has so many frames, of which so many were copied.
        fn new(frames: u32, copied: u32) -> Self {
            let left = Self {
                place: TempDir::new().unwrap(),
            };
            let mut header = [0; HEADER];
            header[..4].copy_from_slice(&LAYOUT.to_ne_bytes());
            header[12] = 1;
            header[14..16].copy_from_slice(&4096u16.to_ne_bytes());
            header[16..20].copy_from_slice(&frames.to_ne_bytes());
            header[32..40].copy_from_slice(&SALT);
            let index = [&header[..], &header, &copied.to_ne_bytes()].concat();
            fs::write(left.at("x.db-shm"), index).unwrap();
            fs::write(left.at("x.db"), "").unwrap();
            let mut log = vec![0; 16];
            log.extend(SALT);
            log.resize((32 + u64::from(frames) * 4120).try_into().unwrap(), 0);
            fs::write(left.at("x.db-wal"), log).unwrap();
            left
        }

        fn at(&self, name: &str) -> PathBuf {
            self.place.path().join(name)
        }

        fn lost(&self, same_boot: bool) -> Option<&'static str> {
            lost_commits(Traces {
                database: &self.at("x.db"),
                log: &self.at("x.db-wal"),
                last_write: SystemTime::now(),
                same_boot,
            })
        }

        fn cut(&self, length: u64) {
            let log = OpenOptions::new().write(true).open(self.at("x.db-wal"));
            log.unwrap().set_len(length).unwrap();
        }
    }

    #[test]
    fn a_whole_log_is_whole_and_what_was_copied_may_go() {
        assert_eq!(Left::new(5, 2).lost(true), None);
        let copied = Left::new(5, 5);
        copied.cut(0);
        assert_eq!(copied.lost(true), None);
        fs::remove_file(copied.at("x.db-wal")).unwrap();
        assert_eq!(copied.lost(true), None);
    }

    #[test]
    fn a_log_that_is_gone_emptied_or_cut_is_told() {
        let left = Left::new(5, 2);
        left.cut(32 + 5 * 4120 - 1);
        assert_eq!(left.lost(true), Some("was cut"));
        left.cut(10);
        assert_eq!(left.lost(true), Some("was cut"));
        left.cut(0);
        assert_eq!(left.lost(true), Some("was emptied"));
        // The system may have ended before the log was on the disk, and the index is not to be trusted.
        assert_eq!(left.lost(false), None);
        fs::remove_file(left.at("x.db-wal")).unwrap();
        assert_eq!(left.lost(true), Some("is gone"));
        assert_eq!(left.lost(false), Some("is gone"));
    }

    #[test]
    fn an_index_of_another_log_or_half_of_one_says_nothing() {
        let left = Left::new(5, 2);
        let mut other = vec![9; 24];
        other.resize(40, 0);
        fs::write(left.at("x.db-wal"), other).unwrap();
        assert_eq!(left.lost(true), None);
        let left = Left::new(5, 2);
        let mut index = fs::read(left.at("x.db-shm")).unwrap();
        index[20] ^= 1;
        fs::write(left.at("x.db-shm"), index).unwrap();
        left.cut(100);
        assert_eq!(left.lost(true), None);
    }

    #[test]
    fn another_program_that_copied_the_log_and_removed_it_has_lost_nothing() {
        let left = Left::new(5, 2);
        for name in ["x.db-wal", "x.db-shm"] {
            fs::remove_file(left.at(name)).unwrap();
        }
        assert_eq!(left.lost(true), Some("is gone"));
        let later = SystemTime::now() + Duration::from_secs(60);
        let database = File::options().write(true).open(left.at("x.db")).unwrap();
        database.set_modified(later).unwrap();
        assert_eq!(left.lost(true), None);
    }
}

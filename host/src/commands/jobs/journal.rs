//! A small file that says which jobs had begun and not ended, for the server that starts after this one.
//!
//! One line of JSON a job at its beginning and at its end. It survives the death of the process, not that of the
//! machine: lines are not synchronised to the disk, because only a report depends on them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::state::unix_seconds;

/// The length in bytes at which lines of jobs that have ended are thrown away.
const LONG: u64 = 1024 * 1024;

/// The longest file that is read at a start, in bytes; what is longer was not written by this program.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A job that had begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The job's id.
    pub id: String,
    /// Its command.
    pub command: String,
    /// The name that its caller gave to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When it was asked for, in seconds since 1970.
    pub created: u64,
}

impl Begun {
    /// When it was asked for.
    pub(super) fn created(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.created)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Begun(Begun),
    Ended(String),
}

/// The file, locked for as long as this exists.
#[derive(Debug)]
pub struct Journal {
    file: File,
    length: u64,
    /// Jobs that have no end in the file, in the order of their beginnings.
    open: Vec<Begun>,
}

impl Journal {
    /// Opens the file, which is created where there is none, readable by this user alone. `None` when another
    /// server has it.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Option<Journal>> {
        if let Some(directory) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let mut text = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut text)?;
        let mut journal = Journal {
            file,
            length: 0,
            open: open_jobs(&text),
        };
        journal.rewrite()?;
        Ok(Some(journal))
    }

    /// Jobs that began and did not end; after opening, those that an earlier server lost.
    pub fn lost(&self) -> &[Begun] {
        &self.open
    }

    /// Notes that a job was taken.
    pub(super) fn begun(
        &mut self,
        id: &str,
        command: &str,
        request_id: Option<&str>,
        at: SystemTime,
    ) {
        let begun = Begun {
            id: id.to_owned(),
            command: command.to_owned(),
            request_id: request_id.map(str::to_owned),
            created: unix_seconds(at),
        };
        self.append(&Line::Begun(begun.clone()));
        self.open.push(begun);
    }

    /// Notes that nobody has to be told about a job any more.
    pub(super) fn ended(&mut self, id: &str) {
        let Some(place) = self.open.iter().position(|begun| begun.id == id) else {
            return;
        };
        self.open.remove(place);
        self.append(&Line::Ended(id.to_owned()));
    }

    fn append(&mut self, line: &Line) {
        let written = write_line(&mut self.file, line).and_then(|written| {
            self.length += written;
            if self.length > LONG {
                self.rewrite()
            } else {
                Ok(())
            }
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the journal of jobs cannot be written; a restart may not report a lost job");
        }
    }

    /// Leaves only the jobs that have not ended.
    fn rewrite(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        for begun in &self.open {
            self.length += write_line(&mut self.file, &Line::Begun(begun.clone()))?;
        }
        Ok(())
    }
}

/// In one write, so that the line is whole or the last of the file.
fn write_line(file: &mut File, line: &Line) -> io::Result<u64> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)?;
    Ok(text.len() as u64)
}

/// Lines that cannot be read are passed over: the last one may be cut.
fn open_jobs(text: &[u8]) -> Vec<Begun> {
    let mut open: Vec<Begun> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Begun(begun)) => open.push(begun),
            Ok(Line::Ended(id)) => open.retain(|begun| begun.id != id),
            Err(_) => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn ids(journal: &Journal) -> Vec<&str> {
        journal
            .lost()
            .iter()
            .map(|begun| begun.id.as_str())
            .collect()
    }

    #[test]
    fn what_began_and_did_not_end_is_known_after_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("servers/x.jobs");
        let mut journal = Journal::open(&path).unwrap().unwrap();
        assert!(Journal::open(&path).unwrap().is_none(), "it is locked");
        for id in ["a", "b", "c"] {
            journal.begun(
                id,
                "update_indexes",
                Some("r"),
                UNIX_EPOCH + Duration::from_secs(7),
            );
        }
        journal.ended("b");
        drop(journal);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let journal = Journal::open(&path).unwrap().unwrap();
        assert_eq!(ids(&journal), ["a", "c"]);
        assert_eq!(journal.lost()[0].created, 7);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_line_that_is_cut_or_garbage_harms_no_other() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.jobs");
        let begun = r#"{"begun":{"id":"a","command":"x","created":1}}"#;
        std::fs::write(&path, format!("garbage\n{begun}\n\u{0}\n{}", &begun[..20])).unwrap();
        let journal = Journal::open(&path).unwrap().unwrap();
        assert_eq!(ids(&journal), ["a"]);
    }

    #[test]
    fn it_does_not_grow_with_the_jobs_that_have_ended() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.jobs");
        let mut journal = Journal::open(&path).unwrap().unwrap();
        let command = "x".repeat(10_000);
        for number in 0..500 {
            let id = number.to_string();
            journal.begun(&id, &command, None, UNIX_EPOCH);
            journal.ended(&id);
        }
        assert!(std::fs::metadata(&path).unwrap().len() <= LONG);
    }
}

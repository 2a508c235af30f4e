//! A log file that rotates by size and that never fails or blocks the program which writes it.
//!
//! The crate file-rotate was tried for this: it panics when its directory cannot be created and
//! reports success when its file cannot be opened, so that lost lines cannot be counted.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tracing_subscriber::fmt::MakeWriter;

/// Where a log goes and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFileSettings {
    /// The current file; older ones carry `.1`, `.2` and so on behind their name.
    pub path: PathBuf,
    /// A file that would grow beyond this many bytes is rotated first.
    pub max_bytes: u64,
    /// Number of files kept, the current one included; at least 1.
    pub files: usize,
}

/// A rotating log file; clones write to the same file, one line at a time, from any thread.
#[derive(Clone)]
pub struct LogFile {
    shared: Arc<Mutex<Rotation>>,
}

struct Rotation {
    settings: LogFileSettings,
    /// None while the file cannot be opened; each write tries again.
    current: Option<File>,
    /// Bytes in the current file, as far as this process knows.
    size: u64,
    /// Lines lost since the program started.
    lost: u64,
    /// Lines lost since the last line that was written: the next one that succeeds says so.
    lost_lately: u64,
}

impl LogFile {
    /// Opens the file for appending, with its directory if need be; only the owner may read either.
    ///
    /// # Errors
    /// The system's, when the file cannot be opened now.
    pub fn open(settings: LogFileSettings) -> io::Result<LogFile> {
        let mut rotation = Rotation {
            settings,
            current: None,
            size: 0,
            lost: 0,
            lost_lately: 0,
        };
        rotation.open()?;
        Ok(LogFile {
            shared: Arc::new(Mutex::new(rotation)),
        })
    }

    /// Number of lines that could not be written, for example because the disk was full.
    pub fn lost_lines(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, Rotation> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogFile {
    /// Takes `line`, a whole line, and always says that it was written.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock().append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = LogFile;

    fn make_writer(&'a self) -> LogFile {
        self.clone()
    }
}

impl Rotation {
    fn append(&mut self, line: &[u8]) {
        let written = if self.lost_lately == 0 {
            self.try_append(line)
        } else {
            self.resume(line)
        };
        match written {
            Ok(()) => self.lost_lately = 0,
            Err(_) => {
                self.lost += 1;
                self.lost_lately += 1;
            }
        }
    }

    /// The line that was being written when the trouble began may be torn, hence the line break
    /// first.
    fn resume(&mut self, line: &[u8]) -> io::Result<()> {
        let mut lines = format!(
            "\n({} lines of this log could not be written)\n",
            self.lost_lately
        )
        .into_bytes();
        lines.extend_from_slice(line);
        self.try_append(&lines)
    }

    fn try_append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.current.is_none() {
            self.open()?;
        }
        let length = lines.len() as u64;
        if self.size > 0 && self.size + length > self.settings.max_bytes {
            self.rotate()?;
        }
        let Some(current) = &mut self.current else {
            return Err(io::ErrorKind::NotFound.into());
        };
        current.write_all(lines)?;
        self.size += length;
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        if let Some(directory) = self.settings.path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.settings.path)?;
        self.size = file.metadata()?.len();
        self.current = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        // Another process that writes the same log may have rotated it: then there is only a new
        // file to open.
        if self.is_current() {
            for number in (1..self.settings.files).rev() {
                move_if_present(&self.numbered(number - 1), &self.numbered(number))?;
            }
            if self.settings.files <= 1 {
                fs::remove_file(&self.settings.path)?;
            }
        }
        self.current = None;
        self.open()
    }

    /// Whether the path still leads to the file that is open.
    fn is_current(&self) -> bool {
        let open = self.current.as_ref().and_then(|file| file.metadata().ok());
        let named = fs::metadata(&self.settings.path).ok();
        open.zip(named)
            .is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
    }

    /// The path of the file that was rotated `number` times.
    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.settings.path.clone();
        }
        let mut path = self.settings.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

fn move_if_present(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn open(directory: &TempDir, max_bytes: u64, files: usize) -> LogFile {
        let path = directory.path().join("logs/w.log");
        LogFile::open(LogFileSettings {
            path,
            max_bytes,
            files,
        })
        .unwrap()
    }

    fn read(directory: &TempDir, name: &str) -> String {
        fs::read_to_string(directory.path().join("logs").join(name)).unwrap()
    }

    #[test]
    fn a_flood_keeps_only_the_newest_files() {
        let directory = TempDir::new().unwrap();
        let mut log = open(&directory, 20, 3);
        for number in 0..100 {
            log.write_all(format!("line {number:03}\n").as_bytes())
                .unwrap();
        }
        assert_eq!(read(&directory, "w.log"), "line 098\nline 099\n");
        assert_eq!(read(&directory, "w.log.1"), "line 096\nline 097\n");
        assert_eq!(read(&directory, "w.log.2"), "line 094\nline 095\n");
        assert_eq!(
            fs::read_dir(directory.path().join("logs")).unwrap().count(),
            3
        );
    }

    #[test]
    fn a_single_file_starts_again() {
        let directory = TempDir::new().unwrap();
        let mut log = open(&directory, 10, 1);
        log.write_all(b"first\n").unwrap();
        log.write_all(b"second\n").unwrap();
        assert_eq!(read(&directory, "w.log"), "second\n");
    }

    #[test]
    fn a_restart_appends_and_counts_what_is_there() {
        let directory = TempDir::new().unwrap();
        open(&directory, 12, 2).write_all(b"before\n").unwrap();
        open(&directory, 12, 2).write_all(b"after\n").unwrap();
        assert_eq!(
            (read(&directory, "w.log"), read(&directory, "w.log.1")),
            ("after\n".into(), "before\n".into())
        );
    }

    #[test]
    fn threads_do_not_tear_lines() {
        let directory = TempDir::new().unwrap();
        let log = open(&directory, 1 << 20, 2);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let mut log = log.clone();
                let line = format!("{}\n", thread.to_string().repeat(9));
                scope.spawn(move || (0..200).for_each(|_| log.write_all(line.as_bytes()).unwrap()));
            }
        });
        let text = read(&directory, "w.log");
        assert_eq!(text.lines().count(), 800);
        assert!(text.lines().all(|line| line.len() == 9), "a line is torn");
    }

    #[test]
    fn a_full_disk_loses_lines_and_counts_them() {
        let settings = LogFileSettings {
            path: "/dev/full".into(),
            max_bytes: 1 << 20,
            files: 2,
        };
        let mut log = LogFile::open(settings).unwrap();
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(log.lost_lines(), 2);
    }

    #[test]
    fn after_trouble_the_log_says_how_much_is_missing() {
        let directory = TempDir::new().unwrap();
        let mut log = open(&directory, 1 << 20, 2);
        let path = directory.path().join("logs");
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "a file where the directory was").unwrap();
        log.lock().current = None;
        log.write_all(b"lost\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.write_all(b"kept\n").unwrap();
        assert_eq!(
            read(&directory, "w.log"),
            "\n(1 lines of this log could not be written)\nkept\n"
        );
        assert_eq!(log.lost_lines(), 1);
    }
}

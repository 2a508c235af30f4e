//! Reads one source file: its text, and what tells a later change.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::code_db::records::UNTRUSTED_MTIME;

/// A file changed within this time before it was read could change again without its time changing.
/// Clocks of file systems tick every few milliseconds. In nanoseconds.
const SETTLING_NS: i64 = 50_000_000;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// A file's text.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) text: String,
    /// Whether bytes had to be replaced because they are not UTF-8.
    pub(super) lossy: bool,
    /// Whether it went on changing while it was read.
    pub(super) changing: bool,
    pub(super) size: u64,
    /// In nanoseconds since 1970, or [`UNTRUSTED_MTIME`].
    pub(super) mtime_ns: i64,
    /// In seconds since 1970.
    pub(super) modified: f64,
    /// BLAKE3 of the bytes, in hexadecimal.
    pub(super) content_hash: String,
}

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum NotRead {
    /// It is gone, or no longer a file.
    Gone,
    /// The system refused.
    Failed(io::Error),
    /// It has grown beyond the limit.
    TooLarge(u64),
    /// It holds bytes that no text has.
    Binary,
}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        // The system calls it a loop when a link has taken the file's place.
        let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
        if is_link || error.kind() == io::ErrorKind::NotFound {
            Self::Gone
        } else {
            Self::Failed(error)
        }
    }
}

/// Reads a file of at most `largest` bytes.
pub(super) fn read(path: &Path, largest: u64) -> Result<SourceFile, NotRead> {
    let mut attempt = 1;
    loop {
        let (bytes, before, after) = read_once(path, largest)?;
        let changing = stamp(&before) != stamp(&after);
        if !changing || attempt == ATTEMPTS {
            return source_file(bytes, &before, changing);
        }
        attempt += 1;
    }
}

fn read_once(path: &Path, largest: u64) -> Result<(Vec<u8>, Metadata, Metadata), NotRead> {
    // What was a file a moment ago may be a pipe or a link now: neither wait for it nor follow it.
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(NotRead::Gone);
    }
    let bytes = read_limited(&file, before.len(), largest)?;
    let after = file.metadata()?;
    Ok((bytes, before, after))
}

fn read_limited(file: &File, expected: u64, largest: u64) -> Result<Vec<u8>, NotRead> {
    if expected > largest {
        return Err(NotRead::TooLarge(expected));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(NotRead::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

fn source_file(bytes: Vec<u8>, metadata: &Metadata, changing: bool) -> Result<SourceFile, NotRead> {
    if bytes.contains(&0) {
        return Err(NotRead::Binary);
    }
    let content_hash = blake3::hash(&bytes).to_hex().to_string();
    let size = metadata.len();
    let (text, lossy) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    let mtime_ns = mtime_ns(metadata);
    let settled = !changing && now_ns().saturating_sub(mtime_ns) > SETTLING_NS;
    Ok(SourceFile {
        text,
        lossy,
        changing,
        size,
        mtime_ns: if settled { mtime_ns } else { UNTRUSTED_MTIME },
        modified: metadata.mtime() as f64 + metadata.mtime_nsec() as f64 / 1e9,
        content_hash,
    })
}

/// What changes when the file does.
pub(super) fn stamp(metadata: &Metadata) -> (u64, i64) {
    (metadata.len(), mtime_ns(metadata))
}

fn mtime_ns(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

fn now_ns() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;

    fn file(bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
        let base = TempDir::new().unwrap();
        let path = base.path().join("a.py");
        fs::write(&path, bytes).unwrap();
        (base, path)
    }

    #[test]
    fn text_comes_with_its_hash_and_time() {
        let (_base, path) = file("é".as_bytes());
        let long_ago = UNIX_EPOCH + Duration::new(1_000_000_000, 250_000_000);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        let source = read(&path, 100).unwrap();
        assert_eq!(
            (
                source.text.as_str(),
                source.lossy,
                source.changing,
                source.size
            ),
            ("é", false, false, 2)
        );
        assert_eq!(
            (source.mtime_ns, source.modified),
            (1_000_000_000_250_000_000, 1_000_000_000.25)
        );
        assert_eq!(
            source.content_hash,
            blake3::hash("é".as_bytes()).to_hex().to_string()
        );
    }

    #[test]
    fn the_time_of_a_file_that_was_just_written_is_not_trusted() {
        let (_base, path) = file(b"x = 1\n");
        assert_eq!(read(&path, 100).unwrap().mtime_ns, UNTRUSTED_MTIME);
    }

    #[test]
    fn other_encodings_are_read_with_losses() {
        let (_base, path) = file(b"caf\xe9");
        let source = read(&path, 100).unwrap();
        assert_eq!((source.text.as_str(), source.lossy), ("caf\u{fffd}", true));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let (_base, path) = file(b"a\0b");
        assert!(matches!(read(&path, 100), Err(NotRead::Binary)));
        assert!(matches!(read(&path, 2), Err(NotRead::TooLarge(3))));
        assert!(matches!(
            read(path.parent().unwrap(), 2),
            Err(NotRead::Gone)
        ));
        assert!(matches!(
            read(&path.with_extension("x"), 2),
            Err(NotRead::Gone)
        ));
        let link = path.with_extension("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(read(&link, 100), Err(NotRead::Gone)));
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let base = TempDir::new().unwrap();
        let path = base.path().join("pipe.py");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        assert!(matches!(read(&path, 100), Err(NotRead::Gone)));
    }
}

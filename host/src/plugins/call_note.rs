//! The call of a driver that began last, in a file that outlives the process: so a crash has a name.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::observed::CallId;

/// Bytes of a note; the rest of it is blank, so that no earlier, longer note shows through.
const LENGTH: usize = 96;

/// Where calls are noted.
#[derive(Debug)]
pub struct CallNote(File);

impl CallNote {
    /// Notes calls in this file, which is made or emptied. It should lie in memory: each call writes to it.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map(Self)
    }

    /// A call begins.
    pub(super) fn begin(&self, what: &str, id: CallId) {
        let mut note = [b' '; LENGTH];
        let CallId { connection, query } = id;
        // What does not fit is not told.
        let _ = write!(
            &mut note[..],
            "{what} (call {query}, connection {connection})"
        );
        // A crash is then told without its call.
        let _ = self.0.write_at(&note, 0);
    }
}

/// The last note of a process that has ended; the file is removed.
pub fn take(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    // A note that stays is overwritten by the next process.
    let _ = fs::remove_file(path);
    let call = text.trim_end();
    (!call.is_empty()).then(|| call.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_is_all_that_is_left() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.call");
        let note = CallNote::create(&path).unwrap();
        let id = |query| CallId {
            connection: 2,
            query,
        };
        note.begin("execute_many", id(1_000_000));
        note.begin("query", id(7));
        assert_eq!(take(&path).as_deref(), Some("query (call 7, connection 2)"));
        assert_eq!(take(&path), None);
        CallNote::create(&path).unwrap();
        assert_eq!(take(&path), None);
    }
}

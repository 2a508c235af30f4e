//! Reads files from end to end piece by piece, tells how far it is, and stops when it is asked to.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use super::backup_file::file_name;
use super::error::{MaintenanceError, Result, of_file};
use crate::code_db::backup::save::Watch;

/// What is read at once.
const PIECE: usize = 1 << 20;

/// What is counted: as much as a page of a database file usually has, so that pages and rows are of one size.
const COUNTED: u64 = 4096;

/// Copies a file so that it is on the disk. Only its owner may read the copy.
pub(super) fn copy_synced(from: &Path, to: &Path, watch: &Watch<'_>) -> Result<()> {
    let mut target = private_file(to)?;
    read(from, "copying", watch, |piece| {
        target.write_all(piece).map_err(of_file(to))
    })?;
    target.sync_all().map_err(of_file(to))
}

/// Size and BLAKE3 of a file.
pub(super) fn checksum(path: &Path, watch: &Watch<'_>) -> Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    read(path, "summing up", watch, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}

/// A new file that only its owner may read: the text of files is in it.
pub(super) fn private_file(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map_err(of_file(path))
}

fn read(
    path: &Path,
    doing: &str,
    watch: &Watch<'_>,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut file = File::open(path).map_err(of_file(path))?;
    let length = file.metadata().map_err(of_file(path))?.len();
    let name = file_name(path);
    watch.progress.begin(length.div_ceil(COUNTED));
    let mut buffer = vec![0; PIECE];
    let mut bytes = 0_u64;
    loop {
        if watch.cancellation.is_cancelled() {
            return Err(MaintenanceError::Cancelled);
        }
        let piece = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(of_file(path)(error)),
        };
        take(piece)?;
        let before = bytes.div_ceil(COUNTED);
        bytes += piece.len() as u64;
        watch
            .progress
            .rows(doing, &name, bytes.div_ceil(COUNTED) - before);
    }
    watch.progress.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::foundation::cancellation::Cancellation;
    use crate::foundation::progress::RowProgress;

    /// What was heard: the total at first, then steps.
    #[derive(Default)]
    struct Heard {
        said: Mutex<Vec<String>>,
        /// Whoever is stopped by it is stopped at the first step.
        stops: Cancellation,
    }

    impl RowProgress for Heard {
        fn begin(&self, rows: u64) {
            self.said.lock().unwrap().push(format!("of {rows}"));
        }

        fn rows(&self, doing: &str, table: &str, rows: u64) {
            self.said
                .lock()
                .unwrap()
                .push(format!("{doing} {table} {rows}"));
            self.stops.cancel();
        }

        fn done(&self) {
            self.said.lock().unwrap().push("done".to_owned());
        }
    }

    #[test]
    fn a_copy_and_a_sum_are_told_piece_by_piece_and_stop_when_they_are_asked_to() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("a.db"), place.path().join("b.db"));
        let content: Vec<u8> = (0..PIECE + 5000).map(|at| at as u8).collect();
        fs::write(&from, &content).unwrap();
        let heard = Heard::default();
        let watch = Watch {
            progress: &heard,
            cancellation: Cancellation::default(),
        };
        copy_synced(&from, &to, &watch).unwrap();
        assert_eq!(fs::read(&to).unwrap(), content);
        let said = std::mem::take(&mut *heard.said.lock().unwrap());
        assert_eq!(
            said,
            ["of 258", "copying a.db 256", "copying a.db 2", "done"]
        );
        let (bytes, sum) = checksum(&to, &watch).unwrap();
        assert_eq!(bytes, content.len() as u64);
        assert_eq!(sum, blake3::hash(&content).to_hex().to_string());
        let heard = Heard::default();
        let watch = Watch {
            progress: &heard,
            cancellation: heard.stops.clone(),
        };
        assert!(copy_synced(&from, &to, &watch).unwrap_err().is_cancelled());
        assert_eq!(*heard.said.lock().unwrap(), ["of 258", "copying a.db 256"]);
    }
}

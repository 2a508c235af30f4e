//! The copy of a plugin that is really opened: named by its content, so that nobody changes it under us.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The largest file that is taken for a plugin.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Copies that were not made within this time may go when a newer one is made.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A plugin's bytes under a name that says what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateCopy {
    /// The copy.
    pub path: PathBuf,
    /// BLAKE3 of its bytes, as hexadecimal digits.
    pub hash: String,
}

/// Copies `library` into `cache`, where it is not there already.
///
/// A library that is replaced in place while it is loaded ends the process with SIGBUS, and a second
/// one at a path that was opened before is taken for the first; neither can happen to the copy.
///
/// # Errors
/// What the system said, with the path that it said it of.
pub fn make(library: &Path, cache: &Path) -> io::Result<PrivateCopy> {
    let bytes = read(library)?;
    let hash = blake3::hash(&bytes).to_hex().to_string();
    let place = blake3::hash(library.as_os_str().as_encoded_bytes()).to_hex();
    let directory = cache.join(&place[..16]);
    create_private(&directory)?;
    let path = directory.join(format!("{hash}.so"));
    if fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
        return Ok(PrivateCopy { path, hash });
    }
    write_whole(&directory, &path, &bytes)?;
    remove_old(&directory, &path);
    Ok(PrivateCopy { path, hash })
}

fn read(library: &Path) -> io::Result<Vec<u8>> {
    // Opening a FIFO would wait for a writer, so the kind of file is looked at first.
    let found = fs::metadata(library)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if found.len() > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it has {} bytes, more than {MAX_BYTES}",
            found.len()
        )));
    }
    fs::read(library)
}

fn create_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

/// Under another name first, so that nobody opens a half-written library.
fn write_whole(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(format!("{}.unfinished", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o500)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&unfinished, path)
}

/// Takes old versions away. One that is still loaded somewhere stays usable there.
fn remove_old(directory: &Path, current: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path != current)
    {
        let old = fs::metadata(&path)
            .and_then(|found| found.modified())
            .is_ok_and(|made| {
                SystemTime::now()
                    .duration_since(made)
                    .is_ok_and(|age| age > KEEP_FOR)
            });
        if old {
            // A copy that cannot be removed costs space only.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_keeps_the_bytes_when_the_original_changes() {
        let place = tempfile::tempdir().unwrap();
        let library = place.path().join("x.so");
        fs::write(&library, b"one").unwrap();
        let first = make(&library, &place.path().join("cache")).unwrap();
        fs::write(&library, b"two!").unwrap();
        let second = make(&library, &place.path().join("cache")).unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(fs::read(&first.path).unwrap(), b"one");
        assert_eq!(fs::read(&second.path).unwrap(), b"two!");
        assert_eq!(make(&library, &place.path().join("cache")).unwrap(), second);
    }

    #[test]
    fn a_directory_and_a_missing_file_are_errors() {
        let place = tempfile::tempdir().unwrap();
        let cache = place.path().join("cache");
        let error = make(place.path(), &cache).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
        assert!(make(&place.path().join("absent.so"), &cache).is_err());
    }
}

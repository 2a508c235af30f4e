//! The copy of a plugin that is really opened: named by its content, so that nobody changes it under us.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::plugin_file::{PluginFile, hash};
use super::verdict::{Reason, Refusal};
use crate::foundation::plugin_image::PluginImage;

/// Copies that were not made within this time may go when a newer one is made.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The copy of the bytes that `image` means, in `cache`; it is made where it is not there already.
///
/// A library that is replaced in place while it is loaded ends the process with SIGBUS, and a second
/// one at a path that was opened before is taken for the first; neither can happen to the copy. The bytes of the
/// copy are hashed again: what is loaded is what was looked at.
///
/// # Errors
/// [`Reason::Replaced`] when there is no copy and the file holds other bytes by now, [`Reason::Unreadable`], and
/// what [`PluginFile::read`] refuses.
pub fn find_or_make(image: &PluginImage, cache: &Path) -> Result<PathBuf, Refusal> {
    let path = path_of(image, cache);
    if fs::read(&path).is_ok_and(|bytes| hash(&bytes) == image.hash) {
        return Ok(path);
    }
    let file = PluginFile::read(&image.file)?;
    if file.image.hash != image.hash {
        let text = "it was replaced since it was looked at: run the command again";
        return Err(Refusal::new(Reason::Replaced, text));
    }
    make(&file, cache)
}

/// Copies the file's bytes into `cache`, whatever lies there.
///
/// # Errors
/// [`Reason::Unreadable`] with what the system said.
pub fn make(file: &PluginFile, cache: &Path) -> Result<PathBuf, Refusal> {
    let path = path_of(&file.image, cache);
    let written = write_whole(&path, &file.bytes);
    written.map_err(|error| {
        let text = format!(
            "its private copy {} cannot be written: {error}",
            path.display()
        );
        Refusal::new(Reason::Unreadable, text)
    })?;
    Ok(path)
}

/// Each file has a directory of its own, so that one file's copies make room for its next ones.
fn path_of(image: &PluginImage, cache: &Path) -> PathBuf {
    let place = hash(image.file.as_os_str().as_encoded_bytes());
    cache.join(&place[..16]).join(format!("{}.so", image.hash))
}

fn create_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

/// Under another name first, so that nobody opens a half-written library.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    create_private(directory)?;
    let mut file = tempfile::Builder::new()
        .suffix(".unfinished")
        .permissions(fs::Permissions::from_mode(0o500))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    remove_old(directory, path);
    Ok(())
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
        let (library, cache) = (place.path().join("x.so"), place.path().join("cache"));
        fs::write(&library, b"one").unwrap();
        let one = PluginFile::read(&library).unwrap().image;
        let first = find_or_make(&one, &cache).unwrap();
        fs::write(&library, b"two!").unwrap();
        let second = find_or_make(&PluginFile::read(&library).unwrap().image, &cache).unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"one");
        assert_eq!(fs::read(&second).unwrap(), b"two!");
        // The earlier bytes are still to be had, and only them under their name.
        assert_eq!(find_or_make(&one, &cache).unwrap(), first);
    }

    #[test]
    fn a_damaged_copy_is_never_loaded() {
        let place = tempfile::tempdir().unwrap();
        let (library, cache) = (place.path().join("x.so"), place.path().join("cache"));
        fs::write(&library, b"good").unwrap();
        let image = PluginFile::read(&library).unwrap().image;
        let copy = find_or_make(&image, &cache).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(&copy, b"evil").unwrap();
        assert_eq!(
            fs::read(find_or_make(&image, &cache).unwrap()).unwrap(),
            b"good"
        );
        // Without the copy and with other bytes in the file there is nothing to load.
        fs::remove_file(&copy).unwrap();
        fs::write(&library, b"else").unwrap();
        assert_eq!(
            find_or_make(&image, &cache).unwrap_err().reason,
            Reason::Replaced
        );
    }
}

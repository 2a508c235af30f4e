//! A file that is being made: under a name of its own until it is complete, and gone if it never is.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use driver_api::{DriverError, ErrorClass, Result};
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::open::file_error;

/// What the name of an unfinished copy ends with.
const UNFINISHED: &str = ".partial";

/// An unfinished copy. Dropped before it is published, it removes its file.
pub(crate) struct CopyFile {
    path: PathBuf,
    /// Locked, so that whoever finds a file without a lock knows that its maker is gone. It stays open for longer
    /// than the engine's: to close any descriptor of a file drops the engine's locks on it.
    file: File,
    published: bool,
}

impl CopyFile {
    /// Makes the empty file that is to become `target`, readable by its owner only.
    pub(crate) fn create(target: &Path) -> Result<Self> {
        require_free(target)?;
        let mut name = target.as_os_str().to_owned();
        name.push(UNFINISHED);
        let path = PathBuf::from(name);
        let error = |error: io::Error| made_error(&path, &error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(error)?;
        if file.try_lock().is_err() || !is_at(&file, &path) {
            return Err(in_use(&path));
        }
        let copy = Self {
            path: path.clone(),
            file,
            published: false,
        };
        // What an earlier maker left, when it was killed.
        copy.file.set_len(0).map_err(error)?;
        copy.file
            .set_permissions(Permissions::from_mode(0o600))
            .map_err(error)?;
        Ok(copy)
    }

    /// Where the unfinished file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings what was written so far to the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file
            .sync_all()
            .map_err(|error| made_error(&self.path, &error))
    }

    /// Gives the complete file its name, which must still be free.
    pub(crate) fn publish(mut self, target: &Path) -> Result<()> {
        self.sync()?;
        rename(&self.path, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(target),
            _ => made_error(target, &error),
        })?;
        self.published = true;
        let directory = target.parent().unwrap_or(Path::new("/"));
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| made_error(directory, &error))
    }
}

impl Drop for CopyFile {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed is taken over by the next backup to the same place.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn require_free(target: &Path) -> Result<()> {
    if !target.is_absolute() {
        return Err(DriverError::new(
            ErrorClass::InvalidValue,
            format!("the path {} is not absolute", target.display()),
        ));
    }
    match fs::symlink_metadata(target) {
        Ok(_) => Err(taken(target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(made_error(target, &error)),
    }
}

/// Not every file system knows how to leave a taken name alone; where it does not, the name was free a moment ago.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}

/// Whether the open file is still the one at this path: its last maker may have given it its name meanwhile.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |(open, named): (fs::Metadata, fs::Metadata)| {
        (open.dev(), open.ino()) == (named.dev(), named.ino())
    };
    file.metadata()
        .and_then(|open| Ok((open, fs::symlink_metadata(path)?)))
        .is_ok_and(same)
}

fn made_error(path: &Path, error: &io::Error) -> DriverError {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("the directory of {} does not exist", path.display());
            DriverError::new(ErrorClass::NotFound, message)
        }
        _ => file_error(path, error),
    }
}

fn taken(target: &Path) -> DriverError {
    DriverError::new(
        ErrorClass::AlreadyExists,
        format!(
            "{} exists already; a backup replaces nothing",
            target.display()
        ),
    )
}

fn in_use(path: &Path) -> DriverError {
    DriverError::new(
        ErrorClass::Busy,
        format!("another backup is being written to {}", path.display()),
    )
    .retryable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_copy_is_taken_over_only_when_its_maker_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("x.db");
        let first = CopyFile::create(&target).unwrap();
        let error = CopyFile::create(&target).err().unwrap();
        assert_eq!(error.class(), ErrorClass::Busy);
        // As a maker that is killed leaves it.
        let left = first.path().to_owned();
        drop(first);
        assert!(!left.exists());
        fs::write(&left, "half of a copy").unwrap();
        let next = CopyFile::create(&target).unwrap();
        assert_eq!(fs::metadata(&left).unwrap().len(), 0);
        next.publish(&target).unwrap();
        assert!(target.exists() && !left.exists());
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("x.db");
        let copy = CopyFile::create(&target).unwrap();
        fs::write(&target, "somebody's").unwrap();
        let error = copy.publish(&target).unwrap_err();
        assert_eq!(error.class(), ErrorClass::AlreadyExists);
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
        let names = fs::read_dir(place.path()).unwrap().count();
        assert_eq!(names, 1);
    }
}

//! A directory for the files that a case lets the driver make; it goes with the case.

use std::cell::OnceCell;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use crate::error::{DriverError, ErrorClass, Result};

/// A directory that is made when it is first asked for, and removed with this value.
#[derive(Default)]
pub(super) struct Scratch(OnceCell<PathBuf>);

impl Scratch {
    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf> {
        if let Some(directory) = self.0.get() {
            return Ok(directory.join(name));
        }
        let unique = RandomState::new().build_hasher().finish();
        let directory = std::env::temp_dir().join(format!("ct_{unique:016x}"));
        fs::create_dir(&directory).map_err(|error| cannot_make(&directory, &error))?;
        Ok(self.0.get_or_init(|| directory).join(name))
    }
}

fn cannot_make(directory: &Path, error: &std::io::Error) -> DriverError {
    let message = format!("{} cannot be made", directory.display());
    DriverError::new(ErrorClass::Io, message).with_detail(error.to_string())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(directory) = self.0.get() {
            // What stays behind lies in the system's directory for such files.
            let _ = fs::remove_dir_all(directory);
        }
    }
}

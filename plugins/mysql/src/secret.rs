//! A password: read from where the options say, never shown.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use driver_api::{DriverError, Result};

use crate::options::{PASSWORD_ENV, PASSWORD_FILE, wrong};

/// Text that is not in any `Debug`, log or error.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value of an environment variable.
    pub(crate) fn from_environment(variable: &str) -> Result<Self> {
        std::env::var(variable).map(Self).map_err(|_| {
            wrong(format!(
                "the environment variable `{variable}`, which the option `{PASSWORD_ENV}` names, \
                 is not set to text"
            ))
        })
    }

    /// The first line of a file, which nobody but its owner may read.
    pub(crate) fn from_file(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong(format!(
                "the file of the option `{PASSWORD_FILE}` may be read by others than its owner: \
                 set the mode of {} to 0600",
                path.display()
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self::new(text.lines().next().unwrap_or_default()))
    }

    /// The text itself, for the login only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> DriverError {
    wrong(format!(
        "the file of the option `{PASSWORD_FILE}` cannot be read: {}: {error}",
        path.display()
    ))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

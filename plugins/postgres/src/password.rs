//! A password, wherever an option says that it is; it is never shown.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use driver_api::{DriverError, Result};

use crate::error;
use crate::options::conflict;

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

/// Where a password is.
pub(crate) enum Source<'o> {
    /// In the option itself.
    Text(&'o str),
    /// In the environment variable of this name.
    Variable(&'o str),
    /// In the first line of this file.
    File(&'o Path),
}

impl Password {
    /// Reads the password from the one source that is given; none is none.
    pub(crate) fn read(sources: &[(&'static str, Source<'_>)]) -> Result<Option<Self>> {
        match sources {
            [] => Ok(None),
            [(key, source)] => source.read(key).map(|text| Some(Self(text))),
            [(one, _), (other, _), ..] => Err(conflict(one, other)),
        }
    }

    /// What the client crate is given.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Source<'_> {
    fn read(&self, key: &str) -> Result<String> {
        match self {
            Self::Text(text) => Ok((*text).to_owned()),
            Self::Variable(name) => std::env::var(name).map_err(|_| {
                error::options(format!(
                    "the environment variable `{name}` that the option `{key}` names is not set"
                ))
            }),
            Self::File(path) => first_line(path, key),
        }
    }
}

fn first_line(path: &Path, key: &str) -> Result<String> {
    let unusable = |reason: String| -> DriverError {
        error::options(format!(
            "the file {} of the option `{key}` cannot be used",
            path.display()
        ))
        .with_detail(reason)
    };
    let metadata = fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(unusable(
            "others than its owner may read it: set its mode to 0600".into(),
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_first_line_and_must_be_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        fs::write(&path, "can ary\r\nmore\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let read = || Password::read(&[("password_file", Source::File(&path))]);
        let password = read().unwrap().unwrap();
        assert_eq!(password.as_bytes(), b"can ary");
        assert_eq!(format!("{password:?}"), "***");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read().unwrap_err();
        assert!(
            error.to_string().contains("set its mode to 0600"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();
        assert!(
            read()
                .unwrap_err()
                .message()
                .contains("`password_file` cannot be used")
        );
    }
}

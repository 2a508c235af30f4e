//! `plugins.toml`: which libraries belong to a release, or are to be loaded from a directory.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The name of the file in a plugins directory.
pub const FILE_NAME: &str = "plugins.toml";

/// The plugins that come with this release.
const BUNDLED: &str = include_str!("../../../plugins.toml");

/// One entry of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// The driver's name, for messages when the file is missing.
    pub name: String,
    /// The library's name without `lib` and `.so`.
    pub library: String,
}

impl ManifestEntry {
    /// Where the library is in this directory.
    pub fn path_in(&self, directory: &Path) -> PathBuf {
        directory.join(format!("lib{}.so", self.library))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    plugin: Vec<ManifestEntry>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file is there but cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error(
        "{path} is no list of plugins: {problem}; expected tables `[[plugin]]` with `name` and `library`"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said, on one line.
        problem: String,
    },
}

/// The plugins that come with this release.
///
/// # Errors
/// Never in a release: a test reads the same text.
pub fn bundled() -> Result<Vec<ManifestEntry>, ManifestError> {
    parse(BUNDLED, Path::new(FILE_NAME))
}

/// The manifest of a plugins directory; `None` where it has none.
///
/// # Errors
/// See [`ManifestError`].
pub fn of_directory(directory: &Path) -> Result<Option<Vec<ManifestEntry>>, ManifestError> {
    let path = directory.join(FILE_NAME);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, &path).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ManifestError::Unreadable { path, source }),
    }
}

fn parse(text: &str, path: &Path) -> Result<Vec<ManifestEntry>, ManifestError> {
    toml::from_str::<Manifest>(text)
        .map(|manifest| manifest.plugin)
        .map_err(|error| ManifestError::Malformed {
            path: path.to_owned(),
            problem: error.message().lines().collect::<Vec<_>>().join(" "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_manifest_names_the_sqlite_drivers() {
        let names: Vec<_> = bundled()
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert!(
            names.starts_with(&["sqlite".into(), "sqlite-proxy".into()]),
            "{names:?}"
        );
    }

    #[test]
    fn a_wrong_key_is_named() {
        let error = parse("[[plugin]]\nname = 'x'\nfile = 'y'", Path::new("p")).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `file`"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_without_manifest_has_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(of_directory(directory.path()).unwrap(), None);
    }
}

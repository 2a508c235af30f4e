//! Where plugins are looked for, and which files are candidates.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::manifest::{self, ManifestError};

/// The environment variable that names plugins directories, separated like `PATH`.
pub const DIRECTORIES_VARIABLE: &str = "CODE_ANALYSIS_PLUGINS";

/// Where distributions put plugins.
const SYSTEM_DIRECTORY: &str = "/usr/lib/code-analysis-host/plugins";

/// Who named a directory. The first that holds a driver of some name wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The flag `--plugins-dir`.
    Flag,
    /// The environment variable.
    Environment,
    /// The config file.
    Config,
    /// The user's own directory, where `drivers install` puts files.
    User,
    /// The directory of the executable.
    Executable,
    /// The system's directory.
    System,
}

impl Origin {
    /// How a user named the directory; none for those that the host looks into by itself.
    pub fn named_by(self) -> Option<&'static str> {
        match self {
            Self::Flag => Some("--plugins-dir"),
            Self::Environment => Some(DIRECTORIES_VARIABLE),
            Self::Config => Some("/code_analysis/plugins/directories"),
            Self::User => Some("the user's data directory"),
            Self::Executable | Self::System => None,
        }
    }
}

/// A directory in which plugins are looked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SearchDirectory {
    /// Its absolute path.
    pub path: PathBuf,
    /// Who named it.
    pub origin: Origin,
}

/// A file that may be a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its absolute path.
    pub path: PathBuf,
    /// Who named its directory.
    pub origin: Origin,
}

/// Directories that a user named and that cannot be used: one line for each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct UnusableDirectories(pub Vec<String>);

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Discovered {
    /// In the order of the directories, sorted by name in each.
    pub candidates: Vec<Candidate>,
    /// What could not be read of the directories that nobody named, as lines for people.
    pub problems: Vec<String>,
}

/// The directories to look in, in order of precedence.
///
/// `flags` and `config` hold what the user named; `user` is the user's own directory, `executable` the host's own
/// path.
pub fn search_directories(
    flags: &[PathBuf],
    config: &[PathBuf],
    user: Option<PathBuf>,
    executable: Option<&Path>,
) -> Vec<SearchDirectory> {
    let variable = std::env::var_os(DIRECTORIES_VARIABLE).unwrap_or_default();
    let environment: Vec<PathBuf> = std::env::split_paths(&variable)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let beside = executable.and_then(Path::parent).map(Path::to_owned);
    let groups = [
        (Origin::Flag, flags.to_vec()),
        (Origin::Environment, environment),
        (Origin::Config, config.to_vec()),
        (Origin::User, user.into_iter().collect()),
        (Origin::Executable, beside.into_iter().collect()),
        (Origin::System, vec![SYSTEM_DIRECTORY.into()]),
    ];
    let named = groups.into_iter().flat_map(|(origin, paths)| {
        paths.into_iter().map(move |path| SearchDirectory {
            path: absolute(&path),
            origin,
        })
    });
    let mut unique: Vec<SearchDirectory> = Vec::new();
    for directory in named {
        if unique.iter().all(|known| known.path != directory.path) {
            unique.push(directory);
        }
    }
    unique
}

/// Looks for candidates in these directories.
///
/// Beside the executable only the plugins of the release are taken; in other directories what the
/// directory's `plugins.toml` names, or every `.so` where there is none.
///
/// # Errors
/// [`UnusableDirectories`] with all that a user named and that cannot be read, or whose
/// `plugins.toml` cannot.
pub fn discover(directories: &[SearchDirectory]) -> Result<Discovered, UnusableDirectories> {
    let mut discovered = Discovered::default();
    let mut unusable = Vec::new();
    for directory in directories {
        match candidates_in(directory) {
            Ok(paths) => discovered
                .candidates
                .extend(paths.into_iter().map(|path| Candidate {
                    path,
                    origin: directory.origin,
                })),
            Err(problem) => {
                let shown = directory.path.display();
                match directory.origin.named_by() {
                    Some(by) => unusable.push(format!(
                        "the plugins directory {shown}, named by {by}, cannot be used: {problem}"
                    )),
                    None => discovered.problems.push(format!(
                        "the plugins directory {shown} cannot be used: {problem}"
                    )),
                }
            }
        }
    }
    if unusable.is_empty() {
        Ok(discovered)
    } else {
        Err(UnusableDirectories(unusable))
    }
}

fn candidates_in(directory: &SearchDirectory) -> Result<Vec<PathBuf>, String> {
    let (libraries, listed) = match directory.origin {
        Origin::Executable => (Vec::new(), manifest::bundled().map(Some)),
        // Looked at also where a manifest says what is in it: a directory that is not there has none.
        _ => (
            libraries_in(directory)?,
            manifest::of_directory(&directory.path),
        ),
    };
    match listed.map_err(|error: ManifestError| error.to_string())? {
        Some(entries) => Ok(entries
            .iter()
            .map(|entry| entry.path_in(&directory.path))
            // What the release lists need not lie beside every executable; what a user's manifest
            // lists must exist, and is refused with a reason where it does not.
            .filter(|path| directory.origin != Origin::Executable || path.exists())
            .collect()),
        None => Ok(libraries),
    }
}

fn libraries_in(directory: &SearchDirectory) -> Result<Vec<PathBuf>, String> {
    let entries = match std::fs::read_dir(&directory.path) {
        Ok(entries) => entries,
        // The system's directory exists only where a distribution made it.
        Err(_) if directory.origin == Origin::System => return Ok(Vec::new()),
        // The user's only once something was installed.
        Err(error) if directory.origin == Origin::User && error.kind() == ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "so"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(path: &Path, origin: Origin) -> SearchDirectory {
        SearchDirectory {
            path: path.to_owned(),
            origin,
        }
    }

    #[test]
    fn flags_come_first_and_a_directory_counts_once() {
        let named = search_directories(
            &["/a".into(), "/b".into()],
            &["/a".into(), "/c".into()],
            Some("/home/plugins".into()),
            Some(Path::new("/bin/host")),
        );
        let paths: Vec<_> = named
            .iter()
            .filter(|directory| directory.origin != Origin::Environment)
            .map(|directory| (directory.path.to_str().unwrap(), directory.origin))
            .collect();
        assert_eq!(
            paths,
            [
                ("/a", Origin::Flag),
                ("/b", Origin::Flag),
                ("/c", Origin::Config),
                ("/home/plugins", Origin::User),
                ("/bin", Origin::Executable),
                (SYSTEM_DIRECTORY, Origin::System),
            ]
        );
    }

    #[test]
    fn every_library_of_a_directory_is_a_candidate_in_order() {
        let place = tempfile::tempdir().unwrap();
        for name in ["b.so", "a.so", "readme.txt", "a.so.bak"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let found = discover(&[directory(place.path(), Origin::Config)]).unwrap();
        let names: Vec<_> = found
            .candidates
            .iter()
            .map(|c| c.path.file_name().unwrap())
            .collect();
        assert_eq!(names, ["a.so", "b.so"]);
        assert!(found.problems.is_empty());
    }

    #[test]
    fn a_manifest_says_what_is_loaded() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("other.so"), "").unwrap();
        let manifest = "[[plugin]]\nname = 'x'\nlibrary = 'x'";
        std::fs::write(place.path().join("plugins.toml"), manifest).unwrap();
        let found = discover(&[directory(place.path(), Origin::Flag)]).unwrap();
        let paths: Vec<_> = found.candidates.iter().map(|c| c.path.clone()).collect();
        assert_eq!(paths, [place.path().join("libx.so")]);
    }

    #[test]
    fn every_named_directory_that_cannot_be_used_is_in_the_error() {
        let place = tempfile::tempdir().unwrap();
        let malformed = place.path().join("malformed");
        std::fs::create_dir(&malformed).unwrap();
        std::fs::write(malformed.join("plugins.toml"), "plugin = 7").unwrap();
        let missing = place.path().join("missing");
        let UnusableDirectories(lines) = discover(&[
            directory(&missing, Origin::Flag),
            directory(&missing, Origin::Environment),
            directory(&malformed, Origin::Config),
        ])
        .unwrap_err();
        let start = |path: &Path, by: &str| {
            format!(
                "the plugins directory {}, named by {by}, cannot be used: ",
                path.display()
            )
        };
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with(&start(&missing, "--plugins-dir")));
        assert!(lines[1].starts_with(&start(&missing, "CODE_ANALYSIS_PLUGINS")));
        assert!(lines[2].starts_with(&start(&malformed, "/code_analysis/plugins/directories")));
        assert!(lines[2].contains("is no list of plugins"), "{}", lines[2]);
    }

    #[test]
    fn a_directory_that_nobody_named_stops_nobody() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        let found = discover(&[directory(&missing, Origin::System)]).unwrap();
        assert!(found.problems.is_empty());
        std::fs::write(place.path().join("plugins.toml"), "plugin = 7").unwrap();
        let found = discover(&[directory(place.path(), Origin::System)]).unwrap();
        assert_eq!(found.problems.len(), 1);
    }
}

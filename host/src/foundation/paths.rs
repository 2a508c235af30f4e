//! Where the program keeps its state and its sockets, and that nobody else can get at the sockets.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use rustix::fs::{Mode, OFlags};

/// Name of the program's directory below the user's directories.
pub const APPLICATION: &str = "code-analysis-host";

/// The longest path of a Unix socket on Linux, in bytes, without the closing NUL.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Room that a runtime directory must leave for the longest socket name and its separator, in
/// bytes.
const SOCKET_NAME_BYTES: usize = 32;

/// Why a directory or a socket path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The user's home directory is unknown.
    #[error("the user's home directory is unknown; set HOME or XDG_DATA_HOME")]
    NoHome,
    /// The runtime directory is not a directory of its own, such as a symbolic link.
    #[error(
        "{path} must be a directory and no symbolic link, because sockets live there; remove it"
    )]
    NotADirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The runtime directory belongs to another user, who could replace sockets in it.
    #[error(
        "{path} belongs to user {owner}, but this process is user {user}; remove it, or set XDG_RUNTIME_DIR"
    )]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// The user id that owns it.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// Other users may enter the runtime directory and that cannot be changed.
    #[error(
        "{path} has mode {mode:03o}, expected 700, and it cannot be changed; run chmod 700 on it"
    )]
    OpenToOthers {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No place for sockets.
    #[error("no directory for sockets can be used: {}; set XDG_RUNTIME_DIR to a short path", .tried.join("; "))]
    NoRuntimeDirectory {
        /// Each directory that was tried, with the reason.
        tried: Vec<String>,
    },
    /// The path of a socket is too long for the operating system.
    #[error(
        "the socket path {path} has {length} bytes, expected at most {MAX_SOCKET_PATH_BYTES}; use a shorter directory"
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
}

/// The directory of the program's state: `$XDG_DATA_HOME/code-analysis-host`, else below
/// `~/.local/share`.
///
/// # Errors
/// [`PathError::NoHome`].
pub fn data_dir() -> Result<PathBuf, PathError> {
    let base = etcetera::base_strategy::Xdg::new().map_err(|_| PathError::NoHome)?;
    Ok(base.data_dir().join(APPLICATION))
}

/// The directory of log files below a state directory.
pub fn log_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("logs")
}

/// The directory of sockets, created if need be, for this user alone.
///
/// It is `$XDG_RUNTIME_DIR/code-analysis-host`, else `<temporary
/// directory>/code-analysis-host-<uid>`, else that below `/tmp`: the first that can be made and
/// leaves room for the names of sockets.
///
/// # Errors
/// A directory that exists but is not safe is an error, not a reason to look further: somebody put
/// it there.
pub fn runtime_dir() -> Result<PathBuf, PathError> {
    let session = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    first_usable(&runtime_candidates(
        session.as_deref(),
        &std::env::temp_dir(),
    ))
}

fn runtime_candidates(session: Option<&Path>, temporary: &Path) -> Vec<PathBuf> {
    let named = format!("{APPLICATION}-{}", rustix::process::geteuid().as_raw());
    let mut candidates: Vec<PathBuf> = session
        .map(|path| path.join(APPLICATION))
        .into_iter()
        .collect();
    candidates.push(temporary.join(&named));
    candidates.push(Path::new("/tmp").join(&named));
    candidates
}

fn first_usable(candidates: &[PathBuf]) -> Result<PathBuf, PathError> {
    let mut tried = Vec::new();
    for path in candidates {
        if path.as_os_str().len() + SOCKET_NAME_BYTES > MAX_SOCKET_PATH_BYTES {
            tried.push(format!("{}: too long for a socket", path.display()));
            continue;
        }
        match create_private(path)? {
            Ok(()) => return Ok(path.clone()),
            Err(error) => tried.push(format!("{}: {error}", path.display())),
        }
    }
    Err(PathError::NoRuntimeDirectory { tried })
}

/// The path of the socket `name` in `directory`.
///
/// # Errors
/// [`PathError::SocketPathTooLong`].
pub fn socket_path(directory: &Path, name: &str) -> Result<PathBuf, PathError> {
    let path = directory.join(name);
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_SOCKET_PATH_BYTES {
        return Err(PathError::SocketPathTooLong { path, length });
    }
    Ok(path)
}

/// Makes `path` a directory that only this user can enter. The outer error is a danger, the inner
/// only a failure.
fn create_private(path: &Path) -> Result<io::Result<()>, PathError> {
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Ok(Err(error.into())),
    }
    // Opened once, so that what is checked is what is mended; the flags refuse symbolic links.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(directory) => fs::File::from(directory),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
            return Err(PathError::NotADirectory { path: path.into() });
        }
        // Another user's directory of mode 700 cannot even be opened.
        Err(error) => return foreign_owner(path).map_or(Ok(Err(error.into())), Err),
    };
    match rustix::fs::fstat(&directory) {
        Ok(found) => {
            require_private(path, &directory, found.st_uid, found.st_mode & 0o7777).map(Ok)
        }
        Err(error) => Ok(Err(error.into())),
    }
}

fn foreign_owner(path: &Path) -> Option<PathError> {
    let owner = rustix::fs::lstat(path).ok()?.st_uid;
    let user = rustix::process::geteuid().as_raw();
    (owner != user).then(|| PathError::ForeignOwner {
        path: path.into(),
        owner,
        user,
    })
}

fn require_private(
    path: &Path,
    directory: &fs::File,
    owner: u32,
    mode: u32,
) -> Result<(), PathError> {
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        return Err(PathError::ForeignOwner {
            path: path.into(),
            owner,
            user,
        });
    }
    if mode & 0o077 != 0 && rustix::fs::fchmod(directory, Mode::RWXU).is_err() {
        return Err(PathError::OpenToOthers {
            path: path.into(),
            mode,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_directory_is_made_for_its_owner_alone() {
        let base = TempDir::new().unwrap();
        let path = base.path().join("run");
        create_private(&path).unwrap().unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn a_directory_open_to_others_is_mended() {
        let base = TempDir::new().unwrap();
        let path = base.path().join("run");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        create_private(&path).unwrap().unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn a_symbolic_link_or_file_is_refused() {
        let base = TempDir::new().unwrap();
        let link = base.path().join("link");
        symlink(base.path(), &link).unwrap();
        assert!(
            matches!(create_private(&link), Err(PathError::NotADirectory { path }) if path == link)
        );
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(
            first_usable(&[file]),
            Err(PathError::NotADirectory { .. })
        ));
    }

    #[test]
    fn another_users_directory_is_refused() {
        let directory = fs::File::open("/").unwrap();
        let user = rustix::process::geteuid().as_raw();
        let refused = require_private(Path::new("/x"), &directory, user + 1, 0o700).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "/x belongs to user {}, but this process is user {user}; remove it, or set XDG_RUNTIME_DIR",
                user + 1
            )
        );
    }

    #[test]
    fn a_long_or_missing_directory_is_passed_over() {
        let base = TempDir::new().unwrap();
        let long = base.path().join("x".repeat(90));
        let missing = base.path().join("missing/run");
        let good = base.path().join("run");
        assert_eq!(
            first_usable(&[long.clone(), missing.clone(), good.clone()]).unwrap(),
            good
        );
        let Err(PathError::NoRuntimeDirectory { tried }) = first_usable(&[long, missing]) else {
            panic!("unusable")
        };
        assert!(
            tried[0].ends_with("too long for a socket") && tried[1].contains("No such file"),
            "{tried:?}"
        );
    }

    #[test]
    fn the_session_directory_comes_first() {
        let candidates = runtime_candidates(Some(Path::new("/run/user/7")), Path::new("/var/tmp"));
        assert_eq!(candidates[0], Path::new("/run/user/7/code-analysis-host"));
        assert!(candidates[1].starts_with("/var/tmp") && candidates[2].starts_with("/tmp"));
    }

    #[test]
    fn a_socket_path_has_at_most_107_bytes() {
        let directory = Path::new("/0123456789");
        assert_eq!(
            socket_path(directory, &"s".repeat(95))
                .unwrap()
                .as_os_str()
                .len(),
            107
        );
        let refused = socket_path(directory, &"s".repeat(96));
        assert!(matches!(
            refused,
            Err(PathError::SocketPathTooLong { length: 108, .. })
        ));
    }
}

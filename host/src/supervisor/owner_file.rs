//! Finds the process that owns a database through the file beside it, and knocks at its socket.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::Uid;

use crate::foundation::db_worker_hello::DbWorkerOwner;
use crate::foundation::peer::may_talk_to;

/// Added to the name of a database to name its owner file.
const SUFFIX: &str = ".worker";

/// An owner file is one short line; anything larger is something else.
const MAX_BYTES: u64 = 64 * 1024;

/// A process that owns a database and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Where it listens.
    pub socket: PathBuf,
    /// Its process id, as the kernel says.
    pub pid: u32,
}

/// Why no owner was reached.
#[derive(Debug, thiserror::Error)]
pub enum OwnerProblem {
    /// Nobody ever owned the database.
    #[error("there is no owner file")]
    NoFile,
    /// The owner file cannot be read, or is no file.
    #[error("the owner file cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The owner file does not say where to knock; perhaps it is just being written.
    #[error("the owner file names no socket: {0}")]
    NotAnOwner(#[source] serde_json::Error),
    /// Nobody listens: the owner ended or is about to begin.
    #[error("nobody answers at {socket}: {source}")]
    NoAnswer {
        /// The socket.
        socket: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another user listens there, whom this one must not trust.
    #[error("{socket} belongs to process {pid} of user {user}, neither to this user nor to root")]
    ForeignUser {
        /// The socket.
        socket: PathBuf,
        /// The listening process.
        pid: u32,
        /// Its user id.
        user: u32,
    },
}

/// The owner file of a database file: its path with `.worker` added.
pub fn owner_file_of(database: &Path) -> PathBuf {
    let mut path: OsString = database.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}

/// The owner that `owner_file` names, if it is alive. The file is only a hint: who answers at the
/// socket counts.
///
/// # Errors
/// [`OwnerProblem`].
pub fn reach_owner(owner_file: &Path) -> Result<Owner, OwnerProblem> {
    let socket = read(owner_file)?.socket;
    let no_answer = |error: rustix::io::Errno| OwnerProblem::NoAnswer {
        socket: socket.clone(),
        source: error.into(),
    };
    let connection = connect(&socket).map_err(no_answer)?;
    let peer = rustix::net::sockopt::socket_peercred(&connection).map_err(no_answer)?;
    let pid = peer.pid.as_raw_nonzero().get().unsigned_abs();
    let own = rustix::process::geteuid();
    if !may_talk_to(peer.uid, own, database_owner(owner_file)) {
        return Err(OwnerProblem::ForeignUser {
            socket,
            pid,
            user: peer.uid.as_raw(),
        });
    }
    Ok(Owner { socket, pid })
}

/// The user who owns the database beside `owner_file`; none while there is no such file.
fn database_owner(owner_file: &Path) -> Option<Uid> {
    let name = owner_file.as_os_str().as_bytes();
    let database = name.strip_suffix(SUFFIX.as_bytes())?;
    let found = fs::metadata(OsStr::from_bytes(database)).ok()?;
    Some(Uid::from_raw(found.uid()))
}

fn read(owner_file: &Path) -> Result<DbWorkerOwner, OwnerProblem> {
    // Looked at before it is opened: opening a FIFO would block.
    let found = fs::metadata(owner_file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OwnerProblem::NoFile,
        _ => OwnerProblem::Unreadable(error),
    })?;
    if !found.is_file() || found.len() > MAX_BYTES {
        return Err(OwnerProblem::Unreadable(io::Error::other(
            "it is not a short regular file",
        )));
    }
    let text = fs::read(owner_file).map_err(OwnerProblem::Unreadable)?;
    serde_json::from_slice(&text).map_err(OwnerProblem::NotAnOwner)
}

/// Never blocks, not even when the owner hangs and its queue of connections is full.
fn connect(socket: &Path) -> rustix::io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connection =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&connection, &address)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::net::UnixListener;
    use tempfile::TempDir;

    fn owner_file(directory: &TempDir, text: &str) -> PathBuf {
        let path = owner_file_of(&directory.path().join("x.db"));
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_living_owner_is_reached_and_the_kernel_names_its_process() {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("s");
        let _listener = UnixListener::bind(&socket).unwrap();
        let text = json!({"socket": socket, "pid": 1, "host_version": "0"}).to_string();
        let owner = reach_owner(&owner_file(&directory, &text)).unwrap();
        assert_eq!(
            owner,
            Owner {
                socket,
                pid: std::process::id()
            }
        );
    }

    #[test]
    fn the_owner_of_the_database_is_that_of_the_file_beside_the_owner_file() {
        let directory = TempDir::new().unwrap();
        let database = directory.path().join("x.db");
        assert_eq!(database_owner(&owner_file_of(&database)), None);
        fs::write(&database, "").unwrap();
        let own = rustix::process::geteuid();
        assert_eq!(database_owner(&owner_file_of(&database)), Some(own));
    }

    #[test]
    fn a_stale_socket_is_no_owner() {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("s");
        drop(UnixListener::bind(&socket).unwrap());
        let text =
            json!({"socket": socket, "pid": std::process::id(), "host_version": "0"}).to_string();
        let problem = reach_owner(&owner_file(&directory, &text)).unwrap_err();
        assert!(matches!(problem, OwnerProblem::NoAnswer { socket: named, .. } if named == socket));
    }

    #[test]
    fn a_missing_or_foreign_file_is_told_apart() {
        let directory = TempDir::new().unwrap();
        assert!(matches!(
            reach_owner(&directory.path().join("none")),
            Err(OwnerProblem::NoFile)
        ));
        assert!(matches!(
            reach_owner(directory.path()),
            Err(OwnerProblem::Unreadable(_))
        ));
        assert!(matches!(
            reach_owner(&owner_file(&directory, "{}")),
            Err(OwnerProblem::NotAnOwner(_))
        ));
    }
}

//! What belongs to a database's worker, and how it is called: name, owner file, digest, note of calls.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::foundation::paths::runtime_dir;
use crate::supervisor::error::WorkerError;
use crate::supervisor::owner_file::owner_file_of;

/// Beside the socket, in memory.
pub(super) fn call_note(socket: &Path) -> PathBuf {
    socket.with_extension("call")
}

/// What the worker of a database is called.
pub(super) fn worker_name(database: &Path) -> String {
    format!("database:{}", database.display())
}

/// Where the owner of a database says how it is reached: beside a database file; in the directory of sockets
/// for what is not a file.
///
/// # Errors
/// [`WorkerError::Path`] when there is no directory for sockets.
pub fn owner_file(database: &Path) -> Result<PathBuf, WorkerError> {
    if database.is_absolute() {
        return Ok(owner_file_of(database));
    }
    Ok(owner_file_of(
        &runtime_dir()?.join(format!("db-{}", digest(database))),
    ))
}

/// 16 hexadecimal digits that name a database in the short path of a socket.
pub(super) fn digest(database: &Path) -> String {
    blake3::hash(database.as_os_str().as_bytes()).to_hex()[..16].to_owned()
}

//! Where a server runs: a directory of its own, a free loopback port, and a user that is not root.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::getuid;

/// The user and group `nobody` of every Linux: servers refuse to run as root.
const NOBODY: u32 = 65534;

/// A server's directory; it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// An empty directory whose path is short, because a socket's path may have 107 bytes.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("srv")
            .tempdir_in("/tmp")
            .unwrap();
        let place = Self { directory };
        place.give_to_server(place.path());
        place
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file or directory in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Lets the server's user own a file or directory in this place.
    pub(crate) fn give_to_server(&self, path: &Path) {
        if getuid().is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// A command that runs in this directory as the server's user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("HOME", self.path());
        if getuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

/// A loopback port that nobody listens on. Another process may take it before the server does: start again then.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

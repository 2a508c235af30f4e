//! Where the server of a database says how it is reached, so that other processes of the same user find it.
//!
//! The file is only a hint: it may be left over from a server that was killed, and its port may belong to another
//! program by now. Whoever reads it asks the address for the instance id before anything else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// An endpoint file is one short line; anything larger is something else, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How a running server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `http://127.0.0.1:15000`, without a slash at its end.
    pub url: String,
    /// Random, new at every start; `GET /health` of the same server gives it, too.
    pub instance_id: String,
    /// The server's process id, for people and messages.
    pub pid: u32,
    /// The version of the host.
    pub version: String,
}

/// The file of the server of one database below a state directory. `database` is any text that is the same for
/// everybody who means the same database; it is not readable from the path.
pub fn endpoint_path(state_dir: &Path, database: &str) -> PathBuf {
    server_file(state_dir, database, "json")
}

/// A file beside it, of the same database, with another extension.
pub fn server_file(state_dir: &Path, database: &str, extension: &str) -> PathBuf {
    let digest = blake3::hash(database.as_bytes()).to_hex();
    state_dir
        .join("servers")
        .join(format!("{}.{extension}", &digest[..16]))
}

/// The endpoint that a file names; `None` where no server has said anything, or nothing readable.
pub fn read(path: &Path) -> Option<Endpoint> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_BYTES {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// An endpoint file that this process wrote; it is removed when this value is dropped.
#[derive(Debug)]
pub struct Published {
    path: PathBuf,
    instance_id: String,
}

impl Published {
    /// Writes the file so that readers see all of it or nothing, readable by this user alone. It replaces that
    /// of an earlier server.
    ///
    /// # Errors
    /// The system's, when the directory or the file cannot be made.
    pub fn write(path: PathBuf, endpoint: &Endpoint) -> io::Result<Published> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let draft = path.with_extension(format!("{}.draft", endpoint.instance_id));
        let written = create(&draft)
            .and_then(|mut file| file.write_all(&serde_json::to_vec(endpoint)?))
            .and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            // It may not even exist; the first error is the one that counts.
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| Published {
            path,
            instance_id: endpoint.instance_id.clone(),
        })
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Another server of the same database may have put its own there.
        if read(&self.path).is_some_and(|endpoint| endpoint.instance_id == self.instance_id)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the endpoint file cannot be removed");
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn endpoint(instance_id: &str) -> Endpoint {
        let url = "http://127.0.0.1:7".to_owned();
        Endpoint {
            url,
            instance_id: instance_id.to_owned(),
            pid: 1,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn what_is_published_is_read_by_its_user_and_goes_with_its_writer() {
        let directory = TempDir::new().unwrap();
        let path = endpoint_path(directory.path(), "sqlite /data/x.db");
        assert_eq!(read(&path), None);
        let published = Published::write(path.clone(), &endpoint("a")).unwrap();
        assert_eq!(read(&path), Some(endpoint("a")));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        drop(published);
        assert!(!path.exists());
    }

    #[test]
    fn a_server_leaves_the_file_of_another_alone() {
        let directory = TempDir::new().unwrap();
        let path = endpoint_path(directory.path(), "x");
        let first = Published::write(path.clone(), &endpoint("a")).unwrap();
        let _second = Published::write(path.clone(), &endpoint("b")).unwrap();
        drop(first);
        assert_eq!(read(&path), Some(endpoint("b")));
    }

    #[test]
    fn another_database_has_another_file_and_garbage_is_nothing() {
        let directory = TempDir::new().unwrap();
        let path = endpoint_path(directory.path(), "x");
        assert_ne!(path, endpoint_path(directory.path(), "y"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{").unwrap();
        assert_eq!(read(&path), None);
    }
}

//! Which database a configuration means, however it is spelled: one worker serves one identity.

use std::io;
use std::path::{Path, PathBuf};

use driver_api::Options;

use crate::plugins::resolve::ResolvedDatabase;

/// The canonical path of the database's file; for a database that is no file, a relative path made of
/// the driver's name and a digest of the options.
///
/// # Errors
/// The system's, when the directory of the file does not exist and cannot be created.
pub fn identity(database: &ResolvedDatabase) -> io::Result<PathBuf> {
    match database.options.path("path") {
        Some(path) => canonical(&path),
        None => Ok(PathBuf::from(format!(
            "{}-{}",
            database.driver,
            digest(&database.options)
        ))),
    }
}

/// Symbolic links are followed, so that two names of one file mean one database. The file itself need
/// not exist yet.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    if let Ok(found) = path.canonicalize() {
        return Ok(found);
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other(format!("{} names no file", path.display())))?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent)?;
    Ok(parent.canonicalize()?.join(name))
}

fn digest(options: &Options) -> String {
    let text = serde_json::Value::Object(options.to_json()).to_string();
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_and_a_detour_mean_the_same_file() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let file = root.join("x.db");
        assert_eq!(canonical(&file).unwrap(), file);
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, root.join("alias.db")).unwrap();
        assert_eq!(canonical(&root.join("alias.db")).unwrap(), file);
        assert_eq!(
            canonical(
                &root
                    .join("../")
                    .join(root.file_name().unwrap())
                    .join("x.db")
            )
            .unwrap(),
            file
        );
    }

    #[test]
    fn the_directory_is_made_where_it_is_missing() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        assert_eq!(
            canonical(&root.join("a/b/x.db")).unwrap(),
            root.join("a/b/x.db")
        );
        assert!(root.join("a/b").is_dir());
    }
}

//! Which bytes a plugin must have, by the SHA-256 that was written down for this platform.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::verdict::{Reason, Refusal};

/// The platform of this build, as lock files name it.
pub const PLATFORM: &str = if cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
    "x86_64-linux-gnu"
} else if cfg!(all(target_arch = "x86_64", target_env = "musl")) {
    "x86_64-linux-musl"
} else if cfg!(all(target_arch = "aarch64", target_env = "gnu")) {
    "aarch64-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_env = "musl")) {
    "aarch64-linux-musl"
} else {
    "other"
};

/// What a lock file holds. One file may serve several machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// By the name of the plugin's file.
    #[serde(default)]
    plugin: BTreeMap<String, LockedPlugin>,
}

/// What is written down of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedPlugin {
    /// By platform: SHA-256 as hexadecimal digits.
    sha256: BTreeMap<String, String>,
}

/// A lock file that was read, or why it could not be.
#[derive(Clone, Debug)]
pub struct Lock {
    path: PathBuf,
    content: Result<LockFile, String>,
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Lock {
    /// Reads the lock file at this path; one that is not there has no entries.
    pub fn read(path: &Path) -> Self {
        let content = match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                let problem: Vec<&str> = error.message().lines().collect();
                problem.join(" ")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LockFile::default()),
            Err(error) => Err(error.to_string()),
        };
        Self {
            path: path.to_owned(),
            content,
        }
    }

    /// Whether these are the bytes that were locked under the file's name. Without an entry for this platform the
    /// answer is false.
    ///
    /// # Errors
    /// [`Reason::LockMismatch`], [`Reason::LockUnusable`].
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<bool, Refusal> {
        let content = self.content.as_ref().map_err(|problem| {
            let text = format!(
                "the lock file {} cannot be used: {problem}; mend it, or remove it and lock the plugins again with \
                 `drivers install`",
                self.path.display()
            );
            Refusal::new(Reason::LockUnusable, text)
        })?;
        let Some(expected) = content
            .plugin
            .get(name)
            .and_then(|entry| entry.sha256.get(PLATFORM))
        else {
            return Ok(false);
        };
        let actual = sha256(bytes);
        if actual.eq_ignore_ascii_case(expected) {
            return Ok(true);
        }
        let text = format!(
            "its SHA-256 is {actual}, and {} has {expected} for {PLATFORM}: put the file back that was locked, or \
             lock this one with `drivers install`, if you know where it comes from",
            self.path.display()
        );
        Err(Refusal::new(Reason::LockMismatch, text))
    }

    /// The refusal of a file that is not locked, where the configuration wants every plugin locked.
    pub fn refuse_unlocked(&self, bytes: &[u8]) -> Refusal {
        let text = format!(
            "it is not in the lock file {} for {PLATFORM}, and `plugins.unlocked` is `refuse`: lock it with \
             `drivers install`, if you know where it comes from (its SHA-256 is {})",
            self.path.display(),
            sha256(bytes)
        );
        Refusal::new(Reason::NotLocked, text)
    }
}

/// Writes down that the plugin of this file name has these bytes here.
///
/// # Errors
/// When the lock file cannot be read or written.
pub fn lock(path: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    change(path, |content| {
        let entry = content.plugin.entry(name.to_owned()).or_default();
        entry.sha256.insert(PLATFORM.to_owned(), sha256(bytes));
    })
}

/// Takes the entry of this platform away.
///
/// # Errors
/// As [`lock`].
pub fn unlock(path: &Path, name: &str) -> io::Result<()> {
    change(path, |content| {
        if let Some(entry) = content.plugin.get_mut(name) {
            entry.sha256.remove(PLATFORM);
        }
        content.plugin.retain(|_, entry| !entry.sha256.is_empty());
    })
}

/// Under another name first, so that nobody reads half of it.
fn change(path: &Path, change: impl FnOnce(&mut LockFile)) -> io::Result<()> {
    let before = Lock::read(path).content.map_err(io::Error::other)?;
    let mut content = before.clone();
    change(&mut content);
    if content == before {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let text = toml::to_string(&content).map_err(io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    write!(
        file,
        "# Written by `code-analysis-host drivers install`.\n{text}"
    )?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_must_be_the_same_bytes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/plugins.lock");
        assert_eq!(Lock::read(&path).check("x.so", b"one"), Ok(false));
        lock(&path, "x.so", b"one").unwrap();
        let read = Lock::read(&path);
        assert_eq!(read.check("x.so", b"one"), Ok(true));
        assert_eq!(read.check("y.so", b"one"), Ok(false));
        let refusal = read.check("x.so", b"two").unwrap_err();
        assert_eq!(refusal.reason, Reason::LockMismatch);
        // `printf two | sha256sum`, `printf one | sha256sum`
        for hash in [
            "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
            "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
        ] {
            assert!(refusal.text.contains(hash), "{refusal}");
        }
        lock(&path, "x.so", b"two").unwrap();
        assert_eq!(Lock::read(&path).check("x.so", b"two"), Ok(true));
        unlock(&path, "x.so").unwrap();
        assert_eq!(Lock::read(&path).check("x.so", b"two"), Ok(false));
    }

    #[test]
    fn entries_of_other_platforms_stay() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plugins.lock");
        fs::write(&path, "[plugin.'x.so'.sha256]\nriscv = 'aa'\n").unwrap();
        assert_eq!(Lock::read(&path).check("x.so", b"one"), Ok(false));
        lock(&path, "x.so", b"one").unwrap();
        unlock(&path, "x.so").unwrap();
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .contains("riscv = \"aa\"")
        );
    }

    #[test]
    fn a_lock_file_that_cannot_be_read_refuses_everything() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plugins.lock");
        fs::write(&path, "plugin = 7").unwrap();
        assert_eq!(
            Lock::read(&path).check("x.so", b"").unwrap_err().reason,
            Reason::LockUnusable
        );
        assert!(lock(&path, "x.so", b"").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "plugin = 7");
    }
}

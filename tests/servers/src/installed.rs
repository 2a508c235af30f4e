//! Finds the servers' programs, and says in one line when a test must be skipped without them.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The program of this name, on the path or where Debian keeps servers; the newest version where there are several.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&on_path)
        .chain(versions(Path::new("/usr/lib/postgresql")))
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// The `bin` directories of Debian's PostgreSQL versions, the newest first.
fn versions(parent: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

/// The programs of these names; `None`, after one line on standard error, where one is missing.
///
/// # Panics
/// Where one is missing and the environment says `CI=true`: there, a skipped test would look like a passed one.
pub(crate) fn programs<const N: usize>(package: &str, names: [&str; N]) -> Option<[PathBuf; N]> {
    let found = names.map(|name| program(name).ok_or(name));
    if let Some(missing) = found.iter().find_map(|program| program.as_ref().err()) {
        let line = format!("skipped: `{missing}` is not installed (Debian package `{package}`)");
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{line}"
        );
        // The test runner keeps what `eprintln!` says of a test that passes.
        let _ = writeln!(std::io::stderr(), "{line}");
        return None;
    }
    Some(found.map(|program| program.unwrap()))
}

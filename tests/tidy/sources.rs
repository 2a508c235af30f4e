//! The repository's own source files.

use std::path::{Path, PathBuf};

/// One Rust file.
pub struct Source {
    /// Relative to the repository: `host/src/app.rs`.
    pub path: String,
    pub text: String,
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// All Rust files below these directories of the repository, in order.
pub fn rust_files(directories: &[&str]) -> Vec<Source> {
    files(directories, &["rs"])
}

/// All files with one of these endings, in order; what is built is left out.
pub fn files(directories: &[&str], endings: &[&str]) -> Vec<Source> {
    let root = repository();
    let mut found = Vec::new();
    for directory in directories {
        collect(&root.join(directory), endings, &mut found);
    }
    found.sort();
    assert!(!found.is_empty(), "no files below {directories:?}");
    found
        .into_iter()
        .map(|path| Source {
            text: std::fs::read_to_string(&path).unwrap(),
            path: path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
        })
        .collect()
}

fn collect(path: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    if path.is_file() {
        let ending = path.extension().unwrap_or_default();
        if endings.iter().any(|wanted| ending == *wanted) {
            found.push(path.to_owned());
        }
        return;
    }
    let skipped = ["target", "fixtures", "testdata", ".git"];
    if path
        .file_name()
        .is_some_and(|name| skipped.iter().any(|skip| name == *skip))
    {
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        collect(&entry.unwrap().path(), endings, found);
    }
}

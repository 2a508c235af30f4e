//! Looks at a project's tree: its source files with size and time, and what cannot be looked at.

use std::io;
use std::path::{Path, PathBuf};

use ignore::DirEntry;

use super::problem::{Problem, ProblemKind};
use super::source_file::stamp;
use super::tree_walk::{Parts, is_directory, is_project_root, walk};
use crate::analysis::Language;

/// A source file, not opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    /// Absolute path; it is UTF-8.
    pub(super) path: PathBuf,
    /// What its name says it is written in.
    pub(super) language: Language,
    /// Size in bytes.
    pub(super) size: u64,
    /// Time of the last change in nanoseconds since 1970.
    pub(super) mtime_ns: i64,
}

/// What a tree holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The source files, by name.
    pub(super) files: Vec<FoundFile>,
    /// Source files that are too large.
    pub(super) passed_over: u64,
    /// Paths that cannot be looked at: what is known of files there stays.
    pub(super) unknown: Vec<PathBuf>,
    pub(super) problems: Vec<Problem>,
}

impl Scan {
    /// Looks at these parts of the project at `root`. Projects within it are left to themselves.
    pub(super) fn of(root: &Path, parts: &Parts, largest_file: u64) -> Self {
        let mut scan = Self::default();
        let own = root.to_owned();
        let wanted = parts.clone();
        let accept = move |entry: &DirEntry| {
            wanted.leads_to(entry.path())
                && (entry.path() == own || !is_directory(entry) || !is_project_root(entry.path()))
        };
        for entry in walk(root, accept) {
            match entry {
                Ok(entry) => scan.look_at(&entry, largest_file),
                Err(error) => scan.cannot_look(root, &error),
            }
        }
        scan
    }

    fn look_at(&mut self, entry: &DirEntry, largest_file: u64) {
        // Pipes, devices and sockets would block whoever reads them; links lead elsewhere.
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            return;
        }
        let path = entry.path();
        let Some(language) = Language::from_path(path) else {
            return;
        };
        if path.to_str().is_none() {
            self.pass_over(
                path,
                ProblemKind::NameNotUtf8,
                "its name is not UTF-8; rename it".to_owned(),
            );
            return;
        }
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            // It went away between the directory's listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                self.unknown.push(path.to_owned());
                self.pass_over(path, ProblemKind::Unreadable, error.to_string());
                return;
            }
        };
        if metadata.len() > largest_file {
            let message = format!("{} bytes, the limit is {largest_file}", metadata.len());
            self.pass_over(path, ProblemKind::TooLarge, message);
            return;
        }
        let (size, mtime_ns) = stamp(&metadata);
        self.files.push(FoundFile {
            path: path.to_owned(),
            language,
            size,
            mtime_ns,
        });
    }

    fn pass_over(&mut self, path: &Path, kind: ProblemKind, message: String) {
        self.passed_over += 1;
        self.problems.push(Problem::new(path, kind, message));
    }

    fn cannot_look(&mut self, root: &Path, error: &ignore::Error) {
        let path = path_of(error).unwrap_or(root).to_owned();
        if error
            .io_error()
            .is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
            && path != root
        {
            return;
        }
        self.problems.push(Problem::new(
            &path,
            ProblemKind::Unreadable,
            error.to_string(),
        ));
        self.unknown.push(path);
    }
}

/// The path that a walk's error is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(path_of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn tree(files: &[&str]) -> (TempDir, PathBuf) {
        let base = TempDir::new().unwrap();
        let root = base.path().join("root");
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x = 1\n").unwrap();
        }
        (base, root)
    }

    fn names(scan: &Scan, root: &Path) -> Vec<String> {
        let name = |file: &FoundFile| {
            file.path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        scan.files.iter().map(name).collect()
    }

    #[test]
    fn source_files_are_found_in_order() {
        let (_base, root) = tree(&["b.py", "a/z.rs", "a/b.txt", "c.tsx"]);
        let scan = Scan::of(&root, &Parts::all(), 100);
        assert_eq!(names(&scan, &root), ["a/z.rs", "b.py", "c.tsx"]);
        assert_eq!(
            (scan.files[1].language, scan.files[1].size),
            (Language::Python, 6)
        );
        let modified = fs::metadata(root.join("b.py")).unwrap().modified().unwrap();
        let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(
            i128::from(scan.files[1].mtime_ns),
            since_epoch.as_nanos().cast_signed()
        );
    }

    #[test]
    fn excluded_hidden_and_foreign_parts_are_left_out() {
        let (_base, root) = tree(&[
            "a.py",
            "target/b.py",
            "deep/keep.py",
            "deep/skip.py",
            ".git/c.py",
            "inner/projectid",
            "inner/d.py",
        ]);
        fs::write(root.join(".gitignore"), "target/\n").unwrap();
        fs::write(root.join("deep/.gitignore"), "skip.py\n").unwrap();
        symlink(root.join("a.py"), root.join("link.py")).unwrap();
        symlink(&root, root.join("loop")).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe.py"), mode).unwrap();
        let scan = Scan::of(&root, &Parts::all(), 100);
        assert_eq!(names(&scan, &root), ["a.py", "deep/keep.py"]);
        assert_eq!(scan.problems, []);
    }

    #[test]
    fn parts_are_looked_at_with_the_rules_of_the_whole() {
        let (_base, root) = tree(&["a/one.py", "a/two.py", "b/three.py", "target/four.py"]);
        fs::write(root.join(".gitignore"), "target/\n").unwrap();
        let wanted = [
            root.join("a/two.py"),
            root.join("b"),
            root.join("target/four.py"),
            root.join("gone.py"),
        ];
        let scan = Scan::of(&root, &Parts::some(&root, &wanted), 100);
        assert_eq!(names(&scan, &root), ["a/two.py", "b/three.py"]);
    }

    #[test]
    fn a_file_that_is_too_large_is_reported() {
        let (_base, root) = tree(&["a.py", "b.py"]);
        fs::write(root.join("b.py"), "# seven").unwrap();
        let scan = Scan::of(&root, &Parts::all(), 6);
        assert_eq!(
            (names(&scan, &root), scan.passed_over),
            (vec!["a.py".to_owned()], 1)
        );
        assert_eq!(scan.problems[0].kind, ProblemKind::TooLarge);
        assert_eq!(scan.problems[0].message, "7 bytes, the limit is 6");
    }

    #[test]
    fn a_name_that_is_not_utf8_is_reported() {
        use std::os::unix::ffi::OsStrExt;
        let (_base, root) = tree(&["a.py"]);
        fs::write(
            root.join(std::ffi::OsStr::from_bytes(b"caf\xe9.py")),
            "x = 1\n",
        )
        .unwrap();
        let scan = Scan::of(&root, &Parts::all(), 100);
        assert_eq!(
            (names(&scan, &root), scan.passed_over),
            (vec!["a.py".to_owned()], 1)
        );
        assert_eq!(scan.problems[0].kind, ProblemKind::NameNotUtf8);
    }
}

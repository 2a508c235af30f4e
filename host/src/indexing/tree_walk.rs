//! How a tree is walked: which directories and files are looked at at all, the same for every purpose.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, Walk, WalkBuilder};

/// The name of the files that mark the roots of projects.
pub(super) const PROJECT_ID_FILE: &str = "projectid";

/// Walks a tree in the order of names. Hidden files and what `.gitignore` and `.ignore` files exclude is left
/// out, with or without a git repository; symbolic links are not followed.
pub(super) fn walk(
    root: &Path,
    accept: impl Fn(&DirEntry) -> bool + Send + Sync + 'static,
) -> Walk {
    WalkBuilder::new(root)
        .require_git(false)
        // One user's own git settings must not decide what everybody's index holds.
        .git_global(false)
        .follow_links(false)
        .sort_by_file_name(|a, b| a.cmp(b))
        .filter_entry(accept)
        .build()
}

/// Whether a directory is the root of a project.
pub(super) fn is_project_root(directory: &Path) -> bool {
    directory.join(PROJECT_ID_FILE).is_file()
}

/// Whether an entry is a directory itself, not a link to one.
pub(super) fn is_directory(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// The parts of a tree that are looked at: everything, or some paths with what is below them.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// None for everything.
    wanted: Option<HashSet<PathBuf>>,
    /// The directories on the way to them.
    on_the_way: HashSet<PathBuf>,
}

impl Parts {
    /// Everything.
    pub(super) fn all() -> Self {
        Self {
            wanted: None,
            on_the_way: HashSet::new(),
        }
    }

    /// These absolute paths below `root`; everything if the root is one of them.
    pub(super) fn some<'a>(root: &Path, paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let wanted: HashSet<PathBuf> = paths
            .into_iter()
            .filter(|path| path.starts_with(root))
            .cloned()
            .collect();
        if wanted.contains(root) {
            return Self::all();
        }
        let on_the_way = wanted
            .iter()
            .flat_map(|path| path.ancestors().skip(1))
            .map(Path::to_owned)
            .collect();
        Self {
            wanted: Some(wanted),
            on_the_way,
        }
    }

    /// The wanted paths; `None` for everything.
    pub(super) fn paths(&self) -> Option<&HashSet<PathBuf>> {
        self.wanted.as_ref()
    }

    /// Whether a path is wanted, or leads to a wanted one.
    pub(super) fn leads_to(&self, path: &Path) -> bool {
        let Some(wanted) = &self.wanted else {
            return true;
        };
        self.on_the_way.contains(path) || path.ancestors().any(|above| wanted.contains(above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_what_is_below_and_on_the_way() {
        let parts = Parts::some(
            Path::new("/p"),
            [&PathBuf::from("/p/a/b"), &PathBuf::from("/q")],
        );
        for (path, expected) in [
            ("/p", true),
            ("/p/a", true),
            ("/p/a/b", true),
            ("/p/a/b/c.py", true),
            ("/p/a/x", false),
            ("/q", false),
        ] {
            assert_eq!(parts.leads_to(Path::new(path)), expected, "{path}");
        }
        assert_eq!(parts.paths().map(HashSet::len), Some(1));
        assert_eq!(
            Parts::some(Path::new("/p"), [&PathBuf::from("/p")]).paths(),
            None
        );
        assert!(Parts::all().leads_to(Path::new("/anything")));
        assert!(!Parts::some(Path::new("/p"), [&PathBuf::from("/q")]).leads_to(Path::new("/p/a")));
    }
}

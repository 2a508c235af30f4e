//! The projects below the watched directories, and which of them a changed path belongs to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::indexing::project_root::{ProjectRoot, discover_projects};

/// The projects, each once, whatever the watched directories have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Projects {
    by_root: BTreeMap<PathBuf, ProjectRoot>,
}

impl Projects {
    /// Looks for projects in these directories. One that cannot be looked at is a line in the result.
    pub(super) fn discover(directories: &[PathBuf]) -> (Self, Vec<String>) {
        let mut found = Self::default();
        let mut problems = Vec::new();
        for directory in directories {
            match discover_projects(directory) {
                Ok(discovery) => {
                    problems.extend(
                        discovery
                            .problems
                            .iter()
                            .map(|p| format!("{}: {}", p.path.display(), p.message)),
                    );
                    found
                        .by_root
                        .extend(discovery.projects.into_iter().map(|p| (p.root.clone(), p)));
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        (found, problems)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ProjectRoot> {
        self.by_root.values()
    }

    pub(super) fn roots(&self) -> Vec<PathBuf> {
        self.by_root.keys().cloned().collect()
    }

    /// The innermost project around `path`.
    pub(super) fn of(&self, path: &Path) -> Option<&ProjectRoot> {
        path.ancestors().find_map(|above| self.by_root.get(above))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_belongs_to_the_innermost_project() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().canonicalize().unwrap().join("top");
        fs::create_dir_all(top.join("inner")).unwrap();
        fs::write(top.join("a.py"), "").unwrap();
        fs::write(
            top.join("inner/projectid"),
            "1c1c8d7e-0000-4000-8000-000000000002",
        )
        .unwrap();
        fs::write(top.join("inner/b.py"), "").unwrap();
        let missing = top.join("missing");
        let (projects, problems) = Projects::discover(&[top.clone(), top.clone(), missing]);
        assert_eq!(projects.roots(), [top.clone(), top.join("inner")]);
        assert_eq!(
            projects.of(&top.join("inner/b.py")).unwrap().root,
            top.join("inner")
        );
        assert_eq!(projects.of(&top.join("a.py")).unwrap().root, top);
        assert_eq!(projects.of(Path::new("/elsewhere")), None);
        assert_eq!(problems.len(), 1);
    }
}

//! The projects below the watched directories, which parts of them are watched, and whose a changed path is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::indexing::project_root::{ProjectRoot, discover_projects};

/// The projects, and their parts that are watched, each once, whatever the watched directories have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Projects {
    /// By root, either the whole project alone, or parts of it that do not hold one another.
    by_root: BTreeMap<PathBuf, Vec<ProjectRoot>>,
}

impl Projects {
    /// Looks for projects in these directories. One that cannot be looked at is a line in the result.
    pub(super) fn discover(directories: &[PathBuf]) -> (Self, Vec<String>) {
        let mut found = Self::default();
        let mut problems = Vec::new();
        for directory in directories {
            match discover_projects(directory) {
                Ok(discovery) => {
                    for problem in &discovery.problems {
                        let line = format!("{}: {}", problem.path.display(), problem.message);
                        // Directories of one project meet the same `projectid`.
                        if !problems.contains(&line) {
                            problems.push(line);
                        }
                    }
                    for project in discovery.projects {
                        found.add(project);
                    }
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        (found, problems)
    }

    /// The projects or their watched parts, by root.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ProjectRoot> {
        self.by_root.values().flatten()
    }

    pub(super) fn roots(&self) -> Vec<PathBuf> {
        self.by_root.keys().cloned().collect()
    }

    /// The innermost project around `path`, if `path` is within a part of it that is watched.
    pub(super) fn of(&self, path: &Path) -> Option<&ProjectRoot> {
        let parts = path.ancestors().find_map(|above| self.by_root.get(above))?;
        parts.iter().find(|part| path.starts_with(top(part)))
    }

    /// Adds a project or a part of one, unless it is watched already; what lies below it goes.
    fn add(&mut self, project: ProjectRoot) {
        let parts = self.by_root.entry(project.root.clone()).or_default();
        if parts
            .iter()
            .any(|known| top(&project).starts_with(top(known)))
        {
            return;
        }
        parts.retain(|known| !top(known).starts_with(top(&project)));
        parts.push(project);
    }
}

/// The path below which a project, or a part of one, is looked at.
fn top(project: &ProjectRoot) -> &Path {
    project.scope.as_deref().unwrap_or(&project.root)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A project with directories `a`, `a/deep` and `b`.
    fn project() -> (TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap().join("project");
        for directory in ["a/deep", "b"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(
            root.join("projectid"),
            "1c1c8d7e-0000-4000-8000-000000000003",
        )
        .unwrap();
        (place, root)
    }

    fn scopes(projects: &Projects) -> Vec<Option<PathBuf>> {
        projects.iter().map(|part| part.scope.clone()).collect()
    }

    #[test]
    fn every_watched_part_of_a_project_is_kept() {
        let (_place, root) = project();
        let (a, b) = (root.join("a"), root.join("b"));
        let (projects, problems) = Projects::discover(&[a.clone(), b.clone()]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(projects.roots(), std::slice::from_ref(&root));
        assert_eq!(scopes(&projects), [Some(a.clone()), Some(b.clone())]);
        let part = |path: &Path| projects.of(path).map(|part| part.scope.clone().unwrap());
        assert_eq!(part(&a.join("deep/x.py")), Some(a.clone()));
        assert_eq!(part(&b), Some(b));
        // Nobody asked for the rest of the project.
        assert_eq!(part(&root.join("x.py")), None);
        assert_eq!(part(&root.join("ab/x.py")), None);
        assert_eq!(part(&root), None);
    }

    #[test]
    fn the_greater_part_wins_in_any_order() {
        let (_place, root) = project();
        let (a, deep) = (root.join("a"), root.join("a/deep"));
        for directories in [[a.clone(), deep.clone()], [deep, a.clone()]] {
            let (projects, _) = Projects::discover(&directories);
            assert_eq!(scopes(&projects), [Some(a.clone())]);
        }
        for directories in [[a.clone(), root.clone()], [root.clone(), a]] {
            let (projects, _) = Projects::discover(&directories);
            assert_eq!(scopes(&projects), [None]);
            assert_eq!(projects.of(&root.join("x.py")).unwrap().root, root);
        }
    }

    #[test]
    fn a_malformed_mark_is_reported_once_for_its_project() {
        let (_place, root) = project();
        fs::write(root.join("projectid"), "?").unwrap();
        let (_, problems) = Projects::discover(&[root.join("a"), root.join("b")]);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

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
        assert_eq!(projects.iter().count(), 2);
        assert_eq!(
            projects.of(&top.join("inner/b.py")).unwrap().root,
            top.join("inner")
        );
        assert_eq!(projects.of(&top.join("a.py")).unwrap().root, top);
        assert_eq!(projects.of(Path::new("/elsewhere")), None);
        assert_eq!(problems.len(), 1);
    }
}

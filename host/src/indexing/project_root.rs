//! Which projects a directory holds: those that `projectid` files mark, or itself.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use super::error::{IndexError, Result};
use super::problem::{Problem, ProblemKind};
use super::tree_walk::{PROJECT_ID_FILE, is_directory, is_project_root, walk};
use crate::analysis::Language;
use crate::foundation::ids;

/// A `projectid` file is a few lines; more than this is something else, in bytes.
const LARGEST_ID_FILE: u64 = 64 * 1024;

/// The longest id, in bytes. Ids are UUIDs as a rule.
const LONGEST_ID: usize = 128;

/// A directory whose sources belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectRoot {
    /// Its id: that of its `projectid` file, else one made from its path.
    pub id: String,
    /// Its absolute path, free of links.
    pub root: PathBuf,
    /// Its name: that of the directory.
    pub name: String,
    /// The only part of it that is to be looked at; all of it without.
    pub scope: Option<PathBuf>,
}

impl ProjectRoot {
    /// The whole project of this id at this root; none where the root has another id by now.
    pub fn known(id: &str, root: &Path) -> Option<Self> {
        let on_disk = match read_id(root) {
            Ok(Some(on_disk)) => on_disk,
            Ok(None) | Err(_) => ids::project_id(root),
        };
        (on_disk == id).then(|| Self::new(on_disk, root, None))
    }

    fn new(id: String, root: &Path, scope: Option<PathBuf>) -> Self {
        let name = root.file_name().unwrap_or(root.as_os_str());
        Self {
            id,
            root: root.to_owned(),
            name: name.to_string_lossy().into_owned(),
            scope,
        }
    }
}

/// The projects that a path stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// The projects, by root.
    pub projects: Vec<ProjectRoot>,
    /// What is wrong with `projectid` files; their directories are among the projects all the same.
    pub problems: Vec<Problem>,
}

/// The projects at, above and below `path`; nothing is written there.
///
/// - A `projectid` file in a directory makes it a project: JSON with an `id`, or a bare UUID.
/// - Below a project, `path` stands for that part of it.
/// - Otherwise the projects are those below `path`, and `path` itself where source files lie outside of them.
/// - A file belongs to the innermost project around it.
///
/// # Errors
/// [`IndexError::Root`] when the path is not there, [`IndexError::PathNotUtf8`].
pub fn discover_projects(path: &Path) -> Result<Discovery> {
    let unreadable = |source| IndexError::Root {
        path: path.to_owned(),
        source,
    };
    let path = path.canonicalize().map_err(unreadable)?;
    if path.to_str().is_none() {
        return Err(IndexError::PathNotUtf8(path));
    }
    let is_file = path.metadata().map_err(unreadable)?.is_file();
    let directory = if is_file {
        path.parent().unwrap_or(&path)
    } else {
        &path
    };

    let mut found = Found::default();
    match directory.ancestors().find(|above| is_project_root(above)) {
        Some(root) => found.add(root, (root != path).then(|| path.clone())),
        None if is_file => found.add(directory, Some(path.clone())),
        None => {}
    }
    if !is_file {
        found.add_below(&path);
    }
    Ok(found.discovery)
}

#[derive(Default)]
struct Found {
    discovery: Discovery,
    /// The roots of the projects' ids.
    roots: HashMap<String, PathBuf>,
}

impl Found {
    fn add(&mut self, root: &Path, scope: Option<PathBuf>) {
        let own_id = match read_id(root) {
            Ok(id) => id,
            Err(reason) => {
                self.report(root, reason);
                None
            }
        };
        let id = own_id
            .and_then(|id| self.unless_taken(id, root))
            .unwrap_or_else(|| ids::project_id(root));
        self.roots.insert(id.clone(), root.to_owned());
        let project = ProjectRoot::new(id, root, scope);
        self.discovery.projects.push(project);
    }

    fn unless_taken(&mut self, id: String, root: &Path) -> Option<String> {
        let Some(other) = self.roots.get(&id) else {
            return Some(id);
        };
        let reason = format!(
            "{} has the same id {id}; an id made from the path is used",
            other.display()
        );
        self.report(root, reason);
        None
    }

    fn report(&mut self, root: &Path, reason: String) {
        let problem = Problem::new(&root.join(PROJECT_ID_FILE), ProblemKind::ProjectId, reason);
        self.discovery.problems.push(problem);
    }

    /// Adds the projects below `top`, and `top` itself where it is needed for what lies outside of them.
    fn add_below(&mut self, top: &Path) {
        let needs_owner = self.discovery.projects.is_empty();
        let mut nested: HashSet<PathBuf> = HashSet::new();
        let mut ownerless = false;
        // Directories that cannot be read are reported by the scan that follows.
        for entry in walk(top, |_| true)
            .filter_map(std::result::Result::ok)
            .filter(|entry| entry.depth() > 0)
        {
            if is_directory(&entry) {
                if is_project_root(entry.path()) && entry.path().to_str().is_some() {
                    nested.insert(entry.path().to_owned());
                }
            } else if needs_owner && !ownerless && Language::from_path(entry.path()).is_some() {
                ownerless = !entry.path().ancestors().any(|above| nested.contains(above));
            }
        }
        if needs_owner && (ownerless || nested.is_empty()) {
            self.add(top, None);
        }
        let mut nested: Vec<PathBuf> = nested.into_iter().collect();
        nested.sort();
        for root in &nested {
            self.add(root, None);
        }
    }
}

/// The id in the `projectid` file of a directory; none where there is no such file.
///
/// The error says what is wrong with the file.
pub(super) fn read_id(directory: &Path) -> std::result::Result<Option<String>, String> {
    let path = directory.join(PROJECT_ID_FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let text =
        read_small(&path).map_err(|error| format!("{error}; an id made from the path is used"))?;
    match parse_id(&text) {
        Some(id) => Ok(Some(id)),
        None => Err(
            "expected JSON with an \"id\", or a bare UUID; an id made from the path is used"
                .to_owned(),
        ),
    }
}

fn read_small(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(LARGEST_ID_FILE)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn parse_id(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(id) = Uuid::try_parse(text) {
        return Some(id.hyphenated().to_string());
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    // The first projects of the older program had numbers.
    let id = match json.get("id")? {
        serde_json::Value::String(id) => id.trim().to_owned(),
        serde_json::Value::Number(id) => id.to_string(),
        _ => return None,
    };
    let usable = !id.is_empty() && id.len() <= LONGEST_ID && !id.chars().any(char::is_control);
    usable.then_some(id)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const A: &str = "4b8a2f5e-6c1d-4e0a-9a57-0d2f6f3c9b11";
    const B: &str = "1c1c8d7e-0000-4000-8000-000000000002";

    fn tree(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
        let base = TempDir::new().unwrap();
        // `tempfile` names start with a dot, which a walk would pass over only below its start.
        let top = base.path().canonicalize().unwrap();
        for (path, text) in files {
            let path = top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (base, top)
    }

    fn roots(discovery: &Discovery, top: &Path) -> Vec<(String, String)> {
        let relative = |root: &Path| root.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        discovery
            .projects
            .iter()
            .map(|project| (relative(&project.root), project.id.clone()))
            .collect()
    }

    #[test]
    fn a_directory_without_a_mark_is_itself_a_project() {
        let (_base, top) = tree(&[("a.py", ""), ("sub/b.py", "")]);
        let found = discover_projects(&top).unwrap();
        assert_eq!(
            roots(&found, &top),
            [(String::new(), ids::project_id(&top))]
        );
        assert_eq!(discover_projects(&top).unwrap(), found);
        assert!(!top.join(PROJECT_ID_FILE).exists());
    }

    #[test]
    fn marked_directories_below_are_the_projects() {
        let json = format!(r#"{{"id": "{A}", "description": "x"}}"#);
        let (_base, top) = tree(&[
            ("one/projectid", &json),
            ("one/a.py", ""),
            ("deep/two/projectid", B),
            ("notes.txt", ""),
        ]);
        let found = discover_projects(&top).unwrap();
        assert_eq!(
            roots(&found, &top),
            [
                ("deep/two".to_owned(), B.to_owned()),
                ("one".to_owned(), A.to_owned())
            ]
        );
        assert_eq!(found.problems, []);
    }

    #[test]
    fn sources_outside_of_marked_directories_make_the_directory_a_project_too() {
        let (_base, top) = tree(&[("one/projectid", A), ("one/a.py", ""), ("loose.py", "")]);
        let found = discover_projects(&top).unwrap();
        let expected = [
            (String::new(), ids::project_id(&top)),
            ("one".to_owned(), A.to_owned()),
        ];
        assert_eq!(roots(&found, &top), expected);
    }

    #[test]
    fn a_path_below_a_project_is_a_part_of_it() {
        let (_base, top) = tree(&[
            ("projectid", A),
            ("src/a.py", ""),
            ("src/inner/projectid", B),
        ]);
        let found = discover_projects(&top.join("src")).unwrap();
        assert_eq!(
            roots(&found, &top),
            [
                (String::new(), A.to_owned()),
                ("src/inner".to_owned(), B.to_owned())
            ]
        );
        assert_eq!(found.projects[0].scope, Some(top.join("src")));
        let file = discover_projects(&top.join("src/a.py")).unwrap();
        assert_eq!(file.projects[0].scope, Some(top.join("src/a.py")));
    }

    #[test]
    fn a_malformed_mark_is_reported_and_the_project_indexed_all_the_same() {
        let (_base, top) = tree(&[("projectid", "{\"id\": "), ("a.py", "")]);
        let found = discover_projects(&top).unwrap();
        assert_eq!(
            roots(&found, &top),
            [(String::new(), ids::project_id(&top))]
        );
        assert_eq!(found.problems[0].kind, ProblemKind::ProjectId);
        assert_eq!(found.problems[0].path, top.join("projectid"));
    }

    #[test]
    fn two_directories_cannot_have_one_id() {
        let (_base, top) = tree(&[("a/projectid", A), ("b/projectid", A)]);
        let found = discover_projects(&top).unwrap();
        assert_eq!(
            roots(&found, &top)[1],
            ("b".to_owned(), ids::project_id(&top.join("b")))
        );
        assert!(
            found.problems[0].message.contains("has the same id"),
            "{:?}",
            found.problems
        );
    }

    #[test]
    fn ids_are_read_in_both_forms() {
        for (text, id) in [
            (format!("{A}\n"), Some(A)),
            (A.to_uppercase(), Some(A)),
            (r#"{"id": "my-project"}"#.to_owned(), Some("my-project")),
            (r#"{"id": 7}"#.to_owned(), Some("7")),
            (r#"{"id": ""}"#.to_owned(), None),
            (r#"{"name": "x"}"#.to_owned(), None),
            ("not a uuid".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(parse_id(&text).as_deref(), id, "{text}");
        }
    }

    #[test]
    fn a_missing_path_is_an_error() {
        let error = discover_projects(Path::new("/no/such/directory")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/no/such/directory cannot be indexed"),
            "{error}"
        );
    }
}

//! Keeps the stored dependencies between files what their imports say.

use std::collections::{BTreeSet, HashSet};

use super::project_files::ProjectFiles;
use crate::analysis::modules::path::{directory, stem};
use crate::code_db::database::CodeDatabase;
use crate::code_db::dependencies::UnlinkedFile;
use crate::code_db::error::Result;
use crate::code_db::graph::ProjectFile;

/// Most words that are looked for among imports; where more files came or went, all imports are read.
const MOST_WORDS: usize = 8;

/// Files that stand for their directory, so that imports need not name them.
const PACKAGE_FILES: [&str; 5] = ["__init__", "index", "lib", "main", "mod"];

/// Brings the dependencies of a project up to date with what was stored since: of files whose imports changed, and of
/// those whose imports may mean a file that came or went. What is left undone by a process that ends is done by the
/// next run.
///
/// # Errors
/// The driver's.
pub fn update(database: &CodeDatabase, project_id: &str) -> Result<()> {
    let unlinked = database.unlinked_files(project_id)?;
    if unlinked.is_empty() {
        return Ok(());
    }
    let affected = match words(&unlinked) {
        Some(words) => Some(affected(database, project_id, &unlinked, &words)?),
        None => None,
    };
    if affected.as_ref().is_some_and(HashSet::is_empty) {
        return database.replace_dependencies(project_id, &[], &BTreeSet::new(), &unlinked);
    }
    let files = ProjectFiles::load(database, project_id)?;
    let is_source =
        |file: &&ProjectFile| affected.as_ref().is_none_or(|ids| ids.contains(&file.id));
    let sources: Vec<&ProjectFile> = files.files().iter().filter(is_source).collect();
    let imports = match &affected {
        Some(ids) => database.imports_of(&ids.iter().copied().collect::<Vec<i64>>())?,
        None => database.project_imports(project_id)?,
    };
    let mut wanted = BTreeSet::new();
    for import in &imports {
        let targets = files.targets(import).into_iter();
        wanted.extend(targets.map(|target| (import.file_id, target)));
    }
    database.replace_dependencies(project_id, &sources, &wanted, &unlinked)
}

/// The files whose dependencies may differ.
fn affected(
    database: &CodeDatabase,
    project_id: &str,
    unlinked: &[UnlinkedFile],
    words: &BTreeSet<&str>,
) -> Result<HashSet<i64>> {
    let there = unlinked.iter().filter(|file| !file.deleted);
    let mut sources: HashSet<i64> = there.map(|file| file.id).collect();
    for word in words {
        sources.extend(database.files_importing(project_id, word)?);
    }
    Ok(sources)
}

/// Words, one of which an import must have to mean a file that came or went; none where imports would have to be
/// looked for by too many, or need not name the file.
fn words(unlinked: &[UnlinkedFile]) -> Option<BTreeSet<&str>> {
    let mut words = BTreeSet::new();
    for file in unlinked.iter().filter(|file| file.moved) {
        let path = file.relative_path.as_str();
        if PACKAGE_FILES.contains(&stem(path)) {
            return None;
        }
        words.insert(stem(path));
        // Imports of a file at the root of the tree name no directory.
        words.extend(Some(stem(directory(path))).filter(|name| !name.is_empty()));
        if words.len() > MOST_WORDS {
            return None;
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, moved: bool) -> UnlinkedFile {
        UnlinkedFile {
            id: 1,
            relative_path: path.to_owned(),
            deleted: false,
            moved,
            content_hash: "h".to_owned(),
        }
    }

    #[test]
    fn imports_of_a_file_that_came_name_it_or_its_directory() {
        let files = [
            file("a/tools/cut.py", true),
            file("b/other.py", false),
            file("run.py", true),
        ];
        let expected = BTreeSet::from(["cut", "run", "tools"]);
        assert_eq!(words(&files), Some(expected));
        assert_eq!(words(&[file("a/__init__.py", true)]), None);
        let many: Vec<_> = (0..9).map(|n| file(&format!("m{n}.py"), true)).collect();
        assert_eq!(words(&many), None);
        assert_eq!(words(&many[..8]).map(|words| words.len()), Some(8));
    }
}

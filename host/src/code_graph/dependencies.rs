//! Keeps the stored dependencies between files what their imports say.

use std::collections::{BTreeSet, HashSet};

use super::project_files::ProjectFiles;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;

/// Brings the dependencies of a project up to date: of these files only where their imports changed, of all where files
/// came or went (`None`), since a new file may be what an old import means.
///
/// # Errors
/// The driver's.
pub fn update(database: &CodeDatabase, project_id: &str, changed: Option<&[i64]>) -> Result<()> {
    let files = ProjectFiles::load(database, project_id)?;
    let imports = match changed {
        Some(ids) => database.imports_of(ids)?,
        None => database.project_imports(project_id)?,
    };
    let sources: HashSet<i64> = match changed {
        Some(ids) => ids.iter().copied().collect(),
        None => files.files().iter().map(|file| file.id).collect(),
    };
    let tree = files.tree();
    let mut wanted = BTreeSet::new();
    for import in &imports {
        let targets = files.targets(&tree, import).into_iter();
        wanted.extend(targets.map(|target| (import.file_id, target)));
    }
    database.replace_dependencies(project_id, &sources, &wanted)
}

//! The files of a project, to find those that an import means.

use std::collections::HashMap;

use crate::analysis::Language;
use crate::analysis::modules::{ImportText, SourceTree};
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::graph::{ImportRow, ProjectFile};

/// The files of a project.
pub struct ProjectFiles {
    files: Vec<ProjectFile>,
    by_id: HashMap<i64, usize>,
}

impl ProjectFiles {
    /// Reads the files of a project.
    ///
    /// # Errors
    /// The driver's.
    pub fn load(database: &CodeDatabase, project_id: &str) -> Result<Self> {
        let files = database.project_tree(project_id)?;
        let places = files.iter().enumerate();
        let by_id = places.map(|(place, file)| (file.id, place)).collect();
        Ok(Self { files, by_id })
    }

    /// The file of this id.
    pub fn file(&self, id: i64) -> Option<&ProjectFile> {
        self.by_id.get(&id).and_then(|place| self.files.get(*place))
    }

    /// All files, by path.
    pub fn files(&self) -> &[ProjectFile] {
        &self.files
    }

    /// The language of a file.
    pub fn language(&self, id: i64) -> Option<Language> {
        let name = self.file(id)?.language.as_deref()?;
        Language::from_name(name)
    }

    /// Them as a tree that imports are looked up in.
    pub fn tree(&self) -> SourceTree<'_> {
        SourceTree::new(self.files.iter().map(|file| file.relative_path.as_str()))
    }

    /// The ids of the files that an import means.
    pub fn targets(&self, tree: &SourceTree<'_>, import: &ImportRow) -> Vec<i64> {
        let (Some(file), Some(language)) =
            (self.file(import.file_id), self.language(import.file_id))
        else {
            return Vec::new();
        };
        let text = ImportText {
            name: &import.name,
            module: import.module.as_deref(),
            level: import.level,
        };
        let found = tree.resolve(language, &file.relative_path, text);
        found
            .into_iter()
            .map(|place| self.files[place].id)
            .collect()
    }
}

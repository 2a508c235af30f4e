//! The files of a project, to find those that an import means.

use std::collections::HashMap;

use crate::analysis::Language;
use crate::analysis::modules::ImportText;
use crate::analysis::modules::tree::SourceTree;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::graph::{ImportRow, ProjectFile};

/// The files of a project.
pub struct ProjectFiles {
    project_id: String,
    files: Vec<ProjectFile>,
    by_id: HashMap<i64, usize>,
    /// The same files by their paths, in the same places.
    tree: SourceTree,
}

impl ProjectFiles {
    /// Reads the files of a project.
    ///
    /// # Errors
    /// The driver's.
    pub fn load(database: &CodeDatabase, project_id: &str) -> Result<Self> {
        let files = database.project_tree(project_id)?;
        let places = files.iter().enumerate();
        Ok(Self {
            project_id: project_id.to_owned(),
            by_id: places.map(|(place, file)| (file.id, place)).collect(),
            tree: SourceTree::new(files.iter().map(|file| file.relative_path.as_str())),
            files,
        })
    }

    /// The id of the project.
    pub fn project_id(&self) -> &str {
        &self.project_id
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

    /// The ids of the files that an import means.
    pub fn targets(&self, import: &ImportRow) -> Vec<i64> {
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
        let found = self.tree.resolve(language, &file.relative_path, text);
        found
            .into_iter()
            .map(|place| self.files[place].id)
            .collect()
    }
}

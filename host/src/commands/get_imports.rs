//! `get_imports`: what files import, and which files of the project that means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::imports::{ImportEntry, ImportQuery};
use crate::code_db::scope::Scope;
use crate::code_graph::project_files::ProjectFiles;

/// The command.
pub(super) struct GetImports;

/// Which imports.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only those of this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Only whole modules (`import`), or only names out of modules (`import_from`).
    #[serde(default)]
    import_type: Option<ImportType>,
    /// Only imports of this module, or out of it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    module_name: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// The two forms of an import.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ImportType {
    Import,
    ImportFrom,
}

/// The imports by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    imports: Vec<Import>,
    freshness: Freshness,
}

/// One imported name.
#[derive(Serialize, JsonSchema)]
struct Import {
    #[serde(flatten)]
    import: ImportEntry,
    /// The files of the project that it means; empty for what comes from outside.
    targets: Vec<String>,
}

impl Operation for GetImports {
    const NAME: &'static str = "get_imports";
    const SUMMARY: &'static str = "Lists imports with the files of the project that they mean";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "file_path": "shop/cart.py"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let code = context.code();
        let query = ImportQuery {
            import_type: parameters.import_type.map(|kind| match kind {
                ImportType::Import => "import",
                ImportType::ImportFrom => "import_from",
            }),
            module: parameters.module_name.as_deref(),
            scope: Scope {
                project_id: Some(&project.id),
                file: parameters.file_path.as_deref(),
            },
        };
        let mut page = code.list_imports(&query, parameters.paging.request())?;
        let place = parameters.paging.place(&mut page);
        let files = ProjectFiles::load(&code, &project.id)?;
        let freshness = Freshness::of(&code, page.items.iter().map(|each| each.row.file_id))?;
        let targets = |entry: &ImportEntry| {
            let ids = files.targets(&entry.row).into_iter();
            ids.filter_map(|id| files.file(id))
                .map(|file| file.relative_path.clone())
                .collect()
        };
        let imports = page.items.into_iter().map(|import| Import {
            targets: targets(&import),
            import,
        });
        Ok(Answer {
            place,
            imports: imports.collect(),
            freshness,
        })
    }
}

//! What the names in files are bound to by imports, and how sure an import can make that.

use std::collections::{HashMap, HashSet};

use super::confidence::Confidence;
use super::project_files::ProjectFiles;
use crate::analysis::Language;
use crate::code_db::graph::ImportRow;

/// The name under which everything in a module is bound.
const ALL_NAMES: &str = "*";

/// What a name in a file is bound to by an import.
pub(super) struct Binding {
    /// The name in the module; `*` for all of them.
    pub(super) name: String,
    /// Whether the binding is the module itself.
    pub(super) is_module: bool,
    /// The files that it may be in; none outside of the project.
    pub(super) files: Vec<i64>,
    /// How sure it is at most that a definition in these files is meant.
    pub(super) most: Confidence,
}

/// The bindings of some files.
#[derive(Default)]
pub(super) struct Bindings(HashMap<i64, HashMap<String, Vec<Binding>>>);

impl Bindings {
    /// What these imports bind.
    pub(super) fn of(files: &ProjectFiles, imports: &[ImportRow]) -> Self {
        let mut bindings = Self::default();
        for import in imports {
            let Some(language) = files.language(import.file_id) else {
                continue;
            };
            let targets = files.targets(import);
            let most = most_sure(language, import, files, &targets);
            let by_name = bindings.0.entry(import.file_id).or_default();
            for (bound, is_module) in bound_names(language, import) {
                let all = bound == ALL_NAMES;
                by_name.entry(bound).or_default().push(Binding {
                    name: import.name.clone(),
                    is_module,
                    files: targets.clone(),
                    most: if all {
                        most.min(Confidence::Likely)
                    } else {
                        most
                    },
                });
            }
        }
        bindings
    }

    /// What a name in a file is bound to.
    pub(super) fn named(&self, file_id: i64, name: &str) -> &[Binding] {
        let bound = self.0.get(&file_id).and_then(|bound| bound.get(name));
        bound.map_or(&[], Vec::as_slice)
    }

    /// The modules all of whose names a file binds.
    pub(super) fn of_all_names(&self, file_id: i64) -> &[Binding] {
        self.named(file_id, ALL_NAMES)
    }

    /// Whether a file imports a name from outside of the project.
    pub(super) fn is_outside(&self, file_id: i64, name: &str) -> bool {
        let bindings = self.named(file_id, name);
        !bindings.is_empty() && bindings.iter().all(|each| each.files.is_empty())
    }

    /// The files that a file imports anything from.
    pub(super) fn imported_files(&self, file_id: i64) -> HashSet<i64> {
        let bound = self.0.get(&file_id).into_iter();
        let bindings = bound.flat_map(|bound| bound.values().flatten());
        bindings
            .flat_map(|binding| binding.files.iter().copied())
            .collect()
    }
}

/// How sure an import can make it that a definition in its files is meant: no more than the language ties names of
/// modules to files.
fn most_sure(
    language: Language,
    import: &ImportRow,
    files: &ProjectFiles,
    targets: &[i64],
) -> Confidence {
    match language {
        // A namespace may be anywhere.
        Language::CSharp => Confidence::Likely,
        Language::Php => {
            let path = targets.first().and_then(|id| files.file(*id));
            let path = path.map_or("", |file| file.relative_path.trim_end_matches(".php"));
            let module = import.module.as_deref().unwrap_or("");
            match follows_namespace(&format!("{module}\\{}", import.name), path) {
                true => Confidence::Exact,
                false => Confidence::Likely,
            }
        }
        _ => Confidence::Exact,
    }
}

/// Whether a path ends in a name and at least the namespace right above it, as autoloaders have it.
fn follows_namespace(name: &str, path: &str) -> bool {
    let mut name = name.rsplit('\\').filter(|part| !part.is_empty());
    let mut path = path.rsplit('/');
    let (last, above) = (name.next(), name.next());
    above.is_some() && (last, above) == (path.next(), path.next())
}

/// The names that an import binds in its file, and whether they stand for a module.
fn bound_names(language: Language, import: &ImportRow) -> Vec<(String, bool)> {
    if let Some(alias) = &import.alias {
        let is_module = import.module.is_none() || import.name == ALL_NAMES;
        return vec![(alias.clone(), is_module)];
    }
    let last = import.name.rsplit(['.', ':', '/', '\\']).next();
    let last = last.unwrap_or(&import.name).to_owned();
    match (language, &import.module) {
        // `import a.b` binds `a`, and the text then says `a.b`.
        (Language::Python, None) => vec![(import.name.clone(), true)],
        (
            Language::C | Language::Cpp | Language::Ruby | Language::Bash | Language::CSharp,
            None,
        ) => {
            vec![(ALL_NAMES.to_owned(), false)]
        }
        (Language::Php, None) if import.name.contains('.') => {
            vec![(ALL_NAMES.to_owned(), false)]
        }
        (_, None) => vec![(last, true)],
        (_, Some(_)) => vec![(last, false)],
    }
}

#[cfg(test)]
mod tests {
    use super::follows_namespace;

    #[test]
    fn a_php_name_is_sure_where_the_path_follows_its_namespace() {
        for (name, path, expected) in [
            ("App\\Models\\User", "app/Models/User", true),
            ("\\Models\\User", "Models/User", true),
            ("App\\Models\\User", "legacy/User", false),
            ("\\User", "User", false),
            ("App\\Models\\User", "", false),
        ] {
            assert_eq!(follows_namespace(name, path), expected, "{name} {path}");
        }
    }
}

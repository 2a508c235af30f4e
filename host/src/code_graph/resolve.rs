//! Which definition a usage means, and how sure that is: by scope and imports where they tell, else by name.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::project_files::ProjectFiles;
use crate::analysis::Language;
use crate::analysis::modules::directory;
use crate::code_db::database::CodeDatabase;
use crate::code_db::entities::EntityKind;
use crate::code_db::error::Result;
use crate::code_db::graph::{Definition, ImportRow, UsageSite};

/// How sure a resolution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Only the name says so; other definitions of that name may be meant, or something outside of the project.
    ByName,
    /// The file imports where it is defined, or it is the only one within reach.
    Likely,
    /// Scope or import name this very definition.
    Exact,
}

/// What a usage means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolution<'d> {
    /// How sure that is.
    pub confidence: Confidence,
    /// The definition; none where several would fit equally, or none.
    pub target: Option<&'d Definition>,
    /// Definitions that would fit by name.
    pub candidates: usize,
}

/// How often a name is followed from a module that passes it on to the one that it takes it from.
const MOST_STEPS: usize = 5;

/// How far up the bases of a class a method is looked for.
const DEEPEST_HIERARCHY: usize = 12;

/// What a name in a file is bound to by an import.
struct Binding {
    /// The name in the module; `*` for all of them.
    name: String,
    /// Whether the binding is the module itself.
    is_module: bool,
    /// The files that it may be in; none outside of the project.
    files: Vec<i64>,
}

/// Resolves usages of one project.
pub struct Resolver {
    files: ProjectFiles,
    definitions: HashMap<String, Vec<Definition>>,
    /// By file, by the name that is bound.
    bindings: HashMap<i64, HashMap<String, Vec<Binding>>>,
}

impl Resolver {
    /// Reads what it takes to resolve these usages, all of one project.
    ///
    /// # Errors
    /// The driver's.
    pub fn for_usages(
        database: &CodeDatabase,
        project_id: &str,
        usages: &[UsageSite],
    ) -> Result<Self> {
        let mut names: HashSet<&str> = HashSet::new();
        for usage in usages {
            names.insert(&usage.target_name);
            names.extend(usage.target_class.as_deref());
        }
        let mut resolver = Self {
            files: ProjectFiles::load(database, project_id)?,
            definitions: HashMap::new(),
            bindings: HashMap::new(),
        };
        let names: Vec<&str> = names.into_iter().collect();
        resolver.read_definitions(database, project_id, &names)?;
        resolver.read_bases(database, project_id)?;
        let users: HashSet<i64> = usages.iter().map(|usage| usage.file_id).collect();
        let users: Vec<i64> = users.into_iter().collect();
        let mut imports = database.imports_of(&users)?;
        let known: HashSet<i64> = users.into_iter().collect();
        let passed_on = database.imports_named(project_id, &names)?;
        imports.extend(
            passed_on
                .into_iter()
                .filter(|import| !known.contains(&import.file_id)),
        );
        resolver.bind(&imports);
        Ok(resolver)
    }

    /// The files of the project.
    pub fn files(&self) -> &ProjectFiles {
        &self.files
    }

    /// What is defined under a name that was among those of the usages.
    pub fn definitions(&self, name: &str) -> &[Definition] {
        self.definitions.get(name).map_or(&[], Vec::as_slice)
    }

    fn read_definitions(
        &mut self,
        database: &CodeDatabase,
        project_id: &str,
        names: &[&str],
    ) -> Result<()> {
        for definition in database.definitions_named(Some(project_id), names)? {
            let known = self.definitions.entry(definition.name.clone()).or_default();
            known.push(definition);
        }
        Ok(())
    }

    /// Reads the classes above those that are known already, level by level.
    fn read_bases(&mut self, database: &CodeDatabase, project_id: &str) -> Result<()> {
        let mut asked: HashSet<String> = self.definitions.keys().cloned().collect();
        for _ in 0..DEEPEST_HIERARCHY {
            let known = self.definitions.values().flatten();
            let mut missing: Vec<String> = known.flat_map(base_names).collect();
            missing.retain(|name| asked.insert(name.clone()));
            if missing.is_empty() {
                break;
            }
            let names: Vec<&str> = missing.iter().map(String::as_str).collect();
            self.read_definitions(database, project_id, &names)?;
        }
        Ok(())
    }

    fn bind(&mut self, imports: &[ImportRow]) {
        let tree = self.files.tree();
        let mut bindings: HashMap<i64, HashMap<String, Vec<Binding>>> = HashMap::new();
        for import in imports {
            let Some(language) = self.files.language(import.file_id) else {
                continue;
            };
            let files = self.files.targets(&tree, import);
            let by_name = bindings.entry(import.file_id).or_default();
            for (bound, is_module) in bound_names(language, import) {
                by_name.entry(bound).or_default().push(Binding {
                    name: import.name.clone(),
                    is_module,
                    files: files.clone(),
                });
            }
        }
        self.bindings = bindings;
    }

    /// What a usage means.
    pub fn resolve(&self, usage: &UsageSite) -> Resolution<'_> {
        let fitting = self.fitting(usage);
        let candidates = fitting.len();
        let answer = |confidence, target| Resolution {
            confidence,
            target,
            candidates,
        };
        match self.by_evidence(usage, &fitting) {
            Evidence::Means(confidence, definition) => answer(confidence, Some(definition)),
            Evidence::Outside => answer(Confidence::ByName, None),
            Evidence::None => {
                let reachable = self.within_reach(usage, &fitting);
                match (reachable.as_slice(), fitting.as_slice()) {
                    ([only], _) => answer(Confidence::Likely, Some(*only)),
                    (_, [only]) => answer(Confidence::ByName, Some(*only)),
                    _ => answer(Confidence::ByName, None),
                }
            }
        }
    }

    /// Definitions of the name that the usage could mean by its kind and language.
    fn fitting(&self, usage: &UsageSite) -> Vec<&Definition> {
        let family = self.files.language(usage.file_id).map(Language::family);
        let fits = |definition: &&Definition| {
            let kind = definition.entity_type;
            let kind_fits = match usage.target_type.as_str() {
                "class" => kind == EntityKind::Class,
                "function" => kind != EntityKind::Method || usage.receiver.is_none(),
                "method" => kind != EntityKind::Class || usage.receiver.is_some(),
                _ => kind == EntityKind::Method,
            };
            let its = self.files.language(definition.file_id);
            kind_fits && (its.map(Language::family) == family || its.is_none())
        };
        self.definitions(&usage.target_name)
            .iter()
            .filter(fits)
            .collect()
    }

    fn by_evidence<'d>(&'d self, usage: &UsageSite, fitting: &[&'d Definition]) -> Evidence<'d> {
        if let Some(class) = &usage.target_class {
            return self.member_of(usage, class, fitting);
        }
        if let Some(receiver) = &usage.receiver {
            return self.behind(usage, receiver, fitting);
        }
        if usage.target_type == "method" || usage.target_type == "property" {
            return Evidence::None;
        }
        let here = fitting
            .iter()
            .filter(|each| each.file_id == usage.file_id && each.entity_type != EntityKind::Method);
        if let Some(nearest) = nearest_above(here.copied(), usage.line) {
            return Evidence::Means(Confidence::Exact, nearest);
        }
        match self.imported(usage.file_id, &usage.target_name, fitting, MOST_STEPS) {
            Evidence::None => self.in_package(usage, fitting),
            found => found,
        }
    }

    /// A member of a class that the text names.
    fn member_of<'d>(
        &'d self,
        usage: &UsageSite,
        class: &str,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
        let Some((confidence, owner)) = self.class_in_sight(usage.file_id, class) else {
            return match self.is_outside(usage.file_id, class) {
                true => Evidence::Outside,
                false => Evidence::None,
            };
        };
        let mut owners = vec![owner];
        let mut seen = HashSet::new();
        let mut next = 0;
        while let Some(owner) = owners.get(next).copied() {
            next += 1;
            let own = fitting.iter().find(|each| {
                each.file_id == owner.file_id
                    && each.class_name.as_deref() == Some(owner.name.as_str())
            });
            if let Some(found) = own {
                return Evidence::Means(confidence, found);
            }
            if next > DEEPEST_HIERARCHY {
                break;
            }
            for base in base_names(owner) {
                if let Some((_, base)) = self.class_in_sight(owner.file_id, &base)
                    && seen.insert(base.entity_id)
                {
                    owners.push(base);
                }
            }
        }
        Evidence::None
    }

    /// The class that a name means in a file.
    fn class_in_sight(&self, file_id: i64, name: &str) -> Option<(Confidence, &Definition)> {
        let classes: Vec<&Definition> = self
            .definitions(name)
            .iter()
            .filter(|each| each.entity_type == EntityKind::Class)
            .collect();
        if let Some(here) = classes.iter().find(|class| class.file_id == file_id) {
            return Some((Confidence::Exact, here));
        }
        match self.imported(file_id, name, &classes, MOST_STEPS) {
            Evidence::Means(confidence, class) => return Some((confidence, class)),
            Evidence::Outside => return None,
            Evidence::None => {}
        }
        match classes.as_slice() {
            [only] => Some((Confidence::Likely, only)),
            _ => None,
        }
    }

    /// What an import binds a name to.
    fn imported<'d>(
        &'d self,
        file_id: i64,
        name: &str,
        fitting: &[&'d Definition],
        steps: usize,
    ) -> Evidence<'d> {
        let Some(bound) = self.bindings.get(&file_id) else {
            return Evidence::None;
        };
        let (named, all) = (bound.get(name), bound.get("*"));
        let mut outside = false;
        for (binding, confidence) in named
            .into_iter()
            .flatten()
            .map(|binding| (binding, Confidence::Exact))
            .chain(
                all.into_iter()
                    .flatten()
                    .map(|binding| (binding, Confidence::Likely)),
            )
        {
            let wanted = match binding.name.as_str() {
                "*" | "default" => name,
                other => other,
            };
            outside |= binding.files.is_empty() && confidence == Confidence::Exact;
            let found = fitting.iter().find(|each| {
                each.name == wanted
                    && binding.files.contains(&each.file_id)
                    && each.entity_type != EntityKind::Method
            });
            if let Some(found) = found {
                return Evidence::Means(confidence, found);
            }
            if steps > 0 && !binding.is_module {
                for module in &binding.files {
                    if let Evidence::Means(further, found) =
                        self.imported(*module, wanted, fitting, steps - 1)
                    {
                        return Evidence::Means(further.min(confidence), found);
                    }
                }
            }
        }
        match outside {
            true => Evidence::Outside,
            false => Evidence::None,
        }
    }

    /// Something behind a module or a value of this name.
    fn behind<'d>(
        &'d self,
        usage: &UsageSite,
        receiver: &str,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
        let first = receiver.split(['.', ':', '\\']).next().unwrap_or(receiver);
        let bound = self.bindings.get(&usage.file_id);
        let modules = bound
            .and_then(|bound| bound.get(receiver).or_else(|| bound.get(first)))
            .into_iter()
            .flatten();
        let mut outside = false;
        for module in modules {
            outside |= module.files.is_empty();
            let found = fitting.iter().find(|each| {
                module.files.contains(&each.file_id) && each.entity_type != EntityKind::Method
            });
            if let Some(found) = found {
                return Evidence::Means(Confidence::Exact, found);
            }
            for file in &module.files {
                if let Evidence::Means(confidence, found) =
                    self.imported(*file, &usage.target_name, fitting, MOST_STEPS)
                {
                    return Evidence::Means(confidence, found);
                }
            }
        }
        if outside {
            return Evidence::Outside;
        }
        match self.files.language(usage.file_id) {
            Some(Language::Rust) => self.behind_path(usage, receiver, fitting),
            _ => Evidence::None,
        }
    }

    /// Something behind a path of modules that no import names, such as `crate::tools::cut`.
    fn behind_path<'d>(
        &'d self,
        usage: &UsageSite,
        receiver: &str,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
        let import = ImportRow {
            file_id: usage.file_id,
            name: usage.target_name.clone(),
            module: Some(receiver.to_owned()),
            alias: None,
            level: 0,
        };
        let files = self.files.targets(&self.files.tree(), &import);
        let found = fitting
            .iter()
            .find(|each| files.contains(&each.file_id) && each.entity_type != EntityKind::Method);
        match found {
            Some(found) => Evidence::Means(Confidence::Exact, found),
            None => Evidence::None,
        }
    }

    /// What is in sight without an import, because it is of the same package.
    fn in_package<'d>(&'d self, usage: &UsageSite, fitting: &[&'d Definition]) -> Evidence<'d> {
        let language = self.files.language(usage.file_id);
        if !language.is_some_and(Language::shares_packages) {
            return Evidence::None;
        }
        let package = directory(&usage.relative_path);
        let found = fitting.iter().find(|each| {
            directory(&each.relative_path) == package && each.entity_type != EntityKind::Method
        });
        match found {
            Some(found) => Evidence::Means(Confidence::Exact, found),
            None => Evidence::None,
        }
    }

    /// Whether a file imports a name from outside of the project.
    fn is_outside(&self, file_id: i64, name: &str) -> bool {
        let bound = self
            .bindings
            .get(&file_id)
            .and_then(|bound| bound.get(name));
        bound.is_some_and(|bindings| bindings.iter().all(|each| each.files.is_empty()))
    }

    /// Those of the fitting definitions in the file itself, in files that it imports, and in headers' sources.
    fn within_reach<'d>(
        &self,
        usage: &UsageSite,
        fitting: &[&'d Definition],
    ) -> Vec<&'d Definition> {
        let bound = self.bindings.get(&usage.file_id);
        let imported: HashSet<i64> = bound
            .into_iter()
            .flat_map(|bound| bound.values().flatten())
            .flat_map(|binding| binding.files.iter().copied())
            .collect();
        let stems: HashSet<&str> = imported
            .iter()
            .filter_map(|id| self.files.file(*id))
            .filter(|file| file.relative_path.ends_with(".h"))
            .map(|file| file.relative_path.trim_end_matches(".h"))
            .collect();
        let is_near = |each: &&&Definition| {
            let path = each.relative_path.rsplit_once('.').map(|(stem, _)| stem);
            each.file_id == usage.file_id
                || imported.contains(&each.file_id)
                || path.is_some_and(|path| stems.contains(path))
        };
        fitting.iter().filter(is_near).copied().collect()
    }
}

/// What scope and imports say.
#[derive(Clone, Copy)]
enum Evidence<'d> {
    /// It is this definition.
    Means(Confidence, &'d Definition),
    /// It is nothing of this project.
    Outside,
    /// They say nothing.
    None,
}

/// Of several definitions in one file the last one above the line, else the first.
fn nearest_above<'d>(
    definitions: impl Iterator<Item = &'d Definition>,
    line: u32,
) -> Option<&'d Definition> {
    let mut first = None;
    let mut last = None;
    for definition in definitions {
        first = first.or(Some(definition));
        if definition.line <= line {
            last = Some(definition);
        }
    }
    last.or(first)
}

/// The names that an import binds in its file, and whether they stand for a module.
fn bound_names(language: Language, import: &ImportRow) -> Vec<(String, bool)> {
    if let Some(alias) = &import.alias {
        return vec![(alias.clone(), import.module.is_none() || import.name == "*")];
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
            vec![("*".to_owned(), false)]
        }
        (Language::Php, None) if import.name.contains('.') => vec![("*".to_owned(), false)],
        (_, None) => vec![(last, true)],
        (_, Some(_)) => vec![(last, false)],
    }
}

/// The names of a class's bases, without scopes and type arguments.
pub fn base_names(class: &Definition) -> Vec<String> {
    let bases: Vec<String> = class
        .bases
        .as_deref()
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default();
    bases
        .iter()
        .map(|base| short_name(base).to_owned())
        .collect()
}

/// The last part of a name as written, without scopes and type arguments.
pub fn short_name(written: &str) -> &str {
    let bare = written.split(['<', '[', '(']).next().unwrap_or(written);
    bare.trim_start_matches(['*', '&', '\\'])
        .rsplit(['.', ':', '\\'])
        .next()
        .unwrap_or(bare)
        .trim()
}

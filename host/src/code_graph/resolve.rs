//! Which definition a usage means, and how sure that is: by scope and imports where they tell, else by name.

use std::collections::{HashMap, HashSet};

use super::bindings::Bindings;
use super::confidence::Confidence;
use super::evidence::Evidence;
use super::names::base_names;
use super::project_files::ProjectFiles;
use crate::analysis::Language;
use crate::code_db::database::CodeDatabase;
use crate::code_db::entities::EntityKind;
use crate::code_db::error::Result;
use crate::code_db::graph::{Definition, UsageSite};

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

/// How far up the bases of a class a method is looked for.
pub(super) const DEEPEST_HIERARCHY: usize = 12;

/// Resolves usages of one project.
pub struct Resolver<'f> {
    pub(super) files: &'f ProjectFiles,
    pub(super) bindings: Bindings,
    definitions: HashMap<String, Vec<Definition>>,
}

impl<'f> Resolver<'f> {
    /// Reads what it takes to resolve these usages, all of the project of the files.
    ///
    /// # Errors
    /// The driver's.
    pub fn for_usages(
        database: &CodeDatabase,
        files: &'f ProjectFiles,
        usages: &[UsageSite],
    ) -> Result<Self> {
        let mut names: HashSet<&str> = HashSet::new();
        for usage in usages {
            names.insert(&usage.target_name);
            names.extend(usage.target_class.as_deref());
        }
        let names: Vec<&str> = names.into_iter().collect();
        let users = usages.iter().map(|usage| usage.file_id);
        Self::of_names(database, files, &names, users)
    }

    /// Reads what it takes to tell which classes the bases of these are, which are all of the project.
    ///
    /// # Errors
    /// The driver's.
    pub fn for_classes(
        database: &CodeDatabase,
        files: &'f ProjectFiles,
        classes: &[Definition],
    ) -> Result<Self> {
        let mut resolver = Self::empty(files);
        resolver.add(classes.to_vec());
        let names: HashSet<String> = classes.iter().flat_map(base_names).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        resolver.bind(database, &names, HashSet::new())?;
        Ok(resolver)
    }

    fn of_names(
        database: &CodeDatabase,
        files: &'f ProjectFiles,
        names: &[&str],
        users: impl Iterator<Item = i64>,
    ) -> Result<Self> {
        let mut resolver = Self::empty(files);
        resolver.read_definitions(database, names)?;
        resolver.read_bases(database)?;
        resolver.bind(database, names, users.collect())?;
        Ok(resolver)
    }

    fn empty(files: &'f ProjectFiles) -> Self {
        Self {
            files,
            bindings: Bindings::default(),
            definitions: HashMap::new(),
        }
    }

    /// What is defined under a name that was among those of the usages.
    pub fn definitions(&self, name: &str) -> &[Definition] {
        self.definitions.get(name).map_or(&[], Vec::as_slice)
    }

    fn read_definitions(&mut self, database: &CodeDatabase, names: &[&str]) -> Result<()> {
        let project_id = Some(self.files.project_id());
        self.add(database.definitions_named(project_id, names)?);
        Ok(())
    }

    fn add(&mut self, definitions: Vec<Definition>) {
        for definition in definitions {
            let known = self.definitions.entry(definition.name.clone()).or_default();
            known.push(definition);
        }
    }

    /// Reads the classes above those that are known already, level by level.
    fn read_bases(&mut self, database: &CodeDatabase) -> Result<()> {
        let mut asked: HashSet<String> = self.definitions.keys().cloned().collect();
        for _ in 0..DEEPEST_HIERARCHY {
            let known = self.definitions.values().flatten();
            let mut missing: Vec<String> = known.flat_map(base_names).collect();
            missing.retain(|name| asked.insert(name.clone()));
            if missing.is_empty() {
                break;
            }
            let names: Vec<&str> = missing.iter().map(String::as_str).collect();
            self.read_definitions(database, &names)?;
        }
        Ok(())
    }

    /// Reads the imports of the users, of the classes whose bases may have to be followed, and of whoever passes one of
    /// the names on.
    fn bind(
        &mut self,
        database: &CodeDatabase,
        names: &[&str],
        mut users: HashSet<i64>,
    ) -> Result<()> {
        let known = self.definitions.values().flatten();
        users.extend(
            known
                .filter(|each| !base_names(each).is_empty())
                .map(|class| class.file_id),
        );
        let ids: Vec<i64> = users.iter().copied().collect();
        let mut imports = database.imports_of(&ids)?;
        let passed_on = database.imports_named(self.files.project_id(), names)?;
        imports.extend(
            passed_on
                .into_iter()
                .filter(|import| !users.contains(&import.file_id)),
        );
        self.bindings = Bindings::of(self.files, &imports);
        Ok(())
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

    /// Those of the fitting definitions in the file itself, in files that it imports, and in headers' sources.
    fn within_reach<'d>(
        &self,
        usage: &UsageSite,
        fitting: &[&'d Definition],
    ) -> Vec<&'d Definition> {
        let imported = self.bindings.imported_files(usage.file_id);
        let stems: HashSet<&str> = imported
            .iter()
            .filter_map(|id| self.files.file(*id))
            .filter_map(|file| file.relative_path.strip_suffix(".h"))
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

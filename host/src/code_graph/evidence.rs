//! What scope, imports and packages say about a usage: the definition that they name, or that it is none of the project.

use std::collections::HashSet;

use super::bindings::Binding;
use super::confidence::Confidence;
use super::names::{scope_and_name, written_bases};
use super::resolve::{DEEPEST_HIERARCHY, Resolver};
use crate::analysis::Language;
use crate::analysis::modules::path::directory;
use crate::code_db::entities::EntityKind;
use crate::code_db::graph::{Definition, ImportRow, UsageSite};

/// How often a name is followed from a module that passes it on to the one that it takes it from.
const MOST_STEPS: usize = 5;

/// What scope and imports say.
#[derive(Clone, Copy)]
pub(super) enum Evidence<'d> {
    /// It is this definition.
    Means(Confidence, &'d Definition),
    /// It is nothing of this project.
    Outside,
    /// They say nothing.
    None,
}

impl Resolver<'_> {
    /// What there is to say of a usage, `fitting` being the definitions of its name.
    pub(super) fn by_evidence<'d>(
        &'d self,
        usage: &UsageSite,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
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
            .filter(|each| each.file_id == usage.file_id && !is_method(each));
        if let Some(nearest) = nearest_above(here.copied(), usage.line) {
            return Evidence::Means(Confidence::Exact, nearest);
        }
        match self.imported(usage.file_id, &usage.target_name, fitting, MOST_STEPS) {
            Evidence::None => self.in_package(usage, fitting),
            found => found,
        }
    }

    /// A member of a class that the text names, or of one above it.
    fn member_of<'d>(
        &'d self,
        usage: &UsageSite,
        class: &str,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
        let Some((confidence, owner)) = self.class_in_sight(usage.file_id, class) else {
            return match self.bindings.is_outside(usage.file_id, class) {
                true => Evidence::Outside,
                false => Evidence::None,
            };
        };
        let mut owners = vec![(confidence, owner)];
        let mut seen = HashSet::from([owner.entity_id]);
        let mut next = 0;
        while let Some((confidence, owner)) = owners.get(next).copied() {
            next += 1;
            let is_its = |each: &&&Definition| each.class_name.as_deref() == Some(&*owner.name);
            let own = fitting.iter().filter(is_its);
            if let Some(found) = own.clone().find(|each| each.file_id == owner.file_id) {
                return Evidence::Means(confidence, found);
            }
            if self.is_in_parts(owner)
                && let [only] = own.collect::<Vec<_>>()[..]
            {
                return Evidence::Means(confidence.min(Confidence::Likely), only);
            }
            if next > DEEPEST_HIERARCHY {
                break;
            }
            for base in written_bases(owner) {
                if let Some((further, base)) = self.base(owner.file_id, &base)
                    && seen.insert(base.entity_id)
                {
                    owners.push((confidence.min(further), base));
                }
            }
        }
        Evidence::None
    }

    /// Whether a class may have members in other files than the one that declares it.
    fn is_in_parts(&self, class: &Definition) -> bool {
        let language = self.files.language(class.file_id);
        language.is_some_and(Language::has_classes_in_parts)
    }

    /// The class that a base means which is written so in a file; none where that is not known, or lies outside.
    pub fn base(&self, file_id: i64, written: &str) -> Option<(Confidence, &Definition)> {
        let (scope, name) = scope_and_name(written);
        let Some(scope) = scope else {
            return self.class_in_sight(file_id, name);
        };
        let classes: Vec<&Definition> = self.classes(name).collect();
        let modules = self.modules(file_id, scope);
        if let Some(found) = in_modules(modules, &classes) {
            return Some(found);
        }
        match modules.iter().any(|module| module.files.is_empty()) {
            true => None,
            false => self.class_in_sight(file_id, name),
        }
    }

    /// Whether a base that is written so in a file lies outside of the project.
    pub fn is_base_outside(&self, file_id: i64, written: &str) -> bool {
        let (scope, name) = scope_and_name(written);
        let bindings = match scope {
            Some(scope) => self.modules(file_id, scope),
            None => self.bindings.named(file_id, name),
        };
        !bindings.is_empty() && bindings.iter().all(|binding| binding.files.is_empty())
    }

    /// The classes of a name.
    pub fn classes(&self, name: &str) -> impl Iterator<Item = &Definition> {
        let named = self.definitions(name).iter();
        named.filter(|each| each.entity_type == EntityKind::Class)
    }

    /// The class that a name means in a file.
    fn class_in_sight(&self, file_id: i64, name: &str) -> Option<(Confidence, &Definition)> {
        let classes: Vec<&Definition> = self.classes(name).collect();
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
        let named = self.bindings.named(file_id, name);
        let all = self.bindings.of_all_names(file_id);
        for binding in named.iter().chain(all) {
            let wanted = match binding.name.as_str() {
                "*" | "default" => name,
                other => other,
            };
            let found = fitting.iter().find(|each| {
                each.name == wanted && binding.files.contains(&each.file_id) && !is_method(each)
            });
            if let Some(found) = found {
                return Evidence::Means(binding.most, found);
            }
            if steps > 0 && !binding.is_module {
                for module in &binding.files {
                    if let Evidence::Means(further, found) =
                        self.imported(*module, wanted, fitting, steps - 1)
                    {
                        return Evidence::Means(further.min(binding.most), found);
                    }
                }
            }
        }
        match named.iter().any(|binding| binding.files.is_empty()) {
            true => Evidence::Outside,
            false => Evidence::None,
        }
    }

    /// The modules that a name, or the beginning of a path, is bound to in a file.
    fn modules(&self, file_id: i64, receiver: &str) -> &[Binding] {
        let whole = self.bindings.named(file_id, receiver);
        if !whole.is_empty() {
            return whole;
        }
        let first = receiver.split(['.', ':', '\\']).next().unwrap_or(receiver);
        self.bindings.named(file_id, first)
    }

    /// Something behind a module or a value of this name.
    fn behind<'d>(
        &'d self,
        usage: &UsageSite,
        receiver: &str,
        fitting: &[&'d Definition],
    ) -> Evidence<'d> {
        let modules = self.modules(usage.file_id, receiver);
        if let Some((confidence, found)) = in_modules(modules, fitting) {
            return Evidence::Means(confidence, found);
        }
        for file in modules.iter().flat_map(|module| &module.files) {
            if let Evidence::Means(confidence, found) =
                self.imported(*file, &usage.target_name, fitting, MOST_STEPS)
            {
                return Evidence::Means(confidence, found);
            }
        }
        if modules.iter().any(|module| module.files.is_empty()) {
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
        let files = self.files.targets(&import);
        let found = fitting
            .iter()
            .find(|each| files.contains(&each.file_id) && !is_method(each));
        match found {
            Some(found) => Evidence::Means(Confidence::Exact, found),
            None => Evidence::None,
        }
    }

    /// What is in sight without an import, because it is of the same package. Only C# puts packages where it likes.
    fn in_package<'d>(&'d self, usage: &UsageSite, fitting: &[&'d Definition]) -> Evidence<'d> {
        let confidence = match self.files.language(usage.file_id) {
            Some(Language::CSharp) => Confidence::Likely,
            Some(language) if language.shares_packages() => Confidence::Exact,
            _ => return Evidence::None,
        };
        let package = directory(&usage.relative_path);
        let found = fitting
            .iter()
            .find(|each| directory(&each.relative_path) == package && !is_method(each));
        match found {
            Some(found) => Evidence::Means(confidence, found),
            None => Evidence::None,
        }
    }
}

fn is_method(definition: &Definition) -> bool {
    definition.entity_type == EntityKind::Method
}

/// The first of the definitions that lies in one of the modules.
fn in_modules<'d>(
    modules: &[Binding],
    fitting: &[&'d Definition],
) -> Option<(Confidence, &'d Definition)> {
    modules.iter().find_map(|module| {
        let found = fitting
            .iter()
            .find(|each| module.files.contains(&each.file_id) && !is_method(each));
        found.map(|found| (module.most, *found))
    })
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

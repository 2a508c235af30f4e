//! Which files of a tree an import means, by each language's customs. Paths are relative, with `/`.

mod crates;
mod files;
mod packages;
pub mod path;
pub mod tree;
mod types;

use super::Language;
use tree::SourceTree;

/// How a language names files in imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modules {
    /// Dotted packages below a root that is no package itself; `__init__` stands for its directory (Python).
    Packages,
    /// Paths of modules below `crate`, `self`, `super` or another crate (Rust).
    Crates,
    /// Paths relative to the importing file, extension and `index` left out (JavaScript, TypeScript).
    Relative,
    /// Paths relative to the importing file or to some directory above the named one (C, Ruby, Bash).
    Includes,
    /// Names of types in packages that are directories, as far as the directories follow the package (Java, PHP, C#).
    Types,
    /// Paths of directories that are packages (Go).
    Directories,
}

/// What an import says, in the terms of the database.
#[derive(Clone, Copy, Debug)]
pub struct ImportText<'a> {
    /// The module, or the name taken out of one.
    pub name: &'a str,
    /// The module that the name is taken from.
    pub module: Option<&'a str>,
    /// How many packages up a relative import begins; 0 for others.
    pub level: u32,
}

impl SourceTree {
    /// The files that an import in the file at `from` means: the module, or what the name is taken from; none for what
    /// is not of this tree.
    pub fn resolve(&self, language: Language, from: &str, import: ImportText<'_>) -> Vec<usize> {
        let found = match language.rules().modules {
            Modules::Packages => packages::module(self, from, import),
            Modules::Crates => crates::module(self, from, import),
            Modules::Relative => files::script(self, from, import.module.unwrap_or(import.name)),
            Modules::Includes => files::included(self, language, from, import.name),
            Modules::Types => types::of_type(self, from, import),
            Modules::Directories => types::of_directory(self, import.name),
        };
        found
            .into_iter()
            .filter(|place| self.path(*place) != from)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn resolved(
        language: Language,
        paths: &[&'static str],
        from: &str,
        import: (Option<&str>, &str, u32),
    ) -> Vec<&'static str> {
        let tree = SourceTree::new(paths.iter().copied());
        let (module, name, level) = import;
        let text = ImportText {
            name,
            module,
            level,
        };
        let found = tree.resolve(language, from, text);
        found.into_iter().map(|place| paths[place]).collect()
    }
}

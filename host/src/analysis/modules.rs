//! Which files of a tree an import means, by each language's customs. Paths are relative, with `/`.

use std::collections::HashMap;

use super::Language;

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

/// The files of a tree, to be found by the ends of their paths.
pub struct SourceTree<'p> {
    paths: Vec<&'p str>,
    by_path: HashMap<&'p str, usize>,
    /// By the last part of their path without its extension.
    by_stem: HashMap<&'p str, Vec<usize>>,
    /// By directory.
    by_directory: HashMap<&'p str, Vec<usize>>,
}

/// Source files that a JavaScript or TypeScript import may leave the extension of.
const SCRIPTS: [&str; 8] = ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "d.ts"];

/// A package of more files than this is taken for a coincidence of names.
const LARGEST_PACKAGE: usize = 500;

impl<'p> SourceTree<'p> {
    /// Takes the relative paths of the tree's files; answers name them by their place.
    pub fn new(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let paths: Vec<&str> = paths.into_iter().collect();
        let mut tree = Self {
            by_path: HashMap::with_capacity(paths.len()),
            by_stem: HashMap::new(),
            by_directory: HashMap::new(),
            paths: Vec::new(),
        };
        for (place, path) in paths.iter().enumerate() {
            tree.by_path.insert(path, place);
            tree.by_stem.entry(stem(path)).or_default().push(place);
            tree.by_directory
                .entry(directory(path))
                .or_default()
                .push(place);
        }
        tree.paths = paths;
        tree
    }

    /// The files that an import in the file at `from` means: the module, or what the name is taken from; none for what
    /// is not of this tree.
    pub fn resolve(&self, language: Language, from: &str, import: ImportText<'_>) -> Vec<usize> {
        let found = match language.rules().modules {
            Modules::Packages => self.package(from, import),
            Modules::Crates => self.in_crate(from, import),
            Modules::Relative => self.script(from, import.module.unwrap_or(import.name)),
            Modules::Includes => self.included(language, from, import.name),
            Modules::Types => self.typed(from, import),
            Modules::Directories => self.go_package(import.name),
        };
        found
            .into_iter()
            .filter(|place| self.paths[*place] != from)
            .collect()
    }

    fn package(&self, from: &str, import: ImportText<'_>) -> Vec<usize> {
        let split = |path: &str| -> Vec<String> {
            path.split('.')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let module = split(import.module.unwrap_or(""));
        let longer = match import.module {
            None => split(import.name),
            Some(_) => [module.clone(), vec![import.name.to_owned()]].concat(),
        };
        let candidates = match import.module {
            None => vec![longer],
            Some(_) => vec![longer, module],
        };
        for parts in candidates {
            let found = match import.level {
                0 => self.absolute_package(from, &parts),
                level => self.relative_package(from, level, &parts),
            };
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    fn relative_package(&self, from: &str, level: u32, parts: &[String]) -> Vec<usize> {
        let mut base = directory(from);
        for _ in 1..level {
            base = directory(base);
        }
        self.python_file(&join(base, &parts.join("/")))
    }

    /// A module as a file, a stub or a package.
    fn python_file(&self, stem: &str) -> Vec<usize> {
        let init = join(stem, "__init__.py");
        let paths = [format!("{stem}.py"), init, format!("{stem}.pyi")];
        self.first(&paths)
    }

    fn absolute_package(&self, from: &str, parts: &[String]) -> Vec<usize> {
        let Some(last) = parts.last() else {
            return Vec::new();
        };
        let wanted = parts.join("/");
        let modules = self.by_stem.get(last.as_str()).into_iter().flatten();
        let modules = modules.map(|place| (*place, without_extension(self.paths[*place])));
        let packages = self.by_stem.get("__init__").into_iter().flatten();
        let packages = packages.map(|place| (*place, directory(self.paths[*place])));
        let matching = modules.chain(packages).filter(|(_, path)| {
            root_before(path, &wanted).is_some_and(|root| !self.is_python_package(root))
        });
        self.nearest(from, matching.map(|(place, _)| place).collect())
    }

    fn is_python_package(&self, directory: &str) -> bool {
        self.by_path
            .contains_key(join(directory, "__init__.py").as_str())
    }

    fn in_crate(&self, from: &str, import: ImportText<'_>) -> Vec<usize> {
        let full = match import.module {
            Some(module) => format!("{module}::{}", import.name),
            None => import.name.to_owned(),
        };
        let mut parts: Vec<&str> = full.split("::").filter(|part| !part.is_empty()).collect();
        let Some(first) = parts.first().copied() else {
            return Vec::new();
        };
        let mut base = match first {
            "crate" => match self.crate_root(from) {
                Some(root) => root,
                None => return Vec::new(),
            },
            "self" | "super" => module_directory(from),
            // A module declared here, or another crate of the tree.
            _ => {
                let here = self.longest_module(&module_directory(from), &parts);
                return if here.is_empty() {
                    self.other_crate(&parts)
                } else {
                    here
                };
            }
        };
        while let Some(&part @ ("crate" | "self" | "super")) = parts.first() {
            if part == "super" {
                base = directory(&base).to_owned();
            }
            parts.remove(0);
        }
        let found = self.longest_module(&base, &parts);
        if found.is_empty() {
            self.rust_file(&base)
        } else {
            found
        }
    }

    fn other_crate(&self, parts: &[&str]) -> Vec<usize> {
        let Some(name) = parts.first() else {
            return Vec::new();
        };
        for crate_name in [(*name).to_owned(), name.replace('_', "-")] {
            let library = self.by_stem.get("lib").into_iter().flatten();
            let found = library
                .map(|place| self.paths[*place])
                .find(|path| ends_at(without_extension(path), &format!("{crate_name}/src/lib")));
            if let Some(path) = found {
                let below = self.longest_module(directory(path), &parts[1..]);
                return if below.is_empty() {
                    self.first(&[path.to_owned()])
                } else {
                    below
                };
            }
        }
        Vec::new()
    }

    /// The file of the longest beginning of `parts` that names one below `base`.
    fn longest_module(&self, base: &str, parts: &[&str]) -> Vec<usize> {
        (1..=parts.len())
            .rev()
            .map(|length| self.rust_file(&join(base, &parts[..length].join("/"))))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    fn rust_file(&self, stem: &str) -> Vec<usize> {
        let paths = [
            format!("{stem}.rs"),
            join(stem, "mod.rs"),
            join(stem, "lib.rs"),
            join(stem, "main.rs"),
        ];
        self.first(&paths)
    }

    /// The directory above `from` that holds `lib.rs` or `main.rs`.
    fn crate_root(&self, from: &str) -> Option<String> {
        let mut current = directory(from);
        loop {
            let is_root = ["lib.rs", "main.rs"]
                .iter()
                .any(|file| self.by_path.contains_key(join(current, file).as_str()));
            if is_root {
                return Some(current.to_owned());
            }
            if current.is_empty() {
                return None;
            }
            current = directory(current);
        }
    }

    fn script(&self, from: &str, path: &str) -> Vec<usize> {
        if !path.starts_with('.') {
            return Vec::new();
        }
        let Some(target) = normal(directory(from), path) else {
            return Vec::new();
        };
        let bare = ["js", "mjs", "cjs", "jsx"]
            .iter()
            .find_map(|extension| target.strip_suffix(&format!(".{extension}")))
            .unwrap_or(&target);
        let mut paths = vec![target.clone()];
        paths.extend(
            SCRIPTS
                .iter()
                .map(|extension| format!("{bare}.{extension}")),
        );
        paths.extend(
            SCRIPTS
                .iter()
                .map(|extension| join(&target, &format!("index.{extension}"))),
        );
        self.first(&paths)
    }

    fn included(&self, language: Language, from: &str, path: &str) -> Vec<usize> {
        let extensions = language.rules().extensions;
        let mut spellings = vec![path.to_owned()];
        if language == Language::Ruby && !path.ends_with(".rb") {
            spellings.insert(0, format!("{path}.rb"));
        }
        for spelling in &spellings {
            let beside = normal(directory(from), spelling);
            if let Some(place) = beside.and_then(|path| self.by_path.get(path.as_str())) {
                return vec![*place];
            }
        }
        // Elsewhere it lies below a directory that only the build knows.
        for spelling in &spellings {
            let wanted = spelling.trim_start_matches("./").trim_start_matches("../");
            let same = self.by_stem.get(stem(wanted)).into_iter().flatten();
            let found = same
                .copied()
                .filter(|place| ends_at(self.paths[*place], wanted));
            let found = self.nearest(from, found.collect());
            if !found.is_empty() && extensions.iter().any(|known| wanted.ends_with(known)) {
                return found;
            }
        }
        Vec::new()
    }

    fn typed(&self, from: &str, import: ImportText<'_>) -> Vec<usize> {
        if import.module.is_none() && import.name.contains('/') || import.name.ends_with(".php") {
            return self.included(Language::Php, from, import.name);
        }
        let separators = ['.', '\\'];
        let mut parts: Vec<&str> = import
            .module
            .unwrap_or("")
            .split(separators)
            .chain(import.name.split(separators))
            .filter(|part| !part.is_empty())
            .collect();
        let whole_package = parts.last() == Some(&"*");
        if whole_package {
            parts.pop();
        }
        // Roots of packages are directories of their own, whose names the package leaves out, or the other way round.
        for first in 0..parts.len() {
            let wanted = parts[first..].join("/");
            if !whole_package {
                let same = self
                    .by_stem
                    .get(parts[parts.len() - 1])
                    .into_iter()
                    .flatten();
                let found: Vec<usize> = same
                    .copied()
                    .filter(|place| ends_at(without_extension(self.paths[*place]), &wanted))
                    .collect();
                if !found.is_empty() {
                    return self.nearest(from, found);
                }
            }
            let package = self.directory_at(&wanted);
            if !package.is_empty() {
                return package;
            }
            if parts.len() - first <= 2
                && first > 0
                && !from.ends_with(".php")
                && !from.ends_with(".cs")
            {
                break;
            }
        }
        Vec::new()
    }

    fn go_package(&self, path: &str) -> Vec<usize> {
        let parts: Vec<&str> = path.split('/').collect();
        let is_hosted = parts.first().is_some_and(|host| host.contains('.'));
        let last = if is_hosted { parts.len() } else { 1 };
        (0..last)
            .map(|first| self.directory_at(&parts[first..].join("/")))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// The files of the only directory whose path ends so.
    fn directory_at(&self, wanted: &str) -> Vec<usize> {
        if let Some(exact) = self.by_directory.get(wanted) {
            return exact.clone();
        }
        let mut ending = self.by_directory.iter().filter(|(directory, files)| {
            ends_at(directory, wanted) && files.len() <= LARGEST_PACKAGE
        });
        match (ending.next(), ending.next()) {
            (Some((_, files)), None) => files.clone(),
            _ => Vec::new(),
        }
    }

    /// Of several files of the same name, the one whose directory has most in common with that of `from`.
    fn nearest(&self, from: &str, mut places: Vec<usize>) -> Vec<usize> {
        let common = |place: &usize| {
            let parts = self.paths[*place].split('/').zip(from.split('/'));
            parts.take_while(|(a, b)| a == b).count()
        };
        places.sort_by_key(|place| (usize::MAX - common(place), self.paths[*place]));
        places.truncate(1);
        places
    }

    fn first(&self, paths: &[String]) -> Vec<usize> {
        paths
            .iter()
            .find_map(|path| self.by_path.get(path.as_str()))
            .map(|place| vec![*place])
            .unwrap_or_default()
    }
}

/// The directory of a path; empty at the root.
pub fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of a path without its extension.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

fn without_extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.split_once('.').map_or(0, |(_, rest)| rest.len() + 1);
    &path[..path.len() - extension]
}

fn join(directory: &str, rest: &str) -> String {
    match (directory.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => directory.to_owned(),
        _ => format!("{directory}/{rest}"),
    }
}

/// Whether `path` is `end`, or ends with it at a `/`.
fn ends_at(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// What comes before `end` at the end of `path`, without the `/`.
fn root_before<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let before = path.strip_suffix(end)?;
    match before.strip_suffix('/') {
        Some(root) => Some(root),
        None => before.is_empty().then_some(""),
    }
}

/// A relative path from a directory, with `.` and `..` taken out; none when it leaves the tree.
fn normal(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The directory of the modules below a Rust file: its own for `mod.rs` and crate roots, one of its name for others.
fn module_directory(path: &str) -> String {
    match stem(path) {
        "mod" | "lib" | "main" => directory(path).to_owned(),
        own => join(directory(path), own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(
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

    #[test]
    fn python_packages_begin_at_a_root_that_is_none() {
        let paths = [
            "src/shop/__init__.py",
            "src/shop/cart.py",
            "src/shop/json.py",
            "src/shop/tools/__init__.py",
            "src/shop/tools/text.py",
            "run.py",
        ];
        let at = |from, import| resolved(Language::Python, &paths, from, import);
        assert_eq!(
            at("run.py", (Some("shop.cart"), "Cart", 0)),
            ["src/shop/cart.py"]
        );
        assert_eq!(
            at("run.py", (Some("shop"), "cart", 0)),
            ["src/shop/cart.py"]
        );
        assert_eq!(at("run.py", (None, "shop", 0)), ["src/shop/__init__.py"]);
        assert_eq!(
            at("src/shop/cart.py", (Some("tools"), "text", 1)),
            ["src/shop/tools/text.py"]
        );
        assert_eq!(
            at("src/shop/tools/text.py", (Some(""), "cart", 2)),
            ["src/shop/cart.py"]
        );
        // `json` below a package is `shop.json`, and no top-level module.
        assert!(at("run.py", (None, "json", 0)).is_empty());
    }

    #[test]
    fn rust_modules_are_found_from_crate_self_and_super() {
        let paths = [
            "a/src/lib.rs",
            "a/src/m/mod.rs",
            "a/src/m/deep.rs",
            "a/src/n.rs",
            "b-c/src/lib.rs",
        ];
        let at = |from, import| resolved(Language::Rust, &paths, from, import);
        assert_eq!(
            at("a/src/n.rs", (Some("crate::m::deep"), "X", 0)),
            ["a/src/m/deep.rs"]
        );
        assert_eq!(
            at("a/src/m/deep.rs", (Some("super"), "Y", 0)),
            ["a/src/m/mod.rs"]
        );
        assert_eq!(at("a/src/lib.rs", (Some("n"), "Z", 0)), ["a/src/n.rs"]);
        assert_eq!(at("a/src/n.rs", (Some("b_c"), "W", 0)), ["b-c/src/lib.rs"]);
        assert!(at("a/src/n.rs", (Some("std::mem"), "swap", 0)).is_empty());
    }

    #[test]
    fn scripts_leave_out_extensions_and_index() {
        let paths = ["src/a.ts", "src/lib/index.tsx", "src/lib/b.js"];
        let at =
            |from, module| resolved(Language::TypeScript, &paths, from, (Some(module), "x", 0));
        assert_eq!(at("src/a.ts", "./lib"), ["src/lib/index.tsx"]);
        assert_eq!(at("src/lib/b.js", "../a.js"), ["src/a.ts"]);
        assert!(at("src/a.ts", "react").is_empty() && at("src/a.ts", "../../x").is_empty());
    }

    #[test]
    fn includes_are_beside_or_below_an_unknown_directory() {
        let paths = [
            "src/main.c",
            "src/util.h",
            "include/api/core.h",
            "lib/tool.rb",
            "bin/lib.sh",
        ];
        let at = |language, from, name| resolved(language, &paths, from, (None, name, 0));
        assert_eq!(at(Language::C, "src/main.c", "util.h"), ["src/util.h"]);
        assert_eq!(
            at(Language::C, "src/main.c", "api/core.h"),
            ["include/api/core.h"]
        );
        assert_eq!(at(Language::Ruby, "x.rb", "tool"), ["lib/tool.rb"]);
        assert_eq!(at(Language::Bash, "bin/run.sh", "./lib.sh"), ["bin/lib.sh"]);
        assert!(at(Language::C, "src/main.c", "stdio.h").is_empty());
    }

    #[test]
    fn types_and_packages_follow_directories() {
        let paths = [
            "src/main/java/shop/Cart.java",
            "src/main/java/shop/Item.java",
            "app/Models/User.php",
            "pkg/yaml/parse.go",
            "pkg/yaml/scan.go",
        ];
        let at = |language, from, import| resolved(language, &paths, from, import);
        assert_eq!(
            at(Language::Java, "x/Main.java", (Some("shop"), "Cart", 0)),
            ["src/main/java/shop/Cart.java"]
        );
        assert_eq!(
            at(Language::Java, "x/Main.java", (Some("shop"), "*", 0)),
            [
                "src/main/java/shop/Cart.java",
                "src/main/java/shop/Item.java"
            ]
        );
        assert!(
            at(
                Language::Java,
                "x/Main.java",
                (Some("java.util"), "Item", 0)
            )
            .is_empty()
        );
        assert_eq!(
            at(
                Language::Php,
                "web/index.php",
                (Some("App\\Models"), "User", 0)
            ),
            ["app/Models/User.php"]
        );
        assert_eq!(
            at(
                Language::Go,
                "main.go",
                (None, "example.org/mod/pkg/yaml", 0)
            ),
            ["pkg/yaml/parse.go", "pkg/yaml/scan.go"]
        );
    }
}

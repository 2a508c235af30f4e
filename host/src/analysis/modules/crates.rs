//! Rust: paths of modules below `crate`, `self`, `super` or another crate of the tree.

use super::ImportText;
use super::path::{directory, ends_at, join, stem, without_extension};
use super::tree::SourceTree;

pub(super) fn module(tree: &SourceTree, from: &str, import: ImportText<'_>) -> Vec<usize> {
    let full = match import.module {
        Some(module) => format!("{module}::{}", import.name),
        None => import.name.to_owned(),
    };
    let mut parts: Vec<&str> = full.split("::").filter(|part| !part.is_empty()).collect();
    let Some(first) = parts.first().copied() else {
        return Vec::new();
    };
    let mut base = match first {
        "crate" => match crate_root(tree, from) {
            Some(root) => root,
            None => return Vec::new(),
        },
        "self" | "super" => module_directory(from),
        // A module declared here, or another crate of the tree.
        _ => {
            let here = longest_module(tree, &module_directory(from), &parts);
            return if here.is_empty() {
                other_crate(tree, &parts)
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
    let found = longest_module(tree, &base, &parts);
    if found.is_empty() {
        rust_file(tree, &base)
    } else {
        found
    }
}

fn other_crate(tree: &SourceTree, parts: &[&str]) -> Vec<usize> {
    let Some(name) = parts.first() else {
        return Vec::new();
    };
    for crate_name in [(*name).to_owned(), name.replace('_', "-")] {
        let found = tree
            .with_stem("lib")
            .map(|place| tree.path(place))
            .find(|path| ends_at(without_extension(path), &format!("{crate_name}/src/lib")));
        if let Some(path) = found {
            let below = longest_module(tree, directory(path), &parts[1..]);
            return if below.is_empty() {
                tree.first(&[path.to_owned()])
            } else {
                below
            };
        }
    }
    Vec::new()
}

/// The file of the longest beginning of `parts` that names one below `base`.
fn longest_module(tree: &SourceTree, base: &str, parts: &[&str]) -> Vec<usize> {
    (1..=parts.len())
        .rev()
        .map(|length| rust_file(tree, &join(base, &parts[..length].join("/"))))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn rust_file(tree: &SourceTree, stem: &str) -> Vec<usize> {
    let paths = [
        format!("{stem}.rs"),
        join(stem, "mod.rs"),
        join(stem, "lib.rs"),
        join(stem, "main.rs"),
    ];
    tree.first(&paths)
}

/// The directory above `from` that holds `lib.rs` or `main.rs`.
fn crate_root(tree: &SourceTree, from: &str) -> Option<String> {
    let mut current = directory(from);
    loop {
        let is_root = ["lib.rs", "main.rs"]
            .iter()
            .any(|file| tree.place(&join(current, file)).is_some());
        if is_root {
            return Some(current.to_owned());
        }
        if current.is_empty() {
            return None;
        }
        current = directory(current);
    }
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
    use super::super::tests::resolved;
    use crate::analysis::Language;

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
}

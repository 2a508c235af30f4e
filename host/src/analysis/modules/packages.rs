//! Python: dotted packages below a root that is no package itself; `__init__` stands for its directory.

use super::ImportText;
use super::path::{directory, join, root_before, without_extension};
use super::tree::SourceTree;

pub(super) fn module(tree: &SourceTree, from: &str, import: ImportText<'_>) -> Vec<usize> {
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
            0 => absolute_package(tree, from, &parts),
            level => relative_package(tree, from, level, &parts),
        };
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn relative_package(tree: &SourceTree, from: &str, level: u32, parts: &[String]) -> Vec<usize> {
    let mut base = directory(from);
    for _ in 1..level {
        base = directory(base);
    }
    python_file(tree, &join(base, &parts.join("/")))
}

/// A module as a file, a stub or a package.
fn python_file(tree: &SourceTree, stem: &str) -> Vec<usize> {
    let init = join(stem, "__init__.py");
    let paths = [format!("{stem}.py"), init, format!("{stem}.pyi")];
    tree.first(&paths)
}

fn absolute_package(tree: &SourceTree, from: &str, parts: &[String]) -> Vec<usize> {
    let Some(last) = parts.last() else {
        return Vec::new();
    };
    let wanted = parts.join("/");
    let modules = tree.with_stem(last);
    let modules = modules.map(|place| (place, without_extension(tree.path(place))));
    let packages = tree.directories_named(last).filter_map(|directory| {
        let init = tree.place(&join(directory, "__init__.py"));
        Some((init?, directory))
    });
    let matching = modules.chain(packages).filter(|(_, path)| {
        root_before(path, &wanted).is_some_and(|root| !is_python_package(tree, root))
    });
    tree.nearest(from, matching.map(|(place, _)| place).collect())
}

fn is_python_package(tree: &SourceTree, directory: &str) -> bool {
    tree.place(&join(directory, "__init__.py")).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::tests::resolved;
    use crate::analysis::Language;

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
}

//! Imports that name types or packages, as far as directories follow packages: Java, PHP, C# and Go.

use super::ImportText;
use super::files::included;
use super::path::{ends_at, without_extension};
use super::tree::SourceTree;
use crate::analysis::Language;

pub(super) fn of_type(tree: &SourceTree, from: &str, import: ImportText<'_>) -> Vec<usize> {
    if import.module.is_none() && import.name.contains('/') || import.name.ends_with(".php") {
        return included(tree, Language::Php, from, import.name);
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
            let found: Vec<usize> = tree
                .with_stem(parts[parts.len() - 1])
                .filter(|place| ends_at(without_extension(tree.path(*place)), &wanted))
                .collect();
            if !found.is_empty() {
                return tree.nearest(from, found);
            }
        }
        let package = tree.directory_at(&wanted);
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
    of_owner(tree, from, &parts)
}

/// The type that the last part is a member of, as in `import static shop.tax.Tax.of`: a capital tells it.
fn of_owner(tree: &SourceTree, from: &str, parts: &[&str]) -> Vec<usize> {
    let Some((_, [above @ .., owner])) = parts.split_last() else {
        return Vec::new();
    };
    if above.is_empty() || !owner.starts_with(char::is_uppercase) {
        return Vec::new();
    }
    let wanted = format!("{}/{owner}", above.join("/"));
    let found = tree
        .with_stem(owner)
        .filter(|place| ends_at(without_extension(tree.path(*place)), &wanted));
    tree.nearest(from, found.collect())
}

pub(super) fn of_directory(tree: &SourceTree, path: &str) -> Vec<usize> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_hosted = parts.first().is_some_and(|host| host.contains('.'));
    let last = if is_hosted { parts.len() } else { 1 };
    (0..last)
        .map(|first| tree.directory_at(&parts[first..].join("/")))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::resolved;
    use crate::analysis::Language;

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

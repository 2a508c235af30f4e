//! Imports that are paths of files: those of JavaScript and TypeScript, and includes of C, Ruby and shells.

use super::path::{directory, ends_at, join, normal, stem};
use super::tree::SourceTree;
use crate::analysis::Language;

/// Source files that a JavaScript or TypeScript import may leave the extension of.
const SCRIPTS: [&str; 8] = ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "d.ts"];

pub(super) fn script(tree: &SourceTree, from: &str, path: &str) -> Vec<usize> {
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
    tree.first(&paths)
}

pub(super) fn included(
    tree: &SourceTree,
    language: Language,
    from: &str,
    path: &str,
) -> Vec<usize> {
    let extensions = language.rules().extensions;
    let mut spellings = vec![path.to_owned()];
    if language == Language::Ruby && !path.ends_with(".rb") {
        spellings.insert(0, format!("{path}.rb"));
    }
    for spelling in &spellings {
        let beside = normal(directory(from), spelling);
        if let Some(place) = beside.and_then(|path| tree.place(&path)) {
            return vec![place];
        }
    }
    // Elsewhere it lies below a directory that only the build knows.
    for spelling in &spellings {
        let wanted = spelling.trim_start_matches("./").trim_start_matches("../");
        let found = tree
            .with_stem(stem(wanted))
            .filter(|place| ends_at(tree.path(*place), wanted));
        let found = tree.nearest(from, found.collect());
        if !found.is_empty() && extensions.iter().any(|known| wanted.ends_with(known)) {
            return found;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::tests::resolved;
    use crate::analysis::Language;

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
}

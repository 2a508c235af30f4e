//! Who may import whom in the host: data flows one way through its layers.

use std::collections::BTreeSet;

use crate::sources::{Source, repository, rust_files};

/// Module, and what it may import; everything may import `foundation`. The same table is in
/// docs/ARCHITECTURE.md.
const TABLE: [(&str, &[&str]); 20] = [
    ("foundation", &[]),
    ("config", &[]),
    ("analysis", &[]),
    ("embedding", &["config"]),
    ("plugins", &["config"]),
    ("driver", &["config", "plugins"]),
    ("code_db", &["driver"]),
    ("code_graph", &["analysis", "code_db"]),
    ("indexing", &["analysis", "code_db", "code_graph"]),
    ("vectorization", &["analysis", "embedding", "code_db"]),
    (
        "search",
        &["config", "code_db", "embedding", "vectorization"],
    ),
    ("supervisor", &["config"]),
    (
        "universal_driver",
        &["config", "plugins", "driver", "code_db", "supervisor"],
    ),
    ("db_worker", &["config", "plugins"]),
    ("conformance", &["config", "plugins", "supervisor"]),
    (
        "workers",
        &[
            "config",
            "universal_driver",
            "code_db",
            "analysis",
            "indexing",
            "embedding",
            "vectorization",
        ],
    ),
    (
        "commands",
        &[
            "config",
            "universal_driver",
            "code_db",
            "code_graph",
            "analysis",
            "indexing",
            "embedding",
            "vectorization",
            "search",
            "supervisor",
        ],
    ),
    ("server", &["config", "commands"]),
    (
        "app",
        &[
            "config",
            "analysis",
            "embedding",
            "plugins",
            "driver",
            "code_db",
            "code_graph",
            "indexing",
            "vectorization",
            "search",
            "supervisor",
            "universal_driver",
            "db_worker",
            "conformance",
            "workers",
            "commands",
            "server",
        ],
    ),
    ("cli", &["config", "app"]),
];

/// The module of a file of the host, and the modules that it imports.
fn imports(source: &Source) -> Option<(String, BTreeSet<String>)> {
    let inside = source.path.strip_prefix("host/src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs").to_owned();
    if module == "main" || module == "lib" {
        return None;
    }
    let code = without_comments(&source.text);
    let imported = code
        .split("crate::")
        .skip(1)
        .map(name_at)
        .chain(by_super(inside, &code))
        .filter(|name: &String| TABLE.iter().any(|(module, _)| module == name))
        .collect();
    Some((module, imported))
}

fn without_comments(text: &str) -> String {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(code).collect::<Vec<_>>().join("\n")
}

/// The name that `text` begins with; empty where it begins with something else.
fn name_at(text: &str) -> String {
    let part = |c: &char| c.is_alphanumeric() || *c == '_';
    text.chars().take_while(part).collect()
}

/// What follows a chain of `super::` that leads to the crate's root, in the file at this path below
/// `host/src`.
fn by_super(inside: &str, code: &str) -> Vec<String> {
    let components = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = components.split('/').count();
    // Modules in the file are one deeper each; the source is formatted, so indentation tells their ends.
    let mut inner: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for line in code.lines() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if text == "}" && inner.last() == Some(&indentation) {
            inner.pop();
        }
        let declared = text.trim_start_matches("pub ");
        if declared.starts_with("mod ") && declared.ends_with('{') {
            inner.push(indentation);
        }
        let mut rest = text;
        while let Some(at) = rest.find("super::") {
            rest = &rest[at..];
            let mut supers = 0;
            while let Some(after) = rest.strip_prefix("super::") {
                supers += 1;
                rest = after;
            }
            if supers >= depth + inner.len() {
                found.push(name_at(rest));
            }
        }
    }
    found
}

/// Imports whose modules the rule above would have to guess: each is to be written out.
fn hidden_imports(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix("host/src/") else {
        return Vec::new();
    };
    let code = without_comments(&source.text);
    let mut hidden: Vec<String> = ["crate::{", "crate::*", "use crate as"]
        .into_iter()
        .filter(|form| code.contains(form))
        .map(str::to_owned)
        .collect();
    if by_super(inside, &code).iter().any(String::is_empty) {
        hidden.push("a group of the crate's root by `super`".to_owned());
    }
    let groups = code.split("\nuse ").skip(1).filter_map(|rest| {
        let statement = rest.split(';').next()?;
        statement.split_once('{').map(|(_, group)| group)
    });
    if groups.into_iter().any(|group| group.contains("super::")) {
        hidden.push("`super` within a group".to_owned());
    }
    hidden
}

#[test]
fn imports_are_written_so_that_the_rule_sees_them() {
    let wrong: Vec<String> = rust_files(&["host/src"])
        .iter()
        .flat_map(|source| {
            let path = &source.path;
            hidden_imports(source)
                .into_iter()
                .map(move |form| format!("{path}: write out {form}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for source in rust_files(&["host/src"]) {
        let Some((module, imported)) = imports(&source) else {
            continue;
        };
        let allowed = TABLE.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!(
                "{}: the module {module} has no line in the table",
                source.path
            ));
            continue;
        };
        for name in imported {
            let fine = name == module || name == "foundation" || allowed.contains(&name.as_str());
            if !fine {
                wrong.push(format!("{}: {module} must not import {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle_and_is_the_one_in_the_documents() {
    // Each module imports only modules above it in the table.
    for (index, (module, allowed)) in TABLE.iter().enumerate() {
        for name in *allowed {
            let above = TABLE[..index].iter().any(|(earlier, _)| earlier == name);
            assert!(above, "{module} imports {name}, which is not above it");
        }
    }
    let document = std::fs::read_to_string(repository().join("docs/ARCHITECTURE.md")).unwrap();
    for (module, allowed) in TABLE {
        if module == "foundation" || module == "app" {
            continue;
        }
        let list = if allowed.is_empty() {
            "nothing".to_owned()
        } else {
            allowed.join(", ")
        };
        let line = format!("| {module} | {list} |");
        assert!(
            document.contains(&line),
            "docs/ARCHITECTURE.md lacks the line {line:?}"
        );
    }
}

#[test]
fn plugins_never_import_the_host_and_the_host_depends_on_no_plugin() {
    for source in rust_files(&["plugins", "driver-api"]) {
        assert!(
            !source.text.contains("code_analysis_host::"),
            "{} imports the host",
            source.path
        );
    }
    let manifest = std::fs::read_to_string(repository().join("host/Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("driver-sqlite"),
        "the host depends on a plugin"
    );
}

#[test]
fn only_driver_apis_abi_module_names_abi_stable() {
    for source in rust_files(&["host/src", "driver-api/src", "plugins"]) {
        let may = source.path.starts_with("driver-api/src/abi/")
            || source.path == "driver-api/src/export.rs";
        let code = source
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let names = code.into_iter().any(|line| line.contains("abi_stable"));
        assert!(may || !names, "{} names abi_stable", source.path);
    }
}

#[test]
fn unsafe_code_is_only_where_libraries_are_opened_and_exported() {
    let may = [
        "driver-api/src/abi/types.rs",
        "driver-api/src/export.rs",
        "host/src/plugins/loader.rs",
        "host/src/plugins/loader/fault_signals.rs",
    ];
    for source in rust_files(&["host/src", "driver-api/src", "plugins"]) {
        let code = source
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let uses = code
            .into_iter()
            .any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        assert!(
            !uses || may.contains(&source.path.as_str()),
            "{} has unsafe code",
            source.path
        );
    }
}

#[test]
fn the_rule_sees_an_import_that_is_not_allowed() {
    let source = Source {
        path: "host/src/analysis/x.rs".into(),
        text:
            "// crate::server is only named here\nuse crate::code_db::x;\nlet y = crate::config::Z;"
                .into(),
    };
    let (module, imported) = imports(&source).unwrap();
    assert_eq!(module, "analysis");
    assert_eq!(
        imported,
        BTreeSet::from(["code_db".to_owned(), "config".to_owned()])
    );
}

#[test]
fn the_rule_sees_imports_by_super_that_leave_the_module() {
    let imported = |path: &str, text: &str| {
        let source = Source {
            path: path.into(),
            text: text.into(),
        };
        imports(&source).unwrap().1
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let file = "host/src/analysis/x.rs";
    let expected: BTreeSet<String> = names(&["code_db"]);
    assert_eq!(imported(file, "use super::super::code_db::x;"), expected);
    assert_eq!(
        imported("host/src/analysis/mod.rs", "use super::code_db::x;"),
        expected
    );
    assert_eq!(
        imported(file, "let y = super::super::code_db::x();"),
        expected
    );
    // These stay within the module, the second because it stands in a module of the file.
    assert_eq!(imported(file, "use super::code_db::x;"), names(&[]));
    let inner = "mod tests {\n    use super::super::code_db::x;\n}\n";
    assert_eq!(imported(file, inner), names(&[]));
    let after = format!("{inner}use super::super::code_db::x;\n");
    assert_eq!(imported(file, &after), expected);
}

#[test]
fn the_rule_refuses_what_it_does_not_see() {
    let hidden = |text: &str| {
        let source = Source {
            path: "host/src/analysis/x.rs".into(),
            text: format!("//! X.\n\n{text}\n"),
        };
        hidden_imports(&source).len()
    };
    assert_eq!(hidden("use crate::{code_db::x, server::y};"), 1);
    assert_eq!(hidden("use crate::*;"), 1);
    assert_eq!(hidden("use crate as root;"), 1);
    assert_eq!(hidden("use super::super::{code_db::x, server::y};"), 1);
    assert_eq!(
        hidden("use super::{\n    super::code_db::x,\n    y,\n};"),
        1
    );
    assert_eq!(
        hidden("use super::{y, z};\nuse crate::foundation::{a, b};"),
        0
    );
    assert_eq!(hidden("// use crate::{a, b};"), 0);
}

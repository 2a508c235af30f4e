//! Who may import whom in the host: data flows one way through its layers.

use std::collections::BTreeSet;

use crate::sources::{Source, repository, rust_files};

/// Module, and what it may import; everything may import `foundation`. The same table is in
/// docs/ARCHITECTURE.md.
const TABLE: [(&str, &[&str]); 15] = [
    ("foundation", &[]),
    ("config", &[]),
    ("analysis", &[]),
    ("plugins", &["config"]),
    ("driver", &["config", "plugins"]),
    ("code_db", &["driver"]),
    ("indexing", &["analysis", "code_db"]),
    ("supervisor", &["config"]),
    (
        "universal_driver",
        &["config", "plugins", "driver", "code_db", "supervisor"],
    ),
    ("db_worker", &["config", "plugins"]),
    (
        "workers",
        &[
            "config",
            "universal_driver",
            "code_db",
            "analysis",
            "indexing",
        ],
    ),
    (
        "commands",
        &[
            "config",
            "universal_driver",
            "code_db",
            "analysis",
            "indexing",
            "supervisor",
        ],
    ),
    ("server", &["config", "commands"]),
    (
        "app",
        &[
            "config",
            "analysis",
            "plugins",
            "driver",
            "code_db",
            "indexing",
            "supervisor",
            "universal_driver",
            "db_worker",
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
    let without_comments = source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let imported = without_comments
        .split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| TABLE.iter().any(|(module, _)| module == name))
        .collect();
    Some((module, imported))
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

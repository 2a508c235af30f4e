//! Databases that the older Python program wrote, and its predecessors: they open, they answer, and every row of
//! every table is still there.

mod killed;
mod predecessors;

use std::fs;

use serde_json::json;

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

#[test]
fn a_database_of_the_older_program_opens_and_keeps_its_rows() {
    let sandbox = Sandbox::new();
    let database = sandbox.work().join("legacy.db");
    fs::copy(fixture("legacy/code_analysis.db"), &database).unwrap();
    let config = sandbox.config(&json!({ "database": { "path": database } }));
    let call = |arguments: &[&str]| {
        let mut all = vec!["--config", &config, "--json"];
        all.extend(arguments);
        sandbox.host(&all).ok().json()
    };
    let projects = call(&["call", "list_projects"]);
    assert_eq!(projects["projects"][0]["root_path"], "/srv/projects/shop");
    let usages = call(&["call", "find_usages", "target_name=price"]);
    let lines: Vec<_> = usages["usages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["line"].clone())
        .collect();
    assert_eq!(lines, [json!(11), json!(48)]);
    let found = call(&["call", "fulltext_search", "query=discount"]);
    assert!(found["count"].as_u64().unwrap() > 0, "{found}");
    let counts = sandbox
        .host(&[
            "--config",
            &config,
            "sql",
            "SELECT (SELECT count(*) FROM usages), (SELECT count(*) FROM ast_trees), \
             (SELECT embedding_model FROM code_chunks)",
            "--format",
            "csv",
        ])
        .ok();
    assert_eq!(counts.stdout.lines().nth(1), Some("17,4,legacy-384"));
}

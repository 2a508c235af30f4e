//! What users see of plugins: which were found, and why one is refused.

use std::fs;

use serde_json::json;

use crate::support::sandbox::{Sandbox, plugins_dir};

#[test]
fn an_unknown_type_lists_known_types_and_where_it_looked() {
    let sandbox = Sandbox::new();
    let config = sandbox.config(&json!({ "database": { "type": "oracle" } }));
    let output = sandbox.host(&["--config", &config, "call", "list_projects"]);
    assert_ne!(output.status, 0);
    assert!(
        output
            .stderr
            .contains("there is no database driver `oracle`"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("known types are: sqlite"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains(plugins_dir().to_str().unwrap()),
        "{}",
        output.stderr
    );
    assert_eq!(
        output.stderr.trim_end().lines().count(),
        1,
        "{}",
        output.stderr
    );
}

#[test]
fn a_file_that_is_no_plugin_is_shown_with_its_reason_and_harms_nobody() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("text.so"), "not a library").unwrap();
    fs::write(directory.join("empty.so"), "").unwrap();
    fs::create_dir(directory.join("directory.so")).unwrap();
    let directory = directory.to_str().unwrap();
    let listed = sandbox
        .host(&["drivers", "list", "--plugins-dir", directory, "--json"])
        .ok();
    for reason in ["file too short", "it is not a regular file"] {
        assert!(listed.stdout.contains(reason), "{}", listed.stdout);
    }
    // The good ones are used all the same.
    let output = sandbox
        .host(&[
            "call",
            "list_projects",
            "--plugins-dir",
            directory,
            "--json",
        ])
        .ok();
    assert_eq!(output.json()["count"], 0);
}

#[test]
fn a_type_whose_plugin_is_refused_says_why() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("mydb.so"), "not a library").unwrap();
    let config = sandbox.config(&json!({
        "database": { "type": "mydb" },
        "plugins": { "directories": [directory] },
    }));
    let output = sandbox.host(&["--config", &config, "call", "list_projects"]);
    assert_ne!(output.status, 0);
    assert!(
        output
            .stderr
            .contains("mydb.so: the system cannot load it: file too short"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_wrong_option_of_the_driver_is_named() {
    let sandbox = Sandbox::new();
    let config = sandbox.config(&json!({ "database": { "type": "sqlite", "pth": "x.db" } }));
    let output = sandbox.host(&["--config", &config, "call", "list_projects"]);
    assert_ne!(output.status, 0);
    assert!(
        output.stderr.contains("unknown option `pth`"),
        "{}",
        output.stderr
    );
}

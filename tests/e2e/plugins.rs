//! What users see of plugins: which were found, and why one is refused.

use std::fs;

use serde_json::json;

use crate::support::sandbox::{Sandbox, finish, plugins_dir};

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
        output
            .stderr
            .contains("known types are: mariadb, mysql, postgres, postgresql, sqlite, sqlite3;"),
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
    let listed = sandbox.host(&["drivers", "list", "--plugins-dir", directory, "--json"]);
    assert_eq!(listed.status, 1, "{}", listed.stderr);
    for reason in [
        "it is no shared library",
        "it is empty",
        "it is a directory",
    ] {
        assert!(listed.stdout.contains(reason), "{}", listed.stdout);
    }
    assert_eq!(listed.json()["drivers"].as_array().unwrap().len(), 7);
    let table = sandbox.host(&["drivers", "list", "--plugins-dir", directory]);
    assert_eq!(table.status, 1, "{}", table.stderr);
    assert!(
        table.stdout.contains("refused: ") && table.stdout.contains("text.so"),
        "{}",
        table.stdout
    );
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
    // But whoever named the directory is told of each file.
    let warnings: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(warnings.len(), 3, "{}", output.stderr);
    for (warning, name) in warnings.iter().zip(["directory.so", "empty.so", "text.so"]) {
        let start = format!("warning: plugin {directory}/{name} is not used: ");
        assert!(
            warning.starts_with(&start) && warning.len() > start.len(),
            "{warning}"
        );
    }
}

#[test]
fn a_named_directory_that_cannot_be_used_is_an_error_of_every_command() {
    let sandbox = Sandbox::new();
    let missing = sandbox.path().join("missing");
    let malformed = sandbox.path().join("malformed");
    fs::create_dir(&malformed).unwrap();
    fs::write(malformed.join("plugins.toml"), "plugin = 7").unwrap();
    let work = sandbox.work();
    let commands: [&[&str]; 7] = [
        &["call", "list_projects"],
        &["sql", "select 1"],
        &["index", work.to_str().unwrap()],
        &["serve", "--port", "0"],
        &["drivers", "list"],
        &["workers", "list"],
        &["config", "show"],
    ];
    for directory in [&missing, &malformed] {
        let text = directory.to_str().unwrap();
        let config = sandbox.config(&json!({ "plugins": { "directories": [text] } }));
        for command in commands {
            let mut by_flag = sandbox.command(command);
            by_flag.args(["--plugins-dir", text]);
            let mut by_environment = sandbox.command(command);
            by_environment.env("CODE_ANALYSIS_PLUGINS", text);
            let mut by_config = sandbox.command(command);
            by_config.args(["--config", &config]);
            for mut run in [by_flag, by_environment, by_config] {
                let output = finish(&mut run);
                assert_eq!(output.status, 3, "{command:?}: {}", output.stderr);
                assert_eq!(output.stdout, "", "{command:?}");
                let expected = format!("error: the plugins directory {text}, named by ");
                assert!(output.stderr.starts_with(&expected), "{}", output.stderr);
            }
        }
    }
}

#[test]
fn config_show_has_the_drivers_defaults_and_refuses_what_the_driver_would() {
    let sandbox = Sandbox::new();
    let shown = sandbox.host(&["config", "show", "--json"]).ok().json();
    let database = &shown["code_analysis"]["database"];
    assert_eq!(database["type"], "sqlite");
    assert!(database["synchronous"].is_string(), "{database}");
    let config = sandbox.config(&json!({
        "database": { "type": "sqlite", "pth": "x.db", "synchronous": 7 }
    }));
    let wrong = sandbox.host(&["--config", &config, "config", "show"]);
    assert_eq!(wrong.status, 3, "{}", wrong.stderr);
    for problem in [
        "/code_analysis/database/pth: unknown option, expected one of path, ",
        "did you mean \"path\"?",
        "/code_analysis/database/synchronous: found 7, expected one of ",
    ] {
        assert!(wrong.stderr.contains(problem), "{}", wrong.stderr);
    }
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
            .contains("mydb.so: it is no shared library: it begins with"),
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
        output
            .stderr
            .contains("/code_analysis/database/pth: unknown option, expected one of path, ")
            && output.stderr.contains("did you mean \"path\"?"),
        "{}",
        output.stderr
    );
}

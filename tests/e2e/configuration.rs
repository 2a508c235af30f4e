//! Configurations over time: those of the older program, those that change under a running server, and the documents
//! about them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture, repository};

fn project_names(server: &Server) -> Vec<String> {
    let projects = server.rpc("list_projects", &json!({}));
    let names = projects["projects"].as_array().unwrap().iter();
    let mut names: Vec<String> = names
        .map(|each| each["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_configuration_of_the_older_program_serves_as_it_is() {
    let sandbox = Sandbox::new();
    let watched = sandbox.work().join("projects");
    copy_tree(&fixture("shop"), &watched.join("shop"));
    let text = fs::read_to_string(fixture("legacy_config.json")).unwrap();
    let text = text.replace("/srv/projects", watched.to_str().unwrap());
    let file = sandbox.path().join("config.json");
    fs::write(&file, &text).unwrap();
    let server = sandbox.serve(&["--config", file.to_str().unwrap()]);
    eventually("the watched directory is indexed", || {
        let entities = server.rpc("list_code_entities", &json!({ "entity_type": "class" }));
        (!entities["entities"].as_array().unwrap().is_empty()).then_some(())
    });
    assert_eq!(project_names(&server), ["shop"]);
    assert!(sandbox.path().join("data/code_analysis.db").exists());
    drop(server);
    // The file is the user's; nothing was written into it.
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let report = sandbox.host(&["config", "validate", file.to_str().unwrap(), "--json"]);
    assert_eq!(report.status, 7, "{}", report.stdout);
}

/// Writes the configuration whole, as editors do.
fn write(sandbox: &Sandbox, watch_dirs: &[Value], port: u16) -> String {
    let next = sandbox.path().join("next.json");
    let watcher = json!({ "watch_dirs": watch_dirs, "scan_interval": 100_000 });
    let config = json!({ "code_analysis": { "workers": { "file_watcher": watcher }, "server": { "port": port } } });
    fs::write(&next, config.to_string()).unwrap();
    let file = sandbox.path().join("config.json");
    fs::rename(next, &file).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Projects of these names, each in a directory of its own.
fn projects<const N: usize>(sandbox: &Sandbox, names: [&str; N]) -> [Value; N] {
    names.map(|name| {
        let directory = sandbox.work().join(name);
        copy_tree(&fixture("shop"), &directory);
        fs::write(
            directory.join("projectid"),
            uuid::Uuid::new_v4().to_string(),
        )
        .unwrap();
        json!(directory)
    })
}

#[test]
fn commands_go_by_the_directories_that_are_watched_now() {
    let sandbox = Sandbox::new();
    let [one, two] = projects(&sandbox, ["one", "two"]);
    let file = write(&sandbox, &[one.clone(), two.clone()], 0);
    let server = sandbox.serve(&["--config", &file]);
    eventually("both directories are indexed", || {
        (project_names(&server) == ["one", "two"]).then_some(())
    });
    let delete = |dry_run| server.rpc("delete_unwatched_projects", &json!({ "dry_run": dry_run }));
    let at_first = delete(true);
    assert_eq!(
        (&at_first["deleted_count"], &at_first["kept_count"]),
        (&json!(0), &json!(2))
    );
    write(&sandbox, std::slice::from_ref(&two), 0);
    let told = eventually("one of them is not watched any more", || {
        let told = delete(true);
        (told["deleted_count"] == 1).then_some(told)
    });
    assert_eq!(told["projects_deleted"][0]["root_path"], one);
    assert_eq!(told["projects_kept"][0]["root_path"], two);
    assert_eq!(project_names(&server), ["one", "two"]);
    assert_eq!(delete(false)["projects_deleted"][0]["root_path"], one);
    assert_eq!(project_names(&server), ["two"]);
}

#[test]
fn a_running_server_takes_over_what_it_can() {
    let sandbox = Sandbox::new();
    let [one, two, three] = projects(&sandbox, ["one", "two", "three"]);
    let file = write(&sandbox, std::slice::from_ref(&one), 0);
    let server = sandbox.serve(&["--config", &file]);
    eventually("the first directory is indexed", || {
        (project_names(&server) == ["one"]).then_some(())
    });
    write(&sandbox, &[one.clone(), two.clone()], 0);
    eventually("the file is looked at", || {
        (project_names(&server) == ["one", "two"]).then_some(())
    });
    // What is wrong, and what needs a restart, harms nobody.
    fs::write(&file, "{").unwrap();
    write(&sandbox, &[one, two, three], 1);
    server.signal(Signal::HUP);
    eventually("SIGHUP is heard", || {
        (project_names(&server) == ["one", "three", "two"]).then_some(())
    });
    assert_eq!(server.health()["status"], "ok");
}

#[test]
fn a_running_server_takes_over_tokens_limits_of_jobs_and_the_place_of_backups() {
    let [first, second] = ["first-token-0123456789", "second-token-0123456789"];
    let sandbox = Sandbox::new();
    let tokens = sandbox.path().join("tokens");
    fs::write(&tokens, first).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let config = |running: u64, backups: &str| {
        sandbox.config(&json!({
            "server": {"token_file": "tokens", "jobs": {"running": running}},
            "database": {"backup": {"directory": backups}},
        }))
    };
    let file = config(1, "one");
    let server = sandbox.serve(&["--config", &file]);
    assert_eq!(server.respond_to(second, "queue_health").0, 401);
    assert_eq!(server.respond_to(first, "queue_health").1["long_limit"], 1);
    // A token that nobody may have, because others could read the file, changes nothing.
    fs::write(&tokens, second).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o644)).unwrap();
    server.signal(Signal::HUP);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(server.respond_to(first, "queue_health").0, 200);
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    server.signal(Signal::HUP);
    eventually("the new token is asked for", || {
        (server.respond_to(first, "queue_health").0 == 401).then_some(())
    });
    config(3, "two");
    eventually("more jobs may run", || {
        (server.respond_to(second, "queue_health").1["long_limit"] == 3).then_some(())
    });
    let (_, made) = server.respond_to(second, "backup_database");
    assert!(
        made["backup_dir"].as_str().unwrap().ends_with("/two"),
        "{made}"
    );
}

/// What stands in the repository and what it should be; UPDATE_EXPECT=1 writes it.
fn assert_up_to_date(name: &str, expected: &str) {
    let file = repository().join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == expected,
        "{name} has drifted; UPDATE_EXPECT=1 cargo test -p code-analysis-host --test e2e configuration"
    );
}

#[test]
fn the_documents_follow_the_types() {
    let commented = code_analysis_host::config::reference::commented_file().unwrap();
    assert_up_to_date("docs/configuration.reference.jsonc", &commented);
    let (begin, end) = (
        "<!-- begin of the generated part -->\n",
        "<!-- end of the generated part -->\n",
    );
    let document = fs::read_to_string(repository().join("docs/configuration.md")).unwrap();
    let (before, rest) = document.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let table = code_analysis_host::config::reference::table().unwrap();
    assert_up_to_date(
        "docs/configuration.md",
        &format!("{before}{begin}{table}{end}{after}"),
    );
}

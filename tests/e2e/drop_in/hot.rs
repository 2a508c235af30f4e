//! Drivers that come, change and go while a server runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::libraries::misbehaving;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

/// Puts the file in place at once, as `mv` does.
fn put(directory: &Path, bytes: &[u8]) {
    let unfinished = directory.join("x.part");
    fs::write(&unfinished, bytes).unwrap();
    fs::rename(unfinished, directory.join("x.so")).unwrap();
}

fn serve(sandbox: &Sandbox, words: &str, worker: bool) -> (Server, std::path::PathBuf) {
    let directory = sandbox.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    put(&directory, &misbehaving(words));
    let config = sandbox.config(&json!({
        "database": { "type": "mine", "worker": { "enabled": worker } },
        "plugins": { "directories": [directory] },
    }));
    (sandbox.serve(&["--config", &config]), directory)
}

/// The version of the driver that the server lists.
fn listed(server: &Server) -> Option<String> {
    let listed = server.rpc("list_drivers", &json!({}));
    let drivers = listed["drivers"].as_array().unwrap();
    let mine = drivers.iter().find(|driver| driver["name"] == "mine")?;
    Some(mine["version"].as_str().unwrap().to_owned())
}

/// Versions of the driver that are loaded: those in use first.
fn versions(server: &Server) -> Vec<(String, bool)> {
    let status = server.rpc("get_driver_status", &json!({ "driver": "mine" }));
    let drivers = status["drivers"].as_array().unwrap();
    let of = |driver: &Value| {
        (
            driver["version"].as_str().unwrap().to_owned(),
            driver["current"] == true,
        )
    };
    let mut found: Vec<_> = drivers.iter().map(of).collect();
    found.sort_by_key(|(_, current)| !current);
    found
}

/// Uses the database, so that connections are made.
fn use_database(server: &Server) -> Value {
    server.respond("list_projects", &json!({}))
}

#[test]
fn a_new_version_serves_new_connections_and_a_broken_one_changes_nothing() {
    let sandbox = Sandbox::new();
    let (server, directory) = serve(&sandbox, "name=mine version=1.0.0", false);
    use_database(&server);
    assert_eq!(versions(&server), [("1.0.0".to_owned(), true)]);
    put(&directory, &misbehaving("name=mine version=2.0.0"));
    eventually("the new version serves", || {
        use_database(&server);
        let found = versions(&server);
        (found == [("2.0.0".to_owned(), true), ("1.0.0".to_owned(), false)]).then_some(())
    });
    assert_eq!(listed(&server).as_deref(), Some("2.0.0"));
    let status = server.rpc("get_driver_status", &json!({}));
    assert!(
        status["replaced_resident_kib"].as_u64().unwrap() > 0,
        "{status}"
    );
    let replaced = status["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|driver| driver["version"] == "1.0.0")
        .unwrap();
    assert_eq!(replaced["metrics"]["open_connections"], 0, "{replaced}");
    // A version that crashes when it is looked at is told of, and the good one stays.
    put(
        &directory,
        &misbehaving("name=mine version=3.0.0 init=crash"),
    );
    let config = sandbox.path().join("config.json");
    eventually("the bad version is known", || {
        let listed = sandbox.host(&[
            "--config",
            config.to_str().unwrap(),
            "drivers",
            "verify",
            "--json",
        ]);
        listed.stdout.contains("SIGSEGV").then_some(())
    });
    use_database(&server);
    assert_eq!(versions(&server)[0], ("2.0.0".to_owned(), true));
    put(&directory, &misbehaving("name=mine version=4.0.0"));
    eventually("the next good version serves", || {
        use_database(&server);
        (versions(&server)[0] == ("4.0.0".to_owned(), true)).then_some(())
    });
    // Taken away: nothing new is made with it, and the server goes on.
    fs::remove_file(directory.join("x.so")).unwrap();
    let error = eventually("no connection is made any more", || {
        let response = use_database(&server).to_string();
        response
            .contains("driver is not available any more")
            .then_some(response)
    });
    assert!(
        error.contains("there is no database driver `mine`"),
        "{error}"
    );
    assert!(server.health()["status"].is_string());
    assert_eq!(listed(&server), None);
    put(&directory, &misbehaving("name=mine version=5.0.0"));
    eventually("it is back", || {
        use_database(&server);
        versions(&server)
            .contains(&("5.0.0".to_owned(), true))
            .then_some(())
    });
}

#[test]
fn a_worker_goes_over_to_the_new_version_and_its_clients_notice_nothing() {
    let sandbox = Sandbox::new();
    let (server, directory) = serve(&sandbox, "name=mine version=1.0.0", true);
    let before = use_database(&server);
    let worker = |server: &Server| {
        let status = server.rpc("get_driver_status", &json!({ "driver": "mine" }));
        let driver = status["drivers"]
            .as_array()?
            .iter()
            .find(|driver| driver["process"] != "host")?
            .clone();
        Some(driver["version"].as_str()?.to_owned())
    };
    eventually("the worker tells its driver", || {
        worker(&server).filter(|version| version == "1.0.0")
    });
    put(&directory, &misbehaving("name=mine version=2.0.0"));
    eventually("the worker has the new version", || {
        assert_eq!(
            use_database(&server)["result"]["success"],
            before["result"]["success"]
        );
        worker(&server).filter(|version| version == "2.0.0")
    });
}

#[test]
fn what_a_driver_says_is_in_the_hosts_log_with_its_connection_and_query() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    put(&directory, &misbehaving("name=mine version=1.0.0"));
    let config = sandbox.config(&json!({
        "database": { "type": "mine" },
        "plugins": { "directories": [directory] },
    }));
    let mut command = sandbox.command(&["--config", &config, "call", "list_projects"]);
    command.env("CODE_ANALYSIS_LOG", "driver=info");
    let said = crate::support::sandbox::finish(&mut command).stderr;
    let line = said
        .lines()
        .find(|line| line.contains("the fixture answers"))
        .unwrap_or_else(|| panic!("{said}"));
    for part in [
        "INFO driver: the fixture answers rows=1",
        "plugin=\"x\"",
        "connection=1",
        "query=",
    ] {
        assert!(line.contains(part), "{line}");
    }
}

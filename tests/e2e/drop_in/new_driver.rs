//! `drivers new`: the crate that is written builds outside the workspace, loads, does what it declares, and is used.

use serde_json::json;

use crate::support::libraries::{cargo_in, target};
use crate::support::repository;
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

#[test]
fn a_new_driver_builds_loads_passes_its_cases_and_serves_a_database() {
    let sandbox = Sandbox::new();
    let api = repository().join("driver-api");
    let written = sandbox
        .host(&[
            "drivers",
            "new",
            "tiny-db",
            "--driver-api",
            api.to_str().unwrap(),
        ])
        .ok();
    assert!(
        written
            .stdout
            .contains("drivers test target/release/libtiny_db.so"),
        "{}",
        written.stdout
    );
    let crate_dir = sandbox.work().join("tiny-db");
    std::fs::copy(
        repository().join("Cargo.lock"),
        crate_dir.join("Cargo.lock"),
    )
    .unwrap();
    cargo_in(&crate_dir, &["build", "--quiet", "--offline"]);
    let library = target().join("libtiny_db.so");
    let library = library.to_str().unwrap();

    let measured = sandbox.host(&["drivers", "test", library, "--json"]);
    let report = measured.json();
    let failed: Vec<_> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["outcome"] == "failed")
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(measured.status, 0);
    assert!(
        report["passed"].as_u64().unwrap() > 150,
        "{}",
        report["passed"]
    );

    // Into the directory of a server that runs, as a user would put it there.
    let server = sandbox.serve(&[]);
    sandbox.host(&["drivers", "install", library]).ok();
    let config = sandbox.config(&json!({ "database": { "type": "tiny-db" } }));
    let listed = sandbox.host(&["drivers", "list", "--json"]).ok().json();
    let names: Vec<_> = listed["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|driver| driver["name"].as_str())
        .collect();
    assert!(names.contains(&"tiny-db"), "{names:?}");
    let rows = sandbox
        .host(&[
            "--config",
            &config,
            "sql",
            "SELECT text FROM hello",
            "--json",
        ])
        .ok();
    assert_eq!(rows.json(), json!([{ "text": "it works" }]));
    eventually("the server answers", || {
        server.health()["status"].as_str().map(str::to_owned)
    });
}

#[test]
fn what_is_there_is_not_overwritten_and_names_are_checked() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.work().join("mine")).unwrap();
    let taken = sandbox.host(&["drivers", "new", "mine"]);
    assert_eq!(taken.status, 2, "{}", taken.stderr);
    assert!(taken.stderr.contains("exists already"), "{}", taken.stderr);
    for name in ["My-DB", "9db", "-x", "a/b", ""] {
        let refused = sandbox.host(&["drivers", "new", "--", name]);
        assert_eq!(refused.status, 2, "{name}: {}", refused.stderr);
    }
    let nowhere = sandbox.host(&["drivers", "new", "other", "--driver-api", "/nowhere"]);
    assert_eq!(nowhere.status, 5, "{}", nowhere.stderr);
    assert!(!sandbox.work().join("other").exists());
}

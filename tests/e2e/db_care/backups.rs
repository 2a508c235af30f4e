//! Backups and their restoration: whole, verified, undone, on every engine and between them.

use std::path::Path;
use std::sync::Mutex;

use code_analysis_host::app::maintaining::Listening;
use code_analysis_host::code_db::schema::VERSION;
use code_analysis_host::foundation::cancellation::Cancellation;
use code_analysis_host::foundation::progress::RowProgress;
use serde_json::json;

use super::{Home, exists};
use crate::support::dump::dump as rows_of;
use crate::support::engines::Engine;
use crate::support::fixture;
use crate::support::legacy::execute;

#[test]
fn a_backup_is_restored_to_the_last_row_and_can_be_undone() {
    let home = Home::full();
    let before = home.rows();
    let made = home.json(&["db", "backup"]);
    assert_eq!(
        (&made["form"], &made["reason"]),
        (&json!("sqlite"), &json!("requested"))
    );
    assert_eq!(made["schema_version"], json!(VERSION));
    execute(
        &home.file,
        &[
            "DELETE FROM projects",
            "CREATE TABLE mine(a)",
            "INSERT INTO mine VALUES (1)",
        ],
    );
    let changed = home.rows();
    assert_ne!(changed, before);
    let name = made["name"].as_str().unwrap();
    let verified = home.json(&["db", "restore", name, "--dry-run"]);
    let rows: usize = before.iter().map(|(_, _, rows)| rows.len()).sum();
    assert_eq!(verified["rows"], rows);
    assert_eq!(home.rows(), changed);
    let restored = home.json(&["db", "restore", name]);
    assert_eq!(restored["rows"], rows);
    assert_eq!(home.rows(), before);
    let found = home
        .call("fulltext_search", &json!({ "query": "discount" }))
        .ok()
        .json();
    assert!(found["count"].as_u64().unwrap() > 0, "{found}");
    // What was there was saved, tables that are not ours included.
    let saved = restored["saved"]["name"].as_str().unwrap();
    home.json(&["db", "restore", saved]);
    assert_eq!(home.rows(), changed);
    let rows = home
        .host(&["sql", "SELECT a FROM mine", "--format", "csv"])
        .ok()
        .stdout;
    assert_eq!(rows.lines().nth(1), Some("1"));
}

#[test]
fn an_upgrade_is_preceded_by_a_backup_that_undoes_it() {
    let home = Home::new();
    crate::support::legacy::full(&home.sandbox.work(), "code");
    let before = home.rows();
    let bytes = std::fs::read(&home.file).unwrap();
    home.host(&["call", "list_projects"]).ok();
    let [backup] = &home.backups()[..] else {
        panic!("{:?}", home.backups())
    };
    assert_eq!(backup["reason"], "before_upgrade");
    assert_eq!(backup["schema_version"], json!(null));
    // A start that has nothing to change makes no backup.
    home.host(&["call", "list_projects"]).ok();
    assert_eq!(home.backups().len(), 1);
    let kept = home.sandbox.work().join("kept.db");
    std::fs::copy(backup["path"].as_str().unwrap(), &kept).unwrap();
    assert_eq!(std::fs::read(&kept).unwrap().len(), bytes.len());
    assert_eq!(crate::support::legacy::dump(&kept), before);
}

#[test]
fn a_backup_that_was_changed_is_refused_and_nothing_happens() {
    let home = Home::full();
    let before = home.rows();
    for portable in [false, true] {
        let arguments: &[&str] = if portable {
            &["db", "backup", "--portable"]
        } else {
            &["db", "backup"]
        };
        let made = home.json(arguments);
        let path = made["path"].as_str().unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, &bytes).unwrap();
        let refused = home.host(&["db", "restore", made["name"].as_str().unwrap()]);
        assert_eq!(refused.status, 1, "{}", refused.stderr);
        let told = if portable { "damaged" } else { "checksum" };
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        assert_eq!(home.rows(), before);
    }
    let stray = home.sandbox.work().join("notes.txt");
    std::fs::write(&stray, "no backup at all").unwrap();
    let refused = home.host(&["db", "restore", stray.to_str().unwrap()]);
    assert!(
        refused.stderr.contains("no backup and no database"),
        "{}",
        refused.stderr
    );
    let missing = home.host(&["db", "restore", "nothing.db"]);
    assert_eq!(missing.status, 5, "{}", missing.stderr);
    assert!(
        missing.stderr.contains("the newest are"),
        "{}",
        missing.stderr
    );
    assert_eq!(home.rows(), before);
}

#[test]
fn a_portable_backup_is_restored_on_every_engine() {
    let engines = Engine::all("care_portable");
    let [sqlite, postgres, mysql] = &engines;
    sqlite.index(&fixture("shop"));
    let rows = rows_of(sqlite);
    let mut backup = backup_of(sqlite, &["--portable"]);
    for (from, to) in [(sqlite, postgres), (postgres, mysql), (mysql, sqlite)] {
        // What the target holds gives way.
        to.index(&other_tree(to));
        let restored = to.host(&["db", "restore", &backup, "--json"]).ok().json();
        assert_eq!(rows_of(to), rows, "{} to {}", from.name, to.name);
        assert!(restored["saved"]["path"].is_string(), "{restored}");
        let found = to.call("fulltext_search", &json!({ "query": "discount" }));
        assert!(found["count"].as_u64().unwrap() > 0, "{}: {found}", to.name);
        // Ids go on behind the greatest: indexing finds nothing new, and more can be stored.
        let again = to.index(&fixture("shop"));
        assert_eq!(again["files_processed"], 0, "{}: {again}", to.name);
        to.index(&other_tree(to));
        to.host(&["db", "restore", &backup]).ok();
        backup = backup_of(to, &["--portable"]);
    }
}

/// A tree that is not the sample project.
fn other_tree(engine: &Engine) -> std::path::PathBuf {
    let root = engine.sandbox.work().join("other");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("other.py"), "def other():\n    return 1\n").unwrap();
    root
}

/// The path of a new backup.
fn backup_of(engine: &Engine, more: &[&str]) -> String {
    let mut arguments = vec!["db", "backup", "--json"];
    arguments.extend(more);
    let made = engine.host(&arguments).ok().json();
    assert_eq!(made["form"], "portable", "{made}");
    made["path"].as_str().unwrap().to_owned()
}

#[test]
fn a_damaged_server_database_is_as_it_was_after_a_restoration() {
    for engine in Engine::servers("care_servers") {
        engine.index(&fixture("shop"));
        let rows = rows_of(&engine);
        let backup = backup_of(&engine, &[]);
        let app = engine.app();
        let database = app.database().unwrap();
        for statement in [
            "DELETE FROM usages",
            "UPDATE files SET has_docstring = NULL",
            "DELETE FROM code_content",
        ] {
            database
                .raw_database()
                .once(|session| session.execute(statement, &[]))
                .unwrap();
        }
        database.close();
        assert_ne!(rows_of(&engine), rows, "{}", engine.name);
        engine
            .host(&[
                "db",
                "restore",
                Path::new(&backup).file_name().unwrap().to_str().unwrap(),
            ])
            .ok();
        assert_eq!(rows_of(&engine), rows, "{}", engine.name);
    }
}

#[test]
fn automatic_backups_are_kept_as_many_as_configured() {
    let home = Home::full();
    let config = home.sandbox.config(&json!({
        "database": { "path": home.file, "backup": { "keep": 2, "directory": "elsewhere" } }
    }));
    let home = Home { config, ..home };
    let asked = home.json(&["db", "backup"]);
    assert!(
        asked["path"].as_str().unwrap().contains("/elsewhere/"),
        "{asked}"
    );
    for _ in 0..4 {
        home.json(&["db", "restore", asked["name"].as_str().unwrap()]);
    }
    let reasons: Vec<_> = home
        .backups()
        .iter()
        .map(|backup| backup["reason"].clone())
        .collect();
    let automatic = reasons
        .iter()
        .filter(|reason| *reason == "before_restore")
        .count();
    assert_eq!((automatic, reasons.len()), (2, 3), "{reasons:?}");
}

#[test]
fn commands_that_look_after_the_database_tell_how_far_they_are() {
    let home = Home::full();
    let server = home.sandbox.serve(&["--config", &home.config]);
    let rows: usize = home.rows().iter().map(|(_, _, rows)| rows.len()).sum();
    let length = std::fs::metadata(&home.file).unwrap().len();
    // Of 4096 bytes, however large the database's own are.
    let pages = usize::try_from(length / 4096).unwrap();
    for (command, parameters, at_least) in [
        ("get_database_corruption_status", json!({}), rows),
        ("backup_database", json!({ "portable": true }), rows),
        ("backup_database", json!({}), 1),
        ("repair_sqlite_database", json!({ "force": true }), rows),
        // Copied, summed up, its pages checked; and what was there copied before.
        ("restore_database", json!({}), 2 * pages + rows),
        ("repair_database", json!({}), 1),
    ] {
        let job = json!({ "command": command, "params": parameters });
        let job = server.rpc("queue_add_job", &job)["job_id"].clone();
        let ended = crate::support::server::eventually("the job ends", || {
            let state = server.rpc("queue_get_job_status", &json!({ "job_id": job }));
            state["completed_at"].is_u64().then_some(state)
        });
        assert_eq!(ended["command_success"], true, "{ended}");
        // How far it was at its end: `12 of 12: copying the database`.
        let told = ended["description"].as_str().unwrap();
        let (counts, _) = told
            .split_once(": ")
            .unwrap_or_else(|| panic!("{command}: {told:?}"));
        let (done, total) = counts.split_once(" of ").unwrap();
        assert_eq!(done, total, "{command}: {told}");
        let done: usize = done.parse().unwrap();
        assert!(done >= at_least, "{command}: {told}, of {rows} rows");
    }
}

/// Hears which stages a long operation has, and how much of each.
#[derive(Default)]
struct Stages(Mutex<Vec<(String, u64)>>);

impl RowProgress for Stages {
    fn begin(&self, _rows: u64) {}

    fn rows(&self, doing: &str, _table: &str, rows: u64) {
        let mut stages = self.0.lock().unwrap();
        match stages.last_mut().filter(|(stage, _)| stage == doing) {
            Some((_, counted)) => *counted += rows,
            None => stages.push((doing.to_owned(), rows)),
        }
    }

    fn done(&self) {}
}

#[test]
fn a_restoration_of_a_file_is_told_stage_by_stage_and_stops_when_it_is_asked_to() {
    let home = Engine::new("sqlite", &json!({ "path": "code.db" }));
    home.index(&fixture("shop"));
    let made = home.host(&["db", "backup", "--json"]).ok().json();
    let pages = made["bytes"].as_u64().unwrap().div_ceil(4096);
    let rows: u64 = rows_of(&home).values().map(|rows| rows.len() as u64).sum();
    let app = home.app();
    let stages = Stages::default();
    let heard = Listening {
        progress: &stages,
        cancellation: Cancellation::default(),
    };
    let verified = app.verify_backup(None, &heard).unwrap().1;
    assert!(verified >= rows, "{verified} {rows}");
    let read = [
        ("copying".to_owned(), pages),
        ("summing up".to_owned(), pages),
        ("checking the pages of".to_owned(), verified),
    ];
    assert_eq!(std::mem::take(&mut *stages.0.lock().unwrap()), read);
    app.restore_database(None, &heard).unwrap();
    let told = std::mem::take(&mut *stages.0.lock().unwrap());
    assert_eq!(told[..3], read);
    // What was there is saved before it goes.
    assert_eq!(told[3].0, "copying", "{told:?}");
    heard.cancellation.cancel();
    let stopped = app.restore_database(None, &heard).unwrap_err();
    assert!(stopped.is_cancelled(), "{stopped}");
}

#[test]
fn automatic_backups_go_with_their_age_and_the_newest_stays() {
    let home = Home::full();
    let asked = home.json(&["db", "backup"]);
    let name = asked["name"].as_str().unwrap();
    // All that is there was made a hundred days ago.
    let age = |backup: &serde_json::Value, days: u64| {
        let manifest = format!("{}.json", backup["path"].as_str().unwrap());
        let text = std::fs::read_to_string(&manifest).unwrap();
        let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
        told["created_at"] = (told["created_at"].as_u64().unwrap() - days * 86_400).into();
        std::fs::write(manifest, told.to_string()).unwrap();
    };
    let reasons = || -> Vec<String> {
        let backups = home.backups();
        let reasons = backups
            .iter()
            .map(|backup| backup["reason"].as_str().unwrap().to_owned());
        reasons.collect()
    };
    for backup in home.backups() {
        age(&backup, 100);
    }
    assert_eq!(
        reasons()
            .iter()
            .filter(|reason| *reason == "before_upgrade")
            .count(),
        1
    );
    // Another automatic one takes the place of the old; the one that was asked for stays.
    home.json(&["db", "restore", name]);
    assert_eq!(reasons(), ["before_restore", "requested"]);
    // It is younger than ninety days, and stays when it is not the newest any more.
    age(&home.backups()[0], 80);
    home.json(&["db", "restore", name]);
    assert_eq!(reasons(), ["before_restore", "before_restore", "requested"]);
}

#[test]
fn a_restoration_through_a_running_server_goes_on_without_a_restart() {
    let home = Home::full();
    let before = home.rows();
    let made = home.json(&["db", "backup"]);
    execute(&home.file, &["DELETE FROM projects"]);
    let server = home.sandbox.serve(&["--config", &home.config]);
    // Another process may not take the file away from the server's worker.
    let refused = home.host(&["db", "restore"]);
    assert_eq!(refused.status, 4, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("in use by process"),
        "{}",
        refused.stderr
    );
    let restored = home
        .call("restore_database", &json!({ "backup": made["name"] }))
        .ok()
        .json();
    assert_eq!(restored["workers_stopped"], json!(["database"]));
    let projects = home.call("list_projects", &json!({})).ok().json();
    assert_eq!(projects["projects"][0]["root_path"], "/srv/projects/shop");
    drop(server);
    assert_eq!(home.rows(), before);
    assert!(!exists(&home.file.with_extension("db.next")));
}

#[test]
fn a_restoration_that_is_killed_leaves_the_old_database_or_the_new_one() {
    let home = Home::full();
    let new = home.rows();
    let made = home.json(&["db", "backup"]);
    execute(&home.file, &["DELETE FROM usages"]);
    let old = home.rows();
    for milliseconds in [5, 40, 80, 160, 320] {
        let arguments = [
            "--config",
            &home.config,
            "db",
            "restore",
            made["name"].as_str().unwrap(),
        ];
        let mut restoring = home.sandbox.command(&arguments).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        let rows = home.rows();
        assert!(
            rows == old || rows == new,
            "killed after {milliseconds} ms: {rows:?}"
        );
        execute(&home.file, &["DELETE FROM usages"]);
    }
    home.json(&["db", "restore", made["name"].as_str().unwrap()]);
    assert_eq!(home.rows(), new);
}

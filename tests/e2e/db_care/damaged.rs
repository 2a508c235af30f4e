//! A damaged database: safe mode, what works in it, and how it is left.

use serde_json::json;

use super::{Home, exists};
use crate::support::engines::Engine;
use crate::support::fixture;
use crate::support::legacy::execute;

/// A home whose database was damaged and met since.
fn damaged(with_backup: bool) -> Home {
    let home = Home::full();
    match with_backup {
        true => {
            home.json(&["db", "backup"]);
        }
        false => std::fs::remove_dir_all(home.sandbox.work().join("backups")).unwrap(),
    }
    home.damage();
    // Whoever meets the damage makes the worker look, which puts the file into quarantine.
    crate::support::server::eventually("the quarantine", || {
        home.host(&["call", "list_projects"]);
        exists(&home.note()).then_some(())
    });
    home
}

#[test]
fn in_safe_mode_only_what_looks_after_the_database_works_and_every_answer_says_so() {
    let home = damaged(true);
    let bytes = std::fs::read(&home.file).unwrap();
    let refused = home.call("list_projects", &json!({}));
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    let refused = refused.json();
    assert_eq!(refused["error"]["code"], "SAFE_MODE");
    let reason = refused["error"]["data"]["safe_mode"]["reason"]
        .as_str()
        .unwrap();
    assert!(reason.contains("damaged"), "{reason}");
    for (command, parameters) in [
        ("get_database_status", json!({})),
        (
            "get_database_corruption_status",
            json!({ "root_dir": "/srv" }),
        ),
        ("list_backup_files", json!({})),
        ("backup_database", json!({})),
        ("restore_database", json!({ "dry_run": true })),
        ("repair_database", json!({ "dry_run": true })),
    ] {
        let answer = home.call(command, &parameters).ok().json();
        assert_eq!(answer["safe_mode"]["reason"], reason, "{command}: {answer}");
    }
    let told = home
        .call("get_database_corruption_status", &json!({}))
        .ok()
        .json();
    assert_eq!(
        (&told["integrity_ok"], &told["marker_present"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(told["marker_path"], home.note().to_str().unwrap());
    let status = home.host(&["db", "status"]);
    assert_eq!(status.status, 1);
    assert!(status.stdout.contains("SAFE MODE"), "{}", status.stdout);
    let backups = home.backups();
    assert_eq!(backups[0]["form"], "damaged", "{backups:?}");
    assert_eq!(
        std::fs::read(backups[0]["path"].as_str().unwrap()).unwrap(),
        bytes
    );
    assert_eq!(std::fs::read(&home.file).unwrap(), bytes);
    // A server starts all the same, and says it at every request.
    let server = home.sandbox.serve(&["--config", &home.config]);
    let error = server.respond("list_projects", &json!({}));
    assert!(error.to_string().contains("SAFE_MODE"), "{error}");
    let restored = server.rpc("restore_database", &json!({}));
    assert_eq!(restored["safe_mode"]["reason"], reason);
    let projects = server.rpc("list_projects", &json!({}));
    assert_eq!(projects["count"], 1, "{projects}");
    assert!(!exists(&home.note()));
}

#[test]
fn a_damaged_file_gives_way_to_the_newest_sound_backup() {
    let home = Home::full();
    let before = home.rows();
    home.json(&["db", "backup"]);
    execute(&home.file, &["UPDATE files SET lines = 7"]);
    let broken = home.json(&["db", "backup"]);
    std::fs::write(broken["path"].as_str().unwrap(), "no database any more").unwrap();
    home.damage();
    let repaired = home.json(&["db", "repair"]);
    assert_eq!(repaired["mode"], "restored", "{repaired}");
    assert_eq!(repaired["after"]["integrity_ok"], true);
    assert_eq!(repaired["saved"]["form"], "damaged");
    assert_eq!(home.rows(), before);
    assert!(!exists(&home.note()));
}

#[test]
fn without_a_backup_the_database_begins_anew_and_the_damaged_one_is_kept() {
    let home = damaged(false);
    let bytes = std::fs::read(&home.file).unwrap();
    let repaired = home.call("repair_sqlite_database", &json!({})).ok().json();
    assert_eq!(
        (&repaired["mode"], &repaired["marker_cleared"]),
        (&json!("emptied"), &json!(true))
    );
    assert_eq!(repaired["integrity_ok"], true);
    let saved = repaired["repair"]["saved"]["path"].as_str().unwrap();
    assert_eq!(std::fs::read(saved).unwrap(), bytes);
    let projects = home.call("list_projects", &json!({})).ok().json();
    assert_eq!(projects["count"], 0);
}

#[test]
fn a_file_that_is_no_database_is_damage_too() {
    let home = Home::full();
    home.json(&["db", "backup"]);
    std::fs::write(
        &home.file,
        "this is no database at all, but long enough to be read",
    )
    .unwrap();
    let refused = home.host(&["call", "list_projects"]);
    assert_ne!(refused.status, 0);
    let status = home.host(&["db", "status"]);
    assert!(
        status.stdout.contains("SAFE MODE"),
        "{}{}",
        status.stdout,
        status.stderr
    );
    home.host(&["db", "restore"]).ok();
    assert_eq!(
        home.call("list_projects", &json!({})).ok().json()["count"],
        1
    );
}

#[test]
fn a_check_finds_what_repair_mends() {
    let home = Home::full();
    let sound = home.host(&["db", "check", "--json"]).json();
    // The fixture's project is on no disk of ours.
    let checks = |told: &serde_json::Value| -> Vec<String> {
        let findings = told["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["check"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(checks(&sound), ["roots"], "{sound}");
    execute(
        &home.file,
        &[
            "UPDATE code_content SET content = 'something else' WHERE id = 1",
            "INSERT INTO projects(id, root_path) VALUES ('other', '/srv/other')",
            "UPDATE ast_trees SET project_id = 'other' WHERE id = 1",
        ],
    );
    let found = home.host(&["db", "check", "--json"]);
    assert_eq!(found.status, 1);
    let found = found.json();
    assert_eq!(
        checks(&found),
        ["projects", "full_text", "roots"],
        "{found}"
    );
    let repaired = home.json(&["db", "repair"]);
    assert_eq!(
        (&repaired["mode"], &repaired["rows_changed"]),
        (&json!("mended"), &json!(1))
    );
    assert_eq!(checks(&repaired["after"]), ["roots"]);
    let found = home
        .call("fulltext_search", &json!({ "query": "something" }))
        .ok()
        .json();
    assert_eq!(found["count"], 1);
}

#[test]
fn rows_without_their_owner_are_found_and_deleted() {
    let [postgres, _] = Engine::servers("care_orphans");
    postgres.index(&fixture("shop"));
    let app = postgres.app();
    let database = app.database().unwrap();
    for statement in [
        "ALTER TABLE usages DISABLE TRIGGER ALL",
        "INSERT INTO usages(file_id, line, usage_type, target_type, target_name) VALUES (999, 1, 'call', 'function', 'f')",
        "ALTER TABLE usages ENABLE TRIGGER ALL",
        "DELETE FROM code_content_fts WHERE id = (SELECT min(id) FROM code_content_fts)",
    ] {
        let run = database
            .raw_database()
            .once(|session| session.execute(statement, &[]));
        run.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    database.close();
    let checked = postgres.host(&["db", "check", "--json"]);
    assert_eq!(checked.status, 1, "{}", checked.stderr);
    let checked = checked.json();
    let found: Vec<_> = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["check"].clone(),
                finding["table"].clone(),
                finding["count"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!("orphans"), json!("usages"), json!(1)),
        (json!("full_text"), json!("code_content_fts"), json!(1)),
    ];
    assert_eq!(found, expected, "{checked}");
    let repaired = postgres.host(&["db", "repair", "--json"]).ok().json();
    assert_eq!(
        (&repaired["mode"], &repaired["rows_changed"]),
        (&json!("mended"), &json!(1))
    );
    assert_eq!(repaired["after"]["ok"], true, "{repaired}");
}

//! What a copy holds: every row, every byte, and what is derived from them.

use driver_api::Value;
use serde_json::json;

use super::{Side, copy, exists, search, text};
use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// Whether the database's file has these bytes in it.
fn holds(side: &Side, bytes: &[u8]) -> bool {
    side.bytes()
        .windows(bytes.len())
        .any(|found| found == bytes)
}

#[test]
fn a_database_of_the_older_program_is_copied_whole_and_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::new(&sandbox, "b"));
    let copied = copy(&sandbox, &source, &target, &[]).ok();
    assert_eq!(copied.stderr, "");
    let lines: Vec<&str> = copied.stdout.lines().collect();
    assert!(
        lines[0].starts_with("table ") && lines[0].ends_with("seconds"),
        "{lines:?}"
    );
    let usages = lines
        .iter()
        .find(|line| line.starts_with("usages "))
        .unwrap();
    assert_eq!(usages.split_whitespace().nth(1), Some("17"));
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("76 rows of 21 tables copied in "),
        "{lines:?}"
    );
    // The source lacks a table that the target has; reading did not add it.
    assert!(!holds(&source, b"file_states") && holds(&target, b"file_states"));
    assert_eq!(source.dump(), target.dump());
    assert_eq!(source.count(), 76);
    let pristine = Side::legacy(&sandbox, "pristine");
    assert_eq!(source.dump(), pristine.dump());
    assert!(search(&sandbox, &target, "discount") > 0);
}

#[test]
fn reading_a_source_leaves_its_file_as_it_is() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::shop(&sandbox, "a"), Side::new(&sandbox, "b"));
    // Opened once, so that it is in the form in which the product keeps databases.
    let before = (source.dump(), source.bytes());
    copy(&sandbox, &source, &target, &[]).ok();
    assert!(before.1 == source.bytes(), "the file changed");
    assert_eq!(before.0, source.dump());
}

#[test]
fn an_indexed_tree_is_copied_and_indexing_goes_on_in_the_copy() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::shop(&sandbox, "a"), Side::new(&sandbox, "b"));
    copy(&sandbox, &source, &target, &[]).ok();
    assert_eq!(source.dump(), target.dump());
    assert_eq!(
        search(&sandbox, &target, "checkout"),
        search(&sandbox, &source, "checkout")
    );
    let shop = fixture("shop");
    let arguments = [
        "--config",
        &target.config,
        "--json",
        "index",
        shop.to_str().unwrap(),
    ];
    let again = sandbox.host(&arguments).ok().json();
    assert_eq!(again["files_processed"], 0, "{again}");
    assert_eq!(source.dump(), target.dump());
}

#[test]
fn every_value_comes_over_to_the_last_byte() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::new(&sandbox, "b"));
    source.with(|app| {
        let database = app.database().unwrap();
        let large = "Grüße 你好 🦀\n".repeat(400_000);
        let insert = "INSERT INTO code_content(file_id, entity_type, content, docstring, created_at) \
                      VALUES (1, 'file', ?, ?, ?)";
        for (content, docstring, time) in [
            (text(&large), text(""), f64::MIN_POSITIVE.into()),
            (text("a\0b"), driver_api::ValueRef::Null, f64::INFINITY.into()),
            // Loose values, which SQLite keeps in any column.
            (driver_api::ValueRef::Bytes(&[0, 255, 1]), text("x"), text("soon")),
        ] {
            database
                .raw_database()
                .once(|session| session.execute(insert, &[content, docstring, time]))
                .unwrap();
        }
        database.close();
    });
    source.execute(&[
        "UPDATE files SET lines = 'many', has_docstring = 7, deleted = NULL WHERE id = 1",
        "UPDATE code_chunks SET embedding_vector = x'00ff10'",
    ]);
    copy(&sandbox, &source, &target, &[]).ok();
    assert_eq!(source.dump(), target.dump());
    let loose = "SELECT typeof(lines), has_docstring, typeof(embedding_vector) \
                 FROM files f JOIN code_chunks c WHERE f.id = 1";
    assert_eq!(
        target.rows(loose),
        [["text".into(), Value::I64(7), "blob".into()]]
    );
}

#[test]
fn ids_of_rows_that_are_gone_are_not_used_again_in_the_copy() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::shop(&sandbox, "a"), Side::new(&sandbox, "b"));
    source.execute(&[
        "INSERT INTO imports(id, file_id, name, import_type, line) SELECT 900, min(id), 'x', 'import', 1 FROM files",
        "DELETE FROM imports WHERE id = 900",
    ]);
    copy(&sandbox, &source, &target, &[]).ok();
    target.execute(&[
        "INSERT INTO imports(file_id, name, import_type, line) SELECT min(id), 'y', 'import', 1 FROM files",
    ]);
    assert_eq!(
        target.rows("SELECT max(id) FROM imports"),
        [[Value::I64(901)]]
    );
}

#[test]
fn what_the_schema_has_no_place_for_is_named_and_not_copied() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::new(&sandbox, "b"));
    source.execute(&[
        "CREATE TABLE file_edits(id INTEGER PRIMARY KEY, note TEXT)",
        "INSERT INTO file_edits(note) VALUES ('one'), ('two')",
        "CREATE TABLE empty_one(id INTEGER PRIMARY KEY)",
        "ALTER TABLE files ADD COLUMN owner TEXT",
        "UPDATE files SET owner = 'me' WHERE id = 1",
    ]);
    let copied = copy(&sandbox, &source, &target, &["--json"]).ok();
    assert_eq!(
        copied.json()["not_copied"],
        json!([
            {"table": "file_edits", "column": null, "rows": 2},
            {"table": "files", "column": "owner", "rows": 1},
        ])
    );
    assert_eq!(
        copied.stderr,
        "warning: the table `file_edits` (2 rows) is not part of the schema and was not copied\n\
         warning: the column `owner` of `files` (1 rows have a value) is not part of the schema and was not copied\n"
    );
    assert_eq!(source.dump(), target.dump());
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::new(&sandbox, "b"));
    let plan = copy(&sandbox, &source, &target, &["--dry-run", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&plan["rows"], &plan["target_rows"]),
        (&json!(76), &json!(null))
    );
    let usages = plan["tables"].as_array().unwrap().iter();
    let usages = usages
        .filter(|table| table["name"] == "usages")
        .collect::<Vec<_>>();
    assert_eq!(usages, [&json!({"name": "usages", "rows": 17})]);
    assert!(!exists(&target.file));
    copy(&sandbox, &source, &target, &[]).ok();
    let told = copy(&sandbox, &source, &target, &["--dry-run"]).ok();
    assert!(
        told.stdout
            .ends_with("the target holds 76 rows, which only --replace gives up\n")
    );
}

//! Copies that are refused: one clear line, and nothing is changed.

use serde_json::json;

use super::{Side, copy, exists, write_config};
use crate::support::sandbox::{Output, Sandbox};

/// The one line of a failure.
fn line(output: &Output) -> &str {
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", output.stderr);
    lines[0].strip_prefix("error: ").unwrap()
}

#[test]
fn a_target_with_code_data_is_replaced_only_when_that_is_asked() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::shop(&sandbox, "b"));
    let (before, held) = (target.dump(), target.count());
    let refused = copy(&sandbox, &source, &target, &[]);
    assert_eq!(refused.status, 1);
    assert_eq!(
        line(&refused),
        format!(
            "the target holds code data already ({held} rows, such as those of `projects`); name an empty database, \
             or replace what it holds with --replace"
        )
    );
    assert_eq!(target.dump(), before);
    let replaced = copy(&sandbox, &source, &target, &["--replace", "--json"]).ok();
    assert_eq!(replaced.json()["replaced_rows"], held);
    assert_eq!(source.dump(), target.dump());
}

#[test]
fn a_database_is_not_copied_onto_itself() {
    let sandbox = Sandbox::new();
    let source = Side::legacy(&sandbox, "a");
    let pristine = Side::legacy(&sandbox, "pristine").dump();
    let [symbolic, hard] = ["symbolic", "hard"].map(|name| Side::new(&sandbox, name));
    std::os::unix::fs::symlink(&source.file, &symbolic.file).unwrap();
    std::fs::hard_link(&source.file, &hard.file).unwrap();
    for target in [&source, &symbolic, &hard] {
        for more in [&["--replace"][..], &["--dry-run"]] {
            let refused = copy(&sandbox, &source, target, more);
            assert_eq!(refused.status, 2, "{}", refused.stderr);
            assert_eq!(
                line(&refused),
                "source and target are the same database; name another target"
            );
        }
    }
    assert_eq!(source.dump(), pristine);
}

#[test]
fn rows_that_break_the_rules_are_named() {
    let sandbox = Sandbox::new();
    for (number, (statements, told)) in [
        (
            // As the older program left them, which did not enforce foreign keys.
            &["CREATE TABLE keep AS SELECT * FROM usages WHERE id = 3",
              "UPDATE keep SET id = 5000, file_id = 77",
              "DROP TABLE usages",
              "CREATE TABLE usages(id INTEGER PRIMARY KEY AUTOINCREMENT, file_id INTEGER, line INTEGER, \
               usage_type TEXT, target_type TEXT, target_class TEXT, target_name TEXT, context TEXT, created_at REAL, \
               column_number INTEGER, receiver TEXT)",
              "INSERT INTO usages SELECT * FROM keep"][..],
            "the row `5000` of `usages` refers by `file_id` to a row of `files` that does not exist; delete or mend \
             it in the source",
        ),
        (
            &["DROP TABLE imports",
              "CREATE TABLE imports(id INTEGER PRIMARY KEY AUTOINCREMENT, file_id INTEGER, name TEXT, module TEXT, \
               import_type TEXT, line INTEGER, created_at REAL)",
              "INSERT INTO imports(id, file_id, import_type, line) VALUES (8, 1, 'import', 1)"],
            "the row `8` of `imports` holds null in the column `name`, where the target needs a value; mend the row \
             in the source",
        ),
        (
            &["DROP TABLE dependencies",
              "CREATE TABLE dependencies(id INTEGER PRIMARY KEY, source_file_id INTEGER, dependency_type TEXT)"],
            "the table `dependencies` of the source lacks the column `target_file_id`, so rows of it cannot be \
             copied; add it",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let source = Side::legacy(&sandbox, &format!("a{number}"));
        let target = Side::new(&sandbox, &format!("b{number}"));
        source.execute(statements);
        let refused = copy(&sandbox, &source, &target, &[]);
        assert_eq!((refused.status, line(&refused)), (1, told));
        assert_eq!(target.count(), 0);
    }
}

#[test]
fn a_target_that_changes_what_it_is_given_is_found_out() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::legacy(&sandbox, "a"), Side::new(&sandbox, "b"));
    target.execute(&[
        "CREATE TRIGGER meddle AFTER INSERT ON methods WHEN NEW.id = 2 \
         BEGIN UPDATE methods SET line = line + 1 WHERE id = 2; END",
    ]);
    let refused = copy(&sandbox, &source, &target, &[]);
    let told = line(&refused);
    assert!(
        told.starts_with("the table `methods` differs after the copy: 6 rows with the hash ")
            && told.ends_with("in the target; nothing was kept"),
        "{told}"
    );
    assert_eq!((refused.status, target.count()), (1, 0));
}

#[test]
fn wrong_configurations_are_told_with_their_side() {
    let sandbox = Sandbox::new();
    let source = Side::legacy(&sandbox, "a");
    let config = |name: &str, database: serde_json::Value| Side {
        file: sandbox.work().join(name),
        config: write_config(&sandbox, name, &json!({ "database": database })),
    };
    let wrong = config(
        "wrong",
        json!({ "path": sandbox.work().join("x.db"), "pth": 1 }),
    );
    let unknown = config("unknown", json!({ "type": "oracle" }));
    let absent = Side::new(&sandbox, "absent");
    for (from, to, status, told) in [
        (
            &wrong,
            &source,
            3,
            "the source: the database options for the driver `sqlite` have 1 problem(s)",
        ),
        (
            &source,
            &wrong,
            3,
            "the target: the database options for the driver `sqlite` have 1 problem(s)",
        ),
        (
            &source,
            &unknown,
            3,
            "the target: there is no database driver `oracle`",
        ),
        (&absent, &source, 5, "the source: there is no database "),
    ] {
        let refused = copy(&sandbox, from, to, &["--replace"]);
        assert_eq!(refused.status, status, "{}", refused.stderr);
        assert!(line(&refused).starts_with(told), "{}", refused.stderr);
    }
    // Nothing was made by trying.
    assert!(!exists(&absent.file) && !exists(&sandbox.work().join("x.db")));
    let nowhere = [
        "db",
        "copy",
        "--from",
        "/nowhere.json",
        "--to",
        &source.config,
    ];
    let refused = sandbox.host(&nowhere);
    assert_eq!(refused.status, 3);
    assert!(
        line(&refused).contains("/nowhere.json does not exist"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_empty_database_is_no_source() {
    let sandbox = Sandbox::new();
    let (source, target) = (Side::new(&sandbox, "a"), Side::new(&sandbox, "b"));
    std::fs::write(&source.file, "").unwrap();
    let refused = copy(&sandbox, &source, &target, &[]);
    assert_eq!(
        (refused.status, line(&refused)),
        (
            1,
            "the source is no code database: it has none of the tables of the schema"
        )
    );
}

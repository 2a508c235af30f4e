//! The commands that keep the rows of files and projects tidy.

use std::fs;

use serde_json::{Value, json};

use super::Home;
use crate::support::legacy::{execute, open, texts};
use crate::support::{copy_tree, fixture};

/// A home with an indexed copy of the sample project.
fn indexed() -> (Home, std::path::PathBuf) {
    let home = Home::new();
    let root = home.sandbox.work().join("shop");
    copy_tree(&fixture("shop"), &root);
    home.host(&["index", root.to_str().unwrap()]).ok();
    (home, root)
}

fn answer(home: &Home, command: &str, parameters: &Value) -> Value {
    home.call(command, parameters).ok().json()
}

fn first(home: &Home, sql: &str) -> Vec<String> {
    open(&home.file, |driver| texts(driver, sql))
}

#[test]
fn deleted_files_are_listed_unmarked_and_erased() {
    let (home, root) = indexed();
    let paths = first(&home, "SELECT path FROM files ORDER BY path");
    let gone = std::path::Path::new(&paths[0]);
    let text = fs::read(gone).unwrap();
    fs::remove_file(gone).unwrap();
    let dry = answer(
        &home,
        "repair_database",
        &json!({ "root_dir": root, "dry_run": true }),
    );
    assert_eq!(dry["files_in_versions_marked_deleted"], json!([paths[0]]));
    answer(&home, "repair_database", &json!({ "root_dir": root }));
    assert_eq!(
        first(&home, "SELECT path FROM files WHERE deleted = 1"),
        [paths[0].clone()]
    );
    // The file is back: the mark goes, by either command.
    fs::write(gone, &text).unwrap();
    let relative = gone.strip_prefix(&root).unwrap();
    let unmark = json!({ "root_dir": root, "file_path": relative, "dry_run": true });
    assert_eq!(
        answer(&home, "unmark_deleted_file", &unmark)["original_path"],
        paths[0].as_str()
    );
    let back = answer(&home, "repair_database", &json!({ "root_dir": root }));
    assert_eq!(back["files_in_project_restored"], json!([paths[0]]));
    let missing = home.call("unmark_deleted_file", &unmark);
    assert_eq!(missing.json()["error"]["code"], "FILE_NOT_FOUND");
    fs::remove_file(gone).unwrap();
    answer(&home, "repair_database", &json!({ "root_dir": root }));
    let listed = answer(&home, "cleanup_deleted_files", &json!({ "root_dir": root }));
    assert_eq!(
        (&listed["dry_run"], &listed["total_files"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(listed["total_size"], text.len());
    let later = json!({ "root_dir": root, "hard_delete": true, "older_than_days": 1 });
    assert_eq!(
        answer(&home, "cleanup_deleted_files", &later)["total_files"],
        0
    );
    let erased = answer(
        &home,
        "cleanup_deleted_files",
        &json!({ "root_dir": root, "hard_delete": true }),
    );
    assert_eq!(erased["deleted_files"], json!([paths[0]]));
    assert_eq!(
        first(&home, "SELECT count(*) FROM files"),
        [(paths.len() - 1).to_string()]
    );
    let check = home.host(&["db", "check", "--json"]).ok().json();
    assert_eq!(check["ok"], true, "{check}");
}

#[test]
fn of_several_versions_of_a_file_one_is_left() {
    let (home, root) = indexed();
    let statements = [
        "INSERT INTO datasets(id, project_id, root_path) SELECT 'second', id, '/elsewhere' FROM projects",
        "INSERT INTO files(project_id, dataset_id, path, last_modified) \
         SELECT project_id, 'second', path, last_modified + 1 FROM files",
    ];
    execute(&home.file, &statements);
    let files = first(
        &home,
        "SELECT count(*) FROM files WHERE dataset_id = 'second'",
    )
    .remove(0);
    let parameters = json!({ "root_dir": root, "keep_latest": false, "dry_run": true });
    let dry = answer(&home, "collapse_versions", &parameters);
    assert_eq!(dry["deleted_count"].to_string(), files);
    let done = answer(&home, "collapse_versions", &json!({ "root_dir": root }));
    assert_eq!(done["kept_count"].to_string(), files);
    assert_eq!(
        first(&home, "SELECT DISTINCT dataset_id FROM files"),
        ["second"]
    );
}

#[test]
fn a_project_gets_another_id_in_its_file_and_in_the_database() {
    let (home, root) = indexed();
    let old = first(&home, "SELECT id FROM projects").remove(0);
    let new = "7d4f2c1e-6a0b-4c8e-9f11-0c2d3e4f5a6b";
    let wrong = json!({ "root_dir": root, "new_project_id": new, "old_project_id": "another" });
    assert_eq!(
        home.call("change_project_id", &wrong).json()["error"]["code"],
        "INVALID_PARAMETERS"
    );
    let rows = first(&home, "SELECT count(*) FROM usages");
    let changed = answer(
        &home,
        "change_project_id",
        &json!({ "root_dir": root, "new_project_id": new }),
    );
    assert_eq!(
        (&changed["old_project_id"], &changed["database_updated"]),
        (&json!(old), &json!(true))
    );
    assert_eq!(changed["database_project_id"], new);
    assert_eq!(first(&home, "SELECT id FROM projects"), [new]);
    assert_eq!(first(&home, "SELECT DISTINCT project_id FROM files"), [new]);
    let again = home
        .host(&["index", root.to_str().unwrap(), "--json"])
        .ok()
        .json();
    assert_eq!(again["files_processed"], 0, "{again}");
    assert_eq!(first(&home, "SELECT id FROM projects"), [new]);
    assert_eq!(first(&home, "SELECT count(*) FROM usages"), rows);
}

#[test]
fn projects_that_no_watched_directory_holds_are_deleted() {
    let (home, root) = indexed();
    let other = home.sandbox.work().join("other");
    copy_tree(&fixture("shop"), &other);
    fs::remove_file(other.join("projectid")).unwrap();
    home.host(&["index", other.to_str().unwrap()]).ok();
    let refused = home.call("delete_unwatched_projects", &json!({}));
    assert_eq!(refused.json()["error"]["code"], "INVALID_PARAMETERS");
    let dry = json!({ "watched_dirs": [root], "dry_run": true });
    let told = answer(&home, "delete_unwatched_projects", &dry);
    assert_eq!(
        (&told["deleted_count"], &told["kept_count"]),
        (&json!(1), &json!(1))
    );
    let done = answer(
        &home,
        "delete_unwatched_projects",
        &json!({ "watched_dirs": [root, "/not/there"] }),
    );
    assert_eq!(
        done["projects_deleted"][0]["root_path"],
        other.to_str().unwrap()
    );
    assert_eq!(done["discovery_errors"].as_array().unwrap().len(), 1);
    assert_eq!(
        first(&home, "SELECT root_path FROM projects"),
        [root.to_str().unwrap()]
    );
}

//! Each older variant of the schema is brought to the declared one, and compared row by row.

use std::path::Path;

use code_analysis_host::code_db::schema::VERSION;
use code_analysis_host::foundation::progress::Silent;
use driver_api::Value;
use serde_json::json;

use crate::support::legacy::{
    Predecessor, dump, execute, full, open, predecessor, rows_like, texts,
};
use crate::support::sandbox::Sandbox;

/// Columns that came later, one variant each.
const LATER: [(&str, &[&str]); 16] = [
    ("dataset_id", &["files.dataset_id"]),
    ("deleted", &["files.deleted"]),
    ("original_path", &["files.original_path"]),
    ("version_dir", &["files.version_dir"]),
    (
        "complexity",
        &["methods.complexity", "functions.complexity"],
    ),
    (
        "file_mtime",
        &[
            "ast_trees.file_mtime",
            "cst_trees.file_mtime",
            "comprehensive_analysis_results.file_mtime",
        ],
    ),
    ("bm25_score", &["code_chunks.bm25_score"]),
    ("embedding_vector", &["code_chunks.embedding_vector"]),
    ("binding_level", &["code_chunks.binding_level"]),
    ("updated_at", UPDATED_AT),
    ("class_id", &["code_chunks.class_id", "issues.class_id"]),
    ("function_id", &["code_chunks.function_id"]),
    ("method_id", &["code_chunks.method_id"]),
    ("line", &["code_chunks.line"]),
    ("ast_node_type", &["code_chunks.ast_node_type"]),
    ("source_type", &["code_chunks.source_type"]),
];

const UPDATED_AT: &[&str] = &[
    "projects.updated_at",
    "datasets.updated_at",
    "files.updated_at",
    "code_chunks.updated_at",
    "ast_trees.updated_at",
    "cst_trees.updated_at",
    "comprehensive_analysis_results.updated_at",
];

/// Brings the database up to date and answers what was done.
fn upgrade(file: &Path) -> Vec<String> {
    open(file, |driver| {
        let database = driver.database();
        let plan = database.plan_schema().unwrap();
        let done = database.apply_schema(&Silent).unwrap();
        assert_eq!(plan, done);
        let left = database.plan_schema().unwrap();
        assert!(left.is_empty(), "{:?}", left.steps);
        done.steps.iter().map(ToString::to_string).collect()
    })
}

/// The values of a query's first column.
fn values(file: &Path, sql: &str) -> Vec<String> {
    open(file, |driver| texts(driver, sql))
}

/// Upgrades a predecessor, and compares all of its rows.
fn check(sandbox: &Sandbox, name: &str, older: &Predecessor) -> std::path::PathBuf {
    let file = predecessor(&sandbox.work(), name, older);
    let before = dump(&file);
    let steps = upgrade(&file);
    let after = rows_like(&file, &before);
    for (table, found) in before.iter().zip(&after) {
        assert!(
            !table.2.is_empty() || table.0 == "file_states",
            "{name}: {} is empty",
            table.0
        );
        assert_eq!(
            found.2,
            older.upgraded(table),
            "{name}: {} after {steps:#?}",
            table.0
        );
    }
    let counters = values(
        &file,
        "SELECT name || seq FROM sqlite_sequence WHERE name = 'imports'",
    );
    assert_eq!(counters, ["imports12"], "{name}");
    let damaged = values(&file, "SELECT * FROM pragma_foreign_key_check");
    assert!(damaged.is_empty(), "{name}: {damaged:?}");
    let config = sandbox.config(&json!({ "database": { "path": file } }));
    let arguments = [
        "--config",
        &config,
        "--json",
        "call",
        "fulltext_search",
        "query=discount",
    ];
    let found = sandbox.host(&arguments).ok().json();
    assert!(found["count"].as_u64().unwrap() > 0, "{name}: {found}");
    file
}

#[test]
fn each_column_that_came_later_is_added() {
    let sandbox = Sandbox::new();
    for (column, without) in LATER {
        let older = Predecessor {
            without,
            ..Predecessor::default()
        };
        let file = check(&sandbox, column, &older);
        let told = |sql: &str| values(&file, sql);
        match column {
            "dataset_id" => {
                let sql = "SELECT count(*) FROM files f JOIN datasets d ON d.id = f.dataset_id \
                           JOIN projects p ON p.id = d.project_id AND p.root_path = d.root_path";
                assert_eq!(told(sql), ["4"]);
            }
            "deleted" => assert_eq!(told("SELECT DISTINCT deleted FROM files"), ["0"]),
            "binding_level" => assert_eq!(
                told("SELECT DISTINCT binding_level FROM code_chunks"),
                ["0"]
            ),
            "file_mtime" => {
                let sql = "SELECT count(*) FROM ast_trees t JOIN files f ON f.id = t.file_id \
                           AND f.last_modified = t.file_mtime";
                assert_eq!(told(sql), ["4"]);
            }
            "updated_at" => {
                let sql = "SELECT count(*) FROM files WHERE updated_at = created_at";
                assert_eq!(told(sql), ["4"]);
            }
            "class_id" => {
                let sql = "SELECT count(*) FROM code_chunks WHERE class_id IS NULL";
                assert_eq!(told(sql), ["5"]);
            }
            _ => {}
        }
    }
}

#[test]
fn numbers_of_projects_become_words_everywhere() {
    let sandbox = Sandbox::new();
    let older = Predecessor {
        integer_projects: true,
        ..Predecessor::default()
    };
    let file = check(&sandbox, "numbers", &older);
    assert_eq!(
        values(&file, "SELECT DISTINCT typeof(project_id) FROM files"),
        ["text"]
    );
}

#[test]
fn projects_without_datasets_get_the_one_that_indexing_would_make() {
    let sandbox = Sandbox::new();
    let older = Predecessor {
        without_datasets: true,
        without: &["files.dataset_id"],
        ..Predecessor::default()
    };
    let file = check(&sandbox, "no_datasets", &older);
    let sql = "SELECT d.id FROM datasets d JOIN files f ON f.dataset_id = d.id GROUP BY d.id";
    let project = values(&file, "SELECT id FROM projects").remove(0);
    let expected =
        code_analysis_host::foundation::ids::dataset_id(&project, Path::new("/srv/projects/shop"));
    assert_eq!(values(&file, sql), [expected]);
}

#[test]
fn the_oldest_of_all_is_upgraded_with_what_is_not_ours() {
    let sandbox = Sandbox::new();
    let older = Predecessor {
        without: &[
            "files.dataset_id",
            "files.deleted",
            "files.original_path",
            "files.version_dir",
            "methods.complexity",
            "functions.complexity",
            "ast_trees.file_mtime",
            "cst_trees.file_mtime",
            "code_chunks.bm25_score",
            "code_chunks.embedding_vector",
            "code_chunks.binding_level",
            "projects.updated_at",
            "files.updated_at",
            "code_chunks.updated_at",
            "code_chunks.class_id",
            "code_chunks.function_id",
            "code_chunks.method_id",
            "code_chunks.line",
            "code_chunks.ast_node_type",
            "code_chunks.source_type",
        ],
        without_datasets: true,
        integer_projects: true,
        more: &[
            "ALTER TABLE files ADD COLUMN owner TEXT NOT NULL DEFAULT 'nobody'",
            "UPDATE files SET owner = 'me' WHERE id = 3",
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, file_id INTEGER REFERENCES files(id) ON DELETE CASCADE, note TEXT)",
            "INSERT INTO notes SELECT id + 10, id, 'note ' || id FROM files",
            "CREATE TABLE replies(note_id INTEGER REFERENCES notes(id) ON DELETE SET NULL, reply TEXT)",
            "INSERT INTO replies SELECT id, 'reply' FROM notes",
            "CREATE INDEX own_index ON files(owner)",
            "CREATE VIEW own_view AS SELECT path, note FROM files JOIN notes ON notes.file_id = files.id",
            "CREATE TRIGGER own_trigger AFTER INSERT ON files BEGIN INSERT INTO replies VALUES (NULL, 'new'); END",
        ],
    };
    let file = check(&sandbox, "oldest", &older);
    let told = |sql: &str| values(&file, sql);
    assert_eq!(
        told("SELECT note FROM own_view ORDER BY note"),
        ["note 1", "note 2", "note 3", "note 4"]
    );
    assert_eq!(
        told("SELECT note_id FROM replies ORDER BY note_id"),
        ["11", "12", "13", "14"]
    );
    assert_eq!(
        told("SELECT owner FROM files ORDER BY id"),
        ["nobody", "nobody", "me", "nobody"]
    );
    let own = "SELECT name FROM sqlite_master WHERE name LIKE 'own_%' ORDER BY name";
    assert_eq!(told(own), ["own_index", "own_trigger", "own_view"]);
    assert!(
        told("SELECT name FROM sqlite_master WHERE name LIKE '%anew%' OR name LIKE '%held%'")
            .is_empty()
    );
}

#[test]
fn rows_without_an_owner_are_kept_aside() {
    let sandbox = Sandbox::new();
    // The fixture's own tables refuse such rows, so that they come with a table that did not.
    let older = Predecessor {
        more: &[
            "CREATE TABLE loose AS SELECT * FROM usages",
            "INSERT INTO loose SELECT 1000, 999, line, usage_type, target_type, target_class, target_name, context, \
             created_at FROM usages WHERE id = 1",
            "DROP TABLE usages",
            "ALTER TABLE loose RENAME TO usages",
        ],
        ..Predecessor::default()
    };
    let file = predecessor(&sandbox.work(), "orphans", &older);
    let before = dump(&file);
    upgrade(&file);
    let rows: Vec<Vec<Value>> = rows_like(&file, &before)
        .into_iter()
        .find(|(table, _, _)| table == "usages")
        .unwrap()
        .2;
    let (_, _, all) = before
        .into_iter()
        .find(|(table, _, _)| table == "usages")
        .unwrap();
    assert_eq!(rows, all[..all.len() - 1]);
    assert_eq!(
        values(
            &file,
            "SELECT id || ' ' || file_id FROM usages_without_owner"
        ),
        ["1000 999"]
    );
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    let file = full(&sandbox.work(), "newer");
    upgrade(&file);
    execute(
        &file,
        &[
            "INSERT INTO schema_history(version, program, steps) VALUES (99, 'code-analysis-host 9.9.9', '')",
        ],
    );
    let before = dump(&file);
    let config = sandbox.config(&json!({ "database": { "path": file } }));
    for arguments in [
        &["call", "list_projects"][..],
        &["db", "migrate"],
        &["db", "migrate", "--dry-run"],
    ] {
        let mut all = vec!["--config", &config];
        all.extend(arguments);
        let refused = sandbox.host(&all);
        assert_ne!(refused.status, 0, "{arguments:?}");
        assert!(
            refused
                .stderr
                .contains("has version 99 of the schema, brought by code-analysis-host 9.9.9"),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
    assert_eq!(dump(&file), before);
}

#[test]
fn a_plan_is_shown_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let older = Predecessor {
        without: &["files.deleted", "ast_trees.file_mtime"],
        ..Predecessor::default()
    };
    let file = predecessor(&sandbox.work(), "plan", &older);
    let before = dump(&file);
    let config = sandbox.config(&json!({ "database": { "path": file } }));
    let dry = |more: &[&str]| {
        let mut all = vec!["--config", &config, "db", "migrate", "--dry-run"];
        all.extend(more);
        sandbox.host(&all).ok()
    };
    let shown = dry(&[]).stdout;
    for line in [
        "add the column `deleted` to `files`",
        "write the table `ast_trees` anew: `file_mtime` is missing",
        "create the table `file_states`",
        &format!("put version {VERSION} of the schema on record"),
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let plan = dry(&["--json"]).json();
    assert_eq!(plan["from_version"], json!(null));
    assert_eq!(plan["is_new"], json!(false));
    assert_eq!(dump(&file), before);
    let migrated = sandbox
        .host(&["--config", &config, "db", "migrate", "--json"])
        .ok()
        .json();
    assert_eq!(migrated["steps"], plan["steps"]);
    let nothing = dry(&[]).stdout;
    assert!(nothing.contains("the schema is as declared"), "{nothing}");
}

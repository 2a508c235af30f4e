//! The schema of a database that lost or changed parts of it becomes the declared one again, on every engine.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use code_analysis_host::app::App;
use code_analysis_host::code_db::schema::tables;
use code_analysis_host::config::types::Config;
use code_analysis_host::foundation::progress::{Silent, StepProgress};
use driver_api::{DriverError, Value, ValueRef};
use rustix::process::Signal;
use serde_json::json;
use test_needs::needs;

use crate::support::dump::dump;
use crate::support::engines::Engine;
use crate::support::fixture;
use crate::support::processes::kill;
use crate::support::sandbox::plugins_dir;

/// What is done to each engine's database: the same damage in its own words.
fn damage(engine: &str) -> Vec<&'static str> {
    let common = ["DROP TABLE file_states", "DROP TABLE code_content_fts"];
    let own: &[&str] = match engine {
        "sqlite" => &[
            "DROP INDEX idx_usages_target",
            "DROP INDEX idx_files_deleted",
            "CREATE INDEX idx_files_deleted ON files(path)",
            "ALTER TABLE methods DROP COLUMN complexity",
            "ALTER TABLE files DROP COLUMN version_dir",
        ],
        "postgres" => &[
            "DROP INDEX idx_usages_target",
            "DROP INDEX idx_files_deleted",
            "CREATE INDEX idx_files_deleted ON files(project_id)",
            "ALTER TABLE methods DROP COLUMN complexity",
            "ALTER TABLE files DROP COLUMN version_dir",
            "ALTER TABLE files DROP COLUMN dataset_id",
            "ALTER TABLE files ALTER COLUMN lines TYPE integer",
            "ALTER TABLE files ALTER COLUMN original_path TYPE text COLLATE \"default\"",
            "ALTER TABLE usages ALTER COLUMN target_name DROP NOT NULL",
            "ALTER TABLE usages ALTER COLUMN created_at DROP DEFAULT",
            "ALTER TABLE classes DROP CONSTRAINT classes_file_id_fkey",
            "ALTER TABLE imports ADD CONSTRAINT stricter UNIQUE (id, line)",
        ],
        _ => &[
            "ALTER TABLE usages DROP INDEX idx_usages_target",
            "ALTER TABLE files DROP INDEX idx_files_deleted",
            "CREATE INDEX idx_files_deleted ON files(version_dir(20))",
            "ALTER TABLE methods DROP COLUMN complexity",
            "ALTER TABLE files MODIFY COLUMN `lines` int",
            "ALTER TABLE usages MODIFY COLUMN target_name longtext",
            "ALTER TABLE usages MODIFY COLUMN created_at double",
            "ALTER TABLE imports ADD UNIQUE KEY stricter (id, line)",
        ],
    };
    common.iter().chain(own).copied().collect()
}

#[test]
fn a_damaged_schema_becomes_the_declared_one_and_rows_stay() {
    for engine in Engine::all("schema_sync") {
        engine.index(&fixture("shop"));
        let before = dump(&engine);
        let app = engine.app();
        let driver = app.database().unwrap();
        let database = driver.database();
        assert!(
            database.plan_schema().unwrap().is_empty(),
            "{}",
            engine.name
        );
        for statement in damage(engine.name) {
            let done = driver
                .raw_database()
                .once(|session| session.execute(statement, &[]));
            done.unwrap_or_else(|error| panic!("{}: {statement}: {error}", engine.name));
        }
        let done = database
            .apply_schema(&Silent)
            .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        let left = database.plan_schema().unwrap();
        assert!(
            left.is_empty(),
            "{}: {:#?}\nafter {:#?}",
            engine.name,
            left.steps,
            done.steps
        );
        assert_eq!(
            database.recorded_version().unwrap().unwrap().version,
            done.to_version
        );
        driver.close();
        let mut after = dump(&engine);
        // What only a lost column or table held cannot come back.
        let lost = |line: &String| {
            let cells = line.split(' ').filter(|cell| {
                !cell.starts_with("complexity=") && !cell.starts_with("version_dir=")
            });
            cells.collect::<Vec<_>>().join(" ")
        };
        after.insert("file_states", before["file_states"].clone());
        for (table, lines) in &before {
            let before: Vec<String> = lines.iter().map(lost).collect();
            let after: Vec<String> = after[table].iter().map(lost).collect();
            if table == &"methods"
                || table == &"functions"
                || !lines.iter().any(|line| line.contains("complexity="))
            {
                assert_eq!(after, before, "{}: {table}", engine.name);
            }
        }
        let found = engine.call(
            "fulltext_search",
            &serde_json::json!({ "query": "discount" }),
        );
        assert!(
            found["count"].as_u64().unwrap() > 0,
            "{}: {found}",
            engine.name
        );
    }
}

/// What a version before that of words within camel case lacks.
const WITHOUT_PARTS: [&str; 4] = [
    "DROP TABLE code_content_fts",
    "ALTER TABLE code_content DROP COLUMN name_parts",
    "ALTER TABLE code_content DROP COLUMN text_parts",
    "UPDATE file_states SET analysis = 2",
];

#[needs(postgresql, mariadb)]
#[test]
fn texts_of_an_older_version_are_found_as_before_and_get_their_parts_from_the_next_run() {
    for engine in Engine::all("older_texts") {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path().canonicalize().unwrap();
        std::fs::write(root.join("web.js"), "function parseHeader(rawText) {}\n").unwrap();
        let indexed = engine.index(&root);
        let app = engine.app();
        let driver = app.database().unwrap();
        for statement in WITHOUT_PARTS {
            let done = driver
                .raw_database()
                .once(|session| session.execute(statement, &[]));
            done.unwrap_or_else(|error| panic!("{}: {statement}: {error}", engine.name));
        }
        driver.database().apply_schema(&Silent).unwrap();
        drop(driver);
        drop(app);
        let found = |query: &str| {
            let answer = engine.call("fulltext_search", &json!({ "query": query }));
            answer["total"].as_u64().unwrap()
        };
        let check = || {
            let check = engine.host(&["db", "check", "--json"]);
            assert_eq!(check.status, 0, "{}: {}", engine.name, check.stdout);
        };
        assert_eq!((found("parseHeader"), found("header")), (1, 0));
        check();
        assert_eq!(engine.index(&root)["files_processed"], 1);
        assert_eq!((found("parseHeader"), found("header")), (1, 1));
        check();
        let id = &indexed["project_id"];
        engine.call("delete_project", &json!({ "project_id": id }));
        assert_eq!(found("parseHeader"), 0);
        check();
    }
}

#[test]
fn numbers_of_projects_become_words_on_servers_too() {
    for engine in Engine::servers("schema_numbers") {
        let app = engine.app();
        let driver = app.database().unwrap();
        let run = |sql: &str, params: &[ValueRef<'_>]| -> Result<(), DriverError> {
            driver
                .raw_database()
                .once(|session| session.execute(sql, params).map(drop))
        };
        run(
            "INSERT INTO projects(id, root_path) VALUES ('7', '/srv/p')",
            &[],
        )
        .unwrap();
        run(
            "INSERT INTO datasets(id, project_id, root_path) VALUES ('d', '7', '/srv/p')",
            &[],
        )
        .unwrap();
        let numbered = |table: &str, column: &str| match engine.name {
            "postgres" => format!(
                "ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint USING {column}::bigint"
            ),
            _ => format!("ALTER TABLE {table} MODIFY COLUMN {column} bigint NOT NULL"),
        };
        let referring: Vec<&str> = tables()
            .filter(|table| table.owners.iter().any(|owner| owner.table == "projects"))
            .map(|table| table.name)
            .collect();
        let sql = match engine.name {
            "postgres" => {
                "SELECT c.relname::text, k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
                 JOIN pg_class r ON r.oid = k.confrelid WHERE k.contype = 'f' AND r.relname = 'projects'"
            }
            _ => {
                "SELECT table_name, constraint_name FROM information_schema.key_column_usage \
                 WHERE table_schema = DATABASE() AND referenced_table_name = 'projects'"
            }
        };
        let constraints: Vec<Vec<Value>> = driver
            .raw_database()
            .read(|session| session.query_all(sql, &[], |row| Ok(row.to_values()?)))
            .unwrap();
        for constraint in constraints {
            let [Value::Text(table), Value::Text(name)] = &constraint[..] else {
                panic!("{constraint:?}")
            };
            let drop = if engine.name == "postgres" {
                "CONSTRAINT"
            } else {
                "FOREIGN KEY"
            };
            run(&format!("ALTER TABLE {table} DROP {drop} {name}"), &[]).unwrap();
        }
        for table in referring {
            run(&numbered(table, "project_id"), &[]).unwrap();
        }
        run(&numbered("projects", "id"), &[]).unwrap();
        let database = driver.database();
        database
            .apply_schema(&Silent)
            .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        let left = database.plan_schema().unwrap();
        assert!(left.is_empty(), "{}: {:#?}", engine.name, left.steps);
        assert_eq!(
            database.project("7").unwrap().root_path,
            "/srv/p",
            "{}",
            engine.name
        );
        // The reference is back: what is below goes with the project.
        assert_eq!(database.delete_project("7").unwrap().datasets_count, 1);
        driver.close();
    }
}

/// How the process that is to be killed knows what to do: the step, and the configuration of its database.
const TASK: &str = "TEST_UPGRADE_OF_SERVER_KILLED";

/// Kills its own process at one step.
struct KillAt(usize);

impl StepProgress for KillAt {
    fn step(&self, number: usize, _of: usize, _what: &str) {
        if number == self.0 {
            kill(std::process::id(), Signal::KILL);
            std::thread::park();
        }
    }
}

/// Not a test of its own: the process that the test below starts and that kills itself.
#[test]
fn the_process_that_is_killed() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (step, config) = task.split_once(' ').unwrap();
    let config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
    let config = Config::from_value(config, std::path::Path::new("/")).unwrap();
    let app = App::new(config, &[plugins_dir().to_owned()]).unwrap();
    let database = app.opened_database().unwrap().database();
    database
        .apply_schema(&KillAt(step.parse().unwrap()))
        .unwrap();
}

/// PostgreSQL takes all steps or none; MySQL keeps those that were taken, and the next upgrade goes on from there.
#[test]
fn an_upgrade_of_a_server_that_is_killed_at_any_step_is_made_whole_by_the_next() {
    for engine in Engine::servers("schema_killed") {
        engine.index(&fixture("shop"));
        let app = engine.app();
        let driver = app.database().unwrap();
        let database = driver.database();
        for statement in damage(engine.name) {
            let done = driver
                .raw_database()
                .once(|session| session.execute(statement, &[]));
            done.unwrap_or_else(|error| panic!("{}: {statement}: {error}", engine.name));
        }
        let usages = || {
            let sql = "SELECT id, file_id, line, target_name FROM usages ORDER BY id";
            let rows = driver
                .raw_database()
                .read(|session| session.query_all(sql, &[], |row| Ok(row.to_values()?)));
            rows.unwrap()
        };
        let rows = usages();
        assert!(rows.len() > 10, "{}", engine.name);
        let steps = database.plan_schema().unwrap().steps.len();
        assert!(steps > 8, "{}: {steps}", engine.name);
        let mut left = steps;
        let mut kills = 0;
        while left > 0 {
            // On MySQL one more step is taken each time; on PostgreSQL each step is tried in its turn.
            let step = match engine.name {
                "mysql" => left.min(2),
                _ => kills + 1,
            };
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "schema_sync::the_process_that_is_killed",
                    "--nocapture",
                ])
                .env(TASK, format!("{step} {}", engine.config))
                .env("XDG_DATA_HOME", engine.sandbox.path().join("data"))
                .env("XDG_RUNTIME_DIR", engine.sandbox.path().join("run"))
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(status.signal(), Some(9), "{}: step {step}", engine.name);
            kills += 1;
            assert_eq!(usages(), rows, "{}: after step {step}", engine.name);
            let now = database.plan_schema().unwrap().steps.len();
            match engine.name {
                // The last is only taken by an upgrade that goes to its end.
                "mysql" if left > 1 => assert!(now < left, "{now} of {left} steps are left"),
                "mysql" => break,
                _ => assert_eq!(now, steps, "after step {step}"),
            }
            left = match engine.name {
                "mysql" => now,
                _ => steps - kills,
            };
        }
        database.apply_schema(&Silent).unwrap();
        assert!(
            database.plan_schema().unwrap().is_empty(),
            "{}",
            engine.name
        );
        assert_eq!(usages(), rows, "{}", engine.name);
        driver.close();
        let found = engine.call(
            "fulltext_search",
            &serde_json::json!({ "query": "discount" }),
        );
        assert!(
            found["count"].as_u64().unwrap() > 0,
            "{}: {found}",
            engine.name
        );
    }
}

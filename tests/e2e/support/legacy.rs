//! Databases of the older program and of its predecessors: the fixture with more rows, and the same written anew
//! under statements that lack what came later.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use code_analysis_host::app::App;
use code_analysis_host::code_db::schema::tables;
use code_analysis_host::config::types::Config;
use code_analysis_host::driver::session::Session;
use code_analysis_host::supervisor::db_worker_manager::{DbWorkerManager, DbWorkerMode};
use code_analysis_host::universal_driver::driver::{Access, UniversalDriver};
use driver_api::{Value, ValueRef};
use serde_json::json;

use super::fixture;
use super::sandbox::{executable, plugins_dir};

/// The number that projects had before their ids were words.
const PROJECT_NUMBER: i64 = 7;

/// The rows of a table: its name, its columns, the rows in the order of the first column.
pub type TableRows = (String, Vec<String>, Vec<Vec<Value>>);

/// What a predecessor's database was like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Predecessor {
    /// Columns that are not there yet, as `table.column`.
    pub without: &'static [&'static str],
    /// There is no table `datasets`.
    pub without_datasets: bool,
    /// Ids of projects are numbers.
    pub integer_projects: bool,
    /// Statements that are run at the end.
    pub more: &'static [&'static str],
}

/// Opens a database as it is, without a look at its schema, in the test's own process.
pub fn open<T>(file: &Path, work: impl FnOnce(&UniversalDriver) -> T) -> T {
    let app = app(file);
    let config = app.config();
    let workers = Arc::clone(app.workers());
    let manager =
        DbWorkerManager::initialize_from_config(&config, workers, DbWorkerMode::LaunchOrAdopt);
    let driver = UniversalDriver::open(
        &config,
        app.plugins(),
        &Arc::new(manager),
        Access::ReadWrite,
    )
    .unwrap();
    driver.ensure_database_exists().unwrap();
    let done = work(&driver);
    driver.close();
    app.workers().stop_all(Duration::from_secs(30));
    done
}

/// A host in the test's own process whose database is this file.
pub fn app(file: &Path) -> App {
    let config = json!({ "code_analysis": {
        "database": {
            "path": file,
            "worker": { "executable": executable(), "log_path": file.with_extension("log") },
        },
        "plugins": { "directories": [plugins_dir()] },
    }});
    App::new(
        Config::from_value(config, file.parent().unwrap()).unwrap(),
        &[],
    )
    .unwrap()
}

/// Runs statements on a database as it is.
pub fn execute(file: &Path, statements: &[&str]) {
    open(file, |driver| {
        for statement in statements {
            let ran = driver
                .raw_database()
                .once(|session| session.execute(statement, &[]));
            ran.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    });
}

/// A copy of the fixture in which every table has rows.
pub fn full(directory: &Path, name: &str) -> PathBuf {
    let file = directory.join(format!("{name}.db"));
    std::fs::copy(fixture("legacy/code_analysis.db"), &file).unwrap();
    let project = "(SELECT id FROM projects)";
    let statements = [
        "INSERT INTO issues(file_id, project_id, class_id, issue_type, line, description) \
         SELECT f.id, f.project_id, (SELECT min(c.id) FROM classes c WHERE c.file_id = f.id), 'long', 3, 'é' FROM files f"
            .to_owned(),
        "INSERT INTO dependencies(source_file_id, target_file_id, dependency_type) \
         SELECT a.id, b.id, 'import' FROM files a JOIN files b ON a.id < b.id"
            .to_owned(),
        format!(
            "INSERT INTO vector_index(project_id, entity_type, entity_id, vector_id, vector_dim) \
             SELECT {project}, 'class', id, id * 2, 384 FROM classes"
        ),
        format!(
            "INSERT INTO code_duplicates(project_id, duplicate_hash, similarity) VALUES ({project}, 'h', 0.875)"
        ),
        "INSERT INTO duplicate_occurrences(duplicate_id, file_id, start_line, end_line) SELECT 1, id, 1, 2 FROM files"
            .to_owned(),
        "INSERT INTO comprehensive_analysis_results(file_id, project_id, file_mtime, results_json, summary_json) \
         SELECT id, project_id, last_modified, '{}', '[]' FROM files"
            .to_owned(),
        "INSERT INTO code_chunks(file_id, project_id, chunk_uuid, chunk_type, chunk_text, class_id, binding_level) \
         SELECT f.id, f.project_id, 'u' || f.id, 'DocBlock', 'text', \
         (SELECT min(c.id) FROM classes c WHERE c.file_id = f.id), 2 FROM files f"
            .to_owned(),
        "UPDATE files SET deleted = 1 WHERE id = 2".to_owned(),
        // Ids that were given once are not given again.
        "DELETE FROM imports WHERE id = (SELECT max(id) FROM imports)".to_owned(),
    ];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    execute(&file, &statements);
    file
}

/// The rows of [`full`] in a database of a predecessor.
pub fn predecessor(directory: &Path, name: &str, older: &Predecessor) -> PathBuf {
    let source = full(directory, &format!("{name}-source"));
    let rows = dump(&source);
    let indexes = open(&source, |driver| {
        let sql = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
        texts(driver, sql)
    });
    let creates = open(&source, |driver| {
        tables()
            .filter_map(|table| {
                let sql = format!(
                    "SELECT sql FROM sqlite_master WHERE name = '{}'",
                    table.name
                );
                Some((table.name, texts(driver, &sql).into_iter().next()?))
            })
            .collect::<Vec<_>>()
    });
    let file = directory.join(format!("{name}.db"));
    open(&file, |driver| {
        let run = |sql: &str, params: &[ValueRef<'_>]| {
            let ran = driver
                .raw_database()
                .once(|session| session.execute(sql, params));
            ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
        };
        for (table, create) in creates {
            if table == "datasets" && older.without_datasets {
                continue;
            }
            run(&older.statement(table, &create), &[]);
            let (_, columns, rows) = rows.iter().find(|(name, _, _)| name == table).unwrap();
            older.insert(table, columns, rows, &run);
        }
        run(
            "UPDATE sqlite_sequence SET seq = 12 WHERE name = 'imports'",
            &[],
        );
        for index in indexes.iter().filter(|sql| older.has_all_of(sql)) {
            run(index, &[]);
        }
        run(
            "CREATE VIRTUAL TABLE code_content_fts USING fts5(entity_type, entity_name, content, docstring, \
             content_rowid='rowid', content='code_content')",
            &[],
        );
        run(
            "INSERT INTO code_content_fts(code_content_fts) VALUES ('rebuild')",
            &[],
        );
        for statement in older.more {
            run(statement, &[]);
        }
    });
    file
}

impl Predecessor {
    /// The statement that creates a table, without what came later.
    fn statement(&self, table: &str, create: &str) -> String {
        let (head, rest) = create.split_once('(').unwrap();
        let body = rest.rsplit_once(')').unwrap().0;
        let items: Vec<String> = at_commas(body)
            .into_iter()
            .map(|item| item.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|item| !self.lacking(table).any(|column| is_about(item, column)))
            .map(|item| self.item(table, item))
            .collect();
        format!("{head}({})", items.join(", "))
    }

    /// Columns that a table lacks.
    fn lacking<'t>(&self, table: &'t str) -> impl Iterator<Item = &'static str> + use<'t> {
        self.without.iter().filter_map(move |name| {
            let (of, column) = name.split_once('.').unwrap();
            (of == table).then_some(column)
        })
    }

    fn item(&self, table: &str, mut item: String) -> String {
        for column in self.lacking(table) {
            item = item.replace(&format!(", {column}"), "");
        }
        if self.integer_projects && item.starts_with("project_id TEXT") {
            item = item.replace("TEXT", "INTEGER");
        }
        if self.integer_projects && table == "projects" && item.starts_with("id TEXT") {
            item = "id INTEGER PRIMARY KEY AUTOINCREMENT".to_owned();
        }
        item
    }

    fn insert(
        &self,
        table: &str,
        columns: &[String],
        rows: &[Vec<Value>],
        run: &impl Fn(&str, &[ValueRef<'_>]),
    ) {
        let kept: Vec<usize> = (0..columns.len())
            .filter(|at| !self.lacking(table).any(|column| column == columns[*at]))
            .collect();
        let names: Vec<&str> = kept.iter().map(|at| columns[*at].as_str()).collect();
        let places = vec!["?"; kept.len()].join(", ");
        let sql = format!(
            "INSERT INTO {table}({}) VALUES ({places})",
            names.join(", ")
        );
        for row in rows {
            let values: Vec<ValueRef<'_>> = kept
                .iter()
                .map(|at| match self.is_project_id(table, &columns[*at]) {
                    true if row[*at] != Value::Null => ValueRef::I64(PROJECT_NUMBER),
                    _ => row[*at].as_ref(),
                })
                .collect();
            run(&sql, &values);
        }
    }

    fn is_project_id(&self, table: &str, column: &str) -> bool {
        self.integer_projects && (column == "project_id" || (table, column) == ("projects", "id"))
    }

    fn has_all_of(&self, index: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            parts.map(str::to_owned).collect()
        };
        let words = words(index);
        let has = |name: &str| words.iter().any(|word| word == name);
        let lacks = |name: &&str| name.split('.').all(has);
        let without_table = self.without_datasets && has("datasets");
        !without_table && !self.without.iter().any(lacks)
    }

    /// What the rows of a table of the predecessor are after its upgrade: the same, but that the number of a project
    /// is a word.
    pub fn upgraded(&self, (table, columns, rows): &TableRows) -> Vec<Vec<Value>> {
        let mut rows = rows.clone();
        for row in &mut rows {
            for (column, value) in columns.iter().zip(row) {
                if self.is_project_id(table, column) && *value != Value::Null {
                    *value = Value::Text(PROJECT_NUMBER.to_string());
                }
            }
        }
        rows
    }
}

fn is_about(item: &str, column: &str) -> bool {
    item.starts_with(&format!("{column} ")) || item.starts_with(&format!("FOREIGN KEY ({column})"))
}

fn at_commas(body: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in body.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&body[start..]);
    items
}

/// All rows of all declared tables that the database has, in the columns that it has.
pub fn dump(file: &Path) -> Vec<TableRows> {
    open(file, |driver| {
        let names = texts(
            driver,
            "SELECT name FROM sqlite_master WHERE type = 'table'",
        );
        let present = tables().filter(|table| names.iter().any(|name| name == table.name));
        present
            .map(|table| {
                let columns = texts(
                    driver,
                    &format!("SELECT name FROM pragma_table_info('{}')", table.name),
                );
                rows_of(driver, table.name, columns)
            })
            .collect()
    })
}

/// The rows of these tables in these columns.
pub fn rows_like(file: &Path, wanted: &[TableRows]) -> Vec<TableRows> {
    open(file, |driver| rows_in(driver, wanted))
}

/// As [`rows_like`] in an open database.
pub fn rows_in(driver: &UniversalDriver, wanted: &[TableRows]) -> Vec<TableRows> {
    wanted
        .iter()
        .map(|(table, columns, _)| rows_of(driver, table, columns.clone()))
        .collect()
}

fn rows_of(driver: &UniversalDriver, table: &str, columns: Vec<String>) -> TableRows {
    let sql = format!(
        "SELECT {} FROM {table} ORDER BY {}",
        columns.join(", "),
        columns[0]
    );
    let read = |session: &mut Session| session.query_all(&sql, &[], |row| Ok(row.to_values()?));
    let rows = driver.raw_database().read(read).unwrap();
    (table.to_owned(), columns, rows)
}

/// The first column of a query.
pub fn texts(driver: &UniversalDriver, sql: &str) -> Vec<String> {
    let read = |session: &mut Session| {
        session.query_all(sql, &[], |row| match row.get(0)? {
            ValueRef::Text(text) => Ok(text.to_owned()),
            ValueRef::I64(number) => Ok(number.to_string()),
            other => Ok(format!("{other:?}")),
        })
    };
    driver.raw_database().read(read).unwrap()
}

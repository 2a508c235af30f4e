//! `db copy`: a whole database moves into another, equal to the last byte, or not at all.

mod broken_off;
mod older;
mod refused;
mod ring;
mod whole;

use std::path::{Path, PathBuf};

use code_analysis_host::app::App;
use code_analysis_host::code_db::schema::tables;
use code_analysis_host::config::types::Config;
use driver_api::{Value, ValueRef};
use serde_json::json;

use crate::support::fixture;
use crate::support::sandbox::{Output, Sandbox, executable, plugins_dir};

/// An SQLite database in a sandbox, and its configuration file.
struct Side {
    file: PathBuf,
    config: String,
}

impl Side {
    fn new(sandbox: &Sandbox, name: &str) -> Self {
        Self::with_options(sandbox, name, json!({}))
    }

    /// With these further keys in the section `database`.
    fn with_options(sandbox: &Sandbox, name: &str, options: serde_json::Value) -> Self {
        let file = sandbox.work().join(format!("{name}.db"));
        let mut database = json!({ "path": file });
        let options = options.as_object().unwrap().clone();
        database.as_object_mut().unwrap().extend(options);
        let config = write_config(sandbox, name, &json!({ "database": database }));
        Self { file, config }
    }

    /// A copy of the database that the older program wrote.
    fn legacy(sandbox: &Sandbox, name: &str) -> Self {
        let side = Self::new(sandbox, name);
        std::fs::copy(fixture("legacy/code_analysis.db"), &side.file).unwrap();
        side
    }

    /// What `index` makes of the sample project.
    fn shop(sandbox: &Sandbox, name: &str) -> Self {
        let side = Self::new(sandbox, name);
        let shop = fixture("shop");
        let arguments = ["--config", &side.config, "index", shop.to_str().unwrap()];
        sandbox.host(&arguments).ok();
        side
    }

    /// Works on the database within the test's own process.
    fn with<T>(&self, work: impl FnOnce(&App) -> T) -> T {
        let config = json!({ "code_analysis": {
            "database": {
                "path": self.file,
                "worker": { "executable": executable(), "log_path": self.file.with_extension("log") },
            },
            "plugins": { "directories": [plugins_dir()] },
        }});
        let config = Config::from_value(config, self.file.parent().unwrap()).unwrap();
        let app = App::new(config, &[]).unwrap();
        let done = work(&app);
        app.workers().stop_all(std::time::Duration::from_secs(30));
        done
    }

    /// Runs statements, the schema given first.
    fn execute(&self, statements: &[&str]) {
        self.with(|app| {
            let database = app.database().unwrap();
            for statement in statements {
                let ran = database
                    .raw_database()
                    .once(|session| session.execute(statement, &[]));
                ran.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            database.close();
        });
    }

    /// All rows of a query.
    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.with(|app| {
            let database = app.database().unwrap();
            let rows = database
                .raw_database()
                .read(|session| session.query_all(sql, &[], |row| Ok(row.to_values()?)));
            database.close();
            rows.unwrap()
        })
    }

    /// Every row of every table of the schema, and the counters of ids.
    fn dump(&self) -> Vec<(String, Vec<Vec<Value>>)> {
        self.with(|app| {
            let database = app.database().unwrap();
            let queries = tables()
                .map(|table| {
                    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
                    let (columns, key) = (names.join(", "), names[0]);
                    (
                        table.name,
                        format!("SELECT {columns} FROM {} ORDER BY {key}", table.name),
                    )
                })
                .chain([(
                    "counters",
                    "SELECT name, seq FROM sqlite_sequence WHERE seq > 0 ORDER BY name".to_owned(),
                )]);
            let dump = queries.map(|(name, sql)| {
                let rows = database
                    .raw_database()
                    .read(|session| session.query_all(&sql, &[], |row| Ok(row.to_values()?)));
                (name.to_owned(), rows.unwrap())
            });
            let dump = dump.collect();
            database.close();
            dump
        })
    }

    /// Rows of all tables of the schema.
    fn count(&self) -> u64 {
        let counted = |(name, rows): &(String, Vec<_>)| match name.as_str() {
            "counters" => 0,
            _ => rows.len() as u64,
        };
        self.dump().iter().map(counted).sum()
    }

    /// The bytes of the file, when nothing is left in the write-ahead log.
    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.file).unwrap()
    }
}

/// Writes a configuration file and answers its path.
fn write_config(sandbox: &Sandbox, name: &str, code_analysis: &serde_json::Value) -> String {
    let path = sandbox.path().join(format!("{name}.json"));
    let text = json!({ "code_analysis": code_analysis }).to_string();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn copy(sandbox: &Sandbox, from: &Side, to: &Side, more: &[&str]) -> Output {
    let mut arguments = vec!["db", "copy", "--from", &from.config, "--to", &to.config];
    arguments.extend(more);
    sandbox.host(&arguments)
}

/// The words that full-text search finds, so that the index is known to be there.
fn search(sandbox: &Sandbox, side: &Side, word: &str) -> u64 {
    let query = format!("query={word}");
    let arguments = [
        "--config",
        &side.config,
        "--json",
        "call",
        "fulltext_search",
        &query,
    ];
    sandbox.host(&arguments).ok().json()["count"]
        .as_u64()
        .unwrap()
}

/// A source with this many rows of some hundred bytes in `usages`.
fn large(sandbox: &Sandbox, name: &str, rows: u32) -> Side {
    let side = Side::legacy(sandbox, name);
    let fill = format!(
        "INSERT INTO usages(file_id, line, usage_type, target_type, target_name, context) \
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) \
         SELECT 1, n, 'call', 'function', 'f' || n, hex(zeroblob(100)) FROM c"
    );
    side.execute(&[&fill]);
    side
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}

/// One value as a parameter.
fn text(value: &str) -> ValueRef<'_> {
    ValueRef::Text(value)
}

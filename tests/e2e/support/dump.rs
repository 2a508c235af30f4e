//! All rows of a code database as text that is the same whatever ids and times the rows have.

use std::collections::{BTreeMap, HashMap};

use code_analysis_host::code_db::schema::model::{Column, ColumnKind, DefaultValue, Table};
use code_analysis_host::code_db::schema::tables;
use code_analysis_host::driver::session::Session;
use code_analysis_host::universal_driver::driver::UniversalDriver;
use driver_api::{RowRef, ValueRef};
use serde_json::Value;

use super::engines::Engine;

/// The rows of each table, sorted. An id is replaced by the row that it names, a time of insertion by its presence.
pub fn dump(engine: &Engine) -> BTreeMap<&'static str, Vec<String>> {
    let app = engine.app();
    let database = app.read_only_database().unwrap();
    let mut names = Names::default();
    let mut dump = BTreeMap::new();
    for table in tables() {
        let mut lines: Vec<String> = Vec::new();
        for row in rows(&database, table) {
            let line = line(table, &row, &names);
            names.remember(table, &row, &line);
            lines.push(line);
        }
        lines.sort();
        dump.insert(table.name, lines);
    }
    dump
}

/// The rows of a table, as objects.
fn rows(database: &UniversalDriver, table: &Table) -> Vec<Value> {
    let quoted = |column: &Column| format!("\"{}\"", column.name);
    let columns: Vec<String> = table.columns.iter().map(quoted).collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let read = |row: RowRef<'_>| {
        let cell = |(number, column): (usize, &Column)| {
            Ok((column.name.to_owned(), json(row.get(number)?)))
        };
        let cells = table.columns.iter().enumerate().map(cell);
        Ok(Value::Object(cells.collect::<driver_api::Result<_>>()?))
    };
    let read_all = |session: &mut Session| session.query_all(&sql, &[], read);
    database.raw_database().read(read_all).unwrap()
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Bool(value) => value.into(),
        ValueRef::I64(value) => value.into(),
        ValueRef::F64(value) => value.into(),
        ValueRef::Text(value) => value.into(),
        ValueRef::Bytes(value) => format!("{value:02x?}").into(),
        other => panic!("no column holds {other:?}"),
    }
}

/// What the rows of each table are called, by id.
#[derive(Default)]
struct Names(HashMap<(String, i64), String>);

impl Names {
    fn remember(&mut self, table: &Table, row: &Value, line: &str) {
        if let Some(id) = row["id"].as_i64() {
            self.0.insert((table.name.to_owned(), id), line.to_owned());
        }
    }

    fn of(&self, table: &str, id: &Value) -> String {
        match id.as_i64() {
            Some(id) => {
                let known = self.0.get(&(table.to_owned(), id));
                known
                    .unwrap_or_else(|| panic!("{table} has no row {id}"))
                    .clone()
            }
            None => id.to_string(),
        }
    }
}

fn line(table: &Table, row: &Value, names: &Names) -> String {
    let cells = table.columns.iter().map(|column| {
        let value = &row[column.name];
        let owner = table
            .owners
            .iter()
            .find(|owner| owner.column == column.name);
        let cell = match (column.kind, owner) {
            (ColumnKind::AutoId, _) => "#".to_owned(),
            (ColumnKind::Integer | ColumnKind::GivenId, Some(owner)) => {
                names.of(owner.table, value)
            }
            (ColumnKind::Boolean, _) => truth(value),
            _ if column.default == DefaultValue::Now => time(value),
            // Left open where the file was changed a moment before it was read.
            _ if column.name == "mtime_ns" => "whenever".to_owned(),
            _ if column.name == "vector_id" => {
                (if value.is_null() { "none" } else { "#" }).to_owned()
            }
            _ if column.name == "entity_id" => names.of(entity_table(row), value),
            _ => value.to_string(),
        };
        format!("{}={cell}", column.name)
    });
    cells.collect::<Vec<_>>().join(" ")
}

fn entity_table(row: &Value) -> &'static str {
    match row["entity_type"].as_str().unwrap() {
        "file" => "files",
        "class" => "classes",
        "function" => "functions",
        "method" => "methods",
        other => panic!("{other}"),
    }
}

/// SQLite has no truth values of its own.
fn truth(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        value => value
            .as_bool()
            .unwrap_or_else(|| value.as_i64().unwrap() != 0)
            .to_string(),
    }
}

/// A Julian day of this test, or none.
fn time(value: &Value) -> String {
    let Some(day) = value.as_f64() else {
        return "never".to_owned();
    };
    let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let today = since_epoch.as_secs_f64() / 86_400.0 + 2_440_587.5;
    assert!((day - today).abs() < 0.5, "{day} is not today, {today}");
    "lately".to_owned()
}

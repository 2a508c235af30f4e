//! The schema that an empty database gets is that of the older program, table by table, plus what is marked ours.

use std::collections::BTreeSet;

use code_analysis_host::code_db::database::CodeDatabase;
use code_analysis_host::code_db::schema::model::Origin;
use code_analysis_host::code_db::schema::plan::SchemaPlan;
use code_analysis_host::code_db::schema::{FULL_TEXT, VERSION, bookkeeping, tables};
use code_analysis_host::foundation::progress::Silent;
use driver_api::{Dialect, RowRef, ValueRef};
use serde_json::{Value, json};

use crate::support::chain::Chain;

const LEGACY: &str = include_str!("../fixtures/legacy_schema.json");

fn rows<T>(
    db: &CodeDatabase,
    sql: &str,
    name: &str,
    read: impl Fn(RowRef<'_>) -> driver_api::Result<T>,
) -> Vec<T> {
    db.database()
        .read(|session| session.query_all(sql, &[ValueRef::from(name)], &read))
        .unwrap()
}

fn columns(db: &CodeDatabase, table: &str) -> Vec<Value> {
    let sql =
        "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?) ORDER BY cid";
    rows(db, sql, table, |row| {
        Ok(json!({
            "name": row.text(0)?, "type": row.text(1)?, "notnull": row.bool(2)?,
            "default": row.opt(3, RowRef::text)?, "pk": row.i64(4)?,
        }))
    })
}

fn foreign_keys(db: &CodeDatabase, table: &str) -> BTreeSet<String> {
    let sql = "SELECT \"from\", \"table\", \"to\", on_delete FROM pragma_foreign_key_list(?)";
    let read = |row: RowRef<'_>| {
        Ok(format!(
            "{} -> {}.{} {}",
            row.text(0)?,
            row.text(1)?,
            row.text(2)?,
            row.text(3)?
        ))
    };
    rows(db, sql, table, read).into_iter().collect()
}

fn indexes(db: &CodeDatabase, table: &str) -> BTreeSet<String> {
    let sql = "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?)";
    let read = |row: RowRef<'_>| {
        let origin = match row.text(2)? {
            "c" => "create index",
            "u" => "unique constraint",
            _ => "primary key",
        };
        Ok((row.text(0)?.to_owned(), row.bool(1)?, origin, row.bool(3)?))
    };
    let describe = |(name, unique, origin, partial): (String, bool, &str, bool)| {
        let columns = rows(
            db,
            "SELECT name FROM pragma_index_info(?) ORDER BY seqno",
            &name,
            |row| Ok(row.text(0)?.to_owned()),
        );
        index_line(&name, unique, origin, partial, &columns)
    };
    rows(db, sql, table, read)
        .into_iter()
        .map(describe)
        .collect()
}

fn index_line(name: &str, unique: bool, origin: &str, partial: bool, columns: &[String]) -> String {
    format!(
        "{name} unique={unique} {origin} partial={partial} ({})",
        columns.join(", ")
    )
}

fn legacy_indexes(table: &Value) -> BTreeSet<String> {
    let line = |index: &Value| {
        let columns: Vec<String> = serde_json::from_value(index["columns"].clone()).unwrap();
        index_line(
            index["name"].as_str().unwrap(),
            index["unique"].as_bool().unwrap(),
            index["origin"].as_str().unwrap(),
            index["partial"].as_bool().unwrap(),
            &columns,
        )
    };
    table["indexes"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

fn legacy_foreign_keys(table: &Value) -> BTreeSet<String> {
    let line = |key: &Value| {
        let text = |field: &str| key[field].as_str().unwrap().to_owned();
        format!(
            "{} -> {} {}",
            text("column"),
            text("references"),
            text("on_delete")
        )
    };
    table["foreign_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

/// The names of our own indexes on a table.
fn our_indexes(table: &str) -> BTreeSet<String> {
    let table = tables().find(|declared| declared.name == table).unwrap();
    let ours = table
        .indexes
        .iter()
        .filter(|index| index.origin == Origin::Ours);
    ours.map(|index| index.name.to_owned()).collect()
}

#[test]
fn every_legacy_table_has_its_columns_constraints_and_indexes() {
    let chain = Chain::new();
    let db = chain.database();
    let legacy: Value = serde_json::from_str(LEGACY).unwrap();
    for (name, table) in legacy
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, table)| table.get("virtual").is_none())
    {
        // Ours stand behind theirs, and rows need none of them, so that the older program goes on.
        let theirs = table["columns"].as_array().unwrap();
        let live = columns(&db, name);
        let (first, ours) = live.split_at(theirs.len());
        assert_eq!(first, theirs, "columns of {name}");
        for column in ours {
            assert_eq!(column["notnull"], false, "{name}: {column}");
        }
        assert_eq!(
            foreign_keys(&db, name),
            legacy_foreign_keys(table),
            "foreign keys of {name}"
        );
        let ours = our_indexes(name);
        let (own, theirs): (BTreeSet<String>, BTreeSet<String>) = indexes(&db, name)
            .into_iter()
            .partition(|line| ours.contains(line.split(' ').next().unwrap_or_default()));
        assert_eq!(theirs, legacy_indexes(table), "indexes of {name}");
        assert_eq!(own.len(), ours.len(), "our indexes of {name}");
    }
}

#[test]
fn the_only_other_tables_are_marked_ours() {
    let chain = Chain::new();
    let db = chain.database();
    let legacy: Value = serde_json::from_str(LEGACY).unwrap();
    let present = db.database().read(|session| session.tables()).unwrap();
    let shadow = |name: &str| name.starts_with("code_content_fts_") || name.starts_with("sqlite_");
    let others: Vec<String> = present
        .into_iter()
        .map(|table| table.name)
        .filter(|name| !shadow(name) && legacy.get(name).is_none())
        .collect();
    let mut ours: Vec<&str> = tables()
        .chain(bookkeeping(Dialect::Sqlite))
        .filter(|table| table.origin == Origin::Ours)
        .map(|table| table.name)
        .collect();
    ours.sort_unstable();
    assert_eq!(others, ours);
    assert_eq!(
        ours,
        [
            "chunk_states",
            "chunk_vectors",
            "drift_reports",
            "file_states",
            "schema_history",
            "work_leases"
        ]
    );
}

#[test]
fn partial_indexes_cover_the_rows_that_they_are_for() {
    let chain = Chain::new();
    let db = chain.database();
    let condition = |name: &str| {
        let sql = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?";
        let statement = rows(&db, sql, name, |row| Ok(row.text(0)?.replace('"', ""))).remove(0);
        statement.split_once(" WHERE ").unwrap().1.to_owned()
    };
    assert_eq!(condition("idx_files_deleted"), "deleted = 1");
    assert_eq!(
        condition("idx_code_chunks_not_vectorized"),
        "vector_id IS NULL"
    );
    assert_eq!(condition("idx_code_chunks_class"), "class_id IS NOT NULL");
}

#[test]
fn the_full_text_index_reads_its_text_from_code_content() {
    let chain = Chain::new();
    let db = chain.database();
    let legacy: Value = serde_json::from_str(LEGACY).unwrap();
    let declared = &legacy[FULL_TEXT.name];
    let sql = "SELECT sql FROM sqlite_master WHERE name = ?";
    let statement = rows(&db, sql, FULL_TEXT.name, |row| Ok(row.text(0)?.to_owned())).remove(0);
    let text = |field: &str| declared[field].as_str().unwrap();
    assert!(
        statement.contains(&format!("USING {}(", text("virtual"))),
        "{statement}"
    );
    assert!(
        statement.contains(&format!("content='{}'", text("content_table"))),
        "{statement}"
    );
    assert!(
        statement.contains(&format!("content_rowid='{}'", text("content_rowid"))),
        "{statement}"
    );
    let names: Vec<Value> = columns(&db, FULL_TEXT.name)
        .into_iter()
        .map(|mut column| column["name"].take())
        .collect();
    assert_eq!(json!(names), json!(FULL_TEXT.columns));
}

#[test]
fn what_is_missing_is_created_once_and_nothing_else_is_touched() {
    let chain = Chain::new();
    let db = chain.database();
    assert!(db.plan_schema().unwrap().is_empty());
    assert!(db.apply_schema(&Silent).unwrap().is_empty());
    let recorded = || {
        rows(
            &db,
            "SELECT version FROM schema_history WHERE steps <> ?",
            "",
            |row| Ok(row.i64(0)?),
        )
    };
    assert_eq!(recorded(), [VERSION]);
    db.database()
        .once(|session| {
            session.execute("DROP TABLE file_states", &[])?;
            session.execute("DROP INDEX idx_usages_target", &[])
        })
        .unwrap();
    let names =
        |plan: SchemaPlan| -> Vec<String> { plan.steps.iter().map(ToString::to_string).collect() };
    let expected = [
        "create the table `file_states`".to_owned(),
        "create the index `idx_file_states_unlinked` of `file_states`".to_owned(),
        "create the index `idx_usages_target` of `usages`".to_owned(),
        format!("put version {VERSION} of the schema on record"),
    ];
    assert_eq!(names(db.plan_schema().unwrap()), expected);
    assert_eq!(names(db.apply_schema(&Silent).unwrap()), expected);
    assert!(db.plan_schema().unwrap().is_empty());
    assert_eq!(recorded(), [VERSION, VERSION]);
}

//! The catalog: tables and columns, asked from the engine's own table functions.

use driver_api::{ColumnInfo, DriverError, ErrorClass, Result, TableInfo};
use rusqlite::{Connection, Row};

use crate::error::IntoDriverResult;

/// Shadow tables, which belong to a virtual table, and SQLite's own tables are left out.
const TABLES: &str = "SELECT name, type FROM pragma_table_list \
     WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     ORDER BY name";

/// `hidden` 1 marks columns of virtual tables that `SELECT *` does not give; 2 and 3 are generated.
const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk \
     FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1 ORDER BY cid";

/// The tables and views, ordered by name.
pub(crate) fn tables(database: &Connection) -> Result<Vec<TableInfo>> {
    let mut statement = database.prepare_cached(TABLES).driver_result()?;
    let tables = statement.query_map([], |row| {
        Ok(TableInfo {
            name: row.get(0)?,
            kind: row.get(1)?,
        })
    });
    tables.and_then(Iterator::collect).driver_result()
}

/// The columns of a table in their order.
pub(crate) fn columns(database: &Connection, table: &str) -> Result<Vec<ColumnInfo>> {
    let mut statement = database.prepare_cached(COLUMNS).driver_result()?;
    let columns: Vec<_> = statement
        .query_map([table], column)
        .and_then(Iterator::collect)
        .driver_result()?;
    if columns.is_empty() {
        return Err(
            DriverError::new(ErrorClass::NotFound, format!("no such table: {table}"))
                .with_sqlstate("42P01"),
        );
    }
    Ok(columns)
}

fn column(row: &Row<'_>) -> rusqlite::Result<ColumnInfo> {
    let place: u32 = row.get(4)?;
    Ok(ColumnInfo {
        name: row.get(0)?,
        declared_type: row.get(1)?,
        not_null: row.get(2)?,
        default: row.get(3)?,
        primary_key: (place > 0).then_some(place),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;
    use driver_api::Connection as _;

    fn table(name: &str, kind: &str) -> TableInfo {
        TableInfo {
            name: name.into(),
            kind: kind.into(),
        }
    }

    #[test]
    fn tables_views_and_virtual_tables_are_listed_without_their_shadows() {
        let mut database = TestDatabase::new();
        for sql in [
            "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT)",
            "CREATE VIEW c AS SELECT 1",
            "CREATE VIRTUAL TABLE a USING fts5(body)",
            "CREATE TABLE sqliteish(x)",
        ] {
            database.execute(sql, []).unwrap();
        }
        assert_eq!(
            database.connection.tables().unwrap(),
            [
                table("a", "virtual"),
                table("b", "table"),
                table("c", "view"),
                table("sqliteish", "table")
            ]
        );
    }

    #[test]
    fn columns_have_type_default_and_place_in_the_key() {
        let mut database = TestDatabase::new();
        let sql = "CREATE TABLE \"odd name\"(a TEXT, b VARCHAR(80) NOT NULL DEFAULT 'x', \
                   c AS (a || b), PRIMARY KEY (b, a))";
        database.execute(sql, []).unwrap();
        let columns = database.connection.columns("odd name").unwrap();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(
            columns[1],
            ColumnInfo {
                name: "b".into(),
                declared_type: "VARCHAR(80)".into(),
                not_null: true,
                default: Some("'x'".into()),
                primary_key: Some(1),
            }
        );
        assert_eq!(
            (columns[0].primary_key, columns[2].primary_key),
            (Some(2), None)
        );
    }

    #[test]
    fn an_unknown_table_is_not_found() {
        let error = TestDatabase::new()
            .connection
            .columns("nowhere")
            .unwrap_err();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::NotFound, Some("42P01"))
        );
    }
}

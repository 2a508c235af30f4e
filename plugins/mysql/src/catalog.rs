//! The catalog: tables and columns of the current database, from the information schema.

use driver_api::{ColumnInfo, DriverError, ErrorClass, Result, TableInfo};
use mysql::{Row, from_row_opt};

use crate::server::Server;

const TABLES: &str = "SELECT table_name, table_type FROM information_schema.tables \
     WHERE table_schema = DATABASE() AND table_type <> 'SEQUENCE' ORDER BY BINARY table_name";

const COLUMNS: &str = "SELECT c.column_name, c.column_type, c.is_nullable, \
     CAST(c.column_default AS CHAR), c.data_type, c.extra, k.ordinal_position \
     FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k \
       ON k.table_schema = c.table_schema AND k.table_name = c.table_name \
      AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY' \
     WHERE c.table_schema = DATABASE() AND c.table_name = ? ORDER BY c.ordinal_position";

/// A name as SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The tables and views, ordered by name.
pub(crate) fn tables(server: &mut Server) -> Result<Vec<TableInfo>> {
    let rows = server.rows(TABLES, ())?;
    rows.into_iter()
        .map(|row| {
            let (name, kind): (String, String) = read(row)?;
            let kind = if kind.ends_with("VIEW") {
                "view"
            } else {
                "table"
            };
            Ok(TableInfo {
                name,
                kind: kind.into(),
            })
        })
        .collect()
}

/// The columns of a table in their order.
pub(crate) fn columns(server: &mut Server, table: &str) -> Result<Vec<ColumnInfo>> {
    let mariadb = server.facts.mariadb;
    let rows = server.rows(COLUMNS, (table,))?;
    if rows.is_empty() {
        return Err(
            DriverError::new(ErrorClass::NotFound, format!("no such table: {table}"))
                .with_sqlstate("42S02"),
        );
    }
    rows.into_iter().map(|row| column(row, mariadb)).collect()
}

fn column(row: Row, mariadb: bool) -> Result<ColumnInfo> {
    type Fields = (
        String,
        String,
        String,
        Option<String>,
        String,
        String,
        Option<u32>,
    );
    let (name, declared_type, nullable, default, data_type, extra, primary_key): Fields =
        read(row)?;
    Ok(ColumnInfo {
        name,
        declared_type,
        not_null: nullable == "NO",
        default: default.and_then(|text| default_sql(text, mariadb, &data_type, &extra)),
        primary_key,
    })
}

/// MariaDB tells the default as SQL, MySQL tells the value unless it is an expression.
fn default_sql(text: String, mariadb: bool, data_type: &str, extra: &str) -> Option<String> {
    if mariadb {
        return (text != "NULL").then_some(text);
    }
    let number = matches!(
        data_type,
        "tinyint"
            | "smallint"
            | "mediumint"
            | "int"
            | "bigint"
            | "decimal"
            | "float"
            | "double"
            | "bit"
            | "year"
    );
    if number || extra.contains("DEFAULT_GENERATED") || text.starts_with("CURRENT_TIMESTAMP") {
        return Some(text);
    }
    Some(format!("'{}'", text.replace('\'', "''")))
}

fn read<T: mysql::prelude::FromRow>(row: Row) -> Result<T> {
    from_row_opt(row).map_err(|_| {
        DriverError::new(
            ErrorClass::Protocol,
            "the catalog has another form than expected",
        )
    })
}

#[cfg(test)]
mod tests {
    use driver_api::Connection as _;
    use test_needs::needs;

    use super::*;
    use crate::testing::TestDatabase;

    #[needs(mariadb)]
    #[test]
    fn tables_and_views_are_listed_by_name() {
        let mut database = TestDatabase::new();
        database.run(&[
            "CREATE TABLE b(a INT)",
            "CREATE VIEW c AS SELECT 1",
            "CREATE TABLE `a``\"; x`(a INT)",
        ]);
        let tables: Vec<_> = database
            .connection
            .tables()
            .unwrap()
            .into_iter()
            .map(|t| (t.name, t.kind))
            .collect();
        let expected = [("a`\"; x", "table"), ("b", "table"), ("c", "view")];
        assert_eq!(
            tables,
            expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        );
    }

    #[needs(mariadb)]
    #[test]
    fn columns_have_type_default_and_place_in_the_key() {
        let mut database = TestDatabase::new();
        database.run(&[
            "CREATE TABLE `odd name`(a INT, b VARCHAR(80) NOT NULL DEFAULT 'it''s', \
            c TEXT AS (concat(a, b)), `d ``\"` BOOLEAN DEFAULT 1, PRIMARY KEY (b, a))",
        ]);
        let columns = database.connection.columns("odd name").unwrap();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d `\""]);
        assert_eq!(
            (columns[1].declared_type.as_str(), columns[1].not_null),
            ("varchar(80)", true)
        );
        assert_eq!(columns[1].default.as_deref(), Some("'it''s'"));
        let keys: Vec<_> = columns.iter().map(|column| column.primary_key).collect();
        assert_eq!(keys, [Some(2), Some(1), None, None]);
        assert_eq!(
            (columns[2].default.as_deref(), columns[3].default.as_deref()),
            (None, Some("1"))
        );
        let error = database.connection.columns("nowhere").unwrap_err();
        assert_eq!(error.class(), ErrorClass::NotFound);
    }

    #[test]
    fn defaults_of_mysql_become_sql() {
        let sql = |text: &str, kind, extra| default_sql(text.into(), false, kind, extra).unwrap();
        assert_eq!(sql("it's", "varchar", ""), "'it''s'");
        assert_eq!(sql("5", "int", ""), "5");
        assert_eq!(sql("uuid()", "char", "DEFAULT_GENERATED"), "uuid()");
        assert_eq!(default_sql("NULL".into(), true, "int", ""), None);
    }
}

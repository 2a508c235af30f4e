//! The catalog: tables and columns of the current schema.

use driver_api::{ColumnInfo, DriverError, ErrorClass, Result, TableInfo};
use tokio_postgres::{Client, Error, Row};

use crate::error::IntoDriverResult;
use crate::pump::Pump;

/// Partitions belong to their table, and are left out.
const TABLES: &str = "SELECT c.relname::text, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' \
     WHEN c.relkind = 'f' THEN 'virtual' ELSE 'table' END \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = pg_catalog.current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
     AND NOT c.relispartition ORDER BY c.relname::text COLLATE \"C\"";

const TABLE: &str = "SELECT c.oid \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = pg_catalog.current_schema() AND c.relname::text = $1::text \
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// What a generated column is computed from is not a default.
const COLUMNS: &str = "SELECT a.attname::text, \
     pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, \
     CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, \
     pg_catalog.array_position(i.indkey::pg_catalog.int2[], a.attnum) \
       - pg_catalog.array_lower(i.indkey::pg_catalog.int2[], 1) + 1 \
     FROM pg_catalog.pg_attribute a \
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// The tables and views, ordered by name.
pub(crate) fn tables(client: &Client, pump: &mut Pump) -> Result<Vec<TableInfo>> {
    let rows = pump.run(TABLES, client.query(TABLES, &[]))?;
    let table = |row: &Row| -> std::result::Result<TableInfo, Error> {
        Ok(TableInfo {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
        })
    };
    rows.iter()
        .map(table)
        .collect::<std::result::Result<_, _>>()
        .driver_result(TABLES)
}

/// The columns of a table in their order.
pub(crate) fn columns(client: &Client, pump: &mut Pump, table: &str) -> Result<Vec<ColumnInfo>> {
    let missing = || {
        DriverError::new(ErrorClass::NotFound, format!("no such table: {table}"))
            .with_sqlstate("42P01")
    };
    // A name with a NUL cannot even be asked for.
    if table.contains('\0') {
        return Err(missing());
    }
    let found = pump.run(TABLE, client.query_opt(TABLE, &[&table]))?;
    let oid: u32 = found.ok_or_else(missing)?.try_get(0).driver_result(TABLE)?;
    let rows = pump.run(COLUMNS, client.query(COLUMNS, &[&oid]))?;
    rows.iter()
        .map(column)
        .collect::<std::result::Result<_, _>>()
        .driver_result(COLUMNS)
}

fn column(row: &Row) -> std::result::Result<ColumnInfo, Error> {
    let place: Option<i32> = row.try_get(4)?;
    Ok(ColumnInfo {
        name: row.try_get(0)?,
        declared_type: row.try_get(1)?,
        not_null: row.try_get(2)?,
        default: row.try_get(3)?,
        primary_key: place.and_then(|place| u32::try_from(place).ok()),
    })
}

#[cfg(test)]
mod tests {
    use driver_api::Connection as _;
    use test_needs::needs;

    use super::*;
    use crate::testing::TestDatabase;

    #[needs(postgresql)]
    #[test]
    fn tables_and_views_are_listed_by_name() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE b(id int)");
        database.run("CREATE VIEW \"a \"\"; DROP TABLE b; --\" AS SELECT 1 AS one");
        database.run("CREATE TABLE p(id int) PARTITION BY RANGE (id)");
        database.run("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2)");
        let tables = database.connection.tables().unwrap();
        let found: Vec<_> = tables
            .iter()
            .map(|t| (t.name.as_str(), t.kind.as_str()))
            .collect();
        let hostile = "a \"; DROP TABLE b; --";
        assert_eq!(found, [(hostile, "view"), ("b", "table"), ("p", "table")]);
        assert_eq!(database.connection.columns(hostile).unwrap()[0].name, "one");
    }

    #[needs(postgresql)]
    #[test]
    fn columns_have_type_default_and_place_in_the_key() {
        let mut database = TestDatabase::new();
        database.run(
            "CREATE TABLE \"odd ' name\"(a text, gone int, b varchar(80) NOT NULL DEFAULT 'x', \
             c text GENERATED ALWAYS AS (a || 'c') STORED, PRIMARY KEY (b, a))",
        );
        database.run("ALTER TABLE \"odd ' name\" DROP COLUMN gone");
        let columns = database.connection.columns("odd ' name").unwrap();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(
            columns[1],
            ColumnInfo {
                name: "b".into(),
                declared_type: "character varying(80)".into(),
                not_null: true,
                default: Some("'x'::character varying".into()),
                primary_key: Some(1),
            }
        );
        assert_eq!(
            (columns[0].primary_key, columns[2].primary_key),
            (Some(2), None)
        );
        assert_eq!(columns[2].default, None);
    }

    #[needs(postgresql)]
    #[test]
    fn an_unknown_table_is_not_found() {
        let mut database = TestDatabase::new();
        for name in ["nowhere", "pg_class", "a\0b", "'"] {
            let error = database.connection.columns(name).unwrap_err();
            let found = (error.class(), error.sqlstate());
            assert_eq!(found, (ErrorClass::NotFound, Some("42P01")), "{name}");
        }
    }
}

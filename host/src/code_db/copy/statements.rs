//! The statements of a copy, made from the declared schema: names are quoted as the dialect quotes them.

use driver_api::Dialect;

use super::super::schema::model::{Column, Table};

/// A name that may be a word of the dialect.
pub(in crate::code_db) fn quoted(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The first rows in the order of the key; null for columns that are `absent`. Parameter: how many.
pub(in crate::code_db) fn first_page(
    table: &Table,
    columns: &[&'static Column],
    absent: &[&str],
    dialect: Dialect,
) -> String {
    let key = quoted(dialect, table.columns[0].name);
    format!(
        "{} ORDER BY {key} LIMIT ?",
        select(table, columns, absent, dialect)
    )
}

/// The rows behind a key, as [`first_page`] reads them. Parameters: the key, how many.
pub(in crate::code_db) fn next_page(
    table: &Table,
    columns: &[&'static Column],
    absent: &[&str],
    dialect: Dialect,
) -> String {
    let key = quoted(dialect, table.columns[0].name);
    format!(
        "{} WHERE {key} > ? ORDER BY {key} LIMIT ?",
        select(table, columns, absent, dialect)
    )
}

/// A row with a value for each of these columns.
pub(in crate::code_db) fn insert(
    table: &Table,
    columns: &[&'static Column],
    dialect: Dialect,
) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!(
        "INSERT INTO {} ({}) VALUES ({places})",
        quoted(dialect, table.name),
        names(columns, dialect)
    )
}

/// All rows go.
pub(in crate::code_db) fn delete(table: &Table, dialect: Dialect) -> String {
    format!("DELETE FROM {}", quoted(dialect, table.name))
}

/// How many rows a table has.
pub(in crate::code_db) fn count(table: &str, dialect: Dialect) -> String {
    format!("SELECT count(*) FROM {}", quoted(dialect, table))
}

/// How many rows of a table have a value in a column.
pub(in crate::code_db) fn count_values(table: &str, column: &str, dialect: Dialect) -> String {
    format!(
        "SELECT count({}) FROM {}",
        quoted(dialect, column),
        quoted(dialect, table)
    )
}

/// The key of a row whose owner does not exist.
pub(in crate::code_db) fn orphan(
    table: &Table,
    column: &str,
    owner: &str,
    dialect: Dialect,
) -> String {
    let q = |name| quoted(dialect, name);
    format!(
        "SELECT {} FROM {} t WHERE {} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {} o WHERE o.{} = t.{}) LIMIT 1",
        q(table.columns[0].name),
        q(table.name),
        q(column),
        q(owner),
        q("id"),
        q(column)
    )
}

fn select(table: &Table, columns: &[&'static Column], absent: &[&str], dialect: Dialect) -> String {
    let read = |column: &&Column| match absent.contains(&column.name) {
        true => "NULL".to_owned(),
        false => quoted(dialect, column.name),
    };
    let read: Vec<String> = columns.iter().map(read).collect();
    format!(
        "SELECT {} FROM {}",
        read.join(", "),
        quoted(dialect, table.name)
    )
}

fn names(columns: &[&'static Column], dialect: Dialect) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| quoted(dialect, column.name))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::super::schema::table;
    use super::*;

    #[test]
    fn statements_name_every_column_in_the_declared_order_and_read_null_for_absent_ones() {
        let (datasets, states) = (table("datasets").unwrap(), table("file_states").unwrap());
        let all = |table: &'static Table| table.columns.iter().collect::<Vec<_>>();
        assert_eq!(
            insert(datasets, &all(datasets), Dialect::Mysql),
            "INSERT INTO `datasets` (`id`, `project_id`, `root_path`, `name`, `created_at`, `updated_at`) \
             VALUES (?, ?, ?, ?, ?, ?)"
        );
        assert_eq!(
            next_page(states, &all(states), &["parse_errors"], Dialect::Postgres),
            "SELECT \"file_id\", \"size\", \"mtime_ns\", \"content_hash\", \"language\", NULL, \"analysis\", \"unlinked\" \
             FROM \"file_states\" WHERE \"file_id\" > ? ORDER BY \"file_id\" LIMIT ?"
        );
        assert_eq!(quoted(Dialect::Sqlite, "a\"b"), "\"a\"\"b\"");
    }
}

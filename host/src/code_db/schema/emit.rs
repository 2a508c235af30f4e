//! The declared schema as the statements of a dialect; identifiers come from the declaration alone.

use driver_api::Dialect;
use sea_query::{
    ColumnDef, ConditionalStatement, Expr, ExprTrait, ForeignKey, ForeignKeyAction,
    Index as SeaIndex, IndexCreateStatement, MysqlQueryBuilder, PostgresQueryBuilder,
    SqliteQueryBuilder, Table as SeaTable, TableCreateStatement,
};

use super::model::{Column, ColumnKind, DefaultValue, FullText, Index, IndexedRows, Table};

/// The statement that creates a table, with its keys and constraints.
pub fn create_table(table: &Table, dialect: Dialect) -> String {
    let mut statement = SeaTable::create();
    statement.table(table.name);
    for column in table.columns {
        statement.col(column_definition(column, dialect));
    }
    for columns in table.unique {
        statement.index(unique(columns).unique());
    }
    for owner in table.owners {
        statement.foreign_key(
            ForeignKey::create()
                .from(table.name, owner.column)
                .to(owner.table, "id")
                .on_delete(ForeignKeyAction::Cascade),
        );
    }
    print_table(&statement, dialect)
}

/// The statement that creates an index of `table`.
pub fn create_index(table: &Table, index: &Index, dialect: Dialect) -> String {
    let mut statement = SeaIndex::create();
    statement.name(index.name).table(table.name);
    for column in index.columns {
        statement.col(*column);
    }
    // MySQL has no partial indexes; there the index covers every row.
    if dialect != Dialect::Mysql
        && let Some(condition) = condition(index.rows, dialect)
    {
        statement.cond_where(condition);
    }
    print_index(&statement, dialect)
}

/// The statement that creates the full-text index; none where this dialect has no full-text search yet.
pub fn create_full_text(index: &FullText, dialect: Dialect) -> Option<String> {
    // External content: the index keeps positions only, and reads text from the table when it shows some.
    (dialect == Dialect::Sqlite).then(|| {
        format!(
            "CREATE VIRTUAL TABLE \"{}\" USING fts5({}, content='{}', content_rowid='{}')",
            index.name,
            index.columns.join(", "),
            index.over,
            index.row_id
        )
    })
}

fn column_definition(column: &Column, dialect: Dialect) -> ColumnDef {
    let mut definition = ColumnDef::new(column.name);
    set_type(&mut definition, column.kind, dialect);
    if column.is_primary_key() {
        definition.primary_key();
    }
    if column.kind == ColumnKind::AutoId {
        definition.auto_increment();
    }
    if column.not_null {
        definition.not_null();
    }
    match column.default {
        DefaultValue::Nothing => {}
        DefaultValue::Zero => {
            definition.default(0);
        }
        DefaultValue::False if dialect == Dialect::Sqlite => {
            // What the older program wrote; SQLite stores truth values as numbers.
            definition.default(0);
        }
        DefaultValue::False => {
            definition.default(false);
        }
        DefaultValue::Now => {
            definition.default(Expr::cust(now(dialect)));
        }
    }
    definition
}

fn set_type(definition: &mut ColumnDef, kind: ColumnKind, dialect: Dialect) {
    if dialect == Dialect::Sqlite {
        // Spelt as in the older program's databases: a type's name is part of what is compared.
        definition.custom(sqlite_type(kind));
        return;
    }
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => definition.big_integer(),
        ColumnKind::TextId | ColumnKind::Text => definition.text(),
        ColumnKind::Real => definition.double(),
        ColumnKind::Boolean => definition.boolean(),
    };
}

fn sqlite_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => "INTEGER",
        ColumnKind::TextId | ColumnKind::Text => "TEXT",
        ColumnKind::Real => "REAL",
        ColumnKind::Boolean => "BOOLEAN",
    }
}

/// The present as a Julian day. 2440587.5 is the Julian day of 1970-01-01 00:00 UTC.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "julianday('now')",
        Dialect::Mysql => "unix_timestamp(now(6)) / 86400.0 + 2440587.5",
        _ => "extract(epoch from now()) / 86400.0 + 2440587.5",
    }
}

fn unique(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = SeaIndex::create();
    for column in columns {
        index.col(*column);
    }
    index
}

fn condition(rows: IndexedRows, dialect: Dialect) -> Option<Expr> {
    Some(match rows {
        IndexedRows::All => return None,
        IndexedRows::WhereTrue(column) if dialect == Dialect::Sqlite => Expr::col(column).eq(1),
        IndexedRows::WhereTrue(column) => Expr::col(column).eq(true),
        IndexedRows::WhereNull(column) => Expr::col(column).is_null(),
        IndexedRows::WhereNotNull(column) => Expr::col(column).is_not_null(),
    })
}

fn print_table(statement: &TableCreateStatement, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => statement.to_string(SqliteQueryBuilder),
        Dialect::Mysql => statement.to_string(MysqlQueryBuilder),
        // A driver of its own dialect gets what is closest to the standard.
        _ => statement.to_string(PostgresQueryBuilder),
    }
}

fn print_index(statement: &IndexCreateStatement, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => statement.to_string(SqliteQueryBuilder),
        Dialect::Mysql => statement.to_string(MysqlQueryBuilder),
        _ => statement.to_string(PostgresQueryBuilder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_db::schema::{FULL_TEXT, table, tables};

    fn index(name: &str, dialect: Dialect) -> String {
        let (table, index) = tables()
            .find_map(|table| {
                Some((
                    table,
                    table.indexes.iter().find(|index| index.name == name)?,
                ))
            })
            .unwrap();
        create_index(table, index, dialect)
    }

    #[test]
    fn a_table_is_what_the_older_program_created() {
        assert_eq!(
            create_table(table("functions").unwrap(), Dialect::Sqlite),
            "CREATE TABLE \"functions\" ( \"id\" INTEGER PRIMARY KEY AUTOINCREMENT, \
             \"file_id\" INTEGER NOT NULL, \"name\" TEXT NOT NULL, \"line\" INTEGER NOT NULL, \
             \"args\" TEXT, \"docstring\" TEXT, \"created_at\" REAL DEFAULT (julianday('now')), \
             \"complexity\" INTEGER, UNIQUE (\"file_id\", \"name\", \"line\"), \
             FOREIGN KEY (\"file_id\") REFERENCES \"files\" (\"id\") ON DELETE CASCADE )"
        );
    }

    #[test]
    fn other_dialects_get_their_own_types_and_defaults() {
        let methods = table("methods").unwrap();
        let postgres = create_table(methods, Dialect::Postgres);
        for part in [
            "\"is_abstract\" bool DEFAULT FALSE",
            "\"line\" bigint NOT NULL",
            "\"created_at\" double precision DEFAULT (extract(epoch from now()) / 86400.0 + 2440587.5)",
        ] {
            assert!(postgres.contains(part), "{part}: {postgres}");
        }
        let mysql = create_table(methods, Dialect::Mysql);
        assert!(
            mysql.contains("`id` bigint PRIMARY KEY AUTO_INCREMENT"),
            "{mysql}"
        );
    }

    #[test]
    fn partial_indexes_are_partial_where_the_engine_can() {
        assert_eq!(
            index("idx_files_deleted", Dialect::Sqlite),
            "CREATE INDEX \"idx_files_deleted\" ON \"files\" (\"deleted\") WHERE \"deleted\" = 1"
        );
        assert_eq!(
            index("idx_files_deleted", Dialect::Postgres),
            "CREATE INDEX \"idx_files_deleted\" ON \"files\" (\"deleted\") WHERE \"deleted\" = TRUE"
        );
        assert_eq!(
            index("idx_files_deleted", Dialect::Mysql),
            "CREATE INDEX `idx_files_deleted` ON `files` (`deleted`)"
        );
        assert_eq!(
            index("idx_code_chunks_not_vectorized", Dialect::Sqlite),
            "CREATE INDEX \"idx_code_chunks_not_vectorized\" ON \"code_chunks\" \
             (\"project_id\", \"id\") WHERE \"vector_id\" IS NULL"
        );
    }

    #[test]
    fn the_full_text_index_reads_its_text_from_the_table() {
        assert_eq!(
            create_full_text(&FULL_TEXT, Dialect::Sqlite).unwrap(),
            "CREATE VIRTUAL TABLE \"code_content_fts\" USING fts5(entity_type, entity_name, content, \
             docstring, content='code_content', content_rowid='rowid')"
        );
        assert_eq!(create_full_text(&FULL_TEXT, Dialect::Postgres), None);
    }

    #[test]
    fn tables_come_after_those_that_they_refer_to() {
        let mut created = Vec::new();
        for table in tables() {
            created.push(table.name);
            for owner in table.owners {
                assert!(
                    created.contains(&owner.table),
                    "{} before {}",
                    table.name,
                    owner.table
                );
            }
        }
    }
}

//! The declared schema as the statements of a dialect; identifiers come from the declaration alone.

use driver_api::Dialect;
use sea_query::{
    ColumnDef, ConditionalStatement, Expr, ExprTrait, ForeignKey, ForeignKeyAction,
    IndexCreateStatement, MysqlQueryBuilder, PostgresQueryBuilder, SqliteQueryBuilder,
    Table as SeaTable, TableAlterStatement, TableCreateStatement,
};

use super::keys;
use super::model::{Column, ColumnKind, DefaultValue, FullText, Index, IndexedRows, Owner, Table};

/// The statements that create a table, with its keys and constraints.
pub fn create_table(table: &Table, dialect: Dialect) -> Vec<String> {
    let (statement, separate) = table_statement(table, dialect, &str::to_owned);
    let mut statements = vec![print_table(&statement, dialect)];
    statements.extend(separate);
    statements
}

/// The statement that creates a table under another name, which its keys use for other tables, too; with these
/// columns behind the declared ones.
pub(super) fn create_table_as(
    table: &Table,
    dialect: Dialect,
    name: &dyn Fn(&str) -> String,
    more: Vec<ColumnDef>,
) -> String {
    let (mut statement, _) = table_statement(table, dialect, name);
    for column in more {
        statement.col(column);
    }
    print_table(&statement, dialect)
}

fn table_statement(
    table: &Table,
    dialect: Dialect,
    name: &dyn Fn(&str) -> String,
) -> (TableCreateStatement, Vec<String>) {
    let mut statement = SeaTable::create();
    statement.table(name(table.name));
    for column in table.columns {
        statement.col(column_definition(column, dialect));
    }
    if dialect == Dialect::Mysql {
        for column in keys::digest_columns(table) {
            statement.col(column);
        }
        statement.extra(MYSQL_TABLE);
    }
    let mut separate = Vec::new();
    for (number, columns) in (1..).zip(table.unique) {
        if keys::is_separate(table, columns, dialect) {
            separate.push(create_unique(table, number, dialect));
        } else {
            statement.index(&mut keys::unique(table, columns, dialect));
        }
    }
    if has_indexes_inline(dialect) {
        for index in table.indexes {
            statement.index(keys::index(table, index, dialect).name(index.name));
        }
    }
    for owner in table.owners {
        statement.foreign_key(
            ForeignKey::create()
                .from(name(table.name), owner.column)
                .to(name(owner.table), "id")
                .on_delete(ForeignKeyAction::Cascade),
        );
    }
    (statement, separate)
}

/// The statement that creates the unique key with this number, from 1, as an index of its own.
pub(super) fn create_unique(table: &Table, number: usize, dialect: Dialect) -> String {
    let columns = table.unique.get(number - 1).copied().unwrap_or_default();
    let mut key = keys::unique(table, columns, dialect);
    key.name(format!("{}_unique_{number}", table.name));
    print_index(key.table(table.name), dialect)
}

/// The statement that adds a column, without what would need a value in every row: its definition, and whether it
/// refuses null from the beginning.
pub(super) fn add_column(table: &Table, column: &Column, dialect: Dialect) -> String {
    let mut statement = SeaTable::alter();
    let nullable = Column {
        not_null: false,
        ..*column
    };
    statement
        .table(table.name)
        .add_column(column_definition(&nullable, dialect));
    print_alter(&statement, dialect)
}

/// The statement that adds a column of digests on MySQL.
pub(super) fn add_digest_column(table: &Table, digest: ColumnDef) -> String {
    let mut statement = SeaTable::alter();
    statement.table(table.name).add_column(digest);
    print_alter(&statement, Dialect::Mysql)
}

/// The statements that give a column of a server's table the declared type, default and refusal of null.
pub(super) fn change_column(table: &Table, column: &Column, dialect: Dialect) -> Vec<String> {
    if dialect == Dialect::Mysql {
        let mut statement = SeaTable::alter();
        statement
            .table(table.name)
            .modify_column(match column.is_primary_key() {
                true => key_definition(column, dialect),
                false => column_definition(column, dialect),
            });
        return vec![print_alter(&statement, dialect)];
    }
    let name = column.name;
    let alter = format!("ALTER TABLE \"{}\" ALTER COLUMN \"{name}\"", table.name);
    let (kind, cast) = postgres_type(column.kind);
    let mut statements = vec![
        // The old default need not fit the new type.
        format!("{alter} DROP DEFAULT"),
        format!(
            "{alter} TYPE {kind} USING {}",
            cast.replace('?', &format!("\"{name}\""))
        ),
    ];
    let default = match column.default {
        DefaultValue::Nothing => None,
        DefaultValue::Zero => Some("0".to_owned()),
        DefaultValue::False => Some("FALSE".to_owned()),
        DefaultValue::Now => Some(format!("({})", now(dialect))),
    };
    statements.extend(default.map(|default| format!("{alter} SET DEFAULT {default}")));
    if !column.is_primary_key() {
        let verb = if column.not_null { "SET" } else { "DROP" };
        statements.push(format!("{alter} {verb} NOT NULL"));
    }
    statements
}

/// A type of PostgreSQL, and the expression that makes it of another; `?` stands for the column.
fn postgres_type(kind: ColumnKind) -> (&'static str, &'static str) {
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => ("bigint", "?::bigint"),
        ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => {
            ("text COLLATE \"C\"", "?::text")
        }
        ColumnKind::Bytes => ("bytea", "?::bytea"),
        ColumnKind::Real => ("double precision", "?::double precision"),
        ColumnKind::Boolean => ("boolean", "?::text::boolean"),
    }
}

/// The statement that lets a column refer to its owner.
pub(super) fn add_owner(table: &Table, owner: &Owner, dialect: Dialect) -> String {
    let mut key = ForeignKey::create();
    key.from(table.name, owner.column)
        .to(owner.table, "id")
        .on_delete(ForeignKeyAction::Cascade);
    match dialect {
        Dialect::Mysql => key.to_string(MysqlQueryBuilder),
        _ => key.to_string(PostgresQueryBuilder),
    }
}

/// Whether a table is created together with its indexes: for MySQL each statement is a transaction of its own, and
/// there are many indexes.
pub fn has_indexes_inline(dialect: Dialect) -> bool {
    dialect == Dialect::Mysql
}

/// The statement that creates an index of `table`.
pub fn create_index(table: &Table, index: &Index, dialect: Dialect) -> String {
    let mut statement = keys::index(table, index, dialect);
    statement.name(index.name).table(table.name);
    // MySQL has no partial indexes; there the index covers every row.
    if dialect != Dialect::Mysql
        && let Some(condition) = condition(index.rows, dialect)
    {
        statement.cond_where(condition);
    }
    print_index(&statement, dialect)
}

/// The statements that create the full-text index; none where this dialect has no full-text search.
pub fn create_full_text(index: &FullText, dialect: Dialect) -> Vec<String> {
    let FullText { name, over, .. } = index;
    match dialect {
        // External content: the index keeps positions only, and reads text from the table when it shows some.
        Dialect::Sqlite => vec![format!(
            "CREATE VIRTUAL TABLE \"{name}\" USING fts5({}, content='{over}', content_rowid='{}')",
            index.columns.join(", "),
            index.row_id
        )],
        // Elsewhere the words of a row of text are a row beside it, which goes with it.
        Dialect::Postgres => vec![
            format!(
                "CREATE TABLE \"{name}\" (\"id\" bigint PRIMARY KEY REFERENCES \"{over}\" (\"id\") \
                 ON DELETE CASCADE, \"terms\" tsvector NOT NULL)"
            ),
            format!("CREATE INDEX \"{name}_terms\" ON \"{name}\" USING gin (\"terms\")"),
        ],
        Dialect::Mysql => vec![format!(
            "CREATE TABLE `{name}` (`id` bigint PRIMARY KEY, `terms` longtext NOT NULL, FULLTEXT (`terms`), \
             FOREIGN KEY (`id`) REFERENCES `{over}` (`id`) ON DELETE CASCADE) {MYSQL_TABLE}"
        )],
        _ => Vec::new(),
    }
}

/// What every table of MySQL is created with: a transactional engine, and text in Unicode. The collation, whose
/// name depends on the server, is added to the statement's end.
const MYSQL_TABLE: &str = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4";

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

/// The definition of a primary key that is one already.
fn key_definition(column: &Column, dialect: Dialect) -> ColumnDef {
    let mut definition = ColumnDef::new(column.name);
    set_type(&mut definition, column.kind, dialect);
    if column.kind == ColumnKind::AutoId {
        definition.auto_increment();
    }
    definition.not_null().take()
}

fn set_type(definition: &mut ColumnDef, kind: ColumnKind, dialect: Dialect) {
    if dialect == Dialect::Sqlite {
        // Spelt as in the older program's databases: a type's name is part of what is compared.
        definition.custom(sqlite_type(kind));
        return;
    }
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => definition.big_integer(),
        // A server may order and compare text by the rules of a language; here, bytes decide.
        ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text
            if dialect == Dialect::Postgres =>
        {
            definition.custom("text COLLATE \"C\"")
        }
        ColumnKind::WordId | ColumnKind::Word if dialect == Dialect::Mysql => {
            definition.string_len(keys::MYSQL_WORD_CHARACTERS)
        }
        ColumnKind::Text if dialect == Dialect::Mysql => definition.custom("longtext"),
        ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => definition.text(),
        ColumnKind::Bytes if dialect == Dialect::Mysql => definition.custom("longblob"),
        ColumnKind::Bytes => definition.blob(),
        ColumnKind::Real => definition.double(),
        ColumnKind::Boolean => definition.boolean(),
    };
}

fn sqlite_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => "INTEGER",
        ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => "TEXT",
        ColumnKind::Bytes => "BLOB",
        ColumnKind::Real => "REAL",
        ColumnKind::Boolean => "BOOLEAN",
    }
}

/// The present as a Julian day. 2440587.5 is the Julian day of 1970-01-01 00:00 UTC.
pub(in crate::code_db) fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "julianday('now')",
        Dialect::Mysql => "unix_timestamp(now(6)) / 86400.0 + 2440587.5",
        _ => "extract(epoch from now()) / 86400.0 + 2440587.5",
    }
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

fn print_alter(statement: &TableAlterStatement, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => statement.to_string(SqliteQueryBuilder),
        Dialect::Mysql => statement.to_string(MysqlQueryBuilder),
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
    fn a_table_is_what_the_older_program_created_and_our_columns_behind() {
        assert_eq!(
            create_table(table("functions").unwrap(), Dialect::Sqlite),
            [
                "CREATE TABLE \"functions\" ( \"id\" INTEGER PRIMARY KEY AUTOINCREMENT, \
             \"file_id\" INTEGER NOT NULL, \"name\" TEXT NOT NULL, \"line\" INTEGER NOT NULL, \
             \"args\" TEXT, \"docstring\" TEXT, \"created_at\" REAL DEFAULT (julianday('now')), \
             \"complexity\" INTEGER, \"end_line\" INTEGER, UNIQUE (\"file_id\", \"name\", \"line\"), \
             FOREIGN KEY (\"file_id\") REFERENCES \"files\" (\"id\") ON DELETE CASCADE )"
            ]
        );
    }

    #[test]
    fn other_dialects_get_their_own_types_and_defaults() {
        let methods = table("methods").unwrap();
        let postgres = create_table(methods, Dialect::Postgres).remove(0);
        for part in [
            "\"is_abstract\" bool DEFAULT FALSE",
            "\"line\" bigint NOT NULL",
            "\"created_at\" double precision DEFAULT (extract(epoch from now()) / 86400.0 + 2440587.5)",
        ] {
            assert!(postgres.contains(part), "{part}: {postgres}");
        }
        let mysql = create_table(methods, Dialect::Mysql).remove(0);
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
            create_full_text(&FULL_TEXT, Dialect::Sqlite),
            [
                "CREATE VIRTUAL TABLE \"code_content_fts\" USING fts5(entity_type, entity_name, content, \
             docstring, name_parts, text_parts, content='code_content', content_rowid='rowid')"
            ]
        );
        assert!(create_full_text(&FULL_TEXT, Dialect::Generic).is_empty());
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

//! Keys over text of any length: exact and fast on every engine, although two of them limit how long a key may be.
//!
//! A path may have 4,096 bytes and a name any length. An InnoDB key holds 3,072 bytes, a B-tree entry of
//! PostgreSQL about 2,700. So
//! - *uniqueness* holds over a digest of the text: on MySQL a generated column that no `SELECT *` shows, on
//!   PostgreSQL an expression. Texts that differ have digests that differ, so the engine's own unique key stays
//!   exact, whoever writes at the same time.
//! - *look-ups* go through the beginning of the text on MySQL, which compares the whole of what it finds, and
//!   through SP-GiST on PostgreSQL, a tree over text of any length that finds ranges as well.

use driver_api::Dialect;
use sea_query::{ColumnDef, Expr, Index as SeaIndex, IndexCreateStatement, IndexType};

use super::model::{ColumnKind, Index, Table};

/// Characters that the text columns of one MySQL index share: of four bytes each, they and two numbers fit into
/// the 3,072 bytes of a key.
const MYSQL_KEY_CHARACTERS: usize = 760;

/// Characters of a word on MySQL.
pub(super) const MYSQL_WORD_CHARACTERS: u32 = 255;

/// The columns that hold digests on MySQL, for the text columns in unique keys.
pub(super) fn digest_columns(table: &Table) -> Vec<ColumnDef> {
    let mut names: Vec<&str> = table
        .unique
        .iter()
        .flat_map(|key| key.iter())
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    let long = names.into_iter().filter(|name| is_long(table, name));
    long.map(digest_column).collect()
}

fn digest_column(name: &str) -> ColumnDef {
    let digest = Expr::cust(format!("unhex(sha2(`{name}`, 256))"));
    ColumnDef::new(digest_name(name))
        .binary_len(32)
        .generated(digest, true)
        .extra("INVISIBLE")
        .take()
}

fn digest_name(column: &str) -> String {
    format!("{column}_digest")
}

/// The unique key over `columns`.
pub(super) fn unique(
    table: &Table,
    columns: &[&'static str],
    dialect: Dialect,
) -> IndexCreateStatement {
    let mut key = SeaIndex::create();
    for column in columns {
        match dialect {
            Dialect::Mysql if is_long(table, column) => key.col(digest_name(column)),
            // Two of them, because one alone can be made to collide: by whoever names files in a tree, to
            // have it refused.
            Dialect::Postgres if is_long(table, column) => key
                .col(Expr::cust(format!("(md5(\"{column}\")::uuid)")))
                .col(Expr::cust(format!("(md5(reverse(\"{column}\"))::uuid)"))),
            _ => key.col(*column),
        };
    }
    key.unique().take()
}

/// Whether a unique key is an index of its own: a constraint of PostgreSQL takes columns only.
pub(super) fn is_separate(table: &Table, columns: &[&str], dialect: Dialect) -> bool {
    dialect == Dialect::Postgres && columns.iter().any(|column| is_long(table, column))
}

/// The index without its name and condition.
pub(super) fn index(table: &Table, index: &Index, dialect: Dialect) -> IndexCreateStatement {
    let mut statement = SeaIndex::create();
    let long: Vec<&'static str> = of_any_length(table, index.columns);
    match (dialect, long.first()) {
        // SP-GiST takes one column; the others of an index with text are kinds, which leave much to read.
        (Dialect::Postgres, Some(first)) => {
            statement
                .col(*first)
                .index_type(IndexType::Custom("spgist".into()));
        }
        (Dialect::Mysql, Some(_)) => {
            let words = index
                .columns
                .iter()
                .filter(|name| kind(table, name) == Some(ColumnKind::Word));
            let left = MYSQL_KEY_CHARACTERS - words.count() * MYSQL_WORD_CHARACTERS as usize;
            let prefix = u32::try_from(left / long.len()).unwrap_or(MYSQL_WORD_CHARACTERS);
            for column in index.columns {
                match long.contains(column) {
                    true => statement.col((*column, prefix)),
                    false => statement.col(*column),
                };
            }
        }
        _ => {
            for column in index.columns {
                statement.col(*column);
            }
        }
    }
    statement
}

fn of_any_length(table: &Table, columns: &[&'static str]) -> Vec<&'static str> {
    let long = columns.iter().filter(|name| is_long(table, name));
    long.copied().collect()
}

fn is_long(table: &Table, column: &str) -> bool {
    kind(table, column) == Some(ColumnKind::Text)
}

fn kind(table: &Table, column: &str) -> Option<ColumnKind> {
    let declared = table
        .columns
        .iter()
        .find(|declared| declared.name == column);
    declared.map(|declared| declared.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_db::schema::tables;

    /// Bytes of a column in a key of MySQL: four for each character.
    fn key_bytes(table: &Table, column: &str) -> usize {
        match kind(table, column).unwrap() {
            ColumnKind::Word | ColumnKind::WordId => 4 * MYSQL_WORD_CHARACTERS as usize + 2,
            ColumnKind::Text => 32,
            _ => 8,
        }
    }

    #[test]
    fn every_unique_key_fits_into_a_key_of_mysql() {
        for table in tables() {
            for columns in table.unique {
                let bytes: usize = columns.iter().map(|name| key_bytes(table, name)).sum();
                assert!(bytes <= 3072, "{} {columns:?}: {bytes}", table.name);
            }
        }
    }

    #[test]
    fn an_index_of_text_and_a_word_leaves_room_for_both() {
        let usages = tables().find(|table| table.name == "usages").unwrap();
        let by_target = usages
            .indexes
            .iter()
            .find(|index| index.name == "idx_usages_target");
        let mut statement = index(usages, by_target.unwrap(), Dialect::Mysql);
        let sql = statement
            .name("i")
            .table("usages")
            .to_string(sea_query::MysqlQueryBuilder);
        assert!(
            sql.ends_with("(`target_type`, `target_name` (505))"),
            "{sql}"
        );
    }
}

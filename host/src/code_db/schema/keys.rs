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
    digested(table).into_iter().map(digest_column).collect()
}

/// The text columns in unique keys, in the order of their names.
pub(super) fn digested(table: &Table) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = table
        .unique
        .iter()
        .flat_map(|key| key.iter())
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| is_long(table, name));
    names
}

/// The column that holds the digests of another.
pub(super) fn digest_column(name: &str) -> ColumnDef {
    let digest = Expr::cust(format!("unhex(sha2(`{name}`, 256))"));
    ColumnDef::new(digest_name(name))
        .binary_len(32)
        .generated(digest, true)
        .extra("INVISIBLE")
        .take()
}

/// The name of the column that holds the digests of another.
pub(super) fn digest_name(column: &str) -> String {
    format!("{column}_digest")
}

/// One part of a key as an engine's catalog tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A column.
    Column(String),
    /// The first characters of a column, on MySQL.
    Prefix(&'static str, u32),
    /// An expression, on PostgreSQL.
    Expression(String),
}

impl Part {
    /// As the live schema is told: any expression is the same there.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Column(name) => name.clone(),
            Self::Prefix(name, characters) => format!("{name}({characters})"),
            Self::Expression(_) => EXPRESSION.to_owned(),
        }
    }
}

/// What stands for an expression among the columns of a key.
pub(super) const EXPRESSION: &str = "<expression>";

/// The parts of the unique key over `columns`.
pub(super) fn unique_parts(table: &Table, columns: &[&'static str], dialect: Dialect) -> Vec<Part> {
    let mut parts = Vec::new();
    for column in columns {
        match dialect {
            Dialect::Mysql if is_long(table, column) => {
                parts.push(Part::Column(digest_name(column)));
            }
            // Two of them, because one alone can be made to collide: by whoever names files in a tree, to
            // have it refused.
            Dialect::Postgres if is_long(table, column) => parts.extend([
                Part::Expression(format!("(md5(\"{column}\")::uuid)")),
                Part::Expression(format!("(md5(reverse(\"{column}\"))::uuid)")),
            ]),
            _ => parts.push(Part::Column((*column).to_owned())),
        }
    }
    parts
}

/// The unique key over `columns`.
pub(super) fn unique(
    table: &Table,
    columns: &[&'static str],
    dialect: Dialect,
) -> IndexCreateStatement {
    of_parts(&unique_parts(table, columns, dialect))
        .unique()
        .take()
}

fn of_parts(parts: &[Part]) -> IndexCreateStatement {
    let mut key = SeaIndex::create();
    for part in parts {
        match part {
            Part::Column(name) => key.col(name.clone()),
            Part::Prefix(name, characters) => key.col((*name, *characters)),
            Part::Expression(sql) => key.col(Expr::cust(sql.clone())),
        };
    }
    key
}

/// Whether a unique key is an index of its own: a constraint of PostgreSQL takes columns only.
pub(super) fn is_separate(table: &Table, columns: &[&str], dialect: Dialect) -> bool {
    dialect == Dialect::Postgres && columns.iter().any(|column| is_long(table, column))
}

/// The index without its name and condition.
pub(super) fn index(table: &Table, index: &Index, dialect: Dialect) -> IndexCreateStatement {
    let mut statement = of_parts(&index_parts(table, index, dialect));
    if is_tree_of_text(table, index, dialect) {
        statement.index_type(IndexType::Custom("spgist".into()));
    }
    statement
}

/// Whether the index is an SP-GiST of PostgreSQL.
pub(super) fn is_tree_of_text(table: &Table, index: &Index, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres && !of_any_length(table, index.columns).is_empty()
}

/// The parts of the index.
pub(super) fn index_parts(table: &Table, index: &Index, dialect: Dialect) -> Vec<Part> {
    let long: Vec<&'static str> = of_any_length(table, index.columns);
    let column = |name: &&'static str| Part::Column((*name).to_owned());
    match (dialect, long.first()) {
        // SP-GiST takes one column; the others of an index with text are kinds, which leave much to read.
        (Dialect::Postgres, Some(first)) => vec![column(first)],
        (Dialect::Mysql, Some(_)) => {
            let words = index
                .columns
                .iter()
                .filter(|name| kind(table, name) == Some(ColumnKind::Word));
            let left = MYSQL_KEY_CHARACTERS - words.count() * MYSQL_WORD_CHARACTERS as usize;
            let prefix = u32::try_from(left / long.len()).unwrap_or(MYSQL_WORD_CHARACTERS);
            let part = |name: &&'static str| match long.contains(name) {
                true => Part::Prefix(name, prefix),
                false => column(name),
            };
            index.columns.iter().map(part).collect()
        }
        _ => index.columns.iter().map(column).collect(),
    }
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

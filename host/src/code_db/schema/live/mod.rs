//! The schema that a database has, in the same words on every engine: what is compared with the declared one.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use driver_api::{Dialect, Result, RowRef};

use super::model::{ColumnKind, DefaultValue};
use crate::driver::session::Session;

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveSchema {
    /// Tables by name; views and the parts of full-text indexes are left out.
    pub(super) tables: BTreeMap<String, LiveTable>,
    /// What SQLite drops with a table, or refuses to rename one for: it is created again with this SQL.
    pub(super) dependents: Vec<Dependent>,
    /// MySQL's collation by which text is compared byte by byte.
    pub(super) collation: Option<&'static str>,
    /// Whether PostgreSQL can compare vectors itself: the extension pgvector is installed, and new enough.
    pub(super) has_pgvector: bool,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveTable {
    pub(super) columns: Vec<LiveColumn>,
    pub(super) owners: Vec<LiveOwner>,
    pub(super) indexes: Vec<LiveIndex>,
    /// Whether it is virtual; its columns are not compared then.
    pub(super) is_virtual: bool,
    /// Whether ids are never given twice, on SQLite.
    pub(super) has_counter: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveColumn {
    pub(super) name: String,
    /// As the engine has it.
    pub(super) type_name: String,
    pub(super) not_null: bool,
    /// The default as SQL.
    pub(super) default: Option<String>,
    pub(super) is_key: bool,
    /// Whether text in it is compared byte by byte; true for what is no text.
    pub(super) is_binary: bool,
}

/// A reference to another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveOwner {
    /// The constraint's name, where it has one.
    pub(super) constraint: Option<String>,
    pub(super) column: String,
    pub(super) table: String,
    /// Whether the owner's deletion takes the row with it.
    pub(super) cascades: bool,
}

/// An index, that of a constraint included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveIndex {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) unique: bool,
    /// Whether it belongs to a constraint of the table and goes only with that.
    pub(super) of_constraint: bool,
    /// Whether it covers some rows only.
    pub(super) partial: bool,
    /// `btree`, `spgist`, ...; empty on SQLite, which has one kind.
    pub(super) method: String,
}

/// An index, a trigger or a view of SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependent {
    /// `index`, `trigger` or `view`.
    pub(super) kind: String,
    pub(super) name: String,
    /// The table that it belongs to; a view's own name.
    pub(super) table: String,
    pub(super) sql: String,
}

impl LiveSchema {
    /// Reads the catalog.
    pub(super) fn read(session: &mut Session, dialect: Dialect) -> Result<Self> {
        match dialect {
            Dialect::Sqlite => sqlite::read(session),
            Dialect::Mysql => mysql::read(session),
            _ => postgres::read(session),
        }
    }

    /// The table of this name.
    pub(super) fn table(&self, name: &str) -> Option<&LiveTable> {
        self.tables.get(name)
    }

    fn table_mut(&mut self, name: &str) -> &mut LiveTable {
        self.tables.entry(name.to_owned()).or_default()
    }

    /// Takes one column of an index, whose columns come one after the other.
    fn index_column(&mut self, table: &str, index: LiveIndex) {
        let indexes = &mut self.table_mut(table).indexes;
        match indexes.last_mut().filter(|last| last.name == index.name) {
            Some(last) => last.columns.extend(index.columns),
            None => indexes.push(index),
        }
    }
}

impl LiveTable {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&LiveColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl LiveColumn {
    /// Whether rows that give no value get the declared one.
    pub(super) fn has_default(&self, declared: DefaultValue) -> bool {
        let Some(sql) = &self.default else {
            return declared == DefaultValue::Nothing;
        };
        let sql = sql.to_ascii_lowercase();
        let bare = sql.trim_matches(['(', ')', '\'', ' ']);
        match declared {
            // A column that the engine numbers has a default of its own.
            DefaultValue::Nothing => bare == "null" || sql.contains("nextval("),
            DefaultValue::Zero | DefaultValue::False => {
                bare.starts_with('0') || bare.starts_with("false")
            }
            DefaultValue::Now => ["julianday", "epoch", "unix_timestamp"]
                .iter()
                .any(|now| sql.contains(now)),
        }
    }
}

/// Whether a column of this type keeps values as the declared kind says.
pub(super) fn fits(dialect: Dialect, kind: ColumnKind, type_name: &str) -> bool {
    match dialect {
        Dialect::Sqlite => sqlite::fits(kind, type_name),
        Dialect::Mysql => mysql::fits(kind, type_name),
        _ => postgres::fits(kind, type_name),
    }
}

/// Reads the columns that a catalog's query gives: table, name, type, whether null is refused, default, whether it is the
/// key, whether text is compared byte by byte.
fn read_columns(session: &mut Session, sql: &str, schema: &mut LiveSchema) -> Result<()> {
    let columns = session.query_all(sql, &[], |row| {
        let column = LiveColumn {
            name: text(row, 1)?,
            type_name: text(row, 2)?,
            not_null: truth(row, 3)?,
            default: row.opt(4, RowRef::text)?.map(str::to_owned),
            is_key: truth(row, 5)?,
            is_binary: truth(row, 6)?,
        };
        Ok((text(row, 0)?, column))
    })?;
    for (table, column) in columns {
        schema.table_mut(&table).columns.push(column);
    }
    Ok(())
}

/// Reads the references that a catalog's query gives: table, constraint, column, table referred to, whether deletions
/// cascade.
fn read_owners(session: &mut Session, sql: &str, schema: &mut LiveSchema) -> Result<()> {
    let owners = session.query_all(sql, &[], |row| {
        let owner = LiveOwner {
            constraint: Some(text(row, 1)?),
            column: text(row, 2)?,
            table: text(row, 3)?,
            cascades: truth(row, 4)?,
        };
        Ok((text(row, 0)?, owner))
    })?;
    for (table, owner) in owners {
        schema.table_mut(&table).owners.push(owner);
    }
    Ok(())
}

/// Reads the columns of indexes that a catalog's query gives, the table first; `index` reads the rest.
fn read_indexes(
    session: &mut Session,
    sql: &str,
    schema: &mut LiveSchema,
    index: fn(RowRef<'_>) -> Result<LiveIndex>,
) -> Result<()> {
    let columns = session.query_all(sql, &[], |row| Ok((text(row, 0)?, index(row)?)))?;
    for (table, index) in columns {
        schema.index_column(&table, index);
    }
    Ok(())
}

/// A text, or nothing for null.
fn text(row: RowRef<'_>, at: usize) -> Result<String> {
    Ok(row.opt(at, RowRef::text)?.unwrap_or_default().to_owned())
}

/// A truth value, which engines give as a number or as one.
fn truth(row: RowRef<'_>, at: usize) -> Result<bool> {
    Ok(row.opt(at, RowRef::i64)?.is_some_and(|value| value != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_known_however_the_engine_spells_them() {
        let has = |default: Option<&str>, declared| {
            let column = LiveColumn {
                name: "c".into(),
                type_name: "x".into(),
                not_null: false,
                default: default.map(str::to_owned),
                is_key: false,
                is_binary: true,
            };
            column.has_default(declared)
        };
        for now in [
            "julianday('now')",
            "((EXTRACT(epoch FROM now()) / 86400.0) + 2440587.5)",
            "(unix_timestamp(current_timestamp(6)) / 86400.0 + 2440587.5)",
        ] {
            assert!(has(Some(now), DefaultValue::Now), "{now}");
            assert!(!has(Some(now), DefaultValue::Zero), "{now}");
        }
        for zero in ["0", "false", "'0'", "FALSE", "(0)"] {
            assert!(has(Some(zero), DefaultValue::False), "{zero}");
            assert!(!has(Some(zero), DefaultValue::Nothing), "{zero}");
        }
        assert!(has(None, DefaultValue::Nothing) && !has(None, DefaultValue::Now));
        assert!(has(Some("NULL"), DefaultValue::Nothing));
        assert!(has(
            Some("nextval('files_id_seq'::regclass)"),
            DefaultValue::Nothing
        ));
        assert!(!has(Some("'1'"), DefaultValue::Zero));
    }
}

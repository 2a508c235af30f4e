//! The catalog of SQLite: its table-valued pragmas, and the SQL that it keeps.

use driver_api::{Result, RowRef};

use super::super::model::ColumnKind;
use super::{Dependent, LiveColumn, LiveIndex, LiveOwner, LiveSchema, text, truth};
use crate::code_db::schema::FULL_TEXT;
use crate::driver::session::Session;

/// `hidden` 1 marks columns of virtual tables that are no columns of rows.
const COLUMNS: &str = "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, \
     m.sql LIKE 'CREATE VIRTUAL TABLE%', m.sql LIKE '%AUTOINCREMENT%' \
     FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c \
     WHERE m.type = 'table' AND c.hidden <> 1 ORDER BY m.name, c.cid";

const OWNERS: &str = "SELECT m.name, k.\"from\", k.\"table\", k.on_delete = 'CASCADE' \
     FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k \
     WHERE m.type = 'table' ORDER BY m.name, k.id DESC";

const INDEXES: &str = "SELECT m.name, i.name, x.name, i.\"unique\", i.origin = 'u', i.partial \
     FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) x \
     WHERE m.type = 'table' AND i.origin <> 'pk' AND x.key = 1 ORDER BY m.name, i.name, x.seqno";

const DEPENDENTS: &str = "SELECT type, name, tbl_name, sql FROM sqlite_master \
     WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL ORDER BY type, name";

pub(super) fn read(session: &mut Session) -> Result<LiveSchema> {
    let mut schema = LiveSchema::default();
    for (table, column, is_virtual, has_counter) in session.query_all(COLUMNS, &[], |row| {
        Ok((text(row, 0)?, column(row)?, truth(row, 6)?, truth(row, 7)?))
    })? {
        if is_internal(&table) {
            continue;
        }
        let table = schema.table_mut(&table);
        table.columns.push(column);
        table.is_virtual = is_virtual;
        table.has_counter = has_counter;
    }
    for (table, owner) in session.query_all(OWNERS, &[], |row| Ok((text(row, 0)?, owner(row)?)))? {
        schema.table_mut(&table).owners.push(owner);
    }
    for (table, index) in session.query_all(INDEXES, &[], |row| Ok((text(row, 0)?, index(row)?)))? {
        if !is_internal(&table) {
            schema.index_column(&table, index);
        }
    }
    schema.dependents = session.query_all(DEPENDENTS, &[], |row| {
        Ok(Dependent {
            kind: text(row, 0)?,
            name: text(row, 1)?,
            table: text(row, 2)?,
            sql: text(row, 3)?,
        })
    })?;
    Ok(schema)
}

/// The engine's own tables, and those in which the full-text index keeps itself.
fn is_internal(table: &str) -> bool {
    let part_of_index = table
        .strip_prefix(FULL_TEXT.name)
        .is_some_and(|rest| rest.starts_with('_'));
    table.starts_with("sqlite_") || part_of_index
}

fn column(row: RowRef<'_>) -> Result<LiveColumn> {
    Ok(LiveColumn {
        name: text(row, 1)?,
        type_name: text(row, 2)?,
        not_null: truth(row, 3)?,
        default: row.opt(4, RowRef::text)?.map(str::to_owned),
        is_key: truth(row, 5)?,
        is_binary: true,
    })
}

fn owner(row: RowRef<'_>) -> Result<LiveOwner> {
    Ok(LiveOwner {
        constraint: None,
        column: text(row, 1)?,
        table: text(row, 2)?,
        cascades: truth(row, 3)?,
    })
}

fn index(row: RowRef<'_>) -> Result<LiveIndex> {
    Ok(LiveIndex {
        name: text(row, 1)?,
        columns: vec![match row.opt(2, RowRef::text)? {
            Some(column) => column.to_owned(),
            None => super::super::keys::EXPRESSION.to_owned(),
        }],
        unique: truth(row, 3)?,
        of_constraint: truth(row, 4)?,
        partial: truth(row, 5)?,
        method: String::new(),
    })
}

/// Whether values of a column of this type are kept as those of the declared kind: what counts is the affinity,
/// not how the type is spelt. See <https://www.sqlite.org/datatype3.html>, section 3.1.
pub(super) fn fits(kind: ColumnKind, type_name: &str) -> bool {
    let expected = match kind {
        ColumnKind::AutoId | ColumnKind::GivenId => {
            return type_name.eq_ignore_ascii_case("INTEGER");
        }
        ColumnKind::Integer => "INTEGER",
        ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => "TEXT",
        ColumnKind::Bytes => "BLOB",
        ColumnKind::Real => "REAL",
        ColumnKind::Boolean => return matches!(affinity(type_name), "NUMERIC" | "INTEGER"),
    };
    affinity(type_name) == expected
}

fn affinity(type_name: &str) -> &'static str {
    let name = type_name.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&["INT"]) {
        "INTEGER"
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        "TEXT"
    } else if name.is_empty() || has(&["BLOB"]) {
        "BLOB"
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "REAL"
    } else {
        "NUMERIC"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_fits_by_its_affinity() {
        for (kind, fitting, other) in [
            (ColumnKind::Text, "VARCHAR(80)", "INTEGER"),
            (ColumnKind::WordId, "TEXT", "INTEGER"),
            (ColumnKind::Integer, "BIGINT", "TEXT"),
            (ColumnKind::Real, "DOUBLE", "NUMERIC"),
            (ColumnKind::Boolean, "BOOLEAN", "TEXT"),
            // Only this very type makes a key the row's own number.
            (ColumnKind::AutoId, "integer", "INT"),
        ] {
            assert!(fits(kind, fitting), "{fitting}");
            assert!(!fits(kind, other), "{other}");
        }
    }

    #[test]
    fn the_parts_of_the_full_text_index_are_no_tables() {
        assert!(is_internal("code_content_fts_data") && is_internal("sqlite_sequence"));
        assert!(!is_internal("code_content_fts") && !is_internal("code_content"));
    }
}

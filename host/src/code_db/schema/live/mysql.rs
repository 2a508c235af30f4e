//! The catalog of MySQL and MariaDB: the information schema of the current database.

use driver_api::{Result, RowRef};

use super::super::model::ColumnKind;
use super::{LiveIndex, LiveSchema, read_columns, read_indexes, read_owners, text, truth};
use crate::driver::session::Session;

const COLUMNS: &str = "SELECT c.table_name, c.column_name, c.column_type, \
     CASE WHEN c.is_nullable = 'NO' THEN 1 ELSE 0 END, CAST(c.column_default AS CHAR), \
     CASE WHEN c.column_key = 'PRI' THEN 1 ELSE 0 END, \
     CASE WHEN c.collation_name IS NULL OR c.collation_name LIKE '%\\_bin' THEN 1 ELSE 0 END \
     FROM information_schema.columns c JOIN information_schema.tables t \
       ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
     WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' \
     ORDER BY c.table_name, c.ordinal_position";

const OWNERS: &str = "SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, \
     CASE WHEN r.delete_rule = 'CASCADE' THEN 1 ELSE 0 END \
     FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
       ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name \
      AND r.table_name = k.table_name \
     WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL \
     ORDER BY k.table_name, k.constraint_name";

const INDEXES: &str = "SELECT table_name, index_name, column_name, sub_part, \
     CASE WHEN non_unique = 0 THEN 1 ELSE 0 END, index_type FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' \
     ORDER BY table_name, index_name, seq_in_index";

pub(super) fn read(session: &mut Session) -> Result<LiveSchema> {
    let mut schema = LiveSchema {
        collation: Some(collation(session)?),
        ..LiveSchema::default()
    };
    read_columns(session, COLUMNS, &mut schema)?;
    read_owners(session, OWNERS, &mut schema)?;
    read_indexes(session, INDEXES, &mut schema, index)?;
    Ok(schema)
}

/// The collation by which MySQL compares text byte by byte, trailing spaces included: MariaDB and MySQL call it
/// differently. An old server that has neither ignores trailing spaces.
fn collation(session: &mut Session) -> Result<&'static str> {
    let sql = "SELECT collation_name FROM information_schema.collations WHERE collation_name = ?";
    for name in ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"] {
        if session
            .query_first(sql, &[name.into()], |_| Ok(()))?
            .is_some()
        {
            return Ok(name);
        }
    }
    Ok("utf8mb4_bin")
}

fn index(row: RowRef<'_>) -> Result<LiveIndex> {
    let column = text(row, 2)?;
    Ok(LiveIndex {
        name: text(row, 1)?,
        columns: vec![match row.opt(3, RowRef::i64)? {
            Some(characters) => format!("{column}({characters})"),
            None => column,
        }],
        unique: truth(row, 4)?,
        of_constraint: false,
        partial: false,
        method: text(row, 5)?.to_ascii_lowercase(),
    })
}

pub(super) fn fits(kind: ColumnKind, type_name: &str) -> bool {
    // Older servers tell the width at which numbers are shown.
    let bare = type_name.split('(').next().unwrap_or_default();
    match kind {
        ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => bare == "bigint",
        ColumnKind::WordId | ColumnKind::Word => type_name == "varchar(255)",
        ColumnKind::Text => bare == "longtext",
        ColumnKind::Bytes => bare == "longblob",
        ColumnKind::Real => bare == "double",
        ColumnKind::Boolean => type_name == "tinyint(1)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_fits_with_and_without_its_width() {
        assert!(fits(ColumnKind::Integer, "bigint(20)") && fits(ColumnKind::Integer, "bigint"));
        assert!(!fits(ColumnKind::Integer, "int(11)"));
        assert!(fits(ColumnKind::Word, "varchar(255)") && !fits(ColumnKind::Word, "varchar(80)"));
        assert!(fits(ColumnKind::Boolean, "tinyint(1)"));
    }
}

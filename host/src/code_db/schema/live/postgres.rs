//! The catalog of PostgreSQL, and of what resembles it: the tables of the current schema.

use driver_api::{Result, RowRef};

use super::super::keys::EXPRESSION;
use super::super::model::ColumnKind;
use super::{LiveIndex, LiveSchema, read_columns, read_indexes, read_owners, text, truth};
use crate::driver::session::Session;

const COLUMNS: &str = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
     CASE WHEN a.attnotnull THEN 1 ELSE 0 END, pg_get_expr(d.adbin, d.adrelid), \
     CASE WHEN a.attnum = ANY(i.indkey) THEN 1 ELSE 0 END, \
     CASE WHEN a.attcollation = 0 OR o.collname = 'C' THEN 1 ELSE 0 END \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
     LEFT JOIN pg_collation o ON o.oid = a.attcollation \
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
     AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum";

const OWNERS: &str = "SELECT c.relname::text, k.conname::text, a.attname::text, r.relname::text, \
     CASE WHEN k.confdeltype = 'c' THEN 1 ELSE 0 END \
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] \
     WHERE k.contype = 'f' AND n.nspname = current_schema() AND array_length(k.conkey, 1) = 1 ORDER BY 1, 2";

const INDEXES: &str = "SELECT t.relname::text, i.relname::text, a.attname::text, \
     CASE WHEN x.indisunique THEN 1 ELSE 0 END, CASE WHEN k.oid IS NULL THEN 0 ELSE 1 END, \
     CASE WHEN x.indpred IS NULL THEN 0 ELSE 1 END, m.amname::text \
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = i.relam \
     CROSS JOIN LATERAL generate_series(0, x.indnkeyatts - 1) AS p(place) \
     LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[p.place] AND a.attnum > 0 \
     LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype = 'u' \
     WHERE n.nspname = current_schema() AND NOT x.indisprimary ORDER BY 1, 2, p.place";

pub(super) fn read(session: &mut Session) -> Result<LiveSchema> {
    let mut schema = LiveSchema::default();
    read_columns(session, COLUMNS, &mut schema)?;
    read_owners(session, OWNERS, &mut schema)?;
    read_indexes(session, INDEXES, &mut schema, index)?;
    // Of no use are one in a schema where its names are not looked for, and one to a role that can make no table for it.
    let sql = "SELECT extversion::text FROM pg_extension WHERE extname = 'vector' AND to_regtype('vector') IS NOT NULL \
               AND has_schema_privilege(current_schema(), 'CREATE') AND NOT pg_is_in_recovery()";
    let version = session.query_first(sql, &[], |row| text(row, 0))?;
    schema.has_pgvector = version.is_some_and(|version| is_new_enough(&version));
    Ok(schema)
}

/// Since 0.8 an index of pgvector goes on until it has as many rows as are asked for, whatever else their conditions are.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(0), Some(8))
}

fn index(row: RowRef<'_>) -> Result<LiveIndex> {
    Ok(LiveIndex {
        name: text(row, 1)?,
        columns: vec![row.opt(2, RowRef::text)?.unwrap_or(EXPRESSION).to_owned()],
        unique: truth(row, 3)?,
        of_constraint: truth(row, 4)?,
        partial: truth(row, 5)?,
        method: text(row, 6)?,
    })
}

pub(super) fn fits(kind: ColumnKind, type_name: &str) -> bool {
    type_name
        == match kind {
            ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => "bigint",
            ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => "text",
            ColumnKind::Bytes => "bytea",
            ColumnKind::Real => "double precision",
            ColumnKind::Boolean => "boolean",
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let new = ["0.8.0", "0.8", "0.10.1", "1.0"].map(is_new_enough);
        assert_eq!(new, [true; 4]);
        let old = ["0.7.4", "0.4.4", "", "x"].map(is_new_enough);
        assert_eq!(old, [false; 4]);
    }
}

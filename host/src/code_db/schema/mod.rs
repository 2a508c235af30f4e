//! The schema, declared once as data: the tables of the older program by its names, and a few of our own.
//!
//! `code_tables` and `derived_tables` are the data in the words of `model`; `emit` turns them into the SQL of a
//! dialect, with `keys` for what limits keys. `live` reads what a database has, `difference` compares a table with
//! its declaration, `plan` makes ordered steps of the differences, and `apply` takes them.

pub mod apply;
mod code_tables;
mod derived_tables;
mod difference;
pub mod emit;
mod keys;
mod live;
pub mod model;
pub mod plan;

use driver_api::Dialect;
use model::{FullText, Origin, Table, auto_id, integer, real, text, time, word, word_id};

/// Every table, each after those that it refers to.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    code_tables::TABLES.iter().chain(derived_tables::TABLES)
}

/// The version of this declaration. Whoever changes the declaration after a release raises it.
pub const VERSION: i64 = 6;

/// The version of databases that keep no record of it: the older program's.
pub const UNRECORDED: i64 = 1;

/// The tables in which a database keeps its own books. What they hold is not part of the data.
pub fn bookkeeping(dialect: Dialect) -> impl Iterator<Item = &'static Table> {
    let reserved = (dialect == Dialect::Mysql).then_some(&RESERVED_IDS);
    [&SCHEMA_HISTORY, &WORK_LEASES, &DRIFT_REPORTS]
        .into_iter()
        .chain(reserved)
}

/// Every version that the schema had, and what was done for it.
pub(super) static SCHEMA_HISTORY: Table = Table {
    name: "schema_history",
    columns: &[
        auto_id(),
        integer("version").not_null(),
        text("program").not_null(),
        text("steps").not_null(),
        time("applied_at"),
    ],
    unique: &[],
    owners: &[],
    indexes: &[],
    origin: Origin::Ours,
};

/// The greatest id that was reserved in each table, for engines without sequences; `id` is the table's name.
pub(super) static RESERVED_IDS: Table = Table {
    name: "reserved_ids",
    columns: &[word_id(), integer("greatest_id").not_null()],
    unique: &[],
    owners: &[],
    indexes: &[],
    origin: Origin::Ours,
};

/// Who works on what, and until when. What `id` may be says `code_db/leases.rs`.
pub(super) static WORK_LEASES: Table = Table {
    name: "work_leases",
    columns: &[
        word_id(),
        word("holder").not_null(),
        real("expires_at").not_null(),
    ],
    unique: &[],
    owners: &[],
    indexes: &[],
    origin: Origin::Ours,
};

/// What the last look for drift found; `id` is that of the project, or the name of a look at all rows.
pub(super) static DRIFT_REPORTS: Table = Table {
    name: "drift_reports",
    columns: &[
        word_id(),
        real("checked_at").not_null(),
        text("report").not_null(),
    ],
    unique: &[],
    owners: &[],
    indexes: &[],
    origin: Origin::Ours,
};

/// The table in which PostgreSQL with the extension pgvector keeps its copies of the vectors. It is no part of the
/// declaration: elsewhere there is none, and what it holds follows from the rest.
pub(super) const NEAR_VECTORS: &str = "near_vectors";

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

/// The full-text index over `code_content`, which holds no text of its own: a virtual table on SQLite, elsewhere
/// one with the words of each row.
pub const FULL_TEXT: FullText = FullText {
    name: "code_content_fts",
    over: "code_content",
    row_id: "rowid",
    columns: &[
        "entity_type",
        "entity_name",
        "content",
        "docstring",
        "name_parts",
        "text_parts",
    ],
};

#[cfg(test)]
mod tests;

//! The schema, declared once as data: the tables of the older program by its names, and a few of our own.
//!
//! `code_tables` and `derived_tables` are the data in the words of `model`; `emit` turns them into the SQL of a
//! dialect, with `keys` for what limits keys; `live` compares them with a database and adds what is missing.

mod code_tables;
mod derived_tables;
pub mod emit;
mod keys;
pub mod live;
pub mod model;

use driver_api::Dialect;
use model::{FullText, Origin, Table, integer, word_id};

/// Every table, each after those that it refers to.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    code_tables::TABLES.iter().chain(derived_tables::TABLES)
}

/// The tables that a dialect needs besides, to keep its own books. What they hold is not part of the data.
pub fn bookkeeping(dialect: Dialect) -> impl Iterator<Item = &'static Table> {
    (dialect == Dialect::Mysql)
        .then_some(&RESERVED_IDS)
        .into_iter()
}

/// The greatest id that was reserved in each table, for engines without sequences; `id` is the table's name.
pub(super) static RESERVED_IDS: Table = Table {
    name: "reserved_ids",
    columns: &[word_id(), integer("greatest_id").not_null()],
    unique: &[],
    owners: &[],
    indexes: &[],
    origin: Origin::Ours,
};

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
    columns: &["entity_type", "entity_name", "content", "docstring"],
};

//! The schema, declared once as data: the tables of the older program by its names, and a few of our own.
//!
//! `code_tables` and `derived_tables` are the data in the words of `model`; `emit` turns them into the SQL of a
//! dialect; `live` compares them with a database and adds what is missing.

mod code_tables;
mod derived_tables;
pub mod emit;
pub mod live;
pub mod model;

use model::{FullText, Table};

/// Every table, each after those that it refers to.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    code_tables::TABLES.iter().chain(derived_tables::TABLES)
}

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

/// The full-text index over `code_content`, which holds no text of its own.
pub const FULL_TEXT: FullText = FullText {
    name: "code_content_fts",
    over: "code_content",
    row_id: "rowid",
    columns: &["entity_type", "entity_name", "content", "docstring"],
};

//! The headers of results, encoded once for each statement and kept until something is compiled.

use std::collections::HashMap;

use driver_api::{Column, Flow, Result, RowSink, encode_columns};
use rusqlite::Statement;

/// Most headers that are kept; a connection with more statements starts afresh.
const KEPT: usize = 512;

/// The encoded headers of one connection, by the text of their statements.
///
/// To ask the engine for the names and types of five columns costs a fourth of a point query. But a
/// change of the schema changes the columns of a prepared statement, which the engine then compiles
/// again on its own. So all headers are dropped as soon as it has compiled anything.
#[derive(Default)]
pub(crate) struct Headers {
    kept: HashMap<Box<str>, Encoded>,
    /// The engine's compilations when the headers were made.
    compilations: u64,
}

struct Encoded {
    bytes: Vec<u8>,
    columns: usize,
}

impl Headers {
    /// Announces the columns of a statement, which has made its first step; returns their number.
    ///
    /// `compilations` is the number that the connection has made by now.
    pub(crate) fn announce(
        &mut self,
        compilations: u64,
        statement: &Statement<'_>,
        sql: &str,
        rows: &mut RowSink<'_>,
    ) -> Result<(usize, Flow)> {
        if self.compilations != compilations || self.kept.len() >= KEPT {
            self.kept.clear();
            self.compilations = compilations;
        }
        if let Some(header) = self.kept.get(sql) {
            return header.announce(rows);
        }
        let header = Encoded::of(statement);
        let announced = header.announce(rows);
        self.kept.insert(sql.into(), header);
        announced
    }
}

impl Encoded {
    fn of(statement: &Statement<'_>) -> Self {
        let mut bytes = Vec::new();
        let columns = describe(statement);
        encode_columns(&columns, &mut bytes);
        Self {
            bytes,
            columns: columns.len(),
        }
    }

    fn announce(&self, rows: &mut RowSink<'_>) -> Result<(usize, Flow)> {
        let flow = rows.forward_columns(&self.bytes, self.columns)?;
        Ok((self.columns, flow))
    }
}

/// The columns of a compiled statement. They have no kind: in SQLite every value brings its own.
pub(crate) fn describe(statement: &Statement<'_>) -> Vec<Column> {
    let column = |index| Column {
        name: statement.column_name(index).unwrap_or_default().to_owned(),
        declared_type: declared_type(statement, index).to_owned(),
        kind: None,
    };
    (0..statement.column_count()).map(column).collect()
}

/// Empty for an expression, and for what the engine has no type for.
fn declared_type<'s>(statement: &'s Statement<'_>, index: usize) -> &'s str {
    let origin = statement.column_metadata(index).ok().flatten();
    let declared = origin.and_then(|(_, _, _, declared, ..)| declared);
    declared
        .and_then(|declared| declared.to_str().ok())
        .unwrap_or_default()
}

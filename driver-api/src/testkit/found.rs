//! What a step did, and the reader that keeps of a result what can be compared.

use std::fmt;
use std::sync::Arc;

use crate::columns::{Column, decode};
use crate::driver::{CancelHandle, ColumnInfo, ExecuteResult, StatementDescription, TableInfo};
use crate::error::DriverError;
use crate::row::{RowBlockRef, RowRef};
use crate::sink::{BlockReceiver, Flow};
use crate::value::{Value, ValueKind};

/// Rows that are kept; of more only the number and the sum are.
const KEPT_ROWS: usize = 1_000;

/// Longest text of a finding.
const LONGEST_TEXT: usize = 400;

/// What a step did.
pub(super) enum Found {
    Done,
    Changed(ExecuteResult),
    Result(Kept),
    Description(StatementDescription),
    Tables(Vec<TableInfo>),
    Columns(Vec<ColumnInfo>),
    Created(bool),
    Error(DriverError),
    /// A check with expectations of its own.
    Mismatch {
        expected: String,
        found: String,
    },
}

/// What is kept of a result.
#[derive(Default)]
pub(super) struct Kept {
    /// None where the statement announced no columns.
    pub(super) columns: Option<Vec<Column>>,
    pub(super) rows: Vec<Vec<Value>>,
    /// Rows that came, kept or not.
    pub(super) count: u64,
    /// Of the integers in the first column.
    pub(super) sum: i128,
    /// Blocks that came.
    pub(super) blocks: usize,
    /// Blocks after which the reader has enough.
    pub(super) stop_after: Option<usize>,
    /// Is asked for a cancel, from another thread, when the first block has come.
    pub(super) cancel: Option<Arc<dyn CancelHandle>>,
    /// What is wrong with the bytes that came.
    pub(super) fault: Option<String>,
}

impl Kept {
    fn read_row(&mut self, row: RowRef<'_>) -> Result<(), String> {
        let announced = self.columns.as_ref().map_or(0, Vec::len);
        if row.len() != announced {
            return Err(format!(
                "a row of {} cells under {announced} columns",
                row.len()
            ));
        }
        self.count += 1;
        if row.is_empty() {
            return Ok(());
        }
        self.sum += row.i64(0).map_or(0, i128::from);
        if self.rows.len() < KEPT_ROWS {
            let values = row.to_values().map_err(|e| e.to_string())?;
            self.check_kinds(&values)?;
            self.rows.push(values);
        }
        Ok(())
    }

    /// A kind that the header announces is that of every value but null.
    fn check_kinds(&self, values: &[Value]) -> Result<(), String> {
        for (column, value) in self.columns.iter().flatten().zip(values) {
            let kind = value.as_ref().kind();
            match column.kind {
                Some(announced) if announced != kind && kind != ValueKind::Null => {
                    let name = &column.name;
                    return Err(format!(
                        "the column {name:?} is announced as {announced}, a value is {kind}"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_block(&mut self, bytes: &[u8]) -> Result<(), String> {
        let block = RowBlockRef::parse(bytes).map_err(|e| e.to_string())?;
        for row in block.iter() {
            self.read_row(row.map_err(|e| e.to_string())?)?;
        }
        Ok(())
    }

    fn flow(&mut self, read: Result<(), String>) -> Flow {
        if let Err(fault) = read {
            self.fault = Some(fault);
            return Flow::Stop;
        }
        Flow::from_wants_more(self.stop_after.is_none_or(|blocks| self.blocks < blocks))
    }
}

impl BlockReceiver for Kept {
    fn columns(&mut self, header: &[u8], count: usize) -> Flow {
        let read = decode(header)
            .map_err(|e| e.to_string())
            .and_then(|columns| {
                if columns.len() != count {
                    return Err(format!("{} columns, announced as {count}", columns.len()));
                }
                self.columns = Some(columns);
                Ok(())
            });
        self.flow(read)
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        self.blocks += 1;
        if let Some(cancel) = self.cancel.take() {
            // The outcome is that of the call; a handle that fails leaves the query running for ever.
            let _ = std::thread::spawn(move || cancel.cancel()).join();
        }
        let read = self.read_block(block);
        self.flow(read)
    }
}

/// The beginning of a text that may be long.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// A value with its kind.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::I64(v) | Value::Time(v) | Value::Timestamp(v) | Value::TimestampTz(v) => {
            v.to_string()
        }
        Value::Date(v) => v.to_string(),
        Value::F64(v) => format!("{v:?}"),
        Value::Decimal(v) | Value::Text(v) | Value::Json(v) => format!("{v:?}"),
        Value::Bytes(v) => format!("{v:02x?}"),
        Value::Uuid(v) => format!("{v:02x?}"),
    };
    format!("{} {}", value.as_ref().kind(), shortened(&text))
}

/// Items in brackets.
pub(super) fn listed<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(show).collect();
    format!("[{}]", items.join(", "))
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fault) = &self.fault {
            return write!(f, "a damaged result: {fault}");
        }
        let Some(columns) = &self.columns else {
            return f.write_str("no result");
        };
        let names = listed(columns, |column| format!("{:?}", column.name));
        let rows = listed(&self.rows, |row| listed(row, shown));
        write!(f, "{} row(s) under {names}: {rows}", self.count)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Done => "success".to_owned(),
            Self::Changed(result) => match result.last_insert_id {
                Some(id) => format!("{} changed row(s), key {id}", result.rows_affected),
                None => format!("{} changed row(s)", result.rows_affected),
            },
            Self::Result(kept) => kept.to_string(),
            Self::Description(described) => format!("{described:?}"),
            Self::Tables(tables) => {
                listed(tables, |table| format!("{} {:?}", table.kind, table.name))
            }
            Self::Columns(columns) => format!("{columns:?}"),
            Self::Created(true) => "a created database".to_owned(),
            Self::Created(false) => "a database that was there".to_owned(),
            Self::Error(error) => format!("{} error: {error}", error.class()),
            Self::Mismatch { found, .. } => found.clone(),
        };
        f.write_str(&shortened(&text))
    }
}

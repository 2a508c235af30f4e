//! Rows as one JSON array of objects, written row by row.

use driver_api::{Column, Flow, RowRef};
use serde_json::{Map, Value};

use super::cell;
use super::rows::RowPrinter;
use crate::cli::failure::CliError;
use crate::cli::output::Output;

/// Prints rows as JSON.
pub(super) struct JsonPrinter<'o, 'a> {
    output: &'o mut Output<'a>,
    /// Names of the columns, each only once.
    keys: Vec<String>,
    is_first: bool,
}

impl<'o, 'a> JsonPrinter<'o, 'a> {
    /// Prints to `output`.
    pub(super) fn new(output: &'o mut Output<'a>) -> Self {
        Self {
            output,
            keys: Vec::new(),
            is_first: true,
        }
    }

    fn separate(&mut self) -> Result<(), CliError> {
        let separator = if self.is_first { "[\n" } else { ",\n" };
        self.is_first = false;
        self.output.write(separator.as_bytes())
    }
}

impl RowPrinter for JsonPrinter<'_, '_> {
    fn header(&mut self, columns: &[Column]) -> Result<(), CliError> {
        self.keys = distinct(columns);
        Ok(())
    }

    fn row(&mut self, row: RowRef<'_>) -> Result<Flow, CliError> {
        let mut object = Map::new();
        for (key, value) in self.keys.iter().zip(row.iter()) {
            object.insert(
                key.clone(),
                cell::json(&value.map_err(driver_api::DriverError::from)?),
            );
        }
        self.separate()?;
        self.output
            .write(Value::Object(object).to_string().as_bytes())?;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<(), CliError> {
        self.output
            .write(if self.is_first { b"[]\n" } else { b"\n]\n" })
    }
}

/// The columns' names; of several columns of one name, the second is `name_2`, so that no value is lost.
fn distinct(columns: &[Column]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut key = column.name.clone();
        let mut number = 1;
        while keys.contains(&key) {
            number += 1;
            key = format!("{}_{number}", column.name);
        }
        keys.push(key);
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::sql::rows::sample;

    #[test]
    fn rows_are_objects_and_no_column_is_lost() {
        let mut buffer = Vec::new();
        let mut output = Output::to_buffer(&mut buffer, true);
        sample(|print| print(&mut JsonPrinter::new(&mut output)));
        drop(output);
        let rows: Value = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(
            rows,
            json!([{"n": 1, "n_2": "a,\"b\"\nc"}, {"n": null, "n_2": ""}])
        );
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let mut buffer = Vec::new();
        let mut output = Output::to_buffer(&mut buffer, true);
        JsonPrinter::new(&mut output).end().unwrap();
        drop(output);
        assert_eq!(buffer, b"[]\n");
    }
}

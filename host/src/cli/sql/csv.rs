//! Rows as CSV: a header line, then a line for each row; NULL is an empty field, empty text is `""`.
//!
//! Written here because libraries for CSV quote by the text of a field alone, and NULL has none.

use driver_api::{Column, Flow, RowRef};

use super::cell;
use super::rows::RowPrinter;
use crate::cli::failure::CliError;
use crate::cli::output::Output;

/// Prints rows as CSV.
pub(super) struct CsvPrinter<'o, 'a> {
    output: &'o mut Output<'a>,
    /// Kept, so that a row allocates nothing.
    line: String,
}

impl<'o, 'a> CsvPrinter<'o, 'a> {
    /// Prints to `output`.
    pub(super) fn new(output: &'o mut Output<'a>) -> Self {
        Self {
            output,
            line: String::new(),
        }
    }

    fn end_line(&mut self) -> Result<(), CliError> {
        self.line.push('\n');
        self.output.write(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl RowPrinter for CsvPrinter<'_, '_> {
    fn header(&mut self, columns: &[Column]) -> Result<(), CliError> {
        for (index, column) in columns.iter().enumerate() {
            push_field(&mut self.line, index, Some(&column.name));
        }
        self.end_line()
    }

    fn row(&mut self, row: RowRef<'_>) -> Result<Flow, CliError> {
        for (index, value) in row.iter().enumerate() {
            let value = value.map_err(driver_api::DriverError::from)?;
            push_field(&mut self.line, index, cell::text(&value).as_deref());
        }
        self.end_line()?;
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<(), CliError> {
        Ok(())
    }
}

fn push_field(line: &mut String, index: usize, text: Option<&str>) {
    if index > 0 {
        line.push(',');
    }
    let Some(text) = text else { return };
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sql::rows::sample;

    #[test]
    fn null_and_empty_text_are_told_apart_and_quotes_are_doubled() {
        let mut buffer = Vec::new();
        let mut output = Output::to_buffer(&mut buffer, false);
        sample(|print| print(&mut CsvPrinter::new(&mut output)));
        drop(output);
        assert_eq!(
            String::from_utf8(buffer).unwrap(),
            "n,n\n1,\"a,\"\"b\"\"\nc\"\n,\"\"\n"
        );
    }
}

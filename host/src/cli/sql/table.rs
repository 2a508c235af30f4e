//! Rows as a table, as many as a person may want to see at once.

use driver_api::{Column, Flow, RowRef};

use super::cell;
use super::rows::RowPrinter;
use crate::cli::failure::CliError;
use crate::cli::output::{Output, note};
use crate::cli::table;

/// Most bytes of a cell that are kept: no terminal shows more in a line.
const MOST_CELL_BYTES: usize = 1_000;

/// Prints rows as a table. They are kept until the end, because the widths of columns depend on all of them.
pub(super) struct TablePrinter<'o, 'a> {
    output: &'o mut Output<'a>,
    max_rows: usize,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    has_more: bool,
}

impl<'o, 'a> TablePrinter<'o, 'a> {
    /// Prints at most `max_rows` rows to `output`.
    pub(super) fn new(output: &'o mut Output<'a>, max_rows: usize) -> Self {
        Self {
            output,
            max_rows,
            headers: Vec::new(),
            rows: Vec::new(),
            has_more: false,
        }
    }
}

impl RowPrinter for TablePrinter<'_, '_> {
    fn header(&mut self, columns: &[Column]) -> Result<(), CliError> {
        self.headers = columns.iter().map(|column| column.name.clone()).collect();
        Ok(())
    }

    fn row(&mut self, row: RowRef<'_>) -> Result<Flow, CliError> {
        if self.rows.len() == self.max_rows {
            self.has_more = true;
            return Ok(Flow::Stop);
        }
        let mut cells = Vec::with_capacity(self.headers.len());
        for value in row.iter() {
            let value = value.map_err(driver_api::DriverError::from)?;
            cells.push(
                cell::text(&value).map_or_else(|| "NULL".to_owned(), |text| shortened(&text)),
            );
        }
        self.rows.push(cells);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<(), CliError> {
        if self.headers.is_empty() {
            note("the statement has no result");
            return Ok(());
        }
        let headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        let lines = table::render(&headers, &self.rows, self.output.width());
        self.output.lines(&lines)?;
        if self.has_more {
            let shown = self.max_rows;
            note(&format!(
                "only the first {shown} rows are shown; use --max-rows, or --format csv or json for all"
            ));
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= MOST_CELL_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MOST_CELL_BYTES);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sql::rows::sample;

    fn printed(max_rows: usize) -> String {
        let mut buffer = Vec::new();
        let mut output = Output::to_buffer(&mut buffer, false);
        sample(|print| print(&mut TablePrinter::new(&mut output, max_rows)));
        drop(output);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn null_is_named_and_a_row_keeps_to_its_line() {
        assert_eq!(printed(10), "n     n\n1     a,\"b\" c\nNULL\n");
    }

    #[test]
    fn a_table_ends_at_its_limit() {
        assert_eq!(printed(1), "n  n\n1  a,\"b\" c\n");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(MOST_CELL_BYTES);
        let cut = shortened(&long);
        assert!(
            cut.ends_with("é…") && cut.len() <= MOST_CELL_BYTES + '…'.len_utf8(),
            "{}",
            cut.len()
        );
        assert_eq!(shortened("short"), "short");
    }
}

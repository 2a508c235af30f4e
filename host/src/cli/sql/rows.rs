//! What the three formats have in common: columns once, rows as they come, an end.

use driver_api::{Column, Flow, RowRef};

use crate::cli::failure::CliError;

/// Prints the rows of one statement.
pub(super) trait RowPrinter {
    /// Takes the columns, before any row. A statement without a result has none.
    fn header(&mut self, columns: &[Column]) -> Result<(), CliError>;

    /// Takes a row, and says whether more are wanted.
    fn row(&mut self, row: RowRef<'_>) -> Result<Flow, CliError>;

    /// Takes the end; it does not come after a failure.
    fn end(&mut self) -> Result<(), CliError>;
}

/// One printer's output for two columns and two rows that hold what is hard to print.
#[cfg(test)]
pub(super) fn sample(make: impl FnOnce(&mut dyn FnMut(&mut dyn RowPrinter))) {
    use driver_api::{RowBlock, ValueRef};
    let mut block = RowBlock::new(2);
    block.push_row([ValueRef::I64(1), ValueRef::Text("a,\"b\"\nc")]);
    block.push_row([ValueRef::Null, ValueRef::Text("")]);
    make(&mut |printer| {
        printer
            .header(&[Column::new("n"), Column::new("n")])
            .unwrap();
        for row in block.view().iter() {
            let _ = printer.row(row.unwrap()).unwrap();
        }
        printer.end().unwrap();
    });
}

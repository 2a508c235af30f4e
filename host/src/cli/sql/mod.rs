//! `sql "SELECT ..."`: one statement that the engine keeps from writing, its rows as they come.

mod cell;
mod csv;
mod json;
mod rows;
mod table;

use std::cell::RefCell;
use std::io::Read;

use clap::{Args, ValueEnum};
use driver_api::Flow;

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::{CliError, Failure};
use super::host;
use super::output::Output;
pub(super) use cell::timestamp;
use rows::RowPrinter;

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub(super) struct SqlArguments {
    /// The statement; `-` reads it from standard input
    statement: String,
    /// How rows are printed: csv has a header line, an empty field for NULL and "" for empty text; json is one
    /// array of objects; bytes are \x and hexadecimal digits
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Most rows of a table; csv and json print all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// Runs the statement.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &SqlArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let format = format(arguments.format, output.is_json())?;
    let statement = statement(&arguments.statement)?;
    let app = host::build(global, host::configuration(global)?)?;
    let database = app.read_only_database()?;
    let mut printer: Box<dyn RowPrinter + '_> = match format {
        Format::Table => Box::new(table::TablePrinter::new(output, arguments.max_rows)),
        Format::Json => Box::new(json::JsonPrinter::new(output)),
        Format::Csv => Box::new(csv::CsvPrinter::new(output)),
    };
    let shared = RefCell::new((&mut printer, Ok(())));
    // Not `read`, which runs again when the connection breaks: rows that were printed would come twice.
    let ran = database.raw_database().once(|session| {
        session.query_with_columns(
            &statement,
            &[],
            |columns| {
                let (printer, printed) = &mut *shared.borrow_mut();
                *printed = printer.header(&columns);
                Ok(())
            },
            |row| {
                let (printer, printed) = &mut *shared.borrow_mut();
                if printed.is_ok() {
                    match printer.row(row) {
                        Ok(flow) => return Ok(flow),
                        Err(error) => *printed = Err(error),
                    }
                }
                Ok(Flow::Stop)
            },
        )
    });
    shared.into_inner().1?;
    ran?;
    printer.end()?;
    Ok(Exit::Ok)
}

fn format(asked: Option<Format>, json: bool) -> Result<Format, Failure> {
    match (asked, json) {
        (Some(Format::Json) | None, true) => Ok(Format::Json),
        (Some(_), true) => Err(Failure::usage(
            "--json and another --format contradict each other; give one",
        )),
        (asked, false) => Ok(asked.unwrap_or(Format::Table)),
    }
}

fn statement(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format!(
                "the statement cannot be read from standard input: {error}"
            ))
        })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_in_one_way_or_the_other() {
        assert_eq!(format(None, false), Ok(Format::Table));
        assert_eq!(format(Some(Format::Csv), false), Ok(Format::Csv));
        assert_eq!(format(None, true), Ok(Format::Json));
        assert_eq!(format(Some(Format::Json), true), Ok(Format::Json));
        assert!(format(Some(Format::Csv), true).is_err());
    }
}

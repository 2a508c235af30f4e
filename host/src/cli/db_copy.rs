//! `db copy --from A.json --to B.json`: moves a whole database, with a progress bar and a table of what was copied.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::bar::Bar;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::interruption::cancelled_by_signals;
use super::output::{Output, note};
use super::table;
use crate::app::App;
use crate::config::types::Config;

/// Digits of a hash that people are shown; --json has all.
const SHORT_HASH: usize = 12;

/// Arguments of `db copy`.
#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// Configuration file of the database that is read; it is left as it is
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Configuration file of the database that is written; it is created where it is missing
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Put the copy in the place of what the target holds; that is kept until the copy is complete
    #[arg(long)]
    replace: bool,
    /// Say what would be copied and whether the target is empty; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Copies, or says what would be copied.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &CopyArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let source = host_of(global, &arguments.from)?;
    let target = host_of(global, &arguments.to)?;
    if arguments.dry_run {
        let plan = json!(source.plan_copy_to(&target)?);
        warn_of_what_is_left(&plan, "would not be copied");
        return show(output, &plan, &plan_lines(&plan));
    }
    let cancellation = cancelled_by_signals("stopping; the target will be as it was before")?;
    let bar = Bar::on_stderr();
    let copied = source.copy_database_to(&target, arguments.replace, &bar, &cancellation);
    bar.clear();
    let report = json!(copied?);
    warn_of_what_is_left(&report, "was not copied");
    for warning in report["warnings"].as_array().into_iter().flatten() {
        note(&format!(
            "warning: {}",
            warning.as_str().unwrap_or_default()
        ));
    }
    let lines = report_lines(&report, output.width());
    show(output, &report, &lines)
}

fn host_of(global: &GlobalArguments, file: &Path) -> Result<App, CliError> {
    let config = Config::load(Some(file))?;
    host::build(global, config)
}

fn show(output: &mut Output<'_>, document: &Value, lines: &[String]) -> Result<Exit, CliError> {
    if output.is_json() {
        output.document(document)?;
    } else {
        output.lines(lines)?;
    }
    Ok(Exit::Ok)
}

/// What has no place in the target is never left behind without a word.
fn warn_of_what_is_left(answer: &Value, what: &str) {
    for left in answer["not_copied"].as_array().into_iter().flatten() {
        note(&left_line(left, what));
    }
}

fn left_line(left: &Value, what: &str) -> String {
    let (table, rows) = (text(left, "table"), &left["rows"]);
    match left["column"].as_str() {
        Some(column) => format!(
            "warning: the column `{column}` of `{table}` ({rows} rows have a value) is not part of the schema and {what}"
        ),
        None => {
            format!(
                "warning: the table `{table}` ({rows} rows) is not part of the schema and {what}"
            )
        }
    }
}

fn report_lines(report: &Value, width: Option<u16>) -> Vec<String> {
    let tables = report["tables"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let rows: Vec<Vec<String>> = tables
        .iter()
        .map(|table| {
            let hash: String = text(table, "hash").chars().take(SHORT_HASH).collect();
            vec![
                text(table, "name").to_owned(),
                table["rows"].to_string(),
                hash,
                seconds(table),
            ]
        })
        .collect();
    let mut lines = table::render(&["table", "rows", "hash", "seconds"], &rows, width);
    lines.push(format!(
        "{} rows of {} tables copied in {} s; read back, each table is equal to the source's",
        report["rows"],
        tables.len(),
        seconds(report)
    ));
    if report["replaced_rows"] != 0 {
        lines.push(format!(
            "{} rows that the target held were replaced",
            report["replaced_rows"]
        ));
    }
    lines
}

fn plan_lines(plan: &Value) -> Vec<String> {
    let tables = plan["tables"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let rows: Vec<Vec<String>> = tables
        .iter()
        .map(|table| vec![text(table, "name").to_owned(), table["rows"].to_string()])
        .collect();
    let mut lines = table::render(&["table", "rows"], &rows, None);
    lines.push(format!(
        "{} rows of {} tables would be copied",
        plan["rows"],
        tables.len()
    ));
    lines.push(match plan["target_rows"].as_u64() {
        None => "the target does not exist yet and would be created".to_owned(),
        Some(0) => "the target is empty".to_owned(),
        Some(held) => format!("the target holds {held} rows, which only --replace gives up"),
    });
    lines
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn seconds(value: &Value) -> String {
    format!("{:.1}", value["seconds"].as_f64().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_table_and_says_what_it_replaced() {
        let mut report = json!({
            "rows": 3, "replaced_rows": 0, "seconds": 1.26, "not_copied": [],
            "tables": [{"name": "files", "rows": 3, "hash": "0123456789abcdef", "seconds": 0.51}]
        });
        assert_eq!(
            report_lines(&report, None),
            [
                "table  rows  hash          seconds",
                "files  3     0123456789ab  0.5",
                "3 rows of 1 tables copied in 1.3 s; read back, each table is equal to the source's",
            ]
        );
        report["replaced_rows"] = 7.into();
        let lines = report_lines(&report, None);
        assert_eq!(lines[3], "7 rows that the target held were replaced");
    }

    #[test]
    fn a_plan_says_what_the_target_is_like() {
        let plan = |target_rows: Value| {
            let tables = json!([{"name": "files", "rows": 3}]);
            let plan = json!({"rows": 3, "tables": tables, "target_rows": target_rows});
            plan_lines(&plan).pop().unwrap()
        };
        assert_eq!(
            plan(Value::Null),
            "the target does not exist yet and would be created"
        );
        assert_eq!(plan(json!(0)), "the target is empty");
        assert!(plan(json!(4)).starts_with("the target holds 4 rows"));
    }

    #[test]
    fn what_is_left_behind_is_named_with_its_rows() {
        assert_eq!(
            left_line(
                &json!({"table": "edits", "column": null, "rows": 4}),
                "was not copied"
            ),
            "warning: the table `edits` (4 rows) is not part of the schema and was not copied"
        );
        let column = json!({"table": "files", "column": "hash", "rows": 2});
        assert_eq!(
            left_line(&column, "was not copied"),
            "warning: the column `hash` of `files` (2 rows have a value) is not part of the schema and was not copied"
        );
    }
}

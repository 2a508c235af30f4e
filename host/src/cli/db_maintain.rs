//! `db status`, `check`, `backup`, `backups`, `restore` and `repair`: a database as a whole, with progress, for people and
//! as JSON.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::bar::Bar;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::interruption::cancelled_by_signals;
use super::output::Output;
use super::table;
use crate::app::App;
use crate::app::maintaining::{Listening, MaintenanceFailure};

/// Arguments of `db backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// Directory of the backup; default that of the configuration
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Make the portable form of a database that is a file: it can be restored on any engine
    #[arg(long)]
    portable: bool,
}

/// Arguments of `db restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// Name of the backup as `db backups` shows it, or the path of its file; default the newest
    backup: Option<String>,
    /// Verify the backup; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Shows the database in short; exit code 1 in safe mode.
pub(super) fn status(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let state = json!(app(global)?.database_state()?);
    show(output, &state, &status_lines(&state))?;
    Ok(exit(state["safe_mode"].is_null()))
}

/// Checks the database; exit code 1 when something is not as it should be.
pub(super) fn check(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let app = app(global)?;
    let checked = listening("stopping; nothing was changed", |listening| {
        app.check_database(listening)
    })?;
    let checked = json!(checked);
    show(output, &checked, &check_lines(&checked))?;
    Ok(exit(checked["ok"] == true))
}

/// Makes a backup.
pub(super) fn backup(
    global: &GlobalArguments,
    arguments: &BackupArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = app(global)?;
    let directory = arguments.to.as_ref().map(std::path::absolute).transpose();
    let directory = directory.map_err(CliError::Output)?;
    let made = listening("stopping; there will be no backup", |listening| {
        app.back_up_database(directory.as_deref(), arguments.portable, listening)
    })?;
    let made = json!(made);
    let line = format!(
        "{} ({}, {}) holds the database as it was when the backup began",
        text(&made, "path"),
        text(&made, "form"),
        size(&made["bytes"])
    );
    show(output, &made, &[line])
}

/// Lists the backups.
pub(super) fn backups(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let state = json!(app(global)?.database_state()?);
    show(
        output,
        &state["backups"],
        &backup_lines(&state, output.width()),
    )
}

/// Restores or verifies a backup.
pub(super) fn restore(
    global: &GlobalArguments,
    arguments: &RestoreArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = app(global)?;
    let wanted = arguments.backup.as_deref().map(named);
    if arguments.dry_run {
        let (backup, rows) = listening("stopping", |listening| {
            app.verify_backup(wanted.as_deref(), listening)
        })?;
        let line = format!(
            "{} is whole: {rows} rows would be restored",
            backup.path.display()
        );
        return show(output, &json!({ "backup": backup, "rows": rows }), &[line]);
    }
    let restored = listening("stopping; the database stays as it is", |listening| {
        app.restore_database(wanted.as_deref(), listening)
    })?;
    let restored = json!(restored);
    let mut lines = vec![format!(
        "{} rows of {} were restored in {:.1} s",
        restored["rows"],
        text(&restored["backup"], "name"),
        restored["seconds"].as_f64().unwrap_or_default()
    )];
    lines.extend(saved_line(&restored));
    show(output, &restored, &lines)
}

/// Repairs the database; exit code 1 when something is left.
pub(super) fn repair(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let app = app(global)?;
    let repaired = listening("stopping; the database stays as it is", |listening| {
        app.repair_database(listening)
    })?;
    let repaired = json!(repaired);
    show(output, &repaired, &repair_lines(&repaired))?;
    Ok(exit(repaired["after"]["integrity_ok"] == true))
}

fn app(global: &GlobalArguments) -> Result<App, CliError> {
    host::build(global, host::configuration(global)?)
}

/// A path is told from a name by its slash.
fn named(wanted: &str) -> String {
    match wanted.contains('/') {
        true => std::path::absolute(wanted).map_or_else(
            |_| wanted.to_owned(),
            |path| path.to_string_lossy().into_owned(),
        ),
        false => wanted.to_owned(),
    }
}

fn listening<T>(
    told: &'static str,
    work: impl FnOnce(&Listening<'_>) -> Result<T, MaintenanceFailure>,
) -> Result<T, CliError> {
    let cancellation = cancelled_by_signals(told)?;
    let bar = Bar::on_stderr();
    let done = work(&Listening {
        progress: &bar,
        cancellation,
    });
    bar.clear();
    Ok(done?)
}

fn exit(is_fine: bool) -> Exit {
    match is_fine {
        true => Exit::Ok,
        false => Exit::Failed,
    }
}

fn show(
    output: &mut Output<'_>,
    document: &impl Serialize,
    lines: &[String],
) -> Result<Exit, CliError> {
    match output.is_json() {
        true => output.document(&json!(document))?,
        false => output.lines(lines)?,
    }
    Ok(Exit::Ok)
}

fn status_lines(state: &Value) -> Vec<String> {
    let mut lines = vec![match state["file"].as_str() {
        Some(file) => format!("database   {file} ({})", text(state, "driver")),
        None => format!("database   on a server ({})", text(state, "driver")),
    }];
    if state["exists"] == false {
        lines.push("state      not there yet".to_owned());
    } else if let Some(reason) = state["safe_mode"]["reason"].as_str() {
        lines.push(format!("state      SAFE MODE: {reason}"));
        lines.push(
            "           only db status, check, backup, backups, restore and repair work".to_owned(),
        );
    } else {
        let holds = &state["holds"];
        lines.push(format!(
            "state      sound, schema version {}",
            state["schema_version"]
        ));
        lines.push(format!(
            "holds      {} projects, {} files, {}",
            holds["projects"],
            holds["files"]["total"],
            size(&holds["size_bytes"])
        ));
    }
    let count = state["backups"].as_array().map_or(0, Vec::len);
    let newest = match state["backups"][0]["created"].as_str() {
        Some(created) => format!(", the newest of {created}"),
        None => String::new(),
    };
    lines.push(format!(
        "backups    {count} in {}{newest}",
        text(state, "backup_directory")
    ));
    lines
}

fn backup_lines(state: &Value, width: Option<u16>) -> Vec<String> {
    let backups = state["backups"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if backups.is_empty() {
        return vec![format!(
            "there are no backups in {}",
            text(state, "backup_directory")
        )];
    }
    let rows: Vec<Vec<String>> = backups
        .iter()
        .map(|backup| {
            vec![
                text(backup, "name").to_owned(),
                text(backup, "created").to_owned(),
                text(backup, "form").to_owned(),
                text(backup, "reason").to_owned(),
                size(&backup["bytes"]),
            ]
        })
        .collect();
    table::render(&["name", "created", "form", "reason", "size"], &rows, width)
}

fn check_lines(checked: &Value) -> Vec<String> {
    if let Some(reason) = checked["safe_mode"]["reason"].as_str() {
        return vec![
            format!("SAFE MODE: {reason}"),
            "repair: what can be read of it, or the newest sound backup with what it lacks, would take its place"
                .to_owned(),
        ];
    }
    let mut lines = vec![format!("files      {}", text(checked, "integrity_message"))];
    for finding in checked["findings"].as_array().into_iter().flatten() {
        lines.push(format!(
            "{:<10} {} {}",
            text(finding, "check"),
            finding["count"],
            text(finding, "problem")
        ));
        lines.push(match finding["repair"].as_str() {
            Some(repair) => format!("           repair would {repair}"),
            None => "           no repair: only a person can decide".to_owned(),
        });
    }
    if checked["ok"] == true {
        lines.push("everything is as it should be".to_owned());
    }
    lines
}

fn repair_lines(repaired: &Value) -> Vec<String> {
    let mut lines = vec![match text(repaired, "mode") {
        "nothing" => "nothing was to be done".to_owned(),
        "mended" => format!(
            "{} rows were deleted or changed, {} files were marked deleted",
            repaired["rows_changed"], repaired["files_marked_deleted"]
        ),
        "restored" => format!("{} was restored", text(&repaired["restored"], "name")),
        "salvaged" => "what could be read of the damaged file is in its place".to_owned(),
        _ => "nothing of the damaged file could be read, and there was no sound backup: the database is empty".to_owned(),
    }];
    lines.extend(salvaged_lines(&repaired["salvaged"]));
    lines.extend(saved_line(repaired));
    lines.push(format!("next: {}", text(repaired, "next_step")));
    lines
}

/// How much of a damaged file was brought over, and what of it could not be read.
fn salvaged_lines(salvaged: &Value) -> Vec<String> {
    if salvaged.is_null() {
        return Vec::new();
    }
    if let Some(problem) = salvaged["problem"].as_str() {
        return vec![format!(
            "nothing was brought over from the damaged file: {problem}"
        )];
    }
    let mut lines = vec![format!(
        "{} rows were brought over from the damaged file",
        salvaged["rows"]
    )];
    for table in salvaged["tables"].as_array().into_iter().flatten() {
        let ranges = table["unreadable"].as_array().into_iter().flatten();
        let ranges: Vec<String> = ranges
            .map(|range| format!("{} to {}", range[0], range[1]))
            .collect();
        if !ranges.is_empty() {
            lines.push(format!(
                "{}: {} rows read; not readable: rows numbered {}",
                text(table, "table"),
                table["read"],
                ranges.join(", ")
            ));
        }
    }
    lines
}

fn saved_line(done: &Value) -> Option<String> {
    let path = done["saved"]["path"].as_str()?;
    Some(format!("what was there before is in {path}"))
}

fn size(bytes: &Value) -> String {
    let bytes = bytes.as_u64().unwrap_or_default();
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_a_few_lines_and_safe_mode_is_told_loudly() {
        let mut state = json!({
            "driver": "sqlite", "file": "/d/x.db", "exists": true, "safe_mode": null, "schema_version": 2,
            "holds": {"projects": 1, "files": {"total": 4}, "size_bytes": 2048},
            "backup_directory": "/d/backups", "backups": [{"created": "2026-11-24 09:00:00 UTC"}]
        });
        assert_eq!(
            status_lines(&state),
            [
                "database   /d/x.db (sqlite)",
                "state      sound, schema version 2",
                "holds      1 projects, 4 files, 2.0 KiB",
                "backups    1 in /d/backups, the newest of 2026-11-24 09:00:00 UTC",
            ]
        );
        state["safe_mode"] = json!({"reason": "it is damaged"});
        assert_eq!(
            status_lines(&state)[1],
            "state      SAFE MODE: it is damaged"
        );
    }

    #[test]
    fn a_repair_says_what_could_not_be_read() {
        let salvaged = json!({"complete": false, "rows": 7, "problem": null, "tables": [
            {"table": "files", "read": 7, "added": 7, "unreadable": [[3, 9], [12, 12]], "unreadable_numbers": 8},
            {"table": "classes", "read": 0, "added": 0, "unreadable": [], "unreadable_numbers": 0},
        ]});
        let repaired = json!({"mode": "salvaged", "salvaged": salvaged, "next_step": "index"});
        assert_eq!(
            repair_lines(&repaired),
            [
                "what could be read of the damaged file is in its place",
                "7 rows were brought over from the damaged file",
                "files: 7 rows read; not readable: rows numbered 3 to 9, 12 to 12",
                "next: index",
            ]
        );
    }

    #[test]
    fn a_check_says_what_a_repair_would_do() {
        let checked = json!({
            "ok": false, "integrity_ok": true, "integrity_message": "ok", "safe_mode": null,
            "findings": [
                {"check": "orphans", "count": 3, "problem": "rows refer to nothing", "repair": "delete these rows"},
                {"check": "roots", "count": 1, "problem": "roots are not there", "repair": null},
            ]
        });
        assert_eq!(
            check_lines(&checked),
            [
                "files      ok",
                "orphans    3 rows refer to nothing",
                "           repair would delete these rows",
                "roots      1 roots are not there",
                "           no repair: only a person can decide",
            ]
        );
    }
}

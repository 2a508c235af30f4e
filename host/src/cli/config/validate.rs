//! `config validate`: everything that is wrong with a configuration at once, and an exit code by severity.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::app::{App, check_plugins_directories};
use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::CliError;
use crate::cli::output::Output;
use crate::config::examine::{Examination, examine};
use crate::config::types::Config;

/// Arguments of `config validate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ValidateArguments {
    /// The file; without it the one that --config names, or else the defaults
    file: Option<PathBuf>,
}

/// One thing that somebody should know.
struct Finding {
    is_error: bool,
    text: String,
}

impl Finding {
    fn error(text: impl fmt::Display) -> Self {
        Self {
            is_error: true,
            text: text.to_string(),
        }
    }

    fn warning(text: impl fmt::Display) -> Self {
        Self {
            is_error: false,
            text: text.to_string(),
        }
    }

    fn severity(&self) -> &'static str {
        if self.is_error { "error" } else { "warning" }
    }

    /// Pointer and message apart, where the text begins with a pointer.
    fn to_json(&self) -> Value {
        match self
            .text
            .split_once(": ")
            .filter(|(pointer, _)| pointer.starts_with('/'))
        {
            Some((pointer, message)) => {
                json!({"severity": self.severity(), "pointer": pointer, "message": message})
            }
            None => json!({"severity": self.severity(), "message": self.text}),
        }
    }
}

/// Reports all findings.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &ValidateArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let file = arguments.file.as_ref().or(global.config.as_ref());
    let examination = examine(file.map(PathBuf::as_path))?;
    let findings = findings(examination, global);
    let errors = findings.iter().filter(|finding| finding.is_error).count();
    let warnings = findings.len() - errors;
    if output.is_json() {
        let listed: Vec<Value> = findings.iter().map(Finding::to_json).collect();
        output.document(&json!({"file": file, "valid": errors == 0, "findings": listed}))?;
    } else {
        let lines: Vec<String> = findings
            .iter()
            .map(|finding| format!("{}: {}", finding.severity(), finding.text))
            .collect();
        output.lines(&lines)?;
        output.line(&format!("errors: {errors}, warnings: {warnings}"))?;
    }
    Ok(match (errors, warnings) {
        (0, 0) => Exit::Ok,
        (0, _) => Exit::Warnings,
        _ => Exit::Configuration,
    })
}

fn findings(examination: Examination, global: &GlobalArguments) -> Vec<Finding> {
    let Examination {
        problems,
        changes,
        config,
    } = examination;
    let mut findings: Vec<Finding> = problems.iter().map(Finding::error).collect();
    if let Some(config) = config {
        findings.extend(missing_directories(&config));
        findings.extend(of_driver(config, global));
    }
    findings.extend(changes.iter().map(Finding::warning));
    findings
}

/// `serve` does not start without them.
fn missing_directories(config: &Config) -> Vec<Finding> {
    let watcher = &config.workers.file_watcher;
    let missing = watcher
        .watch_dirs
        .iter()
        .filter(|directory| watcher.enabled && !directory.is_dir());
    let told = missing.map(|directory| {
        Finding::error(format!(
            "/code_analysis/workers/file_watcher/watch_dirs: {} is no directory that can be watched",
            directory.display()
        ))
    });
    told.collect()
}

/// Whether there is such a driver, and whether its options are right.
fn of_driver(config: Config, global: &GlobalArguments) -> Vec<Finding> {
    if let Err(error) = check_plugins_directories(&config, &global.plugins_dirs) {
        return vec![Finding::error(error)];
    }
    let checked = App::new(config, &global.plugins_dirs).and_then(|app| app.effective_config());
    match checked {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(Finding::error).collect(),
    }
}

//! `config convert`: a configuration of the older program in this one's form, with the old file kept.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::cli::output::{Output, note};
use crate::config::legacy::{Converted, convert};
use crate::config::load::parse;
use crate::config::types::Config;

/// Arguments of `config convert`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConvertArguments {
    /// The file to convert; without it the one that --config names
    file: Option<PathBuf>,
    /// Write here, beside the old file, and leave that as it is; without it the new form takes the old one's place,
    /// which is kept as FILE.old
    #[arg(long, value_name = "NEW")]
    to: Option<PathBuf>,
}

/// Converts, checks, and only then writes.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &ConvertArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let file = named(arguments.file.as_ref(), global)?;
    let Converted { value, changes } = convert(parse(file)?);
    if changes.is_empty() {
        return told(
            output,
            &json!({"file": file, "changes": []}),
            "this is the new form already; nothing is written",
        );
    }
    let directory = std::path::absolute(file).map_err(|error| Failure::path(file, &error))?;
    let directory = directory.parent().unwrap_or(Path::new("/")).to_owned();
    Config::from_value(value.clone(), &directory)?;
    let (target, kept) = match &arguments.to {
        Some(new) => (beside(new, &directory)?, None),
        None => (file.clone(), Some(keep(file)?)),
    };
    write(&target, &directory, &value)?;
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    if !output.is_json() {
        for line in &lines {
            note(line);
        }
    }
    let answer = json!({"file": file, "written": target, "kept": kept, "changes": lines});
    let summary = match &kept {
        Some(kept) => format!(
            "wrote {}; the old form is {}",
            target.display(),
            kept.display()
        ),
        None => format!("wrote {}", target.display()),
    };
    told(output, &answer, &summary)
}

/// The file of the arguments, or that of `--config`.
pub(super) fn named<'a>(
    file: Option<&'a PathBuf>,
    global: &'a GlobalArguments,
) -> Result<&'a PathBuf, Failure> {
    let file = file.or(global.config.as_ref());
    file.ok_or_else(|| {
        Failure::usage("no configuration file is named; write its path, or use --config")
    })
}

fn told(output: &mut Output<'_>, answer: &Value, summary: &str) -> Result<Exit, CliError> {
    if output.is_json() {
        output.document(answer)?;
    } else {
        output.line(summary)?;
    }
    Ok(Exit::Ok)
}

/// Relative paths start from the directory of the file, so the new one has to lie in the same.
fn beside(new: &Path, directory: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(new).map_err(|error| Failure::path(new, &error))?;
    if absolute.parent() != Some(directory) {
        let message = format!(
            "{} is in another directory than the old file; relative paths in it would lead elsewhere: write to {}",
            new.display(),
            directory.display()
        );
        return Err(Failure::usage(message));
    }
    if absolute.exists() {
        return Err(Failure::usage(format!(
            "{} exists; choose a new file",
            new.display()
        )));
    }
    Ok(absolute)
}

/// A second name for the old file, which stays when the first one gets the new form.
fn keep(file: &Path) -> Result<PathBuf, Failure> {
    let mut kept = file.as_os_str().to_owned();
    kept.push(".old");
    let kept = PathBuf::from(kept);
    std::fs::hard_link(file, &kept).map_err(|error| {
        let message = format!(
            "the old file cannot be kept as {}: {error}; remove what is there, or use --to",
            kept.display()
        );
        Failure::new(Exit::Failed, "FILE_NOT_WRITTEN", message)
    })?;
    Ok(kept)
}

/// Whole or not at all, readable for its owner alone: it may hold a password.
fn write(target: &Path, directory: &Path, value: &Value) -> Result<(), Failure> {
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(format!("{value:#}\n").as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(target).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| {
        let message = format!("{} is not written: {error}", target.display());
        Failure::new(Exit::Failed, "FILE_NOT_WRITTEN", message)
    })
}

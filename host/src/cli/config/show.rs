//! `config show`: the configuration that is in force, and where each value comes from.

use serde_json::{Map, Value};

use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::CliError;
use crate::cli::host;
use crate::cli::output::{Output, note};
use crate::config::load::Loaded;
use crate::config::origins::{Origin, Origins};
use crate::foundation::json_pointer::{below, leaves};

/// Prints the effective configuration in the form of a file, options of the driver included.
pub(super) fn run(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let Loaded {
        config, origins, ..
    } = host::loaded(global)?;
    let app = host::build(global, config)?;
    let mut shown = app.effective_config()?;
    if output.is_json() {
        let origins = named(&shown, &origins);
        if let Value::Object(shown) = &mut shown {
            shown.insert("origins".to_owned(), origins);
        }
        output.document(&shown)?;
        return Ok(Exit::Ok);
    }
    match &app.config().file {
        Some(file) => note(&format!("from {}, with defaults filled in", file.display())),
        None => note("no configuration file: these are the defaults"),
    }
    let mut lines = Vec::new();
    print(&shown, "", &origins, 0, &mut lines);
    for line in lines {
        output.line(&line)?;
    }
    Ok(Exit::Ok)
}

/// The origins of all values that are not defaults, by JSON pointer.
fn named(shown: &Value, origins: &Origins) -> Value {
    let named = leaves(shown).into_iter().filter_map(|pointer| {
        let origin = origins.of(&pointer);
        (*origin != Origin::Default).then(|| (pointer.clone(), origin.to_string().into()))
    });
    Value::Object(named.collect::<Map<String, Value>>())
}

/// As JSON with a comment behind each value that is no default.
fn print(value: &Value, pointer: &str, origins: &Origins, depth: usize, lines: &mut Vec<String>) {
    let Value::Object(map) = value else {
        return;
    };
    if depth == 0 {
        lines.push("{".to_owned());
    }
    let indent = "  ".repeat(depth + 1);
    for (place, (key, value)) in map.iter().enumerate() {
        let comma = if place + 1 < map.len() { "," } else { "" };
        let name = Value::from(key.as_str());
        let here = below(pointer, key);
        if value.as_object().is_some_and(|object| !object.is_empty()) {
            lines.push(format!("{indent}{name}: {{"));
            print(value, &here, origins, depth + 1, lines);
            lines.push(format!("{indent}}}{comma}"));
            continue;
        }
        let comment = match origins.of(&here) {
            Origin::Default => String::new(),
            origin => format!("  // {origin}"),
        };
        lines.push(format!("{indent}{name}: {value}{comma}{comment}"));
    }
    if depth == 0 {
        lines.push("}".to_owned());
    }
}

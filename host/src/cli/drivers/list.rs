//! `drivers list`: every plugin file that was found, and why it is usable or not.

use serde_json::{Value, json};

use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::CliError;
use crate::cli::host;
use crate::cli::output::{Output, note};
use crate::cli::table;

/// Lists the plugins. It is a failure that a file is refused in a directory that the user named.
pub(in crate::cli) fn list(
    global: &GlobalArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = host::build(global, host::configuration(global)?)?;
    let plugins = app.plugins();
    let kind = &app.config().database.kind;
    let configured = plugins.find(kind).ok().map(|plugin| plugin.image.file);
    let listed: Vec<Value> = plugins
        .records()
        .iter()
        .map(|record| {
            let mut entry = app.describe(record);
            let is_used = entry["usable"] == true && configured.as_ref() == Some(&record.path);
            entry["configured"] = is_used.into();
            entry
        })
        .collect();
    print(&listed, &plugins.problems(), kind, output)?;
    let refused = !plugins.refused_by_name().is_empty();
    Ok(if refused { Exit::Failed } else { Exit::Ok })
}

fn print(
    listed: &[Value],
    problems: &[String],
    kind: &str,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    if output.is_json() {
        return output
            .document(&json!({"drivers": listed, "problems": problems, "configured_type": kind}));
    }
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    let headers = ["name", "version", "dialect", "placement", "state", "file"];
    output.lines(&table::render(&headers, &rows, output.width()))?;
    for problem in problems {
        note(problem);
    }
    if !listed.iter().any(|entry| entry["configured"] == true) {
        note(&format!(
            "the configured database.type is `{kind}`, for which there is no usable driver"
        ));
    }
    Ok(())
}

fn row(entry: &Value) -> Vec<String> {
    let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
    let state = if entry["usable"] != true {
        format!(
            "refused: {}",
            entry["refused"]["text"].as_str().unwrap_or("-")
        )
    } else if entry["configured"] == true {
        "usable, configured".to_owned()
    } else {
        "usable".to_owned()
    };
    vec![
        text("name"),
        text("version"),
        text("dialect"),
        text("placement"),
        state,
        text("path"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_why_a_file_is_not_used() {
        let usable = json!({"usable": true, "name": "sqlite", "version": "0.1.0", "dialect": "sqlite",
            "placement": "worker", "path": "/p/a.so", "configured": true});
        assert_eq!(
            row(&usable),
            [
                "sqlite",
                "0.1.0",
                "sqlite",
                "worker",
                "usable, configured",
                "/p/a.so"
            ]
        );
        let refused = json!({"usable": false, "refused": {"reason": "not_elf", "text": "it is text"}, "path": "/p/b.so"});
        assert_eq!(
            row(&refused),
            ["-", "-", "-", "-", "refused: it is text", "/p/b.so"]
        );
    }
}

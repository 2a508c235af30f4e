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
    // The file that a name leads to; others of the same name are shadowed by it.
    let used = |name: &str| plugins.find(name).ok().map(|(_, path)| path.to_owned());
    let configured = used(kind);
    let mut listed = Vec::new();
    for record in plugins.records() {
        let mut entry = json!({"path": record.path, "origin": record.origin});
        match record.verdict.descriptor() {
            Some(descriptor) => {
                entry["usable"] = true.into();
                entry["name"] = descriptor.name.as_str().into();
                entry["aliases"] = descriptor.aliases.clone().into();
                entry["version"] = descriptor.version.as_str().into();
                entry["placement"] = json!(descriptor.placement);
                entry["dialect"] = json!(descriptor.dialect);
                entry["summary"] = descriptor.summary.as_str().into();
                entry["shadowed"] = (used(&descriptor.name).as_ref() != Some(&record.path)).into();
                entry["configured"] = (configured.as_ref() == Some(&record.path)).into();
            }
            None => {
                entry["usable"] = false.into();
                entry["reason"] = reason(&json!(record.verdict)).into();
            }
        }
        listed.push(entry);
    }
    print(&listed, plugins.problems(), kind, output)?;
    let refused = plugins.refused_by_name().next().is_some();
    Ok(if refused { Exit::Failed } else { Exit::Ok })
}

/// The reason in a verdict that is a refusal.
fn reason(verdict: &Value) -> String {
    verdict["refused"].as_str().unwrap_or_default().to_owned()
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
        format!("refused: {}", text("reason"))
    } else if entry["shadowed"] == true {
        "shadowed by another file".to_owned()
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
            "placement": "worker", "path": "/p/a.so", "shadowed": false, "configured": true});
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
        let refused = json!({"usable": false, "reason": "it is text", "path": "/p/b.so"});
        assert_eq!(
            row(&refused),
            ["-", "-", "-", "-", "refused: it is text", "/p/b.so"]
        );
    }

    #[test]
    fn the_reason_is_that_of_the_verdict() {
        assert_eq!(reason(&json!({"refused": "it is text"})), "it is text");
    }
}

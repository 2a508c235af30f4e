//! `db migrate`: brings the schema of the database up to date, or says what that would take.

use clap::Args;
use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::bar::Bar;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::output::Output;

/// Arguments of `db migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArguments {
    /// Say what would be done, step by step; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Migrates, or shows the plan.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &MigrateArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = host::build(global, host::configuration(global)?)?;
    if arguments.dry_run {
        return match app.plan_migration()? {
            Some(plan) => show(output, &json!(plan), "would be taken"),
            None => show(
                output,
                &json!({ "is_new": true, "steps": null }),
                "would be taken",
            ),
        };
    }
    let bar = Bar::on_stderr();
    let done = app.migrate(&bar);
    bar.clear();
    show(output, &json!(done?), "were taken")
}

fn show(output: &mut Output<'_>, plan: &Value, verb: &str) -> Result<Exit, CliError> {
    match output.is_json() {
        true => output.document(plan)?,
        false => output.lines(&lines(plan, verb))?,
    }
    Ok(Exit::Ok)
}

fn lines(plan: &Value, verb: &str) -> Vec<String> {
    let to = &plan["to_version"];
    let Some(steps) = plan["steps"].as_array() else {
        return vec![
            "there is no database yet; it would be created with the present schema".to_owned(),
        ];
    };
    if steps.is_empty() {
        return vec![format!(
            "the schema is as declared, in version {to}; nothing is to be done"
        )];
    }
    let numbered = (1..).zip(steps);
    let mut lines: Vec<String> = numbered
        .map(|(number, step)| format!("{number:>3}. {}", step["text"].as_str().unwrap_or_default()))
        .collect();
    let from = match (&plan["from_version"], &plan["is_new"]) {
        (Value::Number(version), _) => format!("version {version}"),
        (_, Value::Bool(true)) => "an empty database".to_owned(),
        _ => "a database without a record of versions".to_owned(),
    };
    lines.push(format!(
        "{} steps {verb}, from {from} to version {to}",
        steps.len()
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_numbered_steps_and_where_they_lead() {
        let plan = json!({
            "from_version": null, "to_version": 2, "is_new": false,
            "steps": [{"text": "create the table `file_states`"}]
        });
        assert_eq!(
            lines(&plan, "would be taken"),
            [
                "  1. create the table `file_states`",
                "1 steps would be taken, from a database without a record of versions to version 2",
            ]
        );
        let done = json!({"from_version": 2, "to_version": 2, "is_new": false, "steps": []});
        assert!(
            lines(&done, "")
                .remove(0)
                .starts_with("the schema is as declared")
        );
        let none = json!({"is_new": true, "steps": null});
        assert!(
            lines(&none, "")
                .remove(0)
                .starts_with("there is no database yet")
        );
    }
}

//! A command as the doors see it: described by data, run with JSON.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use crate::foundation::json_schema::{InvalidSchema, Problem, Problems, Schema};

/// Any [`Operation`], its types hidden.
pub struct Command {
    name: &'static str,
    summary: &'static str,
    access: Access,
    is_long: bool,
    is_destructive: bool,
    is_idempotent: bool,
    example: fn() -> Value,
    run: fn(&Context, Value, &Job<'_>) -> Result<Value, CommandError>,
    /// Made when it is first needed: a process seldom runs more than a few commands.
    schema: LazyLock<Result<Schema, InvalidSchema>>,
    /// As late: only doors that describe commands need it.
    output_schema: LazyLock<Result<Schema, InvalidSchema>>,
}

impl Command {
    /// The command that `O` defines.
    pub(super) fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            summary: O::SUMMARY,
            access: O::ACCESS,
            is_long: O::LONG,
            is_destructive: O::DESTRUCTIVE,
            is_idempotent: O::IDEMPOTENT,
            example: O::example,
            run: run::<O>,
            schema: LazyLock::new(Schema::of::<O::Parameters>),
            output_schema: LazyLock::new(Schema::of_written::<O::Answer>),
        }
    }

    /// The name through every door.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One line for people and agents.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// Whether it changes anything.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether it may run for more than a few seconds.
    pub fn is_long(&self) -> bool {
        self.is_long
    }

    /// Whether what it changes may be lost for good.
    pub fn is_destructive(&self) -> bool {
        self.is_destructive
    }

    /// Whether doing it twice changes nothing more than doing it once.
    pub fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    /// Parameters that fit.
    pub fn example(&self) -> Value {
        (self.example)()
    }

    /// The JSON schema of the parameters.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when the parameters' type is annotated wrongly; a test rules that out.
    pub fn schema(&self) -> Result<&Value, CommandError> {
        compiled(&self.schema).map(Schema::as_value)
    }

    /// The JSON schema of the data of a successful answer.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when the answer's type is annotated wrongly; a test rules that out.
    pub fn output_schema(&self) -> Result<&Value, CommandError> {
        compiled(&self.output_schema).map(Schema::as_value)
    }

    /// Checks the parameters, then runs the command.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameters`] with every problem and an example, else the command's own.
    pub fn run(
        &self,
        context: &Context,
        parameters: Value,
        job: &Job<'_>,
    ) -> Result<Value, CommandError> {
        self.check(&parameters)?;
        self.run_checked(context, parameters, job)
    }

    /// Runs the command with parameters that [`check`](Self::check) has passed.
    ///
    /// # Errors
    /// The command's own.
    pub(super) fn run_checked(
        &self,
        context: &Context,
        parameters: Value,
        job: &Job<'_>,
    ) -> Result<Value, CommandError> {
        (self.run)(context, parameters, job).map_err(|error| self.with_example(error))
    }

    /// Checks the parameters without running anything.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameters`] with every problem and an example.
    pub fn check(&self, parameters: &Value) -> Result<(), CommandError> {
        let checked = compiled(&self.schema)?.check(parameters);
        checked.map_err(|problems| self.with_example(invalid(&problems)))
    }

    /// Parameters may also turn out wrong while the command runs; the help is the same.
    fn with_example(&self, error: CommandError) -> CommandError {
        if error.code() != ErrorCode::InvalidParameters {
            return error;
        }
        let example = self.example();
        error.in_command(self.name, &example)
    }
}

fn compiled(schema: &Result<Schema, InvalidSchema>) -> Result<&Schema, CommandError> {
    schema
        .as_ref()
        .map_err(|error| CommandError::new(ErrorCode::Internal, error.to_string()))
}

/// Refuses while the database is in safe mode, and sees to it that it is there: it may have been replaced since.
fn require_sound(context: &Context) -> Result<(), CommandError> {
    if let Some(safe_mode) = context.database.safe_mode() {
        let text = format!(
            "the database is in safe mode, in which only get_database_status, get_database_corruption_status, \
             backup_database, list_backup_files, restore_database, repair_database and repair_sqlite_database work: {}",
            safe_mode.reason
        );
        let error = CommandError::new(ErrorCode::SafeMode, text);
        return Err(error.with("safe_mode", json!(safe_mode)));
    }
    Ok(context.database.make_ready()?)
}

fn run<O: Operation>(
    context: &Context,
    parameters: Value,
    job: &Job<'_>,
) -> Result<Value, CommandError> {
    if O::NEEDS == Needs::Sound {
        require_sound(context)?;
    }
    let parameters = serde_json::from_value(parameters)
        .map_err(|error| CommandError::new(ErrorCode::InvalidParameters, error.to_string()))?;
    let answer = O::run(context, parameters, job)?;
    serde_json::to_value(answer)
        .map_err(|error| CommandError::new(ErrorCode::Internal, error.to_string()))
}

fn invalid(problems: &Problems) -> CommandError {
    let lines: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    let details: Vec<Value> = problems.0.iter().map(describe).collect();
    CommandError::new(ErrorCode::InvalidParameters, lines.join("; "))
        .with("problems", Value::from(details))
}

fn describe(problem: &Problem) -> Value {
    let Problem {
        pointer,
        found,
        expected,
        suggestion,
    } = problem;
    let mut described = json!({"field": pointer, "found": found, "expected": expected});
    if let (Some(suggestion), Some(fields)) = (suggestion, described.as_object_mut()) {
        fields.insert("did_you_mean".to_owned(), suggestion.as_str().into());
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::find_usages::FindUsages;

    #[test]
    fn wrong_parameters_are_named_with_what_was_expected_and_an_example() {
        let command = Command::of::<FindUsages>();
        let error = command
            .check(&json!({"target_nam": "add", "limit": 0}))
            .unwrap_err();
        assert_eq!(error.code().as_str(), "INVALID_PARAMETERS");
        let message = error.to_string();
        for part in [
            "the parameters of `find_usages` are wrong: ",
            "/limit: found number 0, expected at least 1",
            "/target_nam: found unknown key \"target_nam\"",
            "did you mean \"target_name\"?",
            "for example: {\"target_name\":\"checkout\"",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains('\n'), "{message}");
        let data = error.data().unwrap();
        let fields: Vec<&str> = data["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["field"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["", "/limit", "/target_nam"]);
        assert_eq!(data["problems"][2]["did_you_mean"], "target_name");
        assert_eq!(data["example"], command.example());
    }

    #[test]
    fn parameters_that_fit_pass() {
        let command = Command::of::<FindUsages>();
        let right = json!({"target_name": "add", "project_id": null, "limit": 7, "offset": 3});
        command.check(&right).unwrap();
    }
}

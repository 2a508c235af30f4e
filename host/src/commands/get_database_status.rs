//! `get_database_status`: what the database holds, in numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::status::DatabaseStatus;

/// The command.
pub(super) struct GetDatabaseStatus;

/// Of which part.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
}

/// The numbers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The driver that the database is reached through.
    driver: String,
    /// The project that was counted; all without.
    project_id: Option<String>,
    /// Size of the whole database in units of 1024 * 1024 bytes.
    file_size_mb: Option<f64>,
    #[serde(flatten)]
    status: DatabaseStatus,
}

impl Operation for GetDatabaseStatus {
    const NAME: &'static str = "get_database_status";
    const SUMMARY: &'static str = "Shows how much the database holds, of all projects or of one";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project_id = parameters.project.find(context)?.map(|project| project.id);
        let status = context.code().database_status(project_id.as_deref())?;
        Ok(Answer {
            driver: context.database.driver_name().to_owned(),
            project_id,
            file_size_mb: status.size_bytes.map(megabytes),
            status,
        })
    }
}

/// Two digits are enough to read and to compare.
fn megabytes(bytes: u64) -> f64 {
    let hundredths = bytes.saturating_mul(100) / (1024 * 1024);
    // Exact for every size below 2^53 hundredths, which is more than any disk holds.
    hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_to_two_digits() {
        assert_eq!(megabytes(0), 0.0);
        assert_eq!(megabytes(3 * 1024 * 1024 / 2), 1.5);
        assert_eq!(megabytes(1_000_000), 0.95);
    }
}

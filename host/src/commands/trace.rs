//! `trace`: how one entity leads to another by calls and other usages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::{EntityChoice, chosen_or_only};
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_graph::calls::{Calls, Edge};

/// Entities that are looked at before the search is given up.
const MOST_LOOKED_AT: usize = 2_000;

/// The command.
pub(super) struct Trace;

/// From where to where.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Where to begin: a class, function or method, or `Class.method`.
    #[schemars(length(min = 1))]
    from: String,
    /// Where to get to.
    #[schemars(length(min = 1))]
    to: String,
    #[serde(flatten)]
    project: ProjectChoice,
}

/// The shortest way.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    from: String,
    to: String,
    /// Whether there is a way.
    found: bool,
    /// The entities on it, both ends included, each with the place where the one before uses it.
    path: Vec<Edge>,
    count: usize,
    freshness: Freshness,
}

impl Operation for Trace {
    const NAME: &'static str = "trace";
    const SUMMARY: &'static str = "Finds the shortest call path from one entity to another";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"from": "demo", "to": "apply", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let named = |name: &str| {
            let choice = EntityChoice {
                entity_name: name.to_owned(),
                entity_type: None,
                file_path: None,
            };
            choice.find(context, &project)
        };
        let (from, to) = (named(&parameters.from)?, named(&parameters.to)?);
        let code = context.code();
        let (path, given_up) = Calls::load(&code, &project.id)?.path(&from, &to, MOST_LOOKED_AT)?;
        let path = path.unwrap_or_default();
        let on_path = path.iter().filter_map(|edge| edge.definition.as_ref());
        let ends = from.iter().chain(&to);
        let mut freshness = Freshness::of(&code, on_path.chain(ends).map(|each| each.file_id))?;
        if given_up {
            freshness.lacks(format!(
                "the search was given up after {MOST_LOOKED_AT} entities"
            ));
        }
        Ok(Answer {
            from: parameters.from,
            to: parameters.to,
            found: !path.is_empty(),
            count: path.len(),
            path,
            freshness,
        })
    }
}

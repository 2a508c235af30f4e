//! `explore`: one question in, the entities that answer it out, with source, users and what they use, within a budget.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::database::CodeDatabase;
use crate::code_db::graph::Definition;
use crate::code_db::page::PageRequest;
use crate::code_db::projects::Project;
use crate::code_db::search::SearchQuery;
use crate::code_graph::calls::{Calls, Edge};

/// Hits that are looked at for one answer.
const MOST_HITS: u32 = 12;

/// Users, and used entities, that are told of each entity.
const MOST_NEIGHBOURS: usize = 10;

/// Characters that a token has on average in source text.
const CHARACTERS_PER_TOKEN: usize = 4;

/// Words of questions that code seldom holds for their meaning.
const FILLERS: [&str; 40] = [
    "a", "an", "and", "any", "are", "be", "by", "can", "code", "do", "does", "find", "for", "from",
    "get", "happens", "how", "i", "in", "is", "it", "me", "of", "on", "or", "show", "that", "the",
    "there", "this", "to", "used", "what", "when", "where", "which", "who", "why", "with", "work",
];

/// The command.
pub(super) struct Explore;

/// The question.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// A question or some words: names of entities, words of their docstrings or code.
    #[schemars(length(min = 1))]
    query: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// About how many tokens the answer may take; default 4,000.
    #[serde(default = "default_tokens")]
    #[schemars(range(min = 200, max = 200_000))]
    max_tokens: usize,
}

fn default_tokens() -> usize {
    4_000
}

/// The entities, most relevant first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    query: String,
    /// The words that were searched for.
    searched: String,
    entities: Vec<Explored>,
    count: usize,
    /// About how many tokens the entities take.
    tokens: usize,
    /// Whether entities were left out, or cut short, to stay within the budget.
    has_more: bool,
    freshness: Freshness,
}

/// One entity with its surroundings.
#[derive(Serialize, JsonSchema)]
struct Explored {
    #[serde(flatten)]
    entity: Definition,
    /// Its source text, as far as the budget goes.
    source: String,
    /// Whether the source was cut short.
    is_cut: bool,
    /// Who uses it.
    callers: Vec<Edge>,
    /// What it uses.
    callees: Vec<Edge>,
}

impl Operation for Explore {
    const NAME: &'static str = "explore";
    const SUMMARY: &'static str =
        "Answers a question with the relevant entities: source, callers and callees";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"query": "How is a discount code applied?", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let code = context.code();
        let searched = meaningful(&parameters.query);
        let (found, is_partial) = relevant(&code, &project, &searched)?;
        let mut freshness = Freshness::of(&code, found.iter().map(|each| each.file_id))?;
        if is_partial {
            freshness.lacks("nothing holds all words of the question; the entities hold some");
        }
        let calls = Calls::new(&code, &project.id);
        let mut left = parameters.max_tokens.saturating_mul(CHARACTERS_PER_TOKEN);
        let (mut entities, mut has_more) = (Vec::new(), false);
        for entity in found {
            if left < CHARACTERS_PER_TOKEN * 50 {
                has_more = true;
                break;
            }
            let explored = explored(&calls, &project, entity, left)?;
            has_more |= explored.is_cut;
            left = left.saturating_sub(explored.characters());
            entities.push(explored);
        }
        let used = parameters.max_tokens.saturating_mul(CHARACTERS_PER_TOKEN) - left;
        Ok(Answer {
            query: parameters.query,
            searched,
            count: entities.len(),
            entities,
            tokens: used.div_ceil(CHARACTERS_PER_TOKEN),
            has_more,
            freshness,
        })
    }
}

impl Explored {
    /// About what it takes in the answer.
    fn characters(&self) -> usize {
        let json = serde_json::to_string(self);
        json.map_or(self.source.len(), |json| json.len())
    }
}

/// The question without the words that only make it one.
fn meaningful(query: &str) -> String {
    let is_mark = |c: char| !c.is_alphanumeric() && c != '_';
    let words: Vec<&str> = query
        .split_whitespace()
        .map(|word| word.trim_matches(is_mark))
        .filter(|word| !word.is_empty())
        .filter(|word| !FILLERS.contains(&word.to_lowercase().as_str()))
        .collect();
    if words.is_empty() {
        query.to_owned()
    } else {
        words.join(" ")
    }
}

/// The entities that hold the words, best first, and whether they hold only some of them.
fn relevant(
    code: &CodeDatabase,
    project: &Project,
    words: &str,
) -> Result<(Vec<Definition>, bool), CommandError> {
    let query = SearchQuery {
        text: words,
        entity_type: None,
        project_id: Some(&project.id),
    };
    let result = code.fulltext_search(&query, PageRequest::first(MOST_HITS))?;
    let mut found = Vec::new();
    for hit in &result.hits.items {
        let (Some(id), Some(name)) = (hit.entity_id, &hit.entity_name) else {
            continue;
        };
        let short = name.rsplit('.').next().unwrap_or(name);
        let named = code.definitions_named(Some(&project.id), &[short])?;
        found.extend(
            named
                .into_iter()
                .find(|each| each.entity_id == id && each.entity_type.as_str() == hit.entity_type),
        );
    }
    Ok((found, result.partial_match))
}

fn explored(
    calls: &Calls<'_>,
    project: &Project,
    entity: Definition,
    left: usize,
) -> Result<Explored, CommandError> {
    let users = calls.users(std::slice::from_ref(&entity))?.into_iter();
    let callers = users.map(|(_, edge)| edge).take(MOST_NEIGHBOURS).collect();
    let mut callees = calls.used_by(&entity)?;
    callees.truncate(MOST_NEIGHBOURS);
    let mut explored = Explored {
        entity,
        source: String::new(),
        is_cut: false,
        callers,
        callees,
    };
    let room = left.saturating_sub(explored.characters());
    let path = Path::new(&project.root_path).join(&explored.entity.relative_path);
    let text = fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let first = explored.entity.line.saturating_sub(1) as usize;
    let last = explored.entity.end_line.unwrap_or(explored.entity.line) as usize;
    for line in text.lines().take(last).skip(first) {
        if explored.source.len() + line.len() + 1 > room {
            explored.is_cut = true;
            break;
        }
        explored.source.push_str(line);
        explored.source.push('\n');
    }
    Ok(explored)
}

#[cfg(test)]
mod tests {
    use super::meaningful;

    #[test]
    fn questions_are_searched_by_what_they_are_about() {
        assert_eq!(
            meaningful("How is a discount_code applied?"),
            "discount_code applied"
        );
        assert_eq!(meaningful("what is it"), "what is it");
    }
}

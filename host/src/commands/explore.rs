//! `explore`: one question in, the entities that answer it out, with source, users and what they use, within a budget.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::{Freshness, NOT_ALL_USAGES};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::database::CodeDatabase;
use crate::code_db::graph::Definition;
use crate::code_db::page::PageRequest;
use crate::code_db::projects::Project;
use crate::code_db::search::SearchQuery;
use crate::code_graph::calls::{Calls, Edge};

/// Entities in one answer.
const MOST_ENTITIES: usize = 12;

/// Hits of one search that are looked at.
const MOST_HITS: u32 = 30;

/// What a first rank is worth is one by this, as reciprocal rank fusion has it: the greater, the less the first ranks
/// count beside later ones.
const FUSION: f64 = 60.0;

/// How much more it counts to hold all words than to hold one.
const ALL_WORDS: f64 = 3.0;

/// How much it counts that a word is a part of the name.
const IN_NAME: f64 = 4.0;

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
        let calls = Calls::load(&code, &project.id)?;
        let mut left = parameters.max_tokens.saturating_mul(CHARACTERS_PER_TOKEN);
        let (mut entities, mut has_more, mut not_all_usages) = (Vec::new(), false, false);
        for entity in found {
            if left < CHARACTERS_PER_TOKEN * 50 {
                has_more = true;
                break;
            }
            let (explored, is_cut) = explored(&calls, &project, entity, left)?;
            not_all_usages |= is_cut;
            has_more |= explored.is_cut;
            left = left.saturating_sub(explored.characters());
            entities.push(explored);
        }
        if not_all_usages {
            freshness.lacks(NOT_ALL_USAGES);
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

/// The entities that hold the words, best first, and whether none holds all of them.
///
/// Each word in each of its forms is searched for by itself, too, and ranks are fused: an entity counts by the sum of
/// what its ranks are worth, so that one which many searches find comes before one that a single search finds first, and
/// by the words that its name is made of.
fn relevant(
    code: &CodeDatabase,
    project: &Project,
    words: &str,
) -> Result<(Vec<Definition>, bool), CommandError> {
    let together = hits(code, project, words)?;
    let mut worth: HashMap<Hit, f64> = HashMap::new();
    let mut add = |hits: &[Hit], weight: f64| {
        for (rank, hit) in hits.iter().enumerate() {
            *worth.entry(hit.clone()).or_default() += weight / (FUSION + rank as f64);
        }
    };
    add(&together.entities, ALL_WORDS);
    // The rarer a word is, the more it tells.
    let mut rarities = Vec::new();
    let mut seen = HashSet::new();
    for word in words.split_whitespace().map(str::to_lowercase) {
        let mut total = 0;
        for form in forms(&word)
            .into_iter()
            .filter(|form| seen.insert(form.clone()))
        {
            let found = hits(code, project, &form)?;
            total += found.total;
            add(&found.entities, rarity(found.total));
        }
        rarities.push((forms(&word), rarity(total)));
    }
    let mut ranked: Vec<(Hit, f64)> = worth.into_iter().collect();
    for (hit, worth) in &mut ranked {
        let parts = parts(&hit.name);
        let named = rarities
            .iter()
            .filter(|(forms, _)| forms.iter().any(|form| parts.contains(form)));
        *worth += named
            .map(|(_, rarity)| IN_NAME * rarity / FUSION)
            .sum::<f64>();
    }
    ranked.sort_by(|(a, left), (b, right)| right.total_cmp(left).then_with(|| a.cmp(b)));
    ranked.truncate(MOST_ENTITIES);
    let names: Vec<&str> = ranked.iter().map(|(hit, _)| hit.name.as_str()).collect();
    let named = code.definitions_named(Some(&project.id), &names)?;
    let found = ranked.iter().filter_map(|(hit, _)| {
        let is_it = |each: &&Definition| {
            each.entity_id == hit.id && each.entity_type.as_str() == hit.entity_type
        };
        named.iter().find(is_it).cloned()
    });
    let is_partial = together.is_partial || together.entities.is_empty();
    Ok((found.collect(), is_partial))
}

/// An entity that a search found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Hit {
    name: String,
    entity_type: String,
    id: i64,
}

/// What a search found.
struct Found {
    /// The entities among the first hits, best first.
    entities: Vec<Hit>,
    /// Hits in all.
    total: u64,
    /// Whether they hold only some of the words.
    is_partial: bool,
}

fn hits(code: &CodeDatabase, project: &Project, words: &str) -> Result<Found, CommandError> {
    let query = SearchQuery {
        text: words,
        entity_type: None,
        project_id: Some(&project.id),
    };
    let result = code.fulltext_search(&query, PageRequest::first(MOST_HITS))?;
    let entities = result.hits.items.into_iter().filter_map(|hit| {
        let name = hit.entity_name?;
        Some(Hit {
            name: name.rsplit('.').next().unwrap_or(&name).to_owned(),
            entity_type: hit.entity_type,
            id: hit.entity_id?,
        })
    });
    Ok(Found {
        entities: entities.collect(),
        total: result.hits.total,
        is_partial: result.partial_match,
    })
}

/// How much a word with so many hits tells: 1 for a single one, less for more.
fn rarity(hits: u64) -> f64 {
    1.0 / (1.0 + (hits.max(1) as f64).ln())
}

/// The words that a name is made of, in lower case: those of `loadFile` and `load_file` are the same.
fn parts(name: &str) -> HashSet<String> {
    let mut parts = HashSet::new();
    for word in name.split(|c: char| !c.is_alphanumeric()) {
        let mut part = String::new();
        for letter in word.chars() {
            let begins = letter.is_uppercase() && part.ends_with(char::is_lowercase);
            if begins {
                parts.insert(std::mem::take(&mut part).to_lowercase());
            }
            part.push(letter);
        }
        parts.insert(part.to_lowercase());
    }
    parts.remove("");
    parts
}

/// A word in lower case, and what it may be a form of: `matched`, `match`, `matches`.
fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    let stem = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .filter(|stem| stem.len() > 2 && stem.is_ascii());
    if let Some(stem) = stem {
        let (shorter, last) = stem.split_at(stem.len() - 1);
        let is_doubled = shorter.ends_with(last);
        let stem = if is_doubled { shorter } else { stem };
        forms.extend([
            stem.to_owned(),
            format!("{stem}e"),
            format!("{stem}s"),
            format!("{stem}es"),
        ]);
    }
    forms
}

/// An entity with its surroundings, within so many characters; whether its users are not all that there are.
fn explored(
    calls: &Calls<'_>,
    project: &Project,
    entity: Definition,
    left: usize,
) -> Result<(Explored, bool), CommandError> {
    let entities = std::slice::from_ref(&entity);
    let users = calls.users(entities)?;
    let neighbours = |edges: Vec<(usize, Edge)>| {
        let edges = edges.into_iter().map(|(_, edge)| edge);
        edges.take(MOST_NEIGHBOURS).collect()
    };
    let callers = neighbours(users.edges);
    let callees = neighbours(calls.used_by(entities)?);
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
    Ok((explored, users.is_cut))
}

#[cfg(test)]
mod tests {
    use super::{forms, meaningful, parts};

    #[test]
    fn questions_are_searched_by_what_they_are_about() {
        assert_eq!(
            meaningful("How is a discount_code applied?"),
            "discount_code applied"
        );
        assert_eq!(meaningful("what is it"), "what is it");
    }

    #[test]
    fn words_are_searched_in_their_forms() {
        assert_eq!(
            forms("formatted"),
            ["formatted", "format", "formate", "formats", "formates"]
        );
        assert!(forms("merged").contains(&"merge".to_owned()));
        assert!(forms("matched").contains(&"matches".to_owned()));
        assert_eq!(forms("caret"), ["caret"]);
        assert_eq!(forms("is"), ["is"]);
    }

    #[test]
    fn names_are_taken_apart() {
        for name in ["loadFile_2", "load_file_2", "LoadFile2", "load::file::2"] {
            let expected = match name {
                "LoadFile2" => ["load", "file2"].map(str::to_owned).into(),
                _ => ["load", "file", "2"].map(str::to_owned).into(),
            };
            assert_eq!(parts(name), expected, "{name}");
        }
    }
}

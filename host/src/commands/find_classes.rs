//! `find_classes`: classes whose names match a pattern.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::graph::Definition;

/// The command.
pub(super) struct FindClasses;

/// Which classes.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Part of the name in any case, or a pattern for the whole name with `*` for any letters and `?` for one.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pattern: Option<String>,
    #[serde(flatten)]
    project: ProjectChoice,
    #[serde(flatten)]
    paging: Paging,
}

/// The classes by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    pattern: Option<String>,
    #[serde(flatten)]
    place: Place,
    classes: Vec<Definition>,
    freshness: Freshness,
}

impl Operation for FindClasses {
    const NAME: &'static str = "find_classes";
    const SUMMARY: &'static str =
        "Finds classes, structs, traits and interfaces by name or pattern";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"pattern": "*art", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let code = context.code();
        let mut classes = code.project_classes(&project.id)?;
        if let Some(pattern) = &parameters.pattern {
            classes.retain(|class| matches(pattern, &class.name));
        }
        let mut page = parameters.paging.cut(classes);
        Ok(Answer {
            place: parameters.paging.place(&mut page),
            freshness: Freshness::of(&code, page.items.iter().map(|class| class.file_id))?,
            classes: page.items,
            pattern: parameters.pattern,
        })
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    if !pattern.contains(['*', '?']) {
        return name.contains(&pattern);
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Places in the pattern that the beginning of the name may have led to.
    let mut places = reachable(&pattern, vec![0]);
    for letter in name {
        let next = places.iter().filter_map(|place| match pattern.get(*place) {
            Some('*') => Some(*place),
            Some('?') => Some(place + 1),
            Some(wanted) => (*wanted == letter).then_some(place + 1),
            None => None,
        });
        places = reachable(&pattern, next.collect());
    }
    places.contains(&pattern.len())
}

/// These places and those behind the stars at them.
fn reachable(pattern: &[char], mut places: Vec<usize>) -> Vec<usize> {
    let mut at = 0;
    while let Some(place) = places.get(at).copied() {
        at += 1;
        if pattern.get(place) == Some(&'*') && !places.contains(&(place + 1)) {
            places.push(place + 1);
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_for_whole_names_and_words_for_parts() {
        for (pattern, name, expected) in [
            ("art", "Cart", true),
            ("CART", "ShoppingCart", true),
            ("*Cart", "ShoppingCart", true),
            ("Cart*", "ShoppingCart", false),
            ("C?rt", "Cart", true),
            ("C?rt", "Caart", false),
            ("*a*a*", "Banana", true),
            ("***", "", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

//! The schema of the options: what it refuses, what it fills in, and that it keeps secrets.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::options::{OptionKind, OptionProblem, OptionSpec, Options};
use crate::testkit::case::{Case, Group};
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{Action, step};

use super::descriptor::hold;

/// A rule, and what it says about the schema.
type Rule = (&'static str, fn(&Bench<'_>) -> Result<(), Mismatch>);

const RULES: [Rule; 12] = [
    ("given_ones_fit", given_ones_fit),
    ("unknown_is_refused", unknown_is_refused),
    ("wrong_type_is_refused", wrong_type_is_refused),
    ("out_of_range_is_refused", out_of_range_is_refused),
    ("unknown_word_is_refused", unknown_word_is_refused),
    ("missing_is_refused", missing_is_refused),
    ("null_is_absent", null_is_absent),
    ("keys", keys),
    ("summaries", summaries),
    ("defaults_fit", defaults_fit),
    ("kinds_can_be_satisfied", kinds_can_be_satisfied),
    ("secrets", secrets),
];

pub(super) fn cases() -> Vec<Case> {
    let case =
        |(name, rule): &Rule| Case::new(Group::Options, name).steps([step(Action::Check(*rule))]);
    RULES.iter().map(case).collect()
}

fn check(bench: &Bench<'_>, values: &Map<String, Json>) -> Result<Options, Vec<OptionProblem>> {
    Options::check(&bench.descriptor.options, values, Path::new("/"))
}

/// The options of the run with this one changed.
fn changed(bench: &Bench<'_>, key: &str, value: Json) -> Map<String, Json> {
    let mut values = bench.options.to_json();
    values.insert(key.to_owned(), value);
    values
}

/// Every option of the schema for which `wrong` has a value is refused with it.
fn each_refused(
    bench: &Bench<'_>,
    wrong: impl Fn(&OptionKind) -> Vec<Json>,
) -> Result<(), Mismatch> {
    for spec in &bench.descriptor.options {
        for value in wrong(&spec.kind) {
            let found = check(bench, &changed(bench, &spec.key, value.clone()));
            let is_told = |problem: &OptionProblem| match problem {
                OptionProblem::Invalid { key, .. } => *key == spec.key,
                _ => false,
            };
            let refused = found.is_err_and(|problems| problems.iter().any(is_told));
            let expected = format!("that `{}` refuses {value}", spec.key);
            hold(refused, &expected, "that it is taken")?;
        }
    }
    Ok(())
}

/// Every option of the schema follows a rule.
fn each_holds(
    bench: &Bench<'_>,
    expected: &str,
    holds: impl Fn(&OptionSpec) -> bool,
) -> Result<(), Mismatch> {
    let wrong = bench.descriptor.options.iter().find(|spec| !holds(spec));
    match wrong {
        None => Ok(()),
        Some(spec) => Err((
            expected.to_owned(),
            format!("`{}`, which has not", spec.key),
        )),
    }
}

fn given_ones_fit(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let again = check(bench, &bench.options.to_json());
    let same = again.as_ref() == Ok(bench.options);
    hold(
        same,
        "that checked options pass again unchanged",
        "that they do not",
    )
}

fn unknown_is_refused(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let values = changed(bench, "no_such_option", json!(1));
    let refused = matches!(
        check(bench, &values).as_ref().map_err(Vec::as_slice),
        Err([OptionProblem::Unknown { key, .. }]) if key == "no_such_option"
    );
    hold(
        refused,
        "that an unknown option is refused",
        "that it is taken",
    )
}

fn wrong_type_is_refused(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_refused(bench, |kind| {
        let wrong = match kind {
            OptionKind::Integer { .. } => json!("many"),
            OptionKind::Boolean => json!("yes"),
            _ => json!(7),
        };
        vec![wrong, json!([1]), json!({"a": 1})]
    })
}

fn out_of_range_is_refused(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_refused(bench, |kind| match kind {
        OptionKind::Integer { min, max } => {
            let beyond = [min.checked_sub(1), max.checked_add(1)];
            let beyond = beyond.into_iter().flatten().map(Json::from);
            beyond.chain([json!(1.5), json!(u64::MAX)]).collect()
        }
        _ => Vec::new(),
    })
}

fn unknown_word_is_refused(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_refused(bench, |kind| match kind {
        OptionKind::Choice { .. } => vec![json!("no such word"), json!("")],
        _ => Vec::new(),
    })
}

fn missing_is_refused(bench: &Bench<'_>) -> Result<(), Mismatch> {
    for spec in bench.descriptor.options.iter().filter(|spec| spec.required) {
        let mut values = bench.options.to_json();
        values.remove(&spec.key);
        let refused = matches!(
            check(bench, &values).as_ref().map_err(Vec::as_slice),
            Err([OptionProblem::Missing { key, .. }]) if *key == spec.key
        );
        let expected = format!("that `{}` must be present", spec.key);
        hold(refused, &expected, "that it may be absent")?;
    }
    Ok(())
}

fn null_is_absent(bench: &Bench<'_>) -> Result<(), Mismatch> {
    for spec in bench
        .descriptor
        .options
        .iter()
        .filter(|spec| !spec.required)
    {
        let mut without = bench.options.to_json();
        without.remove(&spec.key);
        let same = check(bench, &changed(bench, &spec.key, Json::Null)) == check(bench, &without);
        let expected = format!("that null for `{}` is as if it were absent", spec.key);
        hold(same, &expected, "something else")?;
    }
    Ok(())
}

fn keys(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let specs = &bench.descriptor.options;
    let different: BTreeSet<&str> = specs.iter().map(|spec| spec.key.as_str()).collect();
    hold(
        different.len() == specs.len(),
        "keys that differ",
        "two of one name",
    )?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    each_holds(
        bench,
        "keys of lower-case letters, digits and `_`",
        |spec| !spec.key.is_empty() && spec.key.chars().all(allowed),
    )?;
    each_holds(bench, "keys that the host does not use itself", |spec| {
        !matches!(spec.key.as_str(), "type" | "worker")
    })
}

fn summaries(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_holds(bench, "a line for people for every option", |spec| {
        !spec.summary.trim().is_empty() && spec.summary.lines().count() == 1
    })
}

fn defaults_fit(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_holds(
        bench,
        "defaults that the option itself would take",
        |spec| {
            let values = changed(bench, &spec.key, spec.default.clone());
            spec.default.is_null() || check(bench, &values).is_ok()
        },
    )?;
    each_holds(bench, "no default where the key must be present", |spec| {
        !spec.required || spec.default.is_null()
    })
}

fn kinds_can_be_satisfied(bench: &Bench<'_>) -> Result<(), Mismatch> {
    each_holds(
        bench,
        "kinds that some value satisfies",
        |spec| match &spec.kind {
            OptionKind::Integer { min, max } => min <= max,
            OptionKind::Choice { words } => {
                !words.is_empty() && words.iter().all(|w| !w.is_empty())
            }
            _ => true,
        },
    )
}

/// What looks like a secret is marked as one, and what is marked is not shown.
fn secrets(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let looks_secret = |key: &str| {
        let parts = ["password", "passphrase", "secret", "token"];
        parts.iter().any(|part| key.contains(part))
            // These name where a secret is.
            && !["_env", "_file", "_path"].iter().any(|end| key.ends_with(end))
    };
    each_holds(
        bench,
        "that options which look secret are marked so",
        |spec| spec.secret || !looks_secret(&spec.key),
    )?;
    for spec in bench.descriptor.options.iter().filter(|spec| spec.secret) {
        let values = changed(bench, &spec.key, json!("canary-of-the-testkit"));
        let shown = match check(bench, &values) {
            Ok(options) => format!("{options:?}"),
            Err(problems) => format!("{problems:?}"),
        };
        let expected = format!("that `{}` is never shown", spec.key);
        hold(
            !shown.contains("canary-of-the-testkit"),
            &expected,
            "that it is",
        )?;
    }
    Ok(())
}

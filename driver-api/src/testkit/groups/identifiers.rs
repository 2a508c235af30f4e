//! Names that have to be quoted, of tables and of columns: stored, listed and told as they are.

use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::need::Need;
use crate::testkit::step::{Action, execute, query, step};
use crate::value::{Value, ValueKind};

/// Last part of a case's name, and the name.
const NAMES: [(&str, &str); 15] = [
    ("space", "two words"),
    ("double_quote", "quo\"te"),
    ("two_double_quotes", "\"\""),
    ("backtick", "back`tick"),
    ("apostrophe", "it's"),
    ("semicolon", "a; DROP TABLE b"),
    ("comment", "a -- b /* c"),
    ("question_mark", "a ? b $1"),
    ("percent", "100%s_%"),
    ("bracket", "a]b[c"),
    ("dot", "a.b"),
    ("backslash", "a\\b"),
    ("upper_case", "MixedCase"),
    ("unicode", "größe_日本語_שם"),
    ("line_end", "a\nb\tc"),
];

/// Names of columns that are words of SQL.
const WORDS: [&str; 6] = ["select", "from", "table", "order", "group", "null"];

const TABLE: [Need; 4] = [
    Need::QuotedIdentifiers,
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn of_table(name: &str, odd: &'static str) -> Case {
    Case::new(Group::Identifiers, &format!("table.{name}"))
        .needing(&TABLE)
        .odd_name(odd)
        .steps([
            execute("CREATE TABLE {odd} (id {i64}, v {text})"),
            execute("INSERT INTO {odd} (id, v) VALUES (?, ?)")
                .with([1i64.into(), Value::from("x")]),
            query("SELECT v FROM {odd}").gives_value("x"),
            execute("DELETE FROM {odd}").gives(Expect::Changed(1)),
        ])
}

fn in_catalog(name: &str, odd: &'static str) -> Case {
    let create = format!("CREATE TABLE {{odd}} (id {{i64}}, {{q:{odd}}} {{text}})");
    let columns = ["id", odd].map(crate::testkit::expect::WantColumn::new);
    Case::new(Group::Identifiers, &format!("catalog.{name}"))
        .needing(&TABLE)
        .needing(&[Need::Catalog])
        .odd_name(odd)
        .steps([
            execute(create),
            step(Action::Tables).gives(Expect::Lists(vec![("odd", "table")])),
            step(Action::Columns("odd".into())).gives(Expect::Columns(columns.to_vec())),
        ])
}

fn of_column(name: &str, odd: &str) -> Case {
    Case::new(Group::Identifiers, &format!("column.{name}"))
        .needing(&TABLE)
        .steps([
            execute(format!(
                "CREATE TABLE {{t}} ({{q:{odd}}} {{i64}}, v {{text}})"
            )),
            query(format!("SELECT v, {{q:{odd}}} FROM {{t}}"))
                .gives(Expect::Empty(vec!["v".into(), odd.into()])),
            execute(format!("INSERT INTO {{t}} (v, {{q:{odd}}}) VALUES (?, ?)"))
                .with([Value::from("x"), 7i64.into()]),
            query(format!("SELECT {{q:{odd}}} FROM {{t}}")).gives_value(7i64),
        ])
}

pub(super) fn cases() -> Vec<Case> {
    let tables = NAMES.iter().map(|(name, odd)| of_table(name, odd));
    let catalog = NAMES.iter().map(|(name, odd)| in_catalog(name, odd));
    let columns = NAMES.iter().map(|(name, odd)| of_column(name, odd));
    let words = WORDS
        .iter()
        .map(|word| of_column(&format!("word_{word}"), word));
    tables.chain(catalog).chain(columns).chain(words).collect()
}

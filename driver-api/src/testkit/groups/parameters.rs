//! Placeholders: their number and order, and question marks that are none.

use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::need::Need;
use crate::testkit::step::{
    Action, Rows, Step, batch, create, execute, fill, insert, query, rows_are, step,
};
use crate::value::{Value, ValueKind};

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn case(name: &str) -> Case {
    Case::new(Group::Parameters, name).needing(&TABLE)
}

/// A number of parameters that is not that of the placeholders; the table stays as it was.
fn miscounted(name: &str, wrong: Step) -> Case {
    Case::new(Group::Parameters, &format!("count.{name}"))
        .needing(&TABLE)
        .steps([
            create(),
            insert(1, "one"),
            wrong.fails(ErrorClass::ParameterCount),
            rows_are(1),
        ])
}

const INSERT: &str = "INSERT INTO {t} (id, v) VALUES (?, ?)";

fn counts() -> Vec<Case> {
    let one = || [Value::I64(2)];
    let three = || [Value::I64(2), Value::from("x"), Value::from("y")];
    let rows = Rows::Listed(vec![one().to_vec()]);
    vec![
        miscounted("missing_all", execute(INSERT)),
        miscounted("missing_one", execute(INSERT).with(one())),
        miscounted("surplus", execute(INSERT).with(three())),
        miscounted(
            "surplus_without_placeholders",
            query("SELECT id FROM {t}").with(one()),
        ),
        miscounted("batch", batch(INSERT, rows)),
        miscounted("missing_in_query", query("SELECT id FROM {t} WHERE id = ?"))
            .needing(&[Need::Expressions]),
    ]
}

/// A query with one placeholder and question marks that are none: it finds the row 1.
fn not_counted(name: &str, sql: &str) -> Case {
    Case::new(Group::Parameters, &format!("question_mark.{name}"))
        .needing(&TABLE)
        .needing(&[Need::Expressions])
        .steps([
            create(),
            insert(1, "?"),
            insert(2, "two"),
            query(sql)
                .with([1i64])
                .gives(Expect::Rows(vec![vec![1i64.into(), "?".into()]])),
        ])
}

fn question_marks() -> Vec<Case> {
    vec![
        not_counted("in_string", "SELECT id, '?' FROM {t} WHERE id = ?"),
        not_counted(
            "in_string_with_quotes",
            "SELECT id, substr('it''s ?', 6) FROM {t} WHERE id = ?",
        ),
        not_counted(
            "after_a_quote_in_a_comment",
            "SELECT id, v -- it's\nFROM {t} WHERE id = ?",
        ),
        not_counted(
            "in_line_comment",
            "SELECT id, v -- ?\nFROM {t} WHERE id = ?",
        ),
        not_counted("in_last_comment", "SELECT id, v FROM {t} WHERE id = ? -- ?"),
        not_counted(
            "in_block_comment",
            "SELECT id, /* ? ' */ v FROM {t} WHERE id = ?",
        ),
        not_counted(
            "in_own_quotes",
            "SELECT id, {own_quotes} FROM {t} WHERE id = ?",
        ),
        not_counted(
            "in_own_comment",
            "SELECT id, v {own_comment} FROM {t} WHERE id = ?",
        ),
        not_counted("without_spaces", "SELECT id,v FROM {t} WHERE(id)=?"),
        not_counted(
            "in_quoted_name",
            "SELECT id AS {q:a?b}, v FROM {t} WHERE id = ?",
        )
        .needing(&[Need::QuotedIdentifiers]),
        not_counted(
            "in_quoted_name_with_quotes",
            "SELECT id AS {q:\"?`}, v FROM {t} WHERE id = ?",
        )
        .needing(&[Need::QuotedIdentifiers]),
    ]
}

fn uses() -> Vec<Case> {
    let many = format!(
        "SELECT id FROM {{t}} WHERE id IN ({})",
        vec!["?"; 1000].join(", ")
    );
    let hostile = "'; DROP TABLE {t}; --";
    vec![
        case("order").steps([
            create(),
            execute("INSERT INTO {t} (v, id) VALUES (?, ?)")
                .with([Value::from("one"), 1i64.into()]),
            query("SELECT id, v FROM {t}")
                .gives(Expect::Rows(vec![vec![1i64.into(), "one".into()]])),
        ]),
        case("same_value_twice")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                fill(9),
                query("SELECT id FROM {t} WHERE id >= ? AND id <= ?")
                    .with([7i64, 7])
                    .gives_value(7i64),
            ]),
        case("thousand").needing(&[Need::Expressions]).steps([
            create(),
            fill(3),
            query(many).with(0..1000i64).gives(Expect::Count(3)),
        ]),
        case("null_equals_nothing")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                insert(1, "one"),
                query("SELECT id FROM {t} WHERE id = ?")
                    .with([Value::Null])
                    .gives(Expect::Count(0)),
            ]),
        case("null_is_stored").steps([
            create(),
            execute(INSERT).with([Value::Null, Value::Null]),
            query("SELECT id, v FROM {t}").gives(Expect::Rows(vec![vec![
                Value::Null.into(),
                Value::Null.into(),
            ]])),
        ]),
        case("sql_in_a_value_is_text").steps([
            create(),
            insert(1, hostile),
            query("SELECT v FROM {t}").gives_value(hostile),
            rows_are(1),
        ]),
        case("new_values_for_one_statement")
            .needing(&[Need::Expressions])
            .steps(
                std::iter::once(create())
                    .chain([fill(20)])
                    .chain((1..=20i64).map(|n| {
                        query("SELECT v FROM {t} WHERE id = ?")
                            .with([n])
                            .gives_value(format!("row {n}").as_str())
                    })),
            ),
        case("null_then_value_for_one_statement").steps([
            create(),
            execute(INSERT).with([Value::I64(1), Value::Null]),
            insert(2, "two"),
            execute(INSERT).with([Value::Null, Value::from("three")]),
            rows_are(3),
            step(Action::Ping),
        ]),
        case("in_update_and_delete")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                fill(3),
                execute("UPDATE {t} SET v = ? WHERE id = ?")
                    .with([Value::from("changed"), 2i64.into()])
                    .gives(Expect::Changed(1)),
                execute("DELETE FROM {t} WHERE v = ?")
                    .with(["changed"])
                    .gives(Expect::Changed(1)),
                rows_are(2),
            ]),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [counts(), question_marks(), uses()]
        .into_iter()
        .flatten()
        .collect()
}

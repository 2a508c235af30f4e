//! `execute_many`: all or nothing, sums, and rows that a fast path could get wrong.

use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, Want};
use crate::testkit::need::Need;
use crate::testkit::step::{
    Action, Datum, Rows, batch, create, create_keyed, execute, fill, query, rows_are, step,
};
use crate::value::{Value, ValueKind};

use super::types::{KINDS, create_for, needs_of, usual};

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

const INSERT: &str = "INSERT INTO {t} (id, v) VALUES (?, ?)";

fn case(name: &str) -> Case {
    Case::new(Group::Batches, name).needing(&TABLE)
}

fn rows(listed: &[(i64, &str)]) -> Rows {
    let rows = listed
        .iter()
        .map(|(id, v)| vec![Value::I64(*id), Value::from(*v)]);
    Rows::Listed(rows.collect())
}

fn sums() -> Vec<Case> {
    let ids = |ids: &[i64]| Rows::Listed(ids.iter().map(|id| vec![Value::I64(*id)]).collect());
    vec![
        case("sum").steps([create(), fill(3).gives(Expect::Changed(3)), rows_are(3)]),
        case("empty").steps([create(), fill(0).gives(Expect::Changed(0)), rows_are(0)]),
        case("one_row").steps([create(), fill(1).gives(Expect::Changed(1)), rows_are(1)]),
        case("ten_thousand_rows").steps([
            create(),
            fill(10_000).gives(Expect::Changed(10_000)),
            query("SELECT id, v FROM {t}").gives(Expect::Sum {
                rows: 10_000,
                sum: 50_005_000,
            }),
        ]),
        case("one_after_the_other").steps([
            create(),
            fill(700).gives(Expect::Changed(700)),
            fill(7).gives(Expect::Changed(7)),
            fill(700).gives(Expect::Changed(700)),
            rows_are(1407),
        ]),
        case("update").needing(&[Need::Expressions]).steps([
            create(),
            fill(5),
            batch(
                "UPDATE {t} SET v = ? WHERE id >= ?",
                Rows::Listed(vec![
                    vec!["a".into(), 4i64.into()],
                    vec!["b".into(), 9i64.into()],
                    vec!["c".into(), 5i64.into()],
                ]),
            )
            .gives(Expect::Changed(3)),
            query("SELECT v FROM {t} WHERE id > 3 ORDER BY id")
                .gives(Expect::Rows(vec![vec!["a".into()], vec!["c".into()]])),
        ]),
        case("delete").needing(&[Need::Expressions]).steps([
            create(),
            fill(5),
            batch("DELETE FROM {t} WHERE id = ?", ids(&[1, 9, 5])).gives(Expect::Changed(2)),
            rows_are(3),
        ]),
        case("last_generated_key")
            .needing(&[Need::GeneratedKeys, Need::Constraints])
            .steps([
                execute("CREATE TABLE {t} (id {generated}, v {text})"),
                batch(
                    "INSERT INTO {t} (v) VALUES (?)",
                    Rows::Listed(vec![vec!["a".into()], vec!["b".into()], vec!["c".into()]]),
                )
                .gives(Expect::Keys { rows: 3, last: 3 }),
            ]),
    ]
}

fn failures() -> Vec<Case> {
    let keyed = |name: &str| case(name).needing(&[Need::Constraints]);
    let twice = || batch(INSERT, rows(&[(1, "a"), (2, "b"), (1, "c"), (4, "d")]));
    let wide = Rows::Listed(vec![vec![Value::I64(1), "a".into(), "b".into()]; 2]);
    vec![
        keyed("failure_in_the_middle").steps([
            create_keyed(),
            twice().fails(ErrorClass::Constraint),
            rows_are(0),
            fill(3),
            rows_are(3),
        ]),
        keyed("failure_in_a_long_one").steps([
            create_keyed(),
            batch(INSERT, rows(&[(9_999, "in the way")])),
            fill(10_000).fails(ErrorClass::Constraint),
            rows_are(1),
        ]),
        keyed("failure_in_a_transaction")
            .needing(&[Need::Transactions])
            .steps([
                create_keyed(),
                step(Action::Begin(TransactionMode::ReadWrite)),
                batch(INSERT, rows(&[(7, "before")])),
                twice().fails(ErrorClass::Constraint),
                step(Action::Rollback),
                rows_are(0),
                fill(2),
                rows_are(2),
            ]),
        case("failure_of_a_value")
            .needing(&[Need::StrictTypes])
            .steps([
                create(),
                batch(
                    INSERT,
                    Rows::Listed(vec![
                        vec![1i64.into(), "a".into()],
                        vec!["no number".into(), "b".into()],
                    ]),
                )
                .fails(ErrorClass::InvalidValue),
                rows_are(0),
            ]),
        case("wrong_width").steps([
            create(),
            batch(INSERT, wide).fails(ErrorClass::ParameterCount),
            rows_are(0),
        ]),
        case("missing_table").steps([
            batch(
                "INSERT INTO {u} (id) VALUES (?)",
                Rows::Listed(vec![vec![Value::I64(1)]]),
            )
            .fails(ErrorClass::NotFound),
            create(),
            rows_are(0),
        ]),
        case("in_a_transaction")
            .needing(&[Need::Transactions])
            .steps([
                create(),
                step(Action::Begin(TransactionMode::ReadWrite)),
                fill(500).gives(Expect::Changed(500)),
                step(Action::Rollback),
                rows_are(0),
                step(Action::Begin(TransactionMode::ReadWrite)),
                fill(500),
                step(Action::Commit),
                rows_are(500),
            ]),
    ]
}

/// Texts that the formats of bulk copies give a meaning.
const ODD_TEXTS: [&str; 10] = [
    "\\N",
    "\\.",
    "",
    "a\tb",
    "a\nb",
    "a\rb",
    "\\",
    "\"x\",'y'",
    "NULL",
    "😀 \u{7f}",
];

fn odd_rows() -> Vec<Case> {
    let odd = ODD_TEXTS.iter().zip(1i64..);
    let odd_rows = odd
        .clone()
        .map(|(v, id)| vec![Value::I64(id), Value::from(*v)]);
    let odd_wants = odd.map(|(v, id)| vec![id.into(), (*v).into()]).collect();
    let row = |id: i64, v: &str| vec![Want::Number(id), v.into()];
    vec![
        case("odd_texts").needing(&[Need::Expressions]).steps([
            create(),
            batch(INSERT, Rows::Listed(odd_rows.collect())).gives(Expect::Changed(10)),
            query("SELECT id, v FROM {t} ORDER BY id").gives(Expect::Rows(odd_wants)),
        ]),
        case("expressions_around_placeholders")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                batch(
                    "INSERT INTO {t} (id, v) VALUES (? + 10, upper(?))",
                    rows(&[(1, "a"), (2, "b")]),
                )
                .gives(Expect::Changed(2)),
                query("SELECT id, v FROM {t} ORDER BY id")
                    .gives(Expect::Rows(vec![row(11, "A"), row(12, "B")])),
            ]),
        case("literals_between_placeholders")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                batch(
                    "INSERT INTO {t} (v, id) VALUES ('(?, '')', ?) -- VALUES (?)",
                    Rows::Listed(vec![vec![1i64.into()], vec![2i64.into()]]),
                )
                .gives(Expect::Changed(2)),
                query("SELECT id, v FROM {t} ORDER BY id")
                    .gives(Expect::Rows(vec![row(1, "(?, ')"), row(2, "(?, ')")])),
            ]),
        case("columns_in_another_order")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                batch(
                    "insert into {t}(v, id) values(?, ?)",
                    Rows::Listed(vec![
                        vec!["a".into(), 1i64.into()],
                        vec!["b".into(), 2i64.into()],
                    ]),
                ),
                query("SELECT id, v FROM {t} ORDER BY id")
                    .gives(Expect::Rows(vec![row(1, "a"), row(2, "b")])),
            ]),
    ]
}

/// Null before and after a value: the kind of a column is not that of its first value.
fn around_nulls(kind: ValueKind) -> Case {
    let (value, text) = usual(kind);
    let listed = [Value::Null, value.clone(), Value::Null];
    let rows = listed
        .into_iter()
        .zip(1i64..)
        .map(|(v, id)| vec![id.into(), v]);
    let want = Want::Stored(Datum::Value(value), text);
    let expect = vec![
        vec![Value::Null.into()],
        vec![want],
        vec![Value::Null.into()],
    ];
    Case::new(Group::Batches, &format!("nulls_around.{kind}"))
        .needing(&needs_of(kind))
        .needing(&[Need::Expressions])
        .steps([
            create_for(kind),
            batch(INSERT, Rows::Listed(rows.collect())).gives(Expect::Changed(3)),
            query("SELECT v FROM {t} ORDER BY id").gives(Expect::Rows(expect)),
        ])
}

pub(super) fn cases() -> Vec<Case> {
    [sums(), failures(), odd_rows()]
        .into_iter()
        .flatten()
        .chain(KINDS.iter().map(|kind| around_nulls(*kind)))
        .collect()
}

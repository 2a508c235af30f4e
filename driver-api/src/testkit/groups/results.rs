//! Results: headers, empty and wide ones, statements without one, and how many rows were changed.

use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, Want};
use crate::testkit::need::Need;
use crate::testkit::step::{create, execute, fill, insert, query, rows_are};
use crate::value::{Value, ValueKind};

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn case(name: &str) -> Case {
    Case::new(Group::Results, name).needing(&TABLE)
}

const WIDE: usize = 300;

/// A list of so many columns, each made from its number.
fn wide(part: impl Fn(usize) -> String) -> String {
    (0..WIDE).map(part).collect::<Vec<_>>().join(", ")
}

fn headers() -> Vec<Case> {
    let names = |names: &[&str]| Expect::Empty(names.iter().map(|n| (*n).to_owned()).collect());
    let column = |n: usize| format!("c{n}");
    let wide_table = format!("CREATE TABLE {{t}} ({})", wide(|n| format!("c{n} {{i64}}")));
    let wide_query = format!("SELECT {} FROM {{t}}", wide(column));
    let wide_insert = format!(
        "INSERT INTO {{t}} ({}) VALUES ({})",
        wide(column),
        wide(|_| "?".to_owned())
    );
    let numbers = 0..WIDE as i64;
    vec![
        case("empty_has_a_header").steps([
            create(),
            query("SELECT id, v FROM {t}").gives(names(&["id", "v"])),
            query("SELECT v FROM {t}").gives(names(&["v"])),
        ]),
        case("alias").needing(&[Need::Expressions]).steps([
            create(),
            query("SELECT id AS first_one, v second_one FROM {t}")
                .gives(names(&["first_one", "second_one"])),
        ]),
        case("same_name_twice").steps([
            create(),
            query("SELECT id, id FROM {t}").gives(names(&["id", "id"])),
            insert(7, "x"),
            query("SELECT id, v, id FROM {t}").gives(Expect::Rows(vec![vec![
                7i64.into(),
                "x".into(),
                7i64.into(),
            ]])),
        ]),
        case("wide").steps([
            execute(wide_table.clone()),
            execute(wide_insert).with(numbers.clone()),
            query(wide_query.clone()).gives(Expect::Rows(vec![numbers.map(Into::into).collect()])),
        ]),
        case("wide_and_empty").steps([
            execute(wide_table),
            query(wide_query).gives(Expect::Empty((0..WIDE).map(column).collect())),
        ]),
        case("expression").needing(&[Need::Expressions]).steps([
            create(),
            fill(3),
            query("SELECT count(*), max(id) FROM {t}")
                .gives(Expect::Rows(vec![vec![Want::Number(3), Want::Number(3)]])),
            query("SELECT max(id) FROM {t} WHERE id > 9").gives_value(Value::Null),
        ]),
        case("without_a_table")
            .needing(&[Need::Expressions])
            .steps([
                query("SELECT 1, 'x'").gives(Expect::Rows(vec![vec![Want::Number(1), "x".into()]]))
            ]),
    ]
}

fn contents() -> Vec<Case> {
    let ordered = (1..=500i64)
        .map(|n| vec![n.into(), format!("row {n}").as_str().into()])
        .collect();
    vec![
        case("order").needing(&[Need::Expressions]).steps([
            create(),
            fill(500),
            query("SELECT id, v FROM {t} ORDER BY id").gives(Expect::Rows(ordered)),
        ]),
        case("no_result_of_a_write").steps([
            create(),
            query("INSERT INTO {t} (id, v) VALUES (?, ?)")
                .with([Value::I64(1), "one".into()])
                .gives(Expect::NoResult),
            rows_are(1),
            query("DELETE FROM {t}").gives(Expect::NoResult),
            rows_are(0),
        ]),
        case("rows_of_execute_are_dropped").steps([
            create(),
            fill(2000),
            execute("SELECT id, v FROM {t}"),
            rows_are(2000),
        ]),
        case("new_column_is_seen")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                insert(1, "one"),
                query("SELECT * FROM {t}")
                    .gives(Expect::Rows(vec![vec![1i64.into(), "one".into()]])),
                execute("ALTER TABLE {t} ADD COLUMN more {i64}"),
                query("SELECT * FROM {t}").gives(Expect::Rows(vec![vec![
                    1i64.into(),
                    "one".into(),
                    Value::Null.into(),
                ]])),
            ]),
        case("recreated_table_is_seen").steps([
            create(),
            insert(1, "one"),
            query("SELECT v FROM {t}").gives_value("one"),
            execute("DROP TABLE {t}"),
            execute("CREATE TABLE {t} (id {i64}, v {i64})"),
            execute("INSERT INTO {t} (id, v) VALUES (?, ?)").with([1i64, 2]),
            query("SELECT v FROM {t}").gives_value(2i64),
        ]),
    ]
}

fn changes() -> Vec<Case> {
    let changed = Expect::Changed;
    vec![
        case("changed.create_and_drop").steps([
            create().gives(changed(0)),
            execute("DROP TABLE {t}").gives(changed(0)),
        ]),
        case("changed.insert").steps([create(), insert(1, "one").gives(changed(1))]),
        case("changed.insert_several")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                execute("INSERT INTO {t} (id, v) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
                    .gives(changed(3)),
                execute("INSERT INTO {t} (id, v) SELECT id + 3, v FROM {t}").gives(changed(3)),
                rows_are(6),
            ]),
        case("changed.update").needing(&[Need::Expressions]).steps([
            create(),
            fill(5),
            execute("UPDATE {t} SET v = 'x' WHERE id > 3").gives(changed(2)),
            execute("UPDATE {t} SET v = 'x' WHERE id > 9").gives(changed(0)),
        ]),
        case("changed.update_to_the_same")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                insert(1, "x"),
                execute("UPDATE {t} SET v = 'x'").gives(changed(1)),
            ]),
        case("changed.delete").steps([
            create(),
            fill(5),
            execute("DELETE FROM {t}").gives(changed(5)),
            execute("DELETE FROM {t}").gives(changed(0)),
        ]),
        case("generated_key")
            .needing(&[Need::GeneratedKeys, Need::Constraints])
            .steps([
                execute("CREATE TABLE {t} (id {generated}, v {text})"),
                execute("INSERT INTO {t} (v) VALUES (?)")
                    .with(["a"])
                    .gives(Expect::Keys { rows: 1, last: 1 }),
                execute("INSERT INTO {t} (v) VALUES (?)")
                    .with(["b"])
                    .gives(Expect::Keys { rows: 1, last: 2 }),
                rows_are(2),
            ]),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [headers(), contents(), changes()]
        .into_iter()
        .flatten()
        .collect()
}

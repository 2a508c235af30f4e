//! The catalog: tables, views and columns as the database has them.

use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, WantColumn};
use crate::testkit::need::Need;
use crate::testkit::step::{Action, Step, create, execute, rows_are, step};
use crate::value::ValueKind;

const TABLE: [Need; 4] = [
    Need::Catalog,
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn case(name: &str) -> Case {
    Case::new(Group::Catalog, name).needing(&TABLE)
}

fn tables(expect: Expect) -> Step {
    step(Action::Tables).gives(expect)
}

/// The columns of `{t}`.
fn columns(columns: Vec<WantColumn>) -> Step {
    step(Action::Columns("t".into())).gives(Expect::Columns(columns))
}

pub(super) fn cases() -> Vec<Case> {
    let column = WantColumn::new;
    let keyed = |name, place| WantColumn {
        not_null: true,
        primary_key: Some(place),
        ..column(name)
    };
    let constrained = |name: &str| case(name).needing(&[Need::Constraints, Need::Expressions]);
    vec![
        case("table").steps([create(), tables(Expect::Lists(vec![("t", "table")]))]),
        case("tables_by_name").steps([
            execute("CREATE TABLE {u} (id {i64})"),
            create(),
            tables(Expect::Lists(vec![("t", "table"), ("u", "table")])),
        ]),
        case("dropped_table").steps([
            create(),
            execute("DROP TABLE {t}"),
            tables(Expect::Lacks("t")),
        ]),
        case("view").needing(&[Need::Expressions]).steps([
            create(),
            execute("CREATE VIEW {view} AS SELECT id FROM {t}"),
            tables(Expect::Lists(vec![("t", "table"), ("view", "view")])),
        ]),
        case("columns").steps([create(), columns(vec![column("id"), column("v")])]),
        case("columns_of_a_view").needing(&[Need::Expressions]).steps([
            create(),
            execute("CREATE VIEW {view} AS SELECT v, id AS number FROM {t}"),
            step(Action::Columns("view".into()))
                .gives(Expect::Columns(vec![column("v"), column("number")])),
        ]),
        constrained("not_null").steps([
            execute("CREATE TABLE {t} (a {i64} NOT NULL, b {i64})"),
            columns(vec![
                WantColumn {
                    not_null: true,
                    ..column("a")
                },
                column("b"),
            ]),
        ]),
        constrained("default").steps([
            execute("CREATE TABLE {t} (a {i64} DEFAULT 7, b {i64})"),
            columns(vec![
                WantColumn {
                    has_default: true,
                    ..column("a")
                },
                column("b"),
            ]),
        ]),
        constrained("primary_key").steps([
            execute("CREATE TABLE {t} (v {text}, id {i64} NOT NULL PRIMARY KEY)"),
            columns(vec![column("v"), keyed("id", 1)]),
        ]),
        constrained("primary_key_of_two").steps([
            execute("CREATE TABLE {t} (a {i64} NOT NULL, b {i64} NOT NULL, v {text}, PRIMARY KEY (b, a))"),
            columns(vec![keyed("a", 2), keyed("b", 1), column("v")]),
        ]),
        case("added_column").needing(&[Need::Expressions]).steps([
            create(),
            columns(vec![column("id"), column("v")]),
            execute("ALTER TABLE {t} ADD COLUMN more {text}"),
            columns(vec![column("id"), column("v"), column("more")]),
        ]),
        case("missing_table").steps([
            step(Action::Columns("u".into())).fails(ErrorClass::NotFound),
            create(),
            rows_are(0),
        ]),
    ]
}

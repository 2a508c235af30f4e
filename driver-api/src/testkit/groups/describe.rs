//! `describe`: what statements take and give, without running them.

use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::need::Need;
use crate::testkit::step::{Action, Step, create, insert, query, rows_are, step};
use crate::value::ValueKind;

fn case(name: &str) -> Case {
    Case::new(Group::Describe, name).needing(&[
        Need::Describe,
        Need::Ddl,
        Need::Kind(ValueKind::I64),
        Need::Kind(ValueKind::Text),
    ])
}

fn describe(sql: &str) -> Step {
    step(Action::Describe(sql.to_owned()))
}

fn gives(parameters: u32, columns: &[&'static str], read_only: bool) -> Expect {
    Expect::Described {
        parameters,
        columns: columns.to_vec(),
        read_only,
    }
}

pub(super) fn cases() -> Vec<Case> {
    let create_other = "CREATE TABLE {u} (id {i64})";
    vec![
        case("select").steps([
            create(),
            describe("SELECT id, v FROM {t}").gives(gives(0, &["id", "v"], true)),
        ]),
        case("parameters").needing(&[Need::Expressions]).steps([
            create(),
            describe("SELECT v AS name FROM {t} WHERE id > ? AND id < ? AND v <> '?' -- ?")
                .gives(gives(2, &["name"], true)),
        ]),
        case("insert_is_not_run").steps([
            create(),
            describe("INSERT INTO {t} (id, v) VALUES (?, ?)").gives(gives(2, &[], false)),
            rows_are(0),
        ]),
        case("delete_is_not_run").steps([
            create(),
            insert(1, "one"),
            describe("DELETE FROM {t}").gives(gives(0, &[], false)),
            rows_are(1),
        ]),
        case("update_is_not_run")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                insert(1, "one"),
                describe("UPDATE {t} SET v = ?").gives(gives(1, &[], false)),
                query("SELECT v FROM {t}").gives_value("one"),
            ]),
        case("create_is_not_run").steps([
            describe(create_other).gives(gives(0, &[], false)),
            query("SELECT id FROM {u}").fails(ErrorClass::NotFound),
        ]),
        case("missing_table").steps([
            describe("SELECT id FROM {u}").fails(ErrorClass::NotFound),
            step(Action::Ping),
        ]),
        case("syntax_error").steps([
            describe("SELEC id FROM {u}").fails(ErrorClass::Syntax),
            step(Action::Ping),
        ]),
        case("two_statements").steps([
            create(),
            describe("SELECT id FROM {t}; SELECT v FROM {t}").fails(ErrorClass::Syntax),
            step(Action::Ping),
        ]),
    ]
}

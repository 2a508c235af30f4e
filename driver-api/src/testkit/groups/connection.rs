//! Connecting, pinging, closing, and connections that may only read.

use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::need::Need;
use crate::testkit::step::{
    Action, Rows, Step, Way, batch, create, execute, fill, insert, query, rows_are, step,
};
use crate::value::ValueKind;

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn case(name: &str) -> Case {
    Case::new(Group::Connection, name)
}

/// A call on a closed connection.
fn after_close(name: &str, call: Step) -> Case {
    case(&format!("after_close.{name}")).steps([
        step(Action::Ping),
        step(Action::Close),
        call.fails(ErrorClass::ConnectionLost),
        step(Action::Connect(Way::Plain)),
        step(Action::Ping),
    ])
}

fn closed() -> Vec<Case> {
    let sql = "SELECT 1";
    vec![
        after_close("ping", step(Action::Ping)),
        after_close("query", query(sql)),
        after_close("execute", execute(sql)),
        after_close("execute_many", batch(sql, Rows::Numbered(1))),
        after_close("describe", step(Action::Describe(sql.into()))),
        after_close("begin", step(Action::Begin(TransactionMode::ReadOnly))),
        after_close("commit", step(Action::Commit)),
        after_close("tables", step(Action::Tables)),
    ]
}

/// A write on a connection that was made with `read_only`.
fn refused(name: &str, write: Step) -> Case {
    case(&format!("read_only.refuses_{name}"))
        .needing(&TABLE)
        .needing(&[Need::ReadOnly, Need::SharedData])
        .steps([
            create(),
            insert(1, "one"),
            step(Action::Connect(Way::ReadOnly)).on(1),
            write.on(1).fails(ErrorClass::ReadOnly),
            query("SELECT v FROM {t}").on(1).gives_value("one"),
            rows_are(1),
        ])
}

fn reading() -> Vec<Case> {
    vec![
        refused("insert", insert(2, "two")),
        refused("delete", execute("DELETE FROM {t}")),
        refused("create", execute("CREATE TABLE {u} (id {i64})")),
        refused("drop", execute("DROP TABLE {t}")),
        refused("batch", fill(2)),
        refused("write_in_query", query("DELETE FROM {t}")),
        case("read_only.transaction_refuses")
            .needing(&TABLE)
            .needing(&[Need::ReadOnly, Need::SharedData, Need::Transactions])
            .steps([
                create(),
                step(Action::Connect(Way::ReadOnly)).on(1),
                step(Action::Begin(TransactionMode::ReadOnly)).on(1),
                insert(1, "x").on(1).fails(ErrorClass::ReadOnly),
                step(Action::Rollback).on(1),
                rows_are(0).on(1),
            ]),
        case("read_only.others_write")
            .needing(&TABLE)
            .needing(&[Need::ReadOnly, Need::SharedData])
            .steps([
                create(),
                step(Action::Connect(Way::ReadOnly)).on(1),
                insert(1, "x"),
                rows_are(1).on(1),
            ]),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let pings = (0..50).map(|_| step(Action::Ping));
    // More statements than any cache of prepared ones holds.
    let statements = (0..1500).map(|n| {
        query(format!("SELECT v FROM {{t}} WHERE id = 1 AND {n} = {n}")).gives_value("row 1")
    });
    let mut cases = vec![
        case("ping").steps(pings),
        case("close").steps([step(Action::Ping), step(Action::Close)]),
        case("close_twice").steps([step(Action::Ping), step(Action::Close), step(Action::Close)]),
        case("drop_without_close").steps([
            step(Action::Ping),
            step(Action::Drop),
            step(Action::Ping),
        ]),
        case("many_statements")
            .needing(&TABLE)
            .needing(&[Need::Expressions])
            .steps([create(), fill(1)])
            .steps(statements)
            .steps([rows_are(1)]),
        case("create_database.exists")
            .needing(&[Need::CreateDatabase])
            .steps([
                step(Action::CreateDatabase).gives(Expect::Created(false)),
                step(Action::Ping),
            ]),
        case("data_outlives_the_connection")
            .needing(&TABLE)
            .needing(&[Need::SharedData])
            .steps([
                create(),
                insert(1, "one"),
                step(Action::Close),
                step(Action::Connect(Way::Plain)),
                query("SELECT v FROM {t}").gives_value("one"),
            ]),
    ];
    cases.extend(closed());
    cases.extend(reading());
    cases
}

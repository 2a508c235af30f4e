//! Transactions: what they keep, what others see of them, and calls that do not fit their state.

use crate::driver::TransactionMode::{ReadOnly, ReadWrite};
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::need::Need;
use crate::testkit::step::{
    Action, Step, create, create_keyed, execute, fill, insert, query, rows_are, step,
};
use crate::value::ValueKind;

const TABLE: [Need; 4] = [
    Need::Transactions,
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

fn case(name: &str) -> Case {
    Case::new(Group::Transactions, name).needing(&TABLE)
}

fn shared(name: &str) -> Case {
    case(name).needing(&[Need::SharedData])
}

fn begin() -> Step {
    step(Action::Begin(ReadWrite))
}

fn begin_reading() -> Step {
    step(Action::Begin(ReadOnly))
}

fn commit() -> Step {
    step(Action::Commit)
}

fn rollback() -> Step {
    step(Action::Rollback)
}

fn ends() -> Vec<Case> {
    let repeated = (1..=20).flat_map(|n| {
        let end = if n % 2 == 0 { commit() } else { rollback() };
        [begin(), insert(n, "x"), end]
    });
    vec![
        case("commit_keeps").steps([create(), begin(), insert(1, "x"), commit(), rows_are(1)]),
        case("rollback_takes_back").steps([
            create(),
            insert(1, "x"),
            begin(),
            execute("DELETE FROM {t}"),
            insert(2, "y"),
            insert(3, "z"),
            rollback(),
            query("SELECT v FROM {t}").gives_value("x"),
        ]),
        case("own_writes_are_seen").steps([
            create(),
            begin(),
            insert(1, "x"),
            rows_are(1),
            execute("DELETE FROM {t}"),
            rows_are(0),
            commit(),
            rows_are(0),
        ]),
        case("empty").steps([
            create(),
            begin(),
            commit(),
            begin(),
            rollback(),
            rows_are(0),
        ]),
        case("one_after_the_other").steps(
            std::iter::once(create())
                .chain(repeated)
                .chain([rows_are(10)]),
        ),
        case("many_statements").steps(
            [create(), begin()]
                .into_iter()
                .chain((1..=300).map(|n| insert(n, "x")))
                .chain([commit(), rows_are(300)]),
        ),
        case("long_one_is_taken_back").steps([
            create(),
            begin(),
            fill(20_000),
            rollback(),
            rows_are(0),
        ]),
        case("update_is_taken_back")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                fill(3),
                begin(),
                execute("UPDATE {t} SET v = 'changed'"),
                rollback(),
                query("SELECT v FROM {t} WHERE id = 2").gives_value("row 2"),
            ]),
        case("failed_statement_is_its_own_transaction")
            .needing(&[Need::Constraints, Need::Expressions])
            .steps([
                create_keyed(),
                execute("INSERT INTO {t} (id, v) VALUES (1, 'a'), (2, 'b'), (1, 'c')")
                    .fails(ErrorClass::Constraint),
                rows_are(0),
            ]),
        case("error_then_rollback")
            .needing(&[Need::Constraints])
            .steps([
                create_keyed(),
                begin(),
                insert(1, "x"),
                insert(1, "y").fails(ErrorClass::Constraint),
                rollback(),
                rows_are(0),
                begin(),
                insert(1, "z"),
                commit(),
                rows_are(1),
            ]),
    ]
}

fn states() -> Vec<Case> {
    let wrong = ErrorClass::TransactionState;
    vec![
        case("begin_twice").steps([
            create(),
            begin(),
            insert(1, "x"),
            begin().fails(wrong),
            insert(2, "y"),
            commit(),
            rows_are(2),
        ]),
        case("commit_without_begin").steps([create(), commit().fails(wrong), rows_are(0)]),
        case("rollback_without_begin").steps([create(), rollback().fails(wrong), rows_are(0)]),
        case("commit_twice").steps([
            create(),
            begin(),
            insert(1, "x"),
            commit(),
            commit().fails(wrong),
            rollback().fails(wrong),
            rows_are(1),
        ]),
    ]
}

/// A statement that only looks like one of the calls: it is refused, and no transaction is open after it.
fn as_text(name: &str, sql: &str) -> Case {
    case(&format!("as_text.{name}")).steps([
        create(),
        execute(sql).fails(ErrorClass::TransactionState),
        query(sql).fails(ErrorClass::TransactionState),
        insert(1, "x"),
        rollback().fails(ErrorClass::TransactionState),
        rows_are(1),
    ])
}

/// A statement that only looks like a call in an open transaction, which goes on. The driver has used
/// statements of its own before: what it keeps of them must not serve a client.
fn as_text_inside(name: &str, sql: &str) -> Case {
    case(&format!("as_text_inside.{name}")).steps([
        create(),
        begin(),
        commit(),
        begin(),
        rollback(),
        begin(),
        insert(1, "x"),
        execute(sql).fails(ErrorClass::TransactionState),
        rollback(),
        rows_are(0),
    ])
}

fn reading() -> Vec<Case> {
    let refused = |name: &str, write: Step| {
        case(&format!("read_only.refuses_{name}")).steps([
            create(),
            insert(1, "x"),
            begin_reading(),
            write.fails(ErrorClass::ReadOnly),
            rollback(),
            query("SELECT v FROM {t}").gives_value("x"),
            insert(2, "y"),
            rows_are(2),
        ])
    };
    vec![
        refused("insert", insert(2, "y")),
        refused("delete", execute("DELETE FROM {t}")),
        refused("update", execute("UPDATE {t} SET v = 'y'")).needing(&[Need::Expressions]),
        refused("create", execute("CREATE TABLE {u} (id {i64})")),
        refused("drop", execute("DROP TABLE {t}")),
        refused("batch", fill(2)),
        case("read_only.reads").steps([
            create(),
            insert(1, "x"),
            begin_reading(),
            rows_are(1),
            commit(),
            begin_reading(),
            rows_are(1),
            rollback(),
            begin(),
            insert(2, "y"),
            commit(),
            rows_are(2),
        ]),
        shared("read_only.view_does_not_change").steps([
            create(),
            insert(1, "x"),
            begin_reading(),
            rows_are(1),
            insert(2, "y").on(1),
            rows_are(2).on(1),
            rows_are(1),
            commit(),
            rows_are(2),
        ]),
        shared("read_only.two_at_once").steps([
            create(),
            begin_reading(),
            rows_are(0),
            begin_reading().on(1),
            rows_are(0).on(1),
            insert(1, "x").on(2),
            rows_are(0),
            rows_are(0).on(1),
            commit(),
            commit().on(1),
            rows_are(1),
        ]),
    ]
}

fn others() -> Vec<Case> {
    let keyed = |name: &str| shared(name).needing(&[Need::Constraints]);
    vec![
        shared("commit_is_seen_by_others").steps([
            create(),
            begin(),
            insert(1, "x"),
            rows_are(0).on(1),
            commit(),
            rows_are(1).on(1),
        ]),
        shared("rollback_is_not_seen_by_others").steps([
            create(),
            insert(1, "x"),
            begin(),
            execute("DELETE FROM {t}"),
            rows_are(1).on(1),
            rollback(),
            rows_are(1).on(1),
        ]),
        shared("single_statements_are_seen_at_once").steps([
            create(),
            insert(1, "x"),
            rows_are(1).on(1),
            insert(2, "y").on(1),
            rows_are(2),
        ]),
        // The same key can be inserted only if the lock on it went with the connection.
        keyed("dropped_connection_rolls_back").steps([
            create_keyed().on(1),
            begin(),
            insert(1, "lost"),
            step(Action::Drop),
            insert(1, "kept").on(1),
            query("SELECT v FROM {t}").on(1).gives_value("kept"),
        ]),
        keyed("closed_connection_rolls_back").steps([
            create_keyed().on(1),
            begin(),
            insert(1, "lost"),
            step(Action::Close),
            insert(1, "kept").on(1),
            query("SELECT v FROM {t}").on(1).gives_value("kept"),
        ]),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let texts = [
        as_text("begin", "BEGIN"),
        as_text("commit", "COMMIT"),
        as_text("rollback", "ROLLBACK"),
        as_text("behind_a_comment", "/* x */ -- y\n commit;"),
        as_text_inside("begin", "BEGIN"),
        as_text_inside("commit", "COMMIT"),
        as_text_inside("rollback", "ROLLBACK"),
        as_text_inside("lower_case", "commit ; -- x"),
    ];
    [ends(), states(), reading(), others()]
        .into_iter()
        .flatten()
        .chain(texts)
        .collect()
}

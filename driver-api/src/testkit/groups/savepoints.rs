//! Savepoints: statements inside a transaction that take a part of it back.

use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::need::Need;
use crate::testkit::step::{
    Action, Step, create, create_keyed, execute, fill, insert, query, rows_are, step,
};
use crate::value::ValueKind;

fn case(name: &str) -> Case {
    Case::new(Group::Savepoints, name).needing(&[
        Need::Savepoints,
        Need::Transactions,
        Need::Ddl,
        Need::Kind(ValueKind::I64),
        Need::Kind(ValueKind::Text),
    ])
}

fn begin() -> Step {
    step(Action::Begin(TransactionMode::ReadWrite))
}

fn commit() -> Step {
    step(Action::Commit)
}

fn save(name: &str) -> Step {
    execute(format!("SAVEPOINT {name}"))
}

fn back_to(name: &str) -> Step {
    execute(format!("ROLLBACK TO SAVEPOINT {name}"))
}

fn release(name: &str) -> Step {
    execute(format!("RELEASE SAVEPOINT {name}"))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("rollback_to").steps([
            create(),
            begin(),
            insert(1, "kept"),
            save("a"),
            insert(2, "lost"),
            back_to("a"),
            commit(),
            query("SELECT v FROM {t}").gives_value("kept"),
        ]),
        case("release").steps([
            create(),
            begin(),
            save("a"),
            insert(1, "x"),
            release("a"),
            insert(2, "y"),
            commit(),
            rows_are(2),
        ]),
        case("released_and_rolled_back").steps([
            create(),
            begin(),
            save("a"),
            insert(1, "x"),
            release("a"),
            step(Action::Rollback),
            rows_are(0),
        ]),
        case("nested").steps([
            create(),
            begin(),
            insert(1, "x"),
            save("outer_one"),
            insert(2, "x"),
            save("inner_one"),
            insert(3, "x"),
            back_to("inner_one"),
            rows_are(2),
            insert(4, "x"),
            back_to("outer_one"),
            rows_are(1),
            commit(),
            rows_are(1),
        ]),
        case("rollback_to_twice").steps([
            create(),
            begin(),
            save("a"),
            insert(1, "x"),
            back_to("a"),
            insert(2, "x"),
            back_to("a"),
            insert(3, "x"),
            release("a"),
            commit(),
            rows_are(1),
        ]),
        case("same_name_again").steps([
            create(),
            begin(),
            save("a"),
            insert(1, "x"),
            save("a"),
            insert(2, "x"),
            back_to("a"),
            rows_are(1),
            commit(),
            rows_are(1),
        ]),
        case("after_an_error").needing(&[Need::Constraints]).steps([
            create_keyed(),
            begin(),
            insert(1, "x"),
            save("a"),
            insert(1, "y").fails(ErrorClass::Constraint),
            back_to("a"),
            insert(2, "z"),
            commit(),
            rows_are(2),
        ]),
        case("around_a_batch").steps([
            create(),
            begin(),
            insert(0, "x"),
            save("a"),
            fill(100),
            back_to("a"),
            fill(10),
            commit(),
            rows_are(11),
        ]),
        case("missing").steps([
            create(),
            begin(),
            back_to("nowhere")
                .fails_with_one_of(&[ErrorClass::TransactionState, ErrorClass::NotFound]),
            step(Action::Rollback),
            rows_are(0),
        ]),
        case("outside_a_transaction").steps([
            create(),
            save("a").fails(ErrorClass::TransactionState),
            insert(1, "x"),
            step(Action::Rollback).fails(ErrorClass::TransactionState),
            rows_are(1),
        ]),
    ]
}

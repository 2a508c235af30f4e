//! Backups: a whole copy under its name or none, which holds what was committed.

use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::need::Need;
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{Action, Step, Way, create, fill, insert, query, rows_are, step};
use crate::value::ValueKind;

fn case(name: &str) -> Case {
    Case::new(Group::Backup, name).needing(&[
        Need::Backup,
        Need::Ddl,
        Need::Kind(ValueKind::I64),
        Need::Kind(ValueKind::Text),
    ])
}

/// A case that opens the copy as a database of its own.
fn opening(name: &str) -> Case {
    case(name).needing(&[Need::Option("path")])
}

fn backup(name: &'static str) -> Step {
    step(Action::Backup(name))
}

/// The steps from here on are on the copy of this name.
fn open_copy(name: &'static str) -> Step {
    step(Action::Connect(Way::Copy(name)))
}

fn check_relative(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let expected = || "an error of class invalid_value for a path that is not absolute".to_owned();
    let mut connection = bench
        .connect(Way::Plain)
        .map_err(|error| (expected(), error.to_string()))?;
    let target = std::path::Path::new("relative.copy");
    let made = connection.backup(target, &mut |_| crate::sink::Flow::Continue);
    match made {
        Err(error) if error.class() == ErrorClass::InvalidValue => Ok(()),
        Err(error) => Err((expected(), error.to_string())),
        Ok(()) => Err((expected(), "success".to_owned())),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let write = TransactionMode::ReadWrite;
    vec![
        opening("holds_everything")
            .needing(&[Need::Expressions])
            .steps([
                create(),
                fill(30_000),
                backup("copy"),
                open_copy("copy"),
                rows_are(30_000),
                query("SELECT v FROM {t} WHERE id = 29999").gives_value("row 29999"),
            ]),
        opening("does_not_follow_the_database").steps([
            create(),
            fill(10),
            backup("copy"),
            insert(11, "later"),
            rows_are(11),
            open_copy("copy"),
            rows_are(10),
        ]),
        opening("can_be_written_to").steps([
            create(),
            backup("copy"),
            open_copy("copy"),
            insert(1, "in the copy"),
            rows_are(1),
            step(Action::Connect(Way::Plain)),
            rows_are(0),
        ]),
        opening("holds_only_what_is_committed")
            .needing(&[Need::Transactions, Need::SharedData])
            .steps([
                create(),
                fill(10),
                step(Action::Begin(write)).on(1),
                insert(11, "open").on(1),
                backup("copy"),
                step(Action::Commit).on(1),
                open_copy("copy"),
                rows_are(10),
            ]),
        opening("leaves_a_taken_name_alone").steps([
            create(),
            fill(10),
            backup("copy"),
            insert(11, "later"),
            backup("copy").fails(ErrorClass::AlreadyExists),
            open_copy("copy"),
            rows_are(10),
        ]),
        case("twice").steps([
            create(),
            fill(10),
            backup("one"),
            backup("two"),
            rows_are(10),
        ]),
        case("stopped").steps([
            create(),
            fill(1000),
            step(Action::BackupStopped("copy")).fails(ErrorClass::Cancelled),
            // The name is free, and the connection goes on.
            backup("copy"),
            rows_are(1000),
        ]),
        case("missing_directory").steps([
            create(),
            backup("missing/copy").fails(ErrorClass::NotFound),
            rows_are(0),
        ]),
        case("relative_path").steps([step(Action::Check(check_relative))]),
        case("in_a_transaction")
            .needing(&[Need::Transactions])
            .steps([
                create(),
                step(Action::Begin(write)),
                insert(1, "kept"),
                backup("copy").fails(ErrorClass::TransactionState),
                step(Action::Commit),
                rows_are(1),
                backup("copy"),
            ]),
        case("after_close").steps([
            create(),
            step(Action::Close),
            backup("copy").fails(ErrorClass::ConnectionLost),
        ]),
    ]
}

//! Panics: each becomes an error, and ends the use of that connection only.

use crate::driver::TransactionMode;
use crate::error::ErrorClass::Panic;
use crate::testkit::case::{Case, Group};
use crate::testkit::need::Need;
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{Action, Rows, Step, Way, batch, execute, query, step};

fn case(name: &str) -> Case {
    Case::new(Group::Panics, name).needing(&[Need::Option("panic_at")])
}

/// A call that panics: that connection is not used again, another one is not harmed.
fn in_call(method: &'static str, call: impl Fn() -> Step) -> Case {
    case(method).steps([
        step(Action::Ping).on(1),
        step(Action::Connect(Way::PanicAt(method))),
        call().fails(Panic),
        call().fails(Panic),
        step(Action::Ping).fails(Panic),
        step(Action::Close),
        step(Action::Ping).on(1),
    ])
}

/// `create_database` is a method of the driver, which goes on.
fn check_create_database(bench: &Bench<'_>) -> Result<(), Mismatch> {
    use crate::options::Options;

    let mut values = bench.options.to_json();
    values.insert("panic_at".into(), "create_database".into());
    let schema = &bench.descriptor.options;
    let expected = || "an error of class panic".to_owned();
    let options = Options::check(schema, &values, std::path::Path::new("/"))
        .map_err(|_| (expected(), "options that are refused".to_owned()))?;
    match bench.driver.create_database(&options) {
        Err(error) if error.class() == Panic => Ok(()),
        Err(error) => Err((expected(), error.to_string())),
        Ok(created) => Err((expected(), format!("created: {created}"))),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let sql = "SELECT 1";
    let call = |action: fn() -> Action| move || step(action());
    vec![
        in_call("query", || query(sql)),
        in_call("execute", || execute(sql)),
        in_call("execute_many", || batch(sql, Rows::Numbered(1))),
        in_call("describe", call(|| Action::Describe("SELECT 1".into()))),
        in_call("begin", call(|| Action::Begin(TransactionMode::ReadWrite))),
        in_call("commit", call(|| Action::Commit)),
        in_call("rollback", call(|| Action::Rollback)),
        in_call("tables", call(|| Action::Tables)),
        in_call("columns", call(|| Action::Columns("t".into()))),
        in_call("ping", call(|| Action::Ping)),
        in_call("backup", call(|| Action::Backup("copy"))),
        case("cancel").steps([
            step(Action::Connect(Way::PanicAt("cancel"))),
            step(Action::Ping),
            step(Action::Cancel).fails(Panic),
            step(Action::Ping).fails(Panic),
            step(Action::Ping).on(1),
        ]),
        case("close").steps([
            step(Action::Connect(Way::PanicAt("close"))),
            step(Action::Close).fails(Panic),
            step(Action::Ping).on(1),
        ]),
        // Nobody is left to take the error; the process goes on.
        case("drop").steps([
            step(Action::Connect(Way::PanicAt("drop"))),
            step(Action::Drop),
            step(Action::Ping).on(1),
        ]),
        case("connect").steps([
            step(Action::Connect(Way::PanicAt("connect"))).fails(Panic),
            step(Action::Connect(Way::Plain)),
            step(Action::Ping),
        ]),
        case("create_database").steps([
            step(Action::Check(check_create_database)),
            step(Action::Ping),
        ]),
    ]
}

//! Cancelling: a running call ends, the connection goes on, and nothing else is harmed.

use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::need::Need;
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{
    Action, Rows, Step, Way, create, execute, fill, insert, query, rows_are, step,
};
use crate::value::ValueKind;

use super::streaming::ENDLESS;

/// Takes longer than anybody waits, on every dialect; `{t}` has a thousand rows.
const COMPUTING: &str = "SELECT count(*) FROM {t} a, {t} b, {t} c, {t} d WHERE a.v < b.v";

fn case(name: &str) -> Case {
    Case::new(Group::Cancellation, name)
        .needing(&[
            Need::Cancel,
            Need::Expressions,
            Need::Ddl,
            Need::Kind(ValueKind::I64),
            Need::Kind(ValueKind::Text),
        ])
        .steps([create(), fill(1000)])
}

fn cancelled(action: Step) -> Step {
    step(Action::Cancelled(Box::new(action.action))).fails(ErrorClass::Cancelled)
}

/// A handle is kept by whoever wants to cancel, and the connection may be gone by then.
fn check_handle_outlives(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let expected = || "a handle that can be asked after its connection has ended".to_owned();
    let mut connection = bench
        .connect(Way::Plain)
        .map_err(|error| (expected(), error.to_string()))?;
    let handle = connection
        .cancel_handle()
        .ok_or_else(|| (expected(), "no handle".to_owned()))?;
    let _ = connection.close();
    drop(connection);
    // Whether that is an error is the driver's choice; that it returns is not.
    let _ = handle.cancel();
    Ok(())
}

pub(super) fn cases() -> Vec<Case> {
    let idle = (0..10).flat_map(|_| [step(Action::Cancel), rows_are(1000)]);
    let batch = step(Action::Cancelled(Box::new(Action::Batch {
        sql: "INSERT INTO {u} (id, v) VALUES (?, ?)".into(),
        rows: Rows::Numbered(300_000),
    })));
    vec![
        case("sleeping_statement").steps([cancelled(query("{long}")), rows_are(1000)]),
        case("computing_statement").steps([cancelled(query(COMPUTING)), rows_are(1000)]),
        case("of_execute").steps([cancelled(execute(COMPUTING)), rows_are(1000)]),
        case("at_the_first_rows").needing(&[Need::Streaming]).steps([
            step(Action::CancelledAtRows(ENDLESS.into())).fails(ErrorClass::Cancelled),
            rows_are(1000),
        ]),
        case("write").steps([
            cancelled(execute(
                "UPDATE {t} SET v = 'x' WHERE id < (SELECT count(*) FROM {t} a, {t} b, {t} c, {t} d)",
            )),
            query("SELECT v FROM {t} WHERE id = 1").gives_value("row 1"),
        ]),
        case("batch_is_all_or_nothing").steps([
            execute("CREATE TABLE {u} (id {i64}, v {text})"),
            batch.gives(Expect::SuccessOr(ErrorClass::Cancelled)),
            query("SELECT count(*) FROM {u} HAVING count(*) NOT IN (0, 300000)")
                .gives(Expect::Count(0)),
        ]),
        case("twice").steps([
            cancelled(query("{long}")),
            cancelled(query("{long}")),
            rows_are(1000),
        ]),
        case("in_a_transaction").needing(&[Need::Transactions]).steps([
            step(Action::Begin(TransactionMode::ReadWrite)),
            insert(0, "lost"),
            cancelled(query(COMPUTING)),
            step(Action::Rollback),
            rows_are(1000),
            insert(0, "kept"),
            rows_are(1001),
        ]),
        case("without_a_running_call").steps(idle),
        case("handle_outlives_its_connection")
            .steps([step(Action::Check(check_handle_outlives)), rows_are(1000)]),
        case("other_connections_go_on").needing(&[Need::SharedData]).steps([
            rows_are(1000).on(1),
            cancelled(query("{long}")),
            rows_are(1000).on(1),
            rows_are(1000),
        ]),
    ]
}

//! Long results: all of them in bounded memory, and readers that have had enough.

use crate::driver::TransactionMode;
use crate::testkit::action::query as run_query;
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::Expect;
use crate::testkit::found::{Found, Kept};
use crate::testkit::need::Need;
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{
    Action, Step, Way, create, execute, fill, insert, query, rows_are, step,
};
use crate::value::{Value, ValueKind};

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

/// More rows than any memory holds; `{t}` has a thousand.
pub(super) const ENDLESS: &str = "SELECT a.id, b.v FROM {t} a, {t} b, {t} c, {t} d";

/// Bytes by which a process may grow while a hundred times as much passes through it.
const GROWTH: u64 = 48 << 20;

fn case(name: &str) -> Case {
    Case::new(Group::Streaming, name).needing(&TABLE)
}

fn until(sql: &str, blocks: usize) -> Step {
    let sql = sql.to_owned();
    step(Action::QueryUntil { sql, blocks }).gives(Expect::Stopped { blocks })
}

const ALL: &str = "SELECT id, v FROM {t}";

fn stops() -> Vec<Case> {
    let endless = || {
        Case::new(Group::Streaming, "stop.endless_query")
            .needing(&TABLE)
            .needing(&[Need::Streaming, Need::Expressions])
    };
    vec![
        case("stop.at_the_header").steps([create(), fill(20_000), until(ALL, 0), rows_are(20_000)]),
        case("stop.at_the_first_block").steps([
            create(),
            fill(20_000),
            until(ALL, 1),
            rows_are(20_000),
        ]),
        case("stop.many_times").steps(
            [create(), fill(20_000)]
                .into_iter()
                .chain((0..30).map(|n| until(ALL, n % 3)))
                .chain([rows_are(20_000), insert(0, "one more"), rows_are(20_001)]),
        ),
        case("stop.in_a_transaction")
            .needing(&[Need::Transactions])
            .steps([
                create(),
                fill(20_000),
                step(Action::Begin(TransactionMode::ReadWrite)),
                until(ALL, 1),
                insert(0, "one more"),
                step(Action::Commit),
                rows_are(20_001),
            ]),
        endless().steps([create(), fill(1000), until(ENDLESS, 2), rows_are(1000)]),
    ]
}

fn long() -> Vec<Case> {
    let columns = |part: fn(usize) -> String| (0..50).map(part).collect::<Vec<_>>().join(", ");
    let huge_row = [
        execute(format!(
            "CREATE TABLE {{t}} (id {{i64}}, {})",
            columns(|n| format!("c{n} {{text}}"))
        )),
        execute(format!(
            "INSERT INTO {{t}} (id, {}) VALUES (?, {})",
            columns(|n| format!("c{n}")),
            columns(|_| "?".to_owned())
        ))
        .with(std::iter::once(Value::I64(1)).chain(vec![Value::from("x".repeat(40_000)); 50])),
        query(format!(
            "SELECT {}, id FROM {{t}}",
            columns(|n| format!("c{n}"))
        ))
        .gives(Expect::Count(1)),
        rows_are(1),
    ];
    let sum = |rows: i128| Expect::Sum {
        rows: rows as u64,
        sum: rows * (rows + 1) / 2,
    };
    vec![
        case("hundred_thousand_rows").steps([
            create(),
            fill(100_000),
            query("SELECT id, v FROM {t}").gives(sum(100_000)),
            query("SELECT id, v FROM {t}").gives(sum(100_000)),
        ]),
        case("million_rows")
            .needing(&[Need::Streaming, Need::Expressions])
            .steps([
                create(),
                fill(1000),
                query("SELECT a.id, b.id FROM {t} a, {t} b").gives(Expect::Sum {
                    rows: 1_000_000,
                    sum: 500_500_000,
                }),
            ]),
        case("huge_row").steps(huge_row),
        case("rows_longer_than_a_block").steps(
            std::iter::once(create())
                .chain((1..=20).map(|n| {
                    execute("INSERT INTO {t} (id, v) VALUES (?, ?)")
                        .with([Value::I64(n), Value::from("y".repeat(100_000))])
                }))
                .chain([query("SELECT id, v FROM {t}").gives(sum(20))]),
        ),
        case("bounded_memory")
            .needing(&[Need::Streaming, Need::Expressions])
            .steps([
                create(),
                fill(1000),
                step(Action::Check(check_memory)).on(1),
            ])
            .needing(&[Need::SharedData]),
    ]
}

/// Passes two hundred million bytes through and looks at the peak of the process.
fn check_memory(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let failed = |error| {
        let expected = "two million rows".to_owned();
        (expected, Found::Error(error).to_string())
    };
    let mut connection = bench.connect(Way::Plain).map_err(failed)?;
    let sql = format!(
        "SELECT a.id, '{}' FROM {{t}} a, {{t}} b, {{t}} c WHERE c.id <= 2",
        "z".repeat(100)
    );
    let sql = bench.names.fill(&sql);
    let before = peak_bytes();
    let found = run_query(&mut *connection, &sql, &[], Kept::default()).map_err(failed)?;
    match &found {
        Found::Result(kept) if kept.count == 2_000_000 => {}
        _ => return Err(("two million rows".into(), found.to_string())),
    }
    match (before, peak_bytes()) {
        (Some(before), Some(after)) if after - before > GROWTH => Err((
            format!("a process that grows by less than {GROWTH} bytes"),
            format!("one that grew by {} bytes", after - before),
        )),
        _ => Ok(()),
    }
}

/// The most memory that this process has had, where the system tells it.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

pub(super) fn cases() -> Vec<Case> {
    stops().into_iter().chain(long()).collect()
}

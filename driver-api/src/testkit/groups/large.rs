//! Long texts and bytes: around the size of a block, and up to sixteen megabytes.

use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, Want};
use crate::testkit::need::Need;
use crate::testkit::step::{Action, Datum, create, query, rows_are, step};
use crate::testkit::step::{Rows, batch};
use crate::value::{Value, ValueKind};

use super::types::{create_for, needs_of};

/// Last part of a case's name, and bytes. Blocks leave when they hold 64 KiB.
const LENGTHS: [(&str, usize); 5] = [
    ("255", 255),
    ("256", 256),
    ("64k_minus_1", 65_535),
    ("64k", 65_536),
    ("1m", 1 << 20),
];

/// Longer than what some servers take in one request.
const VERY_LONG: usize = 16 << 20;

fn datum(kind: ValueKind, bytes: usize) -> Datum {
    match kind {
        ValueKind::Bytes => Datum::LongBytes(bytes),
        _ => Datum::LongText(bytes),
    }
}

fn stored(kind: ValueKind, name: &str, bytes: usize) -> Case {
    let datum = datum(kind, bytes);
    let want = Want::Stored(datum.clone(), "");
    let expect = match bytes {
        VERY_LONG => Expect::ValueOrRefusal(want),
        _ => Expect::Rows(vec![vec![want]]),
    };
    Case::new(Group::Large, &format!("{kind}.{name}"))
        .needing(&needs_of(kind))
        .steps([
            create_for(kind),
            step(Action::Store(datum)).gives(expect),
            step(Action::Ping),
        ])
}

pub(super) fn cases() -> Vec<Case> {
    let kinds = [ValueKind::Text, ValueKind::Bytes];
    let table = needs_of(ValueKind::Text);
    let long = || Value::from("0123456789 ?'\\\t".repeat(5_000));
    let rows = (1..=8).map(|n| vec![Value::I64(n), long()]).collect();
    let mut cases: Vec<Case> = kinds
        .into_iter()
        .flat_map(|kind| {
            LENGTHS
                .iter()
                .chain(&[("16m", VERY_LONG)])
                .map(move |(name, bytes)| stored(kind, name, *bytes))
        })
        .collect();
    cases.push(
        Case::new(Group::Large, "text.in_a_batch")
            .needing(&table)
            .steps([
                create(),
                batch("INSERT INTO {t} (id, v) VALUES (?, ?)", Rows::Listed(rows))
                    .gives(Expect::Changed(8)),
                query("SELECT id, v FROM {t}").gives(Expect::Sum { rows: 8, sum: 36 }),
            ]),
    );
    cases.push(
        Case::new(Group::Large, "text.compared")
            .needing(&table)
            .needing(&[Need::Expressions])
            .steps([
                create(),
                batch(
                    "INSERT INTO {t} (id, v) VALUES (?, ?)",
                    Rows::Listed(vec![vec![Value::I64(1), long()]]),
                ),
                query("SELECT id FROM {t} WHERE v = ?")
                    .with([long()])
                    .gives_value(1i64),
                rows_are(1),
            ]),
    );
    cases
}

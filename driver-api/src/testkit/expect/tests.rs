//! Expectations: what meets them, and what is said where nothing does.

use super::*;
use crate::descriptor::{DriverDescriptor, Placement};
use crate::driver::{ExecuteResult, TableInfo};
use crate::error::DriverError;

fn is_met(expect: &Expect, found: &Found, dialect: Dialect) -> bool {
    let descriptor = DriverDescriptor::new("x", "1.0.0", Placement::Direct, dialect);
    expect.is_met(found, &Names::new(&descriptor, "x", ""), dialect)
}

fn one_cell(value: Value) -> Found {
    Found::Result(Kept {
        columns: Some(vec![crate::columns::Column::new("v")]),
        rows: vec![vec![value]],
        count: 1,
        ..Kept::default()
    })
}

fn stored(value: Value, text: &'static str) -> Want {
    Want::Stored(Datum::Value(value), text)
}

#[test]
fn a_value_comes_back_the_same_or_in_the_form_that_the_dialect_is_known_for() {
    let date = || stored(Value::Date(0), "1970-01-01");
    for (want, found, dialect, expected) in [
        (date(), Value::Date(0), Dialect::Postgres, true),
        (date(), Value::Date(1), Dialect::Postgres, false),
        (date(), "1970-01-01".into(), Dialect::Sqlite, true),
        (date(), "1970-01-02".into(), Dialect::Sqlite, false),
        (date(), "1970-01-01".into(), Dialect::Postgres, false),
        (date(), "1970-01-01".into(), Dialect::Generic, false),
        (true.into(), Value::I64(1), Dialect::Mysql, true),
        (true.into(), Value::I64(2), Dialect::Mysql, false),
        (false.into(), Value::I64(1), Dialect::Mysql, false),
        (true.into(), Value::I64(1), Dialect::Postgres, false),
        (1i64.into(), Value::F64(1.0), Dialect::Sqlite, false),
        ((-0.0).into(), Value::F64(0.0), Dialect::Postgres, false),
        ((-0.0).into(), Value::F64(0.0), Dialect::Sqlite, true),
        (
            f64::NAN.into(),
            Value::F64(f64::NAN),
            Dialect::Generic,
            true,
        ),
        (f64::NAN.into(), Value::Null, Dialect::Generic, false),
        (
            Want::Number(3),
            Value::Decimal("3.0".into()),
            Dialect::Mysql,
            true,
        ),
        (
            Want::Number(3),
            Value::Decimal("30".into()),
            Dialect::Mysql,
            false,
        ),
        ("e\u{301}".into(), "\u{e9}".into(), Dialect::Generic, false),
    ] {
        let met = is_met(
            &Expect::Rows(vec![vec![want.clone()]]),
            &one_cell(found.clone()),
            dialect,
        );
        assert_eq!(met, expected, "{want} against {found:?} in {dialect:?}");
    }
    let decimal = |text: &str| Value::Decimal(text.into());
    assert!(is_same(&decimal("1.20"), &decimal("1.2"), Dialect::Mysql));
    assert!(!is_same(&decimal("120"), &decimal("12"), Dialect::Mysql));
    assert!(is_same_json("[1, 2]", "[1,2]") && !is_same_json("[1]", "[2]"));
    assert!(!is_same_json("{", "{"));
}

#[test]
fn a_refusal_is_an_error_of_its_own_kind() {
    let refusable = Expect::ValueOrRefusal(stored(f64::NAN.into(), ""));
    let error = |class| Found::Error(DriverError::new(class, "no"));
    for (found, expected) in [
        (error(ErrorClass::InvalidValue), true),
        (error(ErrorClass::Internal), false),
        (one_cell(Value::F64(f64::NAN)), true),
        (one_cell(Value::Null), false),
        (Found::Done, false),
    ] {
        assert_eq!(
            is_met(&refusable, &found, Dialect::Generic),
            expected,
            "{found}"
        );
    }
    let fails = Expect::Fails(vec![ErrorClass::Syntax]);
    assert!(is_met(&fails, &error(ErrorClass::Syntax), Dialect::Generic));
    assert!(!is_met(
        &fails,
        &error(ErrorClass::NotFound),
        Dialect::Generic
    ));
    assert!(!is_met(&fails, &Found::Done, Dialect::Generic));
    assert!(!is_met(
        &Expect::Success,
        &error(ErrorClass::Syntax),
        Dialect::Generic
    ));
}

#[test]
fn counts_headers_and_lists_are_looked_at() {
    let changed = |rows_affected| {
        Found::Changed(ExecuteResult {
            rows_affected,
            last_insert_id: None,
        })
    };
    assert!(is_met(&Expect::Changed(2), &changed(2), Dialect::Generic));
    assert!(!is_met(&Expect::Changed(2), &changed(3), Dialect::Generic));
    let keys = Expect::Keys { rows: 2, last: 2 };
    assert!(!is_met(&keys, &changed(2), Dialect::Generic));
    let empty = Expect::Empty(vec!["v".into()]);
    assert!(!is_met(&empty, &one_cell(Value::Null), Dialect::Generic));
    assert!(!is_met(
        &Expect::Count(0),
        &Found::Result(Kept::default()),
        Dialect::Generic
    ));
    assert!(is_met(
        &Expect::NoResult,
        &Found::Result(Kept::default()),
        Dialect::Generic
    ));
    let damaged = Found::Result(Kept {
        fault: Some("cut off".into()),
        ..Kept::default()
    });
    assert!(!is_met(&Expect::NoResult, &damaged, Dialect::Generic));
    let other = Found::Tables(vec![TableInfo {
        name: "t".into(),
        kind: "table".into(),
    }]);
    let lists = Expect::Lists(vec![("t", "table")]);
    assert!(!is_met(&lists, &other, Dialect::Generic));
}

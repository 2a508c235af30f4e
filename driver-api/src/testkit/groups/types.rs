//! Every kind of value and its edges: stored through a parameter, read back, found by comparison.

use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, Want};
use crate::testkit::need::Need;
use crate::testkit::step::{Action, Datum, Step, execute, query, rows_are, step};
use crate::value::{Value, ValueKind};

/// Every kind but null.
pub(super) const KINDS: [ValueKind; 12] = [
    ValueKind::Bool,
    ValueKind::I64,
    ValueKind::F64,
    ValueKind::Decimal,
    ValueKind::Text,
    ValueKind::Bytes,
    ValueKind::Date,
    ValueKind::Time,
    ValueKind::Timestamp,
    ValueKind::TimestampTz,
    ValueKind::Uuid,
    ValueKind::Json,
];

/// The last part of a case's name, the value, and its text where a dialect stores it as one.
type Row = (&'static str, Value, &'static str);

/// What every database must keep.
fn kept() -> Vec<Row> {
    [numbers(), texts(), moments(), others()].concat()
}

fn numbers() -> Vec<Row> {
    let decimal = |name, text: &'static str| (name, Value::Decimal(text.into()), text);
    vec![
        ("true", true.into(), ""),
        ("false", false.into(), ""),
        ("zero", 0i64.into(), ""),
        ("minus_one", (-1i64).into(), ""),
        ("min", i64::MIN.into(), ""),
        ("max", i64::MAX.into(), ""),
        ("beyond_doubles", ((1i64 << 53) + 1).into(), ""),
        ("zero", 0.0.into(), ""),
        ("negative_zero", (-0.0).into(), ""),
        ("one_tenth", 0.1.into(), ""),
        ("max", f64::MAX.into(), ""),
        ("min", f64::MIN.into(), ""),
        ("smallest_normal", f64::MIN_POSITIVE.into(), ""),
        ("all_digits", 1.234_567_890_123_456_7.into(), ""),
        decimal("zero", "0"),
        decimal("cent", "0.01"),
        decimal("negative", "-12.5"),
        decimal("trailing_zeros", "12.3400"),
        decimal("u64_max", "18446744073709551615"),
        decimal("small", "0.000000000000000000000000000001"),
        decimal(
            "many_digits",
            "12345678901234567890123456789012345.123456789012345678901234567891",
        ),
    ]
}

fn texts() -> Vec<Row> {
    let text = |name, text: &'static str| (name, Value::from(text), text);
    vec![
        text("empty", ""),
        text("ascii", "Hello, world"),
        text("spaces_at_the_ends", "  x  "),
        text("four_byte_characters", "😀 𝄞 👩‍👩‍👧‍👦"),
        text("combining_characters", "e\u{301} is not \u{e9}"),
        text("right_to_left", "שלום \u{202e}abc"),
        text("last_characters", "\u{ffff} \u{10fffe} \u{10ffff}"),
        text("quotes", "' '' \" ` \\ \\' $$ E'"),
        text("placeholders", "? $1 :name @x %s {} {t}"),
        text("control_characters", "\u{1}\u{7}\u{8}\u{1b}\u{1f}\u{7f}"),
        text("line_ends", "a\nb\r\nc\td\u{2028}e"),
        text("byte_order_mark", "\u{feff}x"),
    ]
}

fn moments() -> Vec<Row> {
    use Value::{Date, Time, Timestamp, TimestampTz};
    vec![
        ("epoch", Date(0), "1970-01-01"),
        ("before_epoch", Date(-1), "1969-12-31"),
        ("leap_day", Date(19_782), "2024-02-29"),
        ("within_the_reform", Date(-141_432), "1582-10-10"),
        ("year_one_thousand", Date(-354_285), "1000-01-01"),
        ("year_9999", Date(2_932_896), "9999-12-31"),
        ("midnight", Time(0), "00:00:00"),
        ("noon", Time(43_200_000_000), "12:00:00"),
        ("one_microsecond", Time(1), "00:00:00.000001"),
        ("last_microsecond", Time(86_399_999_999), "23:59:59.999999"),
        ("epoch", Timestamp(0), "1970-01-01 00:00:00"),
        ("before_epoch", Timestamp(-1), "1969-12-31 23:59:59.999999"),
        (
            "microseconds",
            Timestamp(1_709_251_199_000_001),
            "2024-02-29 23:59:59.000001",
        ),
        (
            "year_one_thousand",
            Timestamp(-354_285 * 86_400_000_000),
            "1000-01-01 00:00:00",
        ),
        (
            "year_9999",
            Timestamp(253_402_300_799_999_999),
            "9999-12-31 23:59:59.999999",
        ),
        (
            "first_second",
            TimestampTz(1_000_000),
            "1970-01-01 00:00:01+00:00",
        ),
        (
            "microseconds",
            TimestampTz(1_709_251_199_000_001),
            "2024-02-29 23:59:59.000001+00:00",
        ),
        // An hour that clocks in most of Europe showed twice.
        (
            "end_of_summer_time",
            TimestampTz(1_698_541_200_000_000),
            "2023-10-29 01:00:00+00:00",
        ),
        (
            "year_2038",
            TimestampTz(2_147_483_647_000_000),
            "2038-01-19 03:14:07+00:00",
        ),
    ]
}

fn others() -> Vec<Row> {
    let json = |name, text: &'static str| (name, Value::Json(text.into()), text);
    vec![
        ("empty", Value::Bytes(Vec::new()), ""),
        ("zeros", Value::Bytes(vec![0; 3]), ""),
        ("every_byte", Value::Bytes((0..=255).collect()), ""),
        ("not_utf8", Value::Bytes(vec![0xff, 0xfe, 0x80, b'\'']), ""),
        (
            "nil",
            Value::Uuid([0; 16]),
            "00000000-0000-0000-0000-000000000000",
        ),
        (
            "max",
            Value::Uuid([255; 16]),
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        (
            "byte_order",
            Value::Uuid(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes()),
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        json("object", r#"{"a": [1, 2.5, true, null], "b": {}}"#),
        json("array", "[]"),
        json("null_document", "null"),
        json("text", r#""a \" \\ \u0041 😀""#),
        json("large_number", "[18446744073709551615]"),
    ]
}

/// What a database keeps or refuses, but never changes.
fn kept_or_refused() -> Vec<Row> {
    use Value::{Date, Time, Timestamp, TimestampTz};
    const DAY: i64 = 86_400_000_000;
    let digits = concat!(
        "1234567890123456789012345678901234567890123456789012345678901234567890",
        ".1234567890123456789012345678901234567890"
    );
    vec![
        ("nan", f64::NAN.into(), ""),
        ("infinity", f64::INFINITY.into(), ""),
        ("negative_infinity", f64::NEG_INFINITY.into(), ""),
        ("subnormal", 5e-324.into(), ""),
        ("hundred_digits", Value::Decimal(digits.into()), digits),
        ("nul", "a\0b".into(), "a\0b"),
        ("year_one", Date(-719_162), "0001-01-01"),
        ("year_zero", Date(-719_528), "0000-01-01"),
        ("year_200000", Date(72_328_972), ""),
        ("first", Date(i32::MIN), ""),
        ("last", Date(i32::MAX), ""),
        ("negative", Time(-1), ""),
        ("a_whole_day", Time(DAY), ""),
        ("first", Time(i64::MIN), ""),
        ("year_one", Timestamp(-719_162 * DAY), "0001-01-01 00:00:00"),
        ("year_200000", Timestamp(72_328_972 * DAY), ""),
        ("first", Timestamp(i64::MIN), ""),
        ("last", Timestamp(i64::MAX), ""),
        ("epoch", TimestampTz(0), "1970-01-01 00:00:00+00:00"),
        (
            "before_epoch",
            TimestampTz(-1),
            "1969-12-31 23:59:59.999999+00:00",
        ),
        (
            "year_9999",
            TimestampTz(253_402_300_799_999_999),
            "9999-12-31 23:59:59.999999+00:00",
        ),
        ("first", TimestampTz(i64::MIN), ""),
        ("last", TimestampTz(i64::MAX), ""),
    ]
}

/// A usual value of each kind, and its text.
pub(super) fn usual(kind: ValueKind) -> (Value, &'static str) {
    match kind {
        ValueKind::Bool => (true.into(), ""),
        ValueKind::I64 => (42i64.into(), ""),
        ValueKind::F64 => (1.5.into(), ""),
        ValueKind::Decimal => (Value::Decimal("12.34".into()), "12.34"),
        ValueKind::Bytes => (Value::Bytes(vec![0, 1, 255]), ""),
        ValueKind::Date => (Value::Date(19_782), "2024-02-29"),
        ValueKind::Time => (Value::Time(43_200_000_001), "12:00:00.000001"),
        ValueKind::Timestamp => (
            Value::Timestamp(1_709_251_199_000_001),
            "2024-02-29 23:59:59.000001",
        ),
        ValueKind::TimestampTz => (
            Value::TimestampTz(1_709_251_199_000_001),
            "2024-02-29 23:59:59.000001+00:00",
        ),
        ValueKind::Uuid => (
            Value::Uuid([0xab; 16]),
            "abababab-abab-abab-abab-abababababab",
        ),
        ValueKind::Json => (Value::Json("{\"a\": 1}".into()), "{\"a\": 1}"),
        _ => ("text".into(), "text"),
    }
}

/// The table `{t}` whose column `v` keeps values of this kind.
pub(super) fn create_for(kind: ValueKind) -> Step {
    execute(format!("CREATE TABLE {{t}} (id {{i64}}, v {{{kind}}})"))
}

/// What a column for this kind needs.
pub(super) fn needs_of(kind: ValueKind) -> [Need; 3] {
    [Need::Ddl, Need::Kind(ValueKind::I64), Need::Kind(kind)]
}

fn stored(row: &Row, expect: impl Fn(Want) -> Expect) -> Case {
    let (name, value, text) = row;
    let kind = value.as_ref().kind();
    let want = Want::Stored(Datum::Value(value.clone()), text);
    let store = step(Action::Store(Datum::Value(value.clone())));
    Case::new(Group::Types, &format!("{kind}.{name}"))
        .needing(&needs_of(kind))
        .steps([
            create_for(kind),
            store.gives(expect(want)),
            step(Action::Ping),
        ])
}

fn null(kind: ValueKind) -> Case {
    let store = step(Action::Store(Datum::Value(Value::Null)));
    Case::new(Group::Types, &format!("{kind}.null"))
        .needing(&needs_of(kind))
        .steps([create_for(kind), store.gives(cell(Value::Null.into()))])
}

fn compared(kind: ValueKind) -> Case {
    let (value, text) = usual(kind);
    let want = Want::Stored(Datum::Value(value.clone()), text);
    Case::new(Group::Types, &format!("{kind}.compared"))
        .needing(&needs_of(kind))
        .needing(&[Need::Expressions])
        .steps([
            create_for(kind),
            step(Action::Store(Datum::Value(value.clone()))).gives(cell(want)),
            query("SELECT id FROM {t} WHERE v = ?")
                .with([value.clone()])
                .gives_value(1i64),
            query("SELECT id FROM {t} WHERE v <> ?")
                .with([value])
                .gives(Expect::Count(0)),
            rows_are(1),
        ])
}

fn cell(want: Want) -> Expect {
    Expect::Rows(vec![vec![want]])
}

pub(super) fn cases() -> Vec<Case> {
    let kept = kept().into_iter().map(|row| stored(&row, cell));
    let edges = kept_or_refused()
        .into_iter()
        .map(|row| stored(&row, Expect::ValueOrRefusal));
    // PostgreSQL cannot compare JSON.
    let comparable = KINDS.iter().filter(|kind| **kind != ValueKind::Json);
    kept.chain(edges)
        .chain(KINDS.iter().map(|kind| null(*kind)))
        .chain(comparable.map(|kind| compared(*kind)))
        .collect()
}

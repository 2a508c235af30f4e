//! One database value as text and as JSON.

use std::borrow::Cow;
use std::fmt::Write;

use driver_api::ValueRef;
use serde_json::{Number, Value};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// The text of a value; `None` for NULL.
pub(super) fn text<'a>(value: &ValueRef<'a>) -> Option<Cow<'a, str>> {
    Some(match *value {
        ValueRef::Null => return None,
        ValueRef::Text(text) | ValueRef::Decimal(text) | ValueRef::Json(text) => text.into(),
        ValueRef::Bool(flag) => flag.to_string().into(),
        ValueRef::I64(number) => number.to_string().into(),
        ValueRef::F64(number) => format!("{number:?}").into(),
        ValueRef::Bytes(bytes) => hexadecimal(bytes).into(),
        ValueRef::Date(days) => date(days.into()).into(),
        ValueRef::Time(micros) => time(micros).into(),
        ValueRef::Timestamp(micros) => timestamp(micros).into(),
        ValueRef::TimestampTz(micros) => format!("{}Z", timestamp(micros)).into(),
        ValueRef::Uuid(bytes) => uuid::Uuid::from_bytes(bytes).to_string().into(),
        // Kinds may be added to the interface; their debug form is better than nothing.
        ref other => format!("{other:?}").into(),
    })
}

/// The JSON form of a value: numbers, flags and JSON as themselves, everything else as its text.
pub(super) fn json(value: &ValueRef<'_>) -> Value {
    match *value {
        ValueRef::Null => Value::Null,
        ValueRef::Bool(flag) => flag.into(),
        ValueRef::I64(number) => number.into(),
        // JSON has no NaN and no infinities.
        ValueRef::F64(number) => {
            Number::from_f64(number).map_or_else(|| format!("{number:?}").into(), Value::Number)
        }
        ValueRef::Json(document) => {
            serde_json::from_str(document).unwrap_or_else(|_| document.into())
        }
        _ => text(value).map_or(Value::Null, |text| text.into_owned().into()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The Gregorian date of a day counted from 1970-01-01 (the algorithm `civil_from_days` of Howard Hinnant:
/// years begin in March, so that the leap day is the last of a year).
fn date(days: i64) -> String {
    let from_march_0000 = days + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(micros: i64) -> String {
    let (seconds, fraction) = (
        micros.div_euclid(MICROS_PER_SECOND),
        micros.rem_euclid(MICROS_PER_SECOND),
    );
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction == 0 {
        clock
    } else {
        format!("{clock}.{fraction:06}")
    }
}

/// `2024-02-29T12:00:00` for microseconds since 1970.
pub(in crate::cli) fn timestamp(micros: i64) -> String {
    format!(
        "{}T{}",
        date(micros.div_euclid(MICROS_PER_DAY)),
        time(micros.rem_euclid(MICROS_PER_DAY))
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: ValueRef<'_>) -> String {
        text(&value).unwrap().into_owned()
    }

    #[test]
    fn dates_and_times_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (2_932_896, "9999-12-31"),
        ] {
            assert_eq!(shown(ValueRef::Date(days)), expected);
        }
        assert_eq!(shown(ValueRef::Time(3_661_000_001)), "01:01:01.000001");
        assert_eq!(shown(ValueRef::Timestamp(-1)), "1969-12-31T23:59:59.999999");
        assert_eq!(
            shown(ValueRef::TimestampTz(1_000_000)),
            "1970-01-01T00:00:01Z"
        );
    }

    #[test]
    fn bytes_numbers_and_identifiers_keep_everything() {
        assert_eq!(shown(ValueRef::Bytes(&[0, 255, 16])), "\\x00ff10");
        assert_eq!(shown(ValueRef::F64(1.0)), "1.0");
        assert_eq!(shown(ValueRef::Decimal("-12.3400")), "-12.3400");
        assert_eq!(
            shown(ValueRef::Uuid([1; 16])),
            "01010101-0101-0101-0101-010101010101"
        );
        assert_eq!(text(&ValueRef::Null), None);
    }

    #[test]
    fn json_has_numbers_where_it_can() {
        assert_eq!(json(&ValueRef::I64(i64::MIN)), json!(i64::MIN));
        assert_eq!(json(&ValueRef::F64(f64::NAN)), json!("NaN"));
        assert_eq!(json(&ValueRef::F64(0.5)), json!(0.5));
        assert_eq!(json(&ValueRef::Json("{\"a\": [1]}")), json!({"a": [1]}));
        assert_eq!(json(&ValueRef::Json("{oops")), json!("{oops"));
        assert_eq!(json(&ValueRef::Null), Value::Null);
        assert_eq!(json(&ValueRef::Bytes(b"a")), json!("\\x61"));
    }
}

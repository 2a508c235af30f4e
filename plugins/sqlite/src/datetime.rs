//! Dates and times as the text that SQLite's own functions write and read.

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// 0000-01-01 and 9999-12-31 in days since 1970-01-01: what SQLite's date functions understand.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// `2024-02-29` from days since 1970-01-01; `None` outside the years 0000 to 9999.
pub(crate) fn date(days: i64) -> Option<String> {
    let (year, month, day) = civil(days)?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// `23:59:59`, or `23:59:59.000001`, from microseconds since midnight; `None` outside one day.
pub(crate) fn time(micros: i64) -> Option<String> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return None;
    }
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let text = format!("{hour:02}:{minute:02}:{second:02}");
    // Without its fraction the text is what `datetime()` writes, and still sorts before the others.
    Some(if fraction == 0 {
        text
    } else {
        format!("{text}.{fraction:06}")
    })
}

/// `2024-02-29 23:59:59` from microseconds since 1970-01-01 00:00:00; `None` outside the years
/// 0000 to 9999.
pub(crate) fn timestamp(micros: i64) -> Option<String> {
    let date = date(micros.div_euclid(MICROS_PER_DAY))?;
    let time = time(micros.rem_euclid(MICROS_PER_DAY))?;
    Some(format!("{date} {time}"))
}

/// As [`timestamp`], with `+00:00`, which sorts before a fraction as `Z` would not.
pub(crate) fn timestamp_tz(micros: i64) -> Option<String> {
    Some(timestamp(micros)? + "+00:00")
}

/// Year, month and day of the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of a year, in eras of 400
/// years, which all have the same number of days.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    if !DAYS.contains(&days) {
        return None;
    }
    let from_march = days + 719_468;
    let (era, day_of_era) = (
        from_march.div_euclid(146_097),
        from_march.rem_euclid(146_097),
    );
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_sqlite_for_every_day() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let mut statement = database
            .prepare("SELECT date(?1 * 86400, 'unixepoch')")
            .unwrap();
        for days in DAYS
            .step_by(97)
            .chain([*DAYS.start(), *DAYS.end(), -1, 0, 1, 11_016])
        {
            let expected: String = statement.query_row([days], |row| row.get(0)).unwrap();
            assert_eq!(date(days), Some(expected));
        }
        assert_eq!(date(DAYS.start() - 1), None);
        assert_eq!(date(DAYS.end() + 1), None);
    }

    #[test]
    fn times_keep_their_microseconds() {
        assert_eq!(time(0).as_deref(), Some("00:00:00"));
        assert_eq!(time(MICROS_PER_DAY - 1).as_deref(), Some("23:59:59.999999"));
        assert_eq!(time(MICROS_PER_DAY), None);
        assert_eq!(time(-1), None);
    }

    #[test]
    fn timestamps_before_1970_count_backwards() {
        assert_eq!(timestamp(-1).as_deref(), Some("1969-12-31 23:59:59.999999"));
        assert_eq!(
            timestamp_tz(0).as_deref(),
            Some("1970-01-01 00:00:00+00:00")
        );
        assert_eq!(timestamp(i64::MAX), None);
        assert_eq!(timestamp(i64::MIN), None);
    }
}

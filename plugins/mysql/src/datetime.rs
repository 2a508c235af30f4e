//! Days and microseconds since 1970-01-01 to and from calendar fields, in the proleptic Gregorian calendar.

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// 0000-01-01 and 9999-12-31: what the server's date types hold.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// Year, month and day.
pub(crate) type Civil = (u16, u8, u8);

/// Hour, minute, second and microsecond of a day.
pub(crate) type Clock = (u8, u8, u8, u32);

/// The date of days since 1970-01-01; `None` outside the years 0000 to 9999.
///
/// Years are counted from March, so that the leap day is the last day of a year, in eras of 400
/// years, which all have the same number of days.
pub(crate) fn civil(days: i64) -> Option<Civil> {
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
    Some((
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    ))
}

/// Days since 1970-01-01; `None` for what is no date, as the server's `0000-00-00`.
pub(crate) fn days((year, month, day): Civil) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year_from_march = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (
        year_from_march.div_euclid(400),
        year_from_march.rem_euclid(400),
    );
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // The 31st of a month of 30 days would be another date.
    (civil(days) == Some((year, month, day))).then_some(days)
}

/// The clock of microseconds since midnight; `None` outside one day.
pub(crate) fn clock(micros: i64) -> Option<Clock> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return None;
    }
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    Some((
        (seconds / 3600).try_into().ok()?,
        (seconds / 60 % 60).try_into().ok()?,
        (seconds % 60).try_into().ok()?,
        fraction.try_into().ok()?,
    ))
}

/// Microseconds since midnight.
pub(crate) fn micros((hour, minute, second, fraction): Clock) -> i64 {
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    seconds * MICROS_PER_SECOND + i64::from(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_dates() {
        for (number, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (-719_528, (0, 1, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil(number), Some(date));
            assert_eq!(days(date), Some(number));
        }
    }

    #[test]
    fn what_is_no_date_or_time_is_none() {
        for date in [
            (0, 0, 0),
            (2024, 2, 30),
            (2023, 2, 29),
            (2024, 4, 31),
            (2024, 13, 1),
        ] {
            assert_eq!(days(date), None, "{date:?}");
        }
        assert_eq!(civil(-719_529), None);
        assert_eq!(civil(2_932_897), None);
        assert_eq!(clock(-1), None);
        assert_eq!(clock(MICROS_PER_DAY), None);
        assert_eq!(clock(MICROS_PER_DAY - 1), Some((23, 59, 59, 999_999)));
    }

    proptest! {
        #[test]
        fn both_ways_agree(number in -719_528i64..=2_932_896, time in 0..MICROS_PER_DAY) {
            prop_assert_eq!(civil(number).and_then(days), Some(number));
            prop_assert_eq!(clock(time).map(micros), Some(time));
        }
    }
}

//! RFC 3339 times and dates, checked against the calendar.
//!
//! Invariant: what is accepted lies in the years 1 to 9999, so it fits every store and client.
//! Deliberately absent: time zones by name, formatting, and the present.

/// The last microsecond of the year 9999.
pub(crate) const MAX_US: i64 = 253_402_300_799_999_999;
/// The first microsecond of the year 1.
pub(crate) const MIN_US: i64 = -62_135_596_800_000_000;

const DAY_US: i64 = 86_400_000_000;
/// Days from the first day of the year 1 to the first day of 1970.
const EPOCH_DAYS: i32 = 719_162;

/// Microseconds UTC of an RFC 3339 time; digits beyond the microsecond are cut off.
/// `None` when the text is no such time, the day does not exist, or the year is not in 1 to 9999.
pub fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let (clock, rest) = rest.split_at_checked(9)?;
    let day = i64::from(days(date)?);
    if !matches!(clock[0], b'T' | b't' | b' ') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&clock[1..3])?, number(&clock[4..6])?, number(&clock[7..9])?);
    // A leap second can only be the sixty-first of an hour's last minute; it counts as the next hour's first.
    if hour > 23 || minute > 59 || second > 60 || (second == 60 && minute != 59) {
        return None;
    }
    let (fraction_us, rest) = fraction(rest)?;
    let offset_minutes = offset(rest)?;
    let seconds = i64::from(hour * 3600 + minute * 60 + second) - i64::from(offset_minutes) * 60;
    let us = day * DAY_US + seconds * 1_000_000 + fraction_us;
    (MIN_US..=MAX_US).contains(&us).then_some(us)
}

/// Days since 1970-01-01 of a date written `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<i32> {
    days(text.as_bytes())
}

/// A time, or a date that stands for its midnight UTC.
pub(crate) fn parse_moment(text: &str) -> Option<i64> {
    if text.len() == 10 { parse_date(text).map(|day| i64::from(day) * DAY_US) } else { parse_time(text) }
}

fn days(text: &[u8]) -> Option<i32> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if year == 0 || day == 0 || day > *lengths.get(month)? {
        return None;
    }
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400;
    Some(past * 365 + leap_days + lengths[..month].iter().sum::<i32>() + day - 1 - EPOCH_DAYS)
}

/// The fraction after the seconds in microseconds, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at(len);
    let mut us = i64::from(number(digits.get(..len.min(6))?)?);
    for _ in len..6 {
        us *= 10;
    }
    (len > 0).then_some((us, rest))
}

/// Minutes east of UTC.
fn offset(text: &[u8]) -> Option<i32> {
    match text {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), hour @ .., b':', minute_tens, minute_ones] if hour.len() == 2 => {
            let (hour, minute) = (number(hour)?, number(&[*minute_tens, *minute_ones])?);
            let minutes = hour * 60 + minute;
            (hour < 24 && minute < 60).then_some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;

    #[test]
    fn agrees_with_chrono_on_every_day() {
        let mut day = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        while day < NaiveDate::from_ymd_opt(3001, 1, 1).unwrap() {
            let text = day.format("%Y-%m-%d").to_string();
            assert_eq!(parse_date(&text), Some((day - epoch).num_days() as i32), "{text}");
            day = day.succ_opt().unwrap();
        }
    }

    #[test]
    fn times_are_read_as_chrono_reads_them() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-03-02T09:14:00Z",
            "2026-03-02T09:14:00.5+01:00",
            "2026-03-02t09:14:00.123456z",
            "2024-02-29T23:59:59-11:30",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let expected = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
        assert_eq!(parse_time("2026-03-02T09:14:00.1234569Z"), parse_time("2026-03-02T09:14:00.123456Z"));
        assert_eq!(parse_time("2016-12-31T23:59:60Z"), parse_time("2017-01-01T00:00:00Z"));
        assert_eq!(parse_moment("1970-01-02"), Some(DAY_US));
    }

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "",
            "2026-03-02",
            "0000-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:30:60Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00Z ",
            "+026-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}

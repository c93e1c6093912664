//! Moments as people type them: RFC 3339, or a date that means the end of that day in UTC.
//!
//! A moment outside 1970 to 2199 is refused: it is a slip of the finger, and nanosecond
//! timestamps in SQL end in 2262.

use chrono::{DateTime, NaiveDate, SecondsFormat, SubsecRound, TimeZone, Utc};

const YEAR_MIN: i32 = 1970;
const YEAR_MAX: i32 = 2199;

/// Parses `2026-03-02T09:14:00Z` or `2026-03-02`; the error says what is wrong and what would do.
pub fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    let moment = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) if text.len() == 10 => {
            date.and_hms_micro_opt(23, 59, 59, 999_999).map(|end| Utc.from_utc_datetime(&end))
        }
        Ok(_) | Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc)),
    };
    let Some(moment) = moment else {
        return Err(format!(
            "{text:?} is not a moment; give rfc 3339 such as 2026-03-02T09:14:00Z, or a date such as 2026-03-02"
        ));
    };
    let year = chrono::Datelike::year(&moment);
    if (YEAR_MIN..=YEAR_MAX).contains(&year) {
        Ok(moment)
    } else {
        Err(format!("{text:?} is out of range; years {YEAR_MIN} to {YEAR_MAX} are understood"))
    }
}

/// As [`parse`], but a date means its beginning: for facts that hold from a day on.
pub fn parse_start(text: &str) -> Result<DateTime<Utc>, String> {
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(_) if text.len() == 10 => parse(&format!("{text}T00:00:00Z")),
        Ok(_) | Err(_) => parse(text),
    }
}

/// RFC 3339 in UTC, to the microsecond, which is as fine as the tables are.
pub fn format(moment: DateTime<Utc>) -> String {
    moment.trunc_subsecs(6).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        match (parse(text), expect) {
            (Ok(moment), Ok(expect)) => assert_eq!(format(moment), expect),
            (Err(message), Err(expect)) => {
                assert!(message.contains(expect), "{message:?} lacks {expect:?}");
            }
            (got, expect) => panic!("{text}: got {got:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn dates_end_their_day_and_offsets_become_utc() {
        check("2026-03-02", Ok("2026-03-02T23:59:59.999999Z"));
        check("2026-03-02T09:14:00Z", Ok("2026-03-02T09:14:00Z"));
        check("2026-03-02T09:14:00+02:00", Ok("2026-03-02T07:14:00Z"));
    }

    #[test]
    fn slips_are_refused() {
        check("yesterday", Err("is not a moment"));
        check("2026-02-30", Err("is not a moment"));
        check("2026-3-2", Err("is not a moment"));
        check("2026-03-02T09:14:00", Err("is not a moment"));
        check("9999-01-01", Err("out of range"));
        check("", Err("is not a moment"));
    }
}

//! Days in a time zone: `day_in(at, timezone)` is the date that it is at `at`, `day_end(day, timezone)` the first moment
//! after `day`.
//!
//! `timezone` is an IANA name; NULL or unknown: UTC. A midnight that a change of clocks skips is taken at the first instant
//! after it, one that comes twice the first time.
//! Invariant: `day_end(day_in(at, zone), zone) > at`, and no earlier day has that.

use arrow::array::{Array, Date32Array, StringViewArray, TimestampMicrosecondArray};
use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

const DAY_US: i64 = 86_400_000_000;
/// Day 0 of Unix time, counted as chrono counts.
const EPOCH_DAY: i32 = 719_163;

/// The last zone that was looked up: rows of one zone come together.
#[derive(Default)]
struct Zones<'a> {
    last: Option<(&'a str, Tz)>,
}

impl<'a> Zones<'a> {
    fn of(&mut self, names: &'a StringViewArray, row: usize) -> Tz {
        if names.is_null(row) {
            return Tz::UTC;
        }
        let name = names.value(row);
        match self.last {
            Some((last, zone)) if last == name => zone,
            _ => {
                let zone = name.parse().unwrap_or(Tz::UTC);
                self.last = Some((name, zone));
                zone
            }
        }
    }
}

pub(super) fn days_in(at: &TimestampMicrosecondArray, names: &StringViewArray) -> Date32Array {
    let mut zones = Zones::default();
    (0..at.len())
        .map(|row| {
            let zone = zones.of(names, row);
            at.is_valid(row).then(|| day_in(at.value(row), zone))
        })
        .collect()
}

pub(super) fn day_ends(days: &Date32Array, names: &StringViewArray) -> TimestampMicrosecondArray {
    let mut zones = Zones::default();
    let ends: TimestampMicrosecondArray = (0..days.len())
        .map(|row| {
            let zone = zones.of(names, row);
            days.is_valid(row).then(|| day_end(days.value(row), zone))
        })
        .collect();
    ends.with_timezone("UTC")
}

fn day_in(at: i64, zone: Tz) -> i32 {
    let utc_day = at.div_euclid(DAY_US).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    if zone == Tz::UTC {
        return utc_day;
    }
    // Next to the first and the last day that can be written, a zone has days that cannot.
    let near = |utc: &DateTime<_>| {
        utc.checked_sub_days(Days::new(2)).and_then(|_| utc.checked_add_days(Days::new(2))).is_some()
    };
    match DateTime::from_timestamp_micros(at).filter(near) {
        Some(utc) => day_number(utc.with_timezone(&zone).date_naive()),
        None => utc_day,
    }
}

fn day_number(date: NaiveDate) -> i32 {
    chrono::Datelike::num_days_from_ce(&date) - EPOCH_DAY
}

fn day_end(day: i32, zone: Tz) -> i64 {
    let utc = (i64::from(day) + 1).saturating_mul(DAY_US);
    let next = day
        .checked_add(1)
        .and_then(|next| NaiveDate::from_num_days_from_ce_opt(next.checked_add(EPOCH_DAY)?));
    let Some(next) = next.filter(|_| zone != Tz::UTC) else { return utc };
    let mut local = next.and_time(NaiveTime::MIN);
    // Clocks skip at most a day (Samoa, 2011).
    for _ in 0..=24 * 4 {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return at.timestamp_micros(),
            LocalResult::None => match local.checked_add_signed(TimeDelta::minutes(15)) {
                Some(later) => local = later,
                None => return utc,
            },
        }
    }
    utc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(time: &str) -> i64 {
        DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros()
    }

    #[test]
    fn a_day_ends_where_the_team_is() {
        for (at, zone, day, end) in [
            ("2026-09-05T00:25:00Z", "America/New_York", "2026-09-04", "2026-09-05T04:00:00Z"),
            ("2026-09-05T00:25:00Z", "UTC", "2026-09-05", "2026-09-06T00:00:00Z"),
            ("2026-09-04T20:00:00Z", "Pacific/Auckland", "2026-09-05", "2026-09-05T12:00:00Z"),
            // Cuba's clocks skip midnight; Samoa left a whole day out.
            ("2026-03-07T12:00:00Z", "America/Havana", "2026-03-07", "2026-03-08T05:00:00Z"),
            ("2011-12-30T09:00:00Z", "Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00Z"),
        ] {
            let (zone, at): (Tz, _) = (zone.parse().unwrap(), micros(at));
            let expect = day_number(day.parse().unwrap());
            assert_eq!((day_in(at, zone), day_end(expect, zone)), (expect, micros(end)), "{at} {zone}");
        }
    }

    #[test]
    fn the_ends_of_time_have_days() {
        let zone: Tz = "Asia/Tokyo".parse().unwrap();
        for at in [i64::MIN, i64::MAX, 0] {
            let day = day_in(at, zone);
            day_end(day, zone);
        }
        assert_eq!(day_end(i32::MAX, zone), (i64::from(i32::MAX) + 1).saturating_mul(DAY_US));
    }
}

//! Working time of a person: `business_ms(from, to, timezone, hours, away)` and
//! `business_age_ms(opened_at, pauses, at, timezone, hours, away)`.
//!
//! `timezone` is an IANA name (NULL or unknown: UTC). `hours` is JSON with a list of times for each working weekday,
//! `{"mon":["09:00","17:00"],"tue":["09:00","12:00","13:00","17:00"]}` (NULL or unreadable: Monday to Friday 09:00 to
//! 17:00; a weekday that it leaves out is free). `away` is a list of structs of two times, from and to: leave and
//! holidays; a NULL `to` has no end.
//!
//! Working hours are local: a day with a change of clocks keeps them. A time that the change skips is taken at the
//! first instant after it; one that comes twice is taken the first time.
//! Invariant: the result depends on the arguments only, and is 0 when `to` is not after `from`.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::Value;

/// Longest time that is measured; beyond it the working time of this many days counts.
pub const DAYS_MAX: i64 = 366 * 20;
const DAY_US: i64 = 86_400_000_000;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Begin and end of working time in minutes since midnight, for each weekday from Monday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours([Vec<(u32, u32)>; 7]);

impl Default for Hours {
    fn default() -> Self {
        Self(std::array::from_fn(|day| if day < 5 { vec![(9 * 60, 17 * 60)] } else { Vec::new() }))
    }
}

impl Hours {
    pub fn parse(json: &str) -> Option<Self> {
        let days: HashMap<String, Value> = serde_json::from_str(json).ok()?;
        let mut hours = Self(Default::default());
        for (name, times) in days {
            let day = WEEKDAYS.iter().position(|day| name.to_lowercase().starts_with(day))?;
            let minutes: Option<Vec<u32>> =
                times.as_array()?.iter().map(|time| minute(time.as_str()?)).collect();
            hours.0[day] = minutes?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            hours.0[day].sort_unstable();
        }
        Some(hours)
    }
}

fn minute(time: &str) -> Option<u32> {
    let (hour, minute) = time.split_once(':')?;
    let minutes = hour.parse::<u32>().ok()? * 60 + minute.parse::<u32>().ok()?;
    (minutes <= 24 * 60).then_some(minutes)
}

/// Who is waited for: a zone, working hours, and stretches away in microseconds since 1970.
#[derive(Debug, Clone)]
pub struct Calendar<'a> {
    pub zone: Tz,
    pub hours: &'a Hours,
    pub away: &'a [(i64, i64)],
}

impl Calendar<'_> {
    /// Working time in microseconds between two moments.
    pub fn between(&self, from: i64, to: i64) -> i64 {
        let to = to.min(from.saturating_add(DAYS_MAX * DAY_US));
        if to <= from {
            return 0;
        }
        let (Some(first), Some(last)) = (self.local_date(from), self.local_date(to)) else { return 0 };
        let mut total = 0;
        for date in first.iter_days().take_while(|&date| date <= last) {
            for &(begin, end) in &self.hours.0[date.weekday().num_days_from_monday() as usize] {
                let begin = self.instant(date, begin).max(from);
                let end = self.instant(date, end).min(to);
                if begin < end {
                    total += end - begin - overlap(self.away, begin, end);
                }
            }
        }
        total
    }

    fn local_date(&self, at: i64) -> Option<NaiveDate> {
        let utc = DateTime::from_timestamp_micros(at)?;
        // Next to the first and the last day that can be written, a zone has days that cannot.
        let margin = Days::new(2);
        utc.checked_sub_days(margin)?;
        utc.checked_add_days(margin)?;
        Some(utc.with_timezone(&self.zone).date_naive())
    }

    fn instant(&self, date: NaiveDate, minute: u32) -> i64 {
        // The last day that can be written has no day after it.
        let date = if minute == 24 * 60 { date.checked_add_days(Days::new(1)).unwrap_or(date) } else { date };
        let mut local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute % (24 * 60)));
        // Clocks skip at most a day (Samoa, 2011).
        for _ in 0..=24 * 4 {
            match self.zone.from_local_datetime(&local) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return at.timestamp_micros(),
                LocalResult::None => local += TimeDelta::minutes(15),
            }
        }
        local.and_utc().timestamp_micros()
    }
}

/// How much of begin to end the stretches cover; they are in order of their begin and may overlap each other.
fn overlap(away: &[(i64, i64)], begin: i64, end: i64) -> i64 {
    let (mut covered, mut until) = (0, begin);
    for &(from, to) in away.iter().take_while(|(from, _)| *from < end) {
        let (from, to) = (from.max(until), to.min(end));
        if from < to {
            covered += to - from;
            until = to;
        }
    }
    covered
}

/// The calendar arguments of a batch of rows.
pub(super) struct Calendars<'a> {
    zones: &'a ArrayRef,
    hours: &'a ArrayRef,
    away: &'a ListArray,
    default: Hours,
    parsed: HashMap<String, Hours>,
}

impl<'a> Calendars<'a> {
    pub fn new(zones: &'a ArrayRef, hours: &'a ArrayRef, away: &'a ListArray) -> Self {
        let mut parsed = HashMap::new();
        for json in hours.as_string_view().iter().flatten() {
            if !parsed.contains_key(json) {
                parsed.insert(json.to_owned(), Hours::parse(json).unwrap_or_default());
            }
        }
        Self { zones, hours, away, default: Hours::default(), parsed }
    }

    /// Working time between two moments by the calendar of a row.
    fn between(&self, row: usize, from: i64, to: i64) -> i64 {
        let zones = self.zones.as_string_view();
        let zone = if zones.is_valid(row) { zones.value(row).parse().unwrap_or(Tz::UTC) } else { Tz::UTC };
        let hours = self.hours.as_string_view();
        let hours = if hours.is_valid(row) { self.parsed.get(hours.value(row)) } else { None }
            .unwrap_or(&self.default);
        let away = self.away_of(row);
        Calendar { zone, hours, away: &away }.between(from, to)
    }

    fn away_of(&self, row: usize) -> Vec<(i64, i64)> {
        if self.away.is_null(row) {
            return Vec::new();
        }
        let stretches = self.away.value(row);
        let Some(stretches) = stretches.as_struct_opt().filter(|stretches| stretches.num_columns() == 2)
        else {
            return Vec::new();
        };
        let from = stretches.column(0).as_primitive::<TimestampMicrosecondType>();
        let to = stretches.column(1).as_primitive::<TimestampMicrosecondType>();
        let mut away: Vec<(i64, i64)> = (0..stretches.len())
            .filter(|&at| from.is_valid(at))
            .map(|at| (from.value(at), if to.is_valid(at) { to.value(at) } else { i64::MAX }))
            .collect();
        away.sort_unstable();
        away
    }
}

pub(super) fn business(
    from: &TimestampMicrosecondArray,
    to: &TimestampMicrosecondArray,
    calendars: &Calendars<'_>,
) -> Int64Array {
    let row = |row: usize| {
        let known = from.is_valid(row) && to.is_valid(row);
        known.then(|| calendars.between(row, from.value(row), to.value(row)).div_euclid(1_000))
    };
    (0..from.len()).map(row).collect()
}

/// Working time since opening without that of the pauses; a pause that lasts, or lasts past the moment, ends there.
pub(super) fn business_ages(
    opened: &TimestampMicrosecondArray,
    pauses: &ListArray,
    at: &TimestampMicrosecondArray,
    calendars: &Calendars<'_>,
) -> Int64Array {
    let row = |row: usize| {
        if opened.is_null(row) || at.is_null(row) {
            return None;
        }
        let (opened, at) = (opened.value(row), at.value(row));
        let mut total = calendars.between(row, opened, at);
        if pauses.is_valid(row) {
            let moments = pauses.value(row);
            for pause in moments.as_primitive::<TimestampMicrosecondType>().values().chunks(2) {
                let until = pause.get(1).copied().unwrap_or(i64::MAX).min(at);
                total -= calendars.between(row, pause[0].max(opened), until);
            }
        }
        Some(total.div_euclid(1_000))
    };
    (0..opened.len()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(time: &str) -> i64 {
        DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros()
    }

    fn hours_between(zone: &str, hours: &Hours, away: &[(i64, i64)], from: &str, to: &str) -> f64 {
        let calendar = Calendar { zone: zone.parse().unwrap(), hours, away };
        calendar.between(micros(from), micros(to)) as f64 / 3.6e9
    }

    #[test]
    fn business_hours_of_the_worked_case() {
        let (from, to) = ("2026-03-27T16:30:00+01:00", "2026-03-30T09:30:00+02:00");
        assert_eq!(hours_between("Europe/Berlin", &Hours::default(), &[], from, to), 1.0);
        assert_eq!((micros(to) - micros(from)) as f64 / 3.6e9, 64.0);
    }

    #[test]
    fn leave_weekends_and_lunch_do_not_count() {
        let hours =
            Hours::parse(r#"{"mon":["09:00","12:00","13:00","17:00"],"sat":["22:00","24:00"]}"#).unwrap();
        let week = ("2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z");
        assert_eq!(hours_between("UTC", &hours, &[], week.0, week.1), 9.0);
        let away = [
            (micros("2026-03-02T10:00:00Z"), micros("2026-03-02T11:00:00Z")),
            (micros("2026-03-02T10:30:00Z"), micros("2026-03-02T13:30:00Z")),
        ];
        assert_eq!(hours_between("UTC", &hours, &away, week.0, week.1), 9.0 - 2.0 - 0.5);
        assert_eq!(hours_between("UTC", &hours, &[], week.1, week.0), 0.0);
        assert_eq!(Hours::parse(r#"{"someday":["09:00","12:00"]}"#), None);
    }

    #[test]
    fn a_night_shift_over_the_change_of_clocks_is_an_hour_shorter() {
        let hours = Hours::parse(r#"{"sun":["00:00","06:00"]}"#).unwrap();
        let night = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(hours_between("Europe/Berlin", &hours, &[], night.0, night.1), 5.0);
        let skipped = Hours::parse(r#"{"sun":["02:30","06:00"]}"#).unwrap();
        assert_eq!(hours_between("Europe/Berlin", &skipped, &[], night.0, night.1), 3.0);
    }
}

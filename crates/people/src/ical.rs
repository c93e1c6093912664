//! iCalendar files as leave: each all-day or timed event is a stretch away.
//!
//! The summary is the kind. Days are those of `zone`; an event without an end lasts its day, or is left out when it
//! has a time. Cancelled events are left out, and so are those of a person that leave them free
//! (`TRANSP:TRANSPARENT`); in a team's file, which is a list of holidays, nearly all are marked so and count.
//! Invariant: components inside each other are counted before they are parsed, for which each takes a piece of the stack.
//! Deliberately absent: recurrence other than once a year, which holidays have; what is left out gets a note.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use icalendar::{Calendar, CalendarDateTime, Component, DatePerhapsTime, Event};

use super::declared::{Declaration, Leave, Whose};
use super::files::{Wrong, midnight};

/// How many times an event that comes every year is taken.
const YEARS_MAX: i32 = 12;
const KIND_BYTES_MAX: usize = 80;
/// Components inside each other; a calendar has three.
const DEPTH_MAX: usize = 16;
/// Bytes of the parser's own words that are repeated.
const ERROR_BYTES_MAX: usize = 200;

pub fn read(text: &str, whose: &Whose, zone: Tz) -> Result<Declaration, Wrong> {
    check_depth(text)?;
    let calendar: Calendar = text.parse().map_err(|error: String| {
        let error = &error[..error.floor_char_boundary(ERROR_BYTES_MAX)];
        Wrong { line: 1, message: format!("is not an icalendar file: {error}") }
    })?;
    let zone = calendar.get_timezone().and_then(|name| name.parse().ok()).unwrap_or(zone);
    let (mut declared, mut skipped) = (Declaration::default(), 0);
    for event in calendar.events() {
        if is_free(event, whose) {
            continue;
        }
        let kind = kind(event);
        match stretches(event, zone) {
            Some(stretches) => declared.leave.extend(stretches.into_iter().map(|(since, until)| Leave {
                whose: whose.clone(),
                kind: kind.clone(),
                since,
                until: Some(until),
            })),
            None => skipped += 1,
        }
    }
    if skipped > 0 {
        declared.notes.push(format!(
            "{skipped} events were left out because they have no end or recur other than once a year; write them out one by one"
        ));
    }
    Ok(declared)
}

/// Lines may be folded anywhere, so that `BEGIN` can stand over several.
fn check_depth(text: &str) -> Result<(), Wrong> {
    let (mut depth, mut from, mut line) = (0_usize, 1, String::new());
    let begins = |line: &str, word: &str| {
        let line = line.trim_start();
        line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let lines = text.lines().chain([""]);
    for (number, next) in (1..).zip(lines) {
        if let Some(folded) = next.strip_prefix([' ', '\t']) {
            line.push_str(folded);
            continue;
        }
        if begins(&line, "BEGIN:") {
            depth += 1;
        } else if begins(&line, "END:") {
            depth = depth.saturating_sub(1);
        }
        if depth > DEPTH_MAX {
            let message =
                format!("has more than {DEPTH_MAX} components inside each other; is it a calendar?");
            return Err(Wrong { line: from, message });
        }
        (from, line) = (number, next.to_owned());
    }
    Ok(())
}

fn is_free(event: &Event, whose: &Whose) -> bool {
    let is =
        |key: &str, value: &str| event.property_value(key).is_some_and(|v| v.eq_ignore_ascii_case(value));
    is("STATUS", "CANCELLED") || (matches!(whose, Whose::Person(_)) && is("TRANSP", "TRANSPARENT"))
}

fn kind(event: &Event) -> String {
    let summary = event.get_summary().unwrap_or("leave").trim();
    let end =
        summary.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= KIND_BYTES_MAX);
    summary[..end.last().unwrap_or(0)].to_owned()
}

/// From when to when, once for each year that it comes.
fn stretches(event: &Event, zone: Tz) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let (start, end) = (event.get_start()?, event.get_end());
    let years = years(event.property_value("RRULE"), start.date_naive().year())?;
    let mut found = Vec::new();
    for year in years {
        let (since, until) = match (&start, &end) {
            (DatePerhapsTime::Date(first), None) => (*first, first.succ_opt()?),
            (DatePerhapsTime::Date(first), Some(DatePerhapsTime::Date(last))) => (*first, *last),
            (DatePerhapsTime::DateTime(first), Some(DatePerhapsTime::DateTime(last))) if year == 0 => {
                let (since, until) = (moment(first, zone)?, moment(last, zone)?);
                found.extend((until > since).then_some((since, until)));
                continue;
            }
            _ => return None,
        };
        let (Some(since), Some(until)) = (later(since, year), later(until, year)) else { continue };
        found.extend((until > since).then(|| (midnight(since, zone), midnight(until, zone))));
    }
    Some(found)
}

/// Years after the first in which it comes; `None` for rules that are not understood.
fn years(rule: Option<&str>, first: i32) -> Option<Vec<i32>> {
    let Some(rule) = rule else { return Some(vec![0]) };
    let mut last = YEARS_MAX;
    let mut yearly = false;
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=')? {
            ("FREQ", "YEARLY") => yearly = true,
            ("INTERVAL", "1") | ("WKST", _) => {}
            ("COUNT", count) => last = last.min(count.parse::<i32>().ok()?.saturating_sub(1)),
            ("UNTIL", until) => last = last.min(until.get(..4)?.parse::<i32>().ok()? - first),
            _ => return None,
        }
    }
    yearly.then(|| (0..=last).collect())
}

fn later(date: NaiveDate, years: i32) -> Option<NaiveDate> {
    date.with_year(date.year() + years)
}

fn moment(time: &CalendarDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match time {
        CalendarDateTime::Utc(time) => Some(*time),
        CalendarDateTime::Floating(time) => {
            zone.from_local_datetime(time).earliest().map(|t| t.with_timezone(&Utc))
        }
        CalendarDateTime::WithTimezone { date_time, tzid } => {
            let zone = tzid.parse().unwrap_or(zone);
            zone.from_local_datetime(date_time).earliest().map(|t| t.with_timezone(&Utc))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Acme//HR//EN\r\n\
BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260803\r\nDTEND;VALUE=DATE:20260817\r\nSUMMARY:vacation\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY;COUNT=2\r\nSUMMARY:Christmas Day\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:3\r\nDTSTART;TZID=Europe/Berlin:20260302T130000\r\nDTEND;TZID=Europe/Berlin:20260302T170000\r\nSUMMARY:doctor\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:4\r\nDTSTART;VALUE=DATE:20260301\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:gym\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:5\r\nDTSTART;VALUE=DATE:20260302\r\nTRANSP:TRANSPARENT\r\nSUMMARY:birthday\r\nEND:VEVENT\r\n\
END:VCALENDAR\r\n";

    #[test]
    fn events_become_leave() {
        let whose = Whose::Person("ada".to_owned());
        let declared = read(FILE, &whose, Tz::Europe__Berlin).unwrap();
        let leave: Vec<String> = declared
            .leave
            .iter()
            .map(|l| format!("{} {} {}", l.kind, l.since.to_rfc3339(), l.until.unwrap().to_rfc3339()))
            .collect();
        assert_eq!(
            leave,
            [
                "vacation 2026-08-02T22:00:00+00:00 2026-08-16T22:00:00+00:00",
                "Christmas Day 2026-12-24T23:00:00+00:00 2026-12-25T23:00:00+00:00",
                "Christmas Day 2027-12-24T23:00:00+00:00 2027-12-25T23:00:00+00:00",
                "doctor 2026-03-02T12:00:00+00:00 2026-03-02T16:00:00+00:00",
            ]
        );
        assert_eq!(declared.notes.len(), 1);
        assert!(read("this is no calendar", &whose, Tz::UTC).is_err());
    }

    #[test]
    fn a_calendar_is_not_deep() {
        let whose = Whose::Person("ada".to_owned());
        for begin in ["BEGIN:VEVENT\n", "begin:X\r\n", "BEG\r\n IN:X\r\n", " BEGIN:X\n", "\tBEGIN:X\nA:b\n"] {
            let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\n{}", begin.repeat(50_000));
            match read(&text, &whose, Tz::UTC) {
                Err(wrong) => assert!(wrong.message.len() < 400, "{}", wrong.message),
                Ok(declared) => assert!(declared.leave.is_empty(), "{begin:?} is folded and no component"),
            }
        }
        let wrong = read(&"BEGIN:VEVENT\n".repeat(50_000), &whose, Tz::UTC).unwrap_err();
        assert_eq!((wrong.line, wrong.message.contains("more than 16")), (17, true), "{}", wrong.message);
        assert!(read(&FILE.replace("COUNT=2", "COUNT=-2147483648"), &whose, Tz::UTC).is_ok());
    }
}

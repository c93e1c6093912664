//! iCalendar files as leave: each all-day or timed event is a stretch away.
//!
//! The summary is the kind. Days are those of `zone`; an event without an end or a `DURATION` lasts its day, or is left out
//! when it has a time. Times are those of the zone that they name (`zones`); one that nobody knows leaves the event out.
//! Cancelled events are left out, and so are those of a person that leave them free (`TRANSP:TRANSPARENT`, or what
//! Outlook calls free); in a team's file, which is a list of holidays, nearly all are marked so and count.
//! Invariant: components inside each other are counted before they are parsed, for which each takes a piece of the stack.
//! Deliberately absent: recurrence other than once a year, which holidays have; what is left out gets a note.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use icalendar::{Calendar, CalendarDateTime, Component, DatePerhapsTime, Event};

use super::declared::{Declaration, Leave, Whose};
use super::files::{Wrong, midnight};
use super::zones::{Zones, named};

/// How many times an event that comes every year is taken.
const YEARS_MAX: i32 = 12;
const KIND_BYTES_MAX: usize = 80;
/// Components inside each other; a calendar has three.
const DEPTH_MAX: usize = 16;
/// Unknown zones that are named.
const ZONES_TOLD: usize = 5;
/// Bytes of the parser's own words that are repeated.
const ERROR_BYTES_MAX: usize = 200;

pub fn read(text: &str, whose: &Whose, zone: Tz) -> Result<Declaration, Wrong> {
    check_depth(text)?;
    let calendar: Calendar = text.parse().map_err(|error: String| {
        let error = &error[..error.floor_char_boundary(ERROR_BYTES_MAX)];
        Wrong { line: 1, message: format!("is not an icalendar file: {error}") }
    })?;
    let zone = calendar.get_timezone().and_then(named).unwrap_or(zone);
    let zones = Zones::of(text, zone);
    let (mut declared, mut skipped, mut unknown) = (Declaration::default(), 0, BTreeSet::new());
    for event in calendar.events() {
        if is_free(event, whose) {
            continue;
        }
        let kind = kind(event);
        match stretches(event, &zones, &mut unknown) {
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
            "{skipped} events were left out because they have no end, recur other than once a year or name an unknown zone; write them out one by one"
        ));
    }
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.iter().take(ZONES_TOLD).map(String::as_str).collect();
        declared.notes.push(format!(
            "unknown time zones: {}; give them IANA names such as Europe/Berlin",
            names.join(", ")
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
    let busy = "X-MICROSOFT-CDO-BUSYSTATUS";
    let free = is("TRANSP", "TRANSPARENT") || is(busy, "FREE") || is(busy, "WORKINGELSEWHERE");
    is("STATUS", "CANCELLED") || (matches!(whose, Whose::Person(_)) && free)
}

fn kind(event: &Event) -> String {
    let summary = event.get_summary().unwrap_or("leave").trim();
    let end =
        summary.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= KIND_BYTES_MAX);
    summary[..end.last().unwrap_or(0)].to_owned()
}

/// From when to when, once for each year that it comes.
fn stretches(
    event: &Event,
    zones: &Zones,
    unknown: &mut BTreeSet<String>,
) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let (start, end) = (event.get_start()?, event.get_end());
    let length = match event.property_value("DURATION") {
        Some(text) => Some(duration(text)?),
        None => None,
    };
    let zone = zones.default;
    let years = years(event.property_value("RRULE"), start.date_naive().year())?;
    let mut found = Vec::new();
    for year in years {
        let (since, until) = match (&start, &end) {
            (DatePerhapsTime::Date(first), None) => {
                let days = length.map_or(1, |length| length.num_days().max(1));
                (*first, first.checked_add_signed(Duration::try_days(days)?)?)
            }
            // The end is the day after; some write the last day itself when there is only one.
            (DatePerhapsTime::Date(first), Some(DatePerhapsTime::Date(last))) => {
                (*first, if last == first { first.succ_opt()? } else { *last })
            }
            (DatePerhapsTime::DateTime(first), end) if year == 0 => {
                let since = moment(first, zones, unknown)?;
                let until = match (end, length) {
                    (Some(DatePerhapsTime::DateTime(last)), _) => moment(last, zones, unknown)?,
                    (None, Some(length)) => since.checked_add_signed(length)?,
                    _ => return None,
                };
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

fn moment(time: &CalendarDateTime, zones: &Zones, unknown: &mut BTreeSet<String>) -> Option<DateTime<Utc>> {
    match time {
        CalendarDateTime::Utc(time) => Some(*time),
        CalendarDateTime::Floating(time) => zones.floating(*time),
        CalendarDateTime::WithTimezone { date_time, tzid } => {
            let found = zones.moment(tzid, *date_time);
            if found.is_none() {
                unknown.insert(tzid.chars().take(KIND_BYTES_MAX).collect());
            }
            found
        }
    }
}

/// RFC 5545, section 3.3.6: `P14D`, `P2W`, `PT2H30M`, `P1DT12H`. One that goes backwards is none.
fn duration(text: &str) -> Option<Duration> {
    let rest = text.trim().trim_start_matches('+').strip_prefix('P')?;
    let (mut total, mut digits, mut in_time, mut parts) = (Duration::zero(), String::new(), false, 0);
    for c in rest.chars() {
        match c {
            '0'..='9' => digits.push(c),
            'T' if digits.is_empty() && !in_time => in_time = true,
            _ => {
                let n: i64 = digits.parse().ok()?;
                digits.clear();
                parts += 1;
                let part = match (c, in_time) {
                    ('W', false) => Duration::try_weeks(n),
                    ('D', false) => Duration::try_days(n),
                    ('H', true) => Duration::try_hours(n),
                    ('M', true) => Duration::try_minutes(n),
                    ('S', true) => Duration::try_seconds(n),
                    _ => None,
                };
                total = total.checked_add(&part?)?;
            }
        }
    }
    (digits.is_empty() && parts > 0).then_some(total)
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
    fn what_outlook_writes_is_read() {
        let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Acme//Mail//EN\r\n\
BEGIN:VTIMEZONE\r\nTZID:Acme HQ\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Eastern Standard Time:20260706T090000\r\nDTEND;TZID=Eastern Standard Time:20260706T120000\r\nSUMMARY:windows\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:2\r\nDTSTART;TZID=Acme HQ:20260707T090000\r\nDURATION:PT2H30M\r\nSUMMARY:described\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:3\r\nDTSTART;VALUE=DATE:20260713\r\nDURATION:P2W\r\nSUMMARY:weeks\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:4\r\nDTSTART;VALUE=DATE:20260803\r\nDTEND;VALUE=DATE:20260803\r\nSUMMARY:one day\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:5\r\nDTSTART;TZID=Elsewhere:20260804T090000\r\nDTEND;TZID=Elsewhere:20260804T100000\r\nSUMMARY:unknown\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:6\r\nDTSTART;VALUE=DATE:20260805\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\nSUMMARY:reminder\r\nEND:VEVENT\r\n\
END:VCALENDAR\r\n";
        let declared = read(file, &Whose::Person("ada".to_owned()), Tz::UTC).unwrap();
        let leave: Vec<String> = declared
            .leave
            .iter()
            .map(|l| {
                let time = |at: DateTime<Utc>| at.format("%m-%dT%H:%M").to_string();
                format!("{} {} {}", l.kind, time(l.since), time(l.until.unwrap()))
            })
            .collect();
        assert_eq!(
            leave,
            [
                "windows 07-06T13:00 07-06T16:00",
                "described 07-07T06:00 07-07T08:30",
                "weeks 07-13T00:00 07-27T00:00",
                "one day 08-03T00:00 08-04T00:00",
            ]
        );
        assert_eq!(declared.notes.len(), 2, "{:?}", declared.notes);
        assert!(declared.notes[1].contains("Elsewhere"), "{:?}", declared.notes);
    }

    #[test]
    fn durations_are_whole() {
        for (text, seconds) in [
            ("P14D", Some(14 * 86_400)),
            ("P2W", Some(14 * 86_400)),
            ("PT2H30M", Some(9_000)),
            ("P1DT12H", Some(129_600)),
            ("+PT15S", Some(15)),
            ("P", None),
            ("PT", None),
            ("P5", None),
            ("P1H", None),
            ("-P1D", None),
            ("P999999999999999999D", None),
        ] {
            assert_eq!(duration(text).map(|length| length.num_seconds()), seconds, "{text}");
        }
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

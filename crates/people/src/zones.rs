//! The time zones that an iCalendar file names: IANA's, Windows', and those that it describes itself (`VTIMEZONE`).
//!
//! A name is IANA's, or a path that ends in one (`/freeassociation.sourceforge.net/Europe/Berlin`), or Windows' (Outlook and
//! Exchange write these), else one that the file describes. Invariant: a name that none of these knows gives no time;
//! it is never taken for another zone.
//! Deliberately absent: rules of a description other than once a year on a day of a month, which is all that there are.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// One line a zone: Windows' name, `=`, IANA's.
const WINDOWS: &str = include_str!("windows_zones.txt");
/// Descriptions in one file, and rules in one description.
const DESCRIBED_MAX: usize = 200;

/// The zones of one file.
pub struct Zones {
    /// Of times that name none.
    pub default: Tz,
    described: HashMap<String, Vec<Observance>>,
}

/// From when on an offset holds: at one moment, or each year anew.
#[derive(Debug, Clone, Default)]
struct Observance {
    from: NaiveDateTime,
    offset_seconds: i32,
    yearly: Option<Yearly>,
    until_year: Option<i32>,
}

#[derive(Debug, Clone, Copy)]
struct Yearly {
    month: u32,
    /// Which of its kind in that month; negative from the end.
    weekday: Option<(Weekday, i32)>,
    /// Of the month, where no weekday is named.
    day: u32,
}

impl Zones {
    /// The descriptions of a file, and the zone of times that name none.
    pub fn of(text: &str, default: Tz) -> Zones {
        let mut zones = Zones { default, described: HashMap::new() };
        let (mut name, mut rules, mut rule): (Option<String>, Vec<Observance>, Option<Observance>) =
            (None, Vec::new(), None);
        let mut inside = false;
        for line in unfolded(text) {
            let Some((property, value)) = line.split_once(':') else { continue };
            let property = property.split(';').next().unwrap_or_default().to_ascii_uppercase();
            let value = value.trim();
            match (property.as_str(), value.to_ascii_uppercase().as_str()) {
                ("BEGIN", "VTIMEZONE") => (inside, name, rules) = (true, None, Vec::new()),
                ("END", "VTIMEZONE") => {
                    inside = false;
                    if let Some(name) = name.take().filter(|_| zones.described.len() < DESCRIBED_MAX) {
                        zones.described.insert(name, std::mem::take(&mut rules));
                    }
                }
                _ if !inside => {}
                ("BEGIN", "STANDARD" | "DAYLIGHT") => rule = Some(Observance::default()),
                ("END", "STANDARD" | "DAYLIGHT") => {
                    rules.extend(rule.take().filter(|_| rules.len() < DESCRIBED_MAX));
                }
                ("TZID", _) => name = Some(value.to_owned()),
                (property, _) => {
                    if let Some(rule) = &mut rule {
                        rule.read(property, value);
                    }
                }
            }
        }
        zones
    }

    /// The moment of a local time in the zone of this name; `None` for a name that nobody knows.
    pub fn moment(&self, name: &str, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        if let Some(zone) = named(name) {
            return zone.from_local_datetime(&local).earliest().map(|time| time.with_timezone(&Utc));
        }
        let rules = self.described.get(name)?;
        let onset = |rule: &Observance| rule.last_before(local).map(|at| (at, rule.offset_seconds));
        // Before the first rule begins, the one that begins first is the best guess that the file allows.
        let found = rules.iter().filter_map(onset).max();
        let first = || rules.iter().min_by_key(|rule| rule.from).map(|rule| (rule.from, rule.offset_seconds));
        let (_, seconds) = found.or_else(first)?;
        let offset = FixedOffset::east_opt(seconds)?;
        offset.from_local_datetime(&local).earliest().map(|time| time.with_timezone(&Utc))
    }

    /// The moment of a local time that names no zone.
    pub fn floating(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        self.default.from_local_datetime(&local).earliest().map(|time| time.with_timezone(&Utc))
    }
}

/// A zone by IANA's name, at the end of a path too, or by Windows'.
pub fn named(name: &str) -> Option<Tz> {
    let name = name.trim().trim_matches('"');
    let windows = || {
        let mut lines = WINDOWS.lines().filter_map(|line| line.split_once('='));
        lines.find(|(windows, _)| windows.eq_ignore_ascii_case(name)).and_then(|(_, iana)| iana.parse().ok())
    };
    // The longest end of the path that is a zone: three parts are the most that a name has.
    let parts: Vec<&str> = name.split('/').collect();
    let from = parts.len().saturating_sub(3);
    let path = || (from..parts.len().saturating_sub(1)).find_map(|at| parts[at..].join("/").parse().ok());
    name.parse().ok().or_else(windows).or_else(path)
}

impl Observance {
    fn read(&mut self, property: &str, value: &str) {
        match property {
            "DTSTART" => {
                if let Ok(from) = NaiveDateTime::parse_from_str(value.trim_end_matches('Z'), "%Y%m%dT%H%M%S")
                {
                    self.from = from;
                }
            }
            "TZOFFSETTO" => self.offset_seconds = offset(value).unwrap_or(0),
            "RRULE" => {
                let parts: HashMap<&str, &str> =
                    value.split(';').filter_map(|part| part.split_once('=')).collect();
                let month = parts.get("BYMONTH").and_then(|month| month.parse().ok());
                let weekday = parts.get("BYDAY").and_then(|day| weekday(day));
                let month_day = parts.get("BYMONTHDAY").and_then(|day| day.parse().ok());
                self.until_year =
                    parts.get("UNTIL").and_then(|until| until.get(..4)).and_then(|year| year.parse().ok());
                if parts.get("FREQ").is_some_and(|freq| freq.eq_ignore_ascii_case("YEARLY")) {
                    let month = month.unwrap_or_else(|| self.from.month());
                    let day = month_day.unwrap_or_else(|| self.from.day());
                    self.yearly = Some(Yearly { month, weekday, day });
                }
            }
            _ => {}
        }
    }

    /// When it last began at or before a local time.
    fn last_before(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let Some(Yearly { month, weekday, day }) = self.yearly else {
            return (self.from <= local).then_some(self.from);
        };
        let in_year = |year: i32| -> Option<NaiveDateTime> {
            let year = self.until_year.map_or(year, |until| year.min(until));
            let date = match weekday {
                Some((weekday, n)) => nth(year, month, weekday, n)?,
                None => NaiveDate::from_ymd_opt(year, month, day)?,
            };
            Some(date.and_time(self.from.time())).filter(|at| *at >= self.from)
        };
        [local.year(), local.year() - 1].into_iter().filter_map(in_year).filter(|at| *at <= local).max()
    }
}

/// `+0130`, `-0500`, with seconds or without, in seconds.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let part = |from: usize| digits.get(from..from + 2).and_then(|part| part.parse::<i32>().ok());
    Some(sign * (part(0)? * 3_600 + part(2)? * 60 + part(4).unwrap_or(0)))
}

/// `-1SU`, `2MO`.
fn weekday(text: &str) -> Option<(Weekday, i32)> {
    let (n, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    };
    Some((day, n.parse().ok().filter(|n| (-5..=5).contains(n) && *n != 0)?))
}

/// The n-th of a weekday in a month, from the end where n is negative.
fn nth(year: i32, month: u32, weekday: Weekday, n: i32) -> Option<NaiveDate> {
    if n > 0 {
        return NaiveDate::from_weekday_of_month_opt(year, month, weekday, u8::try_from(n).ok()?);
    }
    let after = if month == 12 {
        NaiveDate::from_ymd_opt(year + 1, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(year, month + 1, 1)
    }?;
    let last = after.pred_opt()?;
    let back = (7 + last.weekday().num_days_from_monday() - weekday.num_days_from_monday()) % 7;
    last.checked_sub_signed(Duration::days(i64::from(back) + 7 * (i64::from(-n) - 1)))
}

/// Lines, put together where they were folded.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn zones_are_named_in_three_ways() {
        for (name, zone) in [
            ("Europe/Berlin", Some(Tz::Europe__Berlin)),
            ("\"America/New_York\"", Some(Tz::America__New_York)),
            ("/freeassociation.sourceforge.net/Europe/Berlin", Some(Tz::Europe__Berlin)),
            ("/example.org/20250101_1/America/Argentina/Ushuaia", Some(Tz::America__Argentina__Ushuaia)),
            ("W. Europe Standard Time", Some(Tz::Europe__Berlin)),
            ("pacific standard time", Some(Tz::America__Los_Angeles)),
            ("UTC", Some(Tz::UTC)),
            ("Middle Earth Standard Time", None),
            ("", None),
        ] {
            assert_eq!(named(name), zone, "{name}");
        }
    }

    #[test]
    fn every_windows_name_has_a_zone() {
        let lines: Vec<_> = WINDOWS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 130, "{}", lines.len());
        for line in lines {
            let (windows, iana) = line.split_once('=').unwrap();
            assert!(iana.parse::<Tz>().is_ok(), "{windows}: {iana}");
            assert_eq!(named(windows), iana.parse().ok(), "{windows}");
        }
    }

    #[test]
    fn a_file_may_describe_its_own_zone() {
        let described = "BEGIN:VTIMEZONE\r\nTZID:Office, 3rd\r\n  floor\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\n\
TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\n\
TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n\
BEGIN:VTIMEZONE\r\nTZID:Fixed\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETTO:-0330\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
        let zones = Zones::of(described, Tz::Asia__Tokyo);
        for (zone, time, expected) in [
            ("Office, 3rd floor", "2026-01-15 09:00", Some("2026-01-15 08:00")),
            ("Office, 3rd floor", "2026-07-15 09:00", Some("2026-07-15 07:00")),
            // The hours around both changes of 2026, on 29 March and 25 October.
            ("Office, 3rd floor", "2026-03-29 01:30", Some("2026-03-29 00:30")),
            ("Office, 3rd floor", "2026-03-29 03:30", Some("2026-03-29 01:30")),
            ("Office, 3rd floor", "2026-10-25 04:00", Some("2026-10-25 03:00")),
            ("Office, 3rd floor", "2026-12-31 23:30", Some("2026-12-31 22:30")),
            ("Fixed", "2026-07-15 09:00", Some("2026-07-15 12:30")),
            ("Tokyo Standard Time", "2026-07-15 09:00", Some("2026-07-15 00:00")),
            ("Nowhere", "2026-07-15 09:00", None),
        ] {
            let expected = expected.map(|text| Utc.from_utc_datetime(&local(text)));
            assert_eq!(zones.moment(zone, local(time)), expected, "{zone} {time}");
        }
        assert_eq!(
            zones.floating(local("2026-07-15 09:00")),
            Some(Utc.from_utc_datetime(&local("2026-07-15 00:00")))
        );
    }
}

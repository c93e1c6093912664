//! The time that a report is about.
//!
//! Weeks are ISO weeks of UTC, as in every metric. A week that is over is looked at from its end, Monday 00:00.

use chrono::{DateTime, Datelike, Days, IsoWeek, NaiveDate, TimeDelta, Utc, Weekday};

use super::words::{day, day_and_year};

/// An ISO week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    monday: NaiveDate,
}

impl Week {
    /// Of `2026-W46`.
    pub fn parse(text: &str) -> Result<Week, String> {
        let parts = text.split_once("-W").and_then(|(year, week)| {
            let plain = year.len() == 4 && week.len() == 2;
            let (year, week) = (year.parse().ok()?, week.parse().ok()?);
            let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)?;
            (plain && (1970..2200).contains(&year)).then_some(Week { monday })
        });
        parts.ok_or_else(|| format!("{text:?} is not a week; give one such as 2026-W46"))
    }

    /// The last week that was over at `moment`.
    pub fn before(moment: DateTime<Utc>) -> Week {
        let day = moment.date_naive();
        let monday = day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
        Week { monday: monday - TimeDelta::days(7) }
    }

    /// The first moment after it.
    pub fn end(self) -> DateTime<Utc> {
        let monday = self.monday.checked_add_days(Days::new(7)).unwrap_or(self.monday);
        monday.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc()
    }

    fn iso(self) -> IsoWeek {
        self.monday.iso_week()
    }

    /// `2026-W46`, as metrics write it.
    pub fn label(self) -> String {
        format!("{}-W{:02}", self.iso().year(), self.iso().week())
    }

    pub fn number(self) -> u32 {
        self.iso().week()
    }

    /// `9 to 15 November 2026`
    pub fn days(self) -> String {
        span(self.monday, self.monday + TimeDelta::days(6))
    }
}

fn span(first: NaiveDate, last: NaiveDate) -> String {
    let start = match (first.year() == last.year(), first.month() == last.month()) {
        (true, true) => first.day().to_string(),
        (true, false) => day(first),
        (false, _) => day_and_year(first),
    };
    format!("{start} to {}", day_and_year(last))
}

/// From one moment to another, in words; the end of a day is the day that ends then.
pub fn period(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let last = to - TimeDelta::microseconds(1);
    span(from.date_naive(), last.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_read_and_told() {
        let week = Week::parse("2026-W46").unwrap();
        assert_eq!(week.end().to_rfc3339(), "2026-11-16T00:00:00+00:00");
        assert_eq!((week.label().as_str(), week.number()), ("2026-W46", 46));
        assert_eq!(week.days(), "9 to 15 November 2026");
        assert!(Week::parse("2027-W53").is_err(), "a year of 52 weeks");
        assert_eq!(Week::parse("2026-W53").unwrap().days(), "28 December 2026 to 3 January 2027");
        for wrong in ["2026-46", "W46", "2026-W5", "2026-W60", "", "26-W10"] {
            assert!(Week::parse(wrong).unwrap_err().contains("2026-W46"), "{wrong}");
        }
    }

    #[test]
    fn the_last_whole_week_is_meant() {
        for (moment, label) in [
            ("2026-11-16T00:00:00Z", "2026-W46"),
            ("2026-11-15T23:59:59Z", "2026-W45"),
            ("2026-11-18T12:00:00Z", "2026-W46"),
            ("2027-01-04T00:00:00Z", "2026-W53"),
        ] {
            assert_eq!(Week::before(moment.parse().unwrap()).label(), label, "{moment}");
        }
    }
}

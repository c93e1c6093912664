//! Where an axis has its marks, and how numbers and days are written.
//!
//! A chart's numbers are `f64`; a moment is its days since 1970, so that dates can stand on either axis.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

/// Marks and where the axis begins and ends.
#[derive(Debug, PartialEq)]
pub struct Ticks {
    pub from: f64,
    pub to: f64,
    /// Position and text.
    pub marks: Vec<(f64, String)>,
}

impl Ticks {
    /// How far along the axis a value is: 0 where it begins, 1 where it ends.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }
}

/// From the least to the largest; nothing is a span of one day.
pub fn span(values: impl Iterator<Item = f64>) -> RangeInclusive<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { low..=high } else { 0.0..=1.0 }
}

/// Days since 1970 at the beginning of a day.
pub fn day(date: NaiveDate) -> f64 {
    f64::from(date.num_days_from_ce() - EPOCH)
}

/// Days since 1970 at a moment.
pub fn instant(moment: DateTime<Utc>) -> f64 {
    moment.timestamp_millis() as f64 / 86_400_000.0
}

/// 1970-01-01, in days from the beginning of the common era.
const EPOCH: i32 = 719_163;

/// The day in which `at` is.
pub fn date(at: f64) -> NaiveDate {
    let days = at.floor() as i32;
    NaiveDate::from_num_days_from_ce_opt(EPOCH.saturating_add(days)).unwrap_or_default()
}

/// `2 Mar 2026`.
pub fn long_date(at: f64) -> String {
    date(at).format("%-d %b %Y").to_string()
}

/// At most two decimals.
pub fn number(value: f64) -> String {
    surface::number::decimal(value, 2)
}

/// Round steps from zero, or below it where values are, to at least the largest value.
pub fn numbers(values: RangeInclusive<f64>, marks_max: usize) -> Ticks {
    let (low, high) = (values.start().min(0.0), values.end().max(0.0));
    let span = if high - low > 0.0 { high - low } else { 1.0 };
    let rough = span / marks_max.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step).floor() as i64, ((low + span) / step * 0.999_999).ceil() as i64);
    let marks = (first..=last).map(|n| (n as f64 * step, number(n as f64 * step))).collect();
    Ticks { from: first as f64 * step, to: last as f64 * step, marks }
}

/// Mondays, or first days of months, at most `marks_max`; the axis begins and ends with the data.
pub fn dates(span: RangeInclusive<f64>, marks_max: usize) -> Ticks {
    let (from, to) = (*span.start(), span.end().max(span.start() + 1.0));
    let weeks = |n: u64| {
        let first = date(from) + Days::new(u64::from((7 - date(from).weekday().num_days_from_monday()) % 7));
        stepped(first, to, move |at| at + Days::new(7 * n))
    };
    let days = || stepped(date(from - 1e-9) + Days::new(1), to, |at| at + Days::new(1));
    let months = |n: u32| stepped(next_month(date(from - 1e-9), n), to, move |at| next_month(at, n));
    let steps: [&dyn Fn() -> Vec<NaiveDate>; 8] = [
        &days,
        &|| weeks(1),
        &|| weeks(2),
        &|| months(1),
        &|| months(2),
        &|| months(3),
        &|| months(6),
        &|| months(12),
    ];
    let found = steps.iter().enumerate().find_map(|(n, step)| {
        let dates = step();
        (!dates.is_empty() && dates.len() <= marks_max.max(1)).then_some((n, dates))
    });
    let (kind, dates) = found.unwrap_or_default();
    let mut year = None;
    let marks = dates.into_iter().map(|at| {
        // The year is told once, where it begins to hold.
        let format = match (kind <= 2, year.replace(at.year()) == Some(at.year())) {
            (true, true) => "%-d %b",
            (true, false) => "%-d %b %Y",
            (false, true) => "%b",
            (false, false) => "%b %Y",
        };
        (day(at), at.format(format).to_string())
    });
    Ticks { from, to, marks: marks.collect() }
}

fn stepped(first: NaiveDate, to: f64, next: impl Fn(NaiveDate) -> NaiveDate) -> Vec<NaiveDate> {
    const STEPS_MAX: usize = 400;
    std::iter::successors(Some(first), |at| Some(next(*at)))
        .take_while(|at| day(*at) <= to)
        .take(STEPS_MAX)
        .collect()
}

/// The first day of the next month whose number divides the year into steps of `n`.
fn next_month(after: NaiveDate, n: u32) -> NaiveDate {
    let index = after.year() * 12 + after.month0() as i32;
    let next = (index / n as i32 + 1) * n as i32;
    NaiveDate::from_ymd_opt(next.div_euclid(12), next.rem_euclid(12) as u32 + 1, 1).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> f64 {
        day(text.parse().unwrap())
    }

    #[test]
    fn days_are_days_since_1970() {
        assert_eq!(at("1970-01-01"), 0.0);
        assert_eq!(instant("1970-01-02T12:00:00Z".parse().unwrap()), 1.5);
        assert_eq!(long_date(at("2026-03-02") + 0.9), "2 Mar 2026");
    }

    #[test]
    fn numbers_are_short() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.001, "0"),
            (12_345.0, "12,345"),
            (0.25, "0.25"),
            (-3.5, "\u{2212}3.5"),
            (999.999, "1,000"),
        ] {
            assert_eq!(number(value), expect);
        }
    }

    #[test]
    fn marks_are_round_and_hold_every_value() {
        let check = |low: f64, high: f64, expect: &[&str]| {
            let ticks = numbers(low..=high, 5);
            let texts: Vec<&str> = ticks.marks.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expect, "{low} to {high}");
            assert!(ticks.from <= low && ticks.to >= high);
        };
        check(3.0, 9.0, &["0", "2", "4", "6", "8", "10"]);
        check(0.1, 0.31, &["0", "0.1", "0.2", "0.3", "0.4"]);
        check(-4.0, 7.0, &["\u{2212}5", "0", "5", "10"]);
        check(0.0, 0.0, &["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        check(5.0, 10.0, &["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn dates_are_marked_at_weeks_or_months() {
        let check = |from: &str, to: &str, marks_max: usize, expect: &[&str]| {
            let ticks = dates(at(from)..=at(to), marks_max);
            let texts: Vec<&str> = ticks.marks.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expect, "{from} to {to}");
        };
        check("2026-03-02", "2026-03-05", 5, &["2 Mar 2026", "3 Mar", "4 Mar", "5 Mar"]);
        check("2026-03-03", "2026-04-01", 5, &["9 Mar 2026", "16 Mar", "23 Mar", "30 Mar"]);
        check("2025-11-10", "2026-02-20", 4, &["Dec 2025", "Jan 2026", "Feb"]);
        check(
            "2025-01-01",
            "2026-12-01",
            8,
            &["Jan 2025", "Apr", "Jul", "Oct", "Jan 2026", "Apr", "Jul", "Oct"],
        );
        check("2026-03-02", "2026-03-02", 5, &["2 Mar 2026", "3 Mar"]);
    }
}

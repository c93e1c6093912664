//! How names, moments and amounts are written on pages.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use maud::{Markup, html};

use report::chart;
pub use surface::number::percent;

/// `22 Nov 2026, 02:25 UTC`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

pub fn date(on: NaiveDate) -> String {
    on.format("%-d %b %Y").to_string()
}

/// The moment for people and for programs.
pub fn time(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(surface::moment::format(at)) { (moment(at)) } }
}

/// `open_per_reviewer` as `Open per reviewer`; units at the end of a name are set apart.
pub fn heading(column: &str) -> String {
    if let Some(event) = column.strip_prefix("p_") {
        return format!("P({event})");
    }
    let (name, unit) = ["_hours", "_days", "_on", "_at"]
        .into_iter()
        .find_map(|unit| Some((column.strip_suffix(unit)?, unit)))
        .filter(|(name, _)| !name.is_empty())
        .unwrap_or((column, ""));
    let words = name.split('_').map(|word| match word {
        "p50" | "p85" | "p95" => word.to_uppercase(),
        "hhi" | "spi" | "wip" | "id" | "sql" => word.to_uppercase(),
        _ => word.to_owned(),
    });
    let mut text = words.collect::<Vec<_>>().join(" ");
    if let Some(first) = text.get(..1) {
        text.replace_range(..1, &first.to_uppercase());
    }
    match unit {
        "_hours" => text + ", h",
        "_days" => text + ", days",
        _ => text,
    }
}

/// Whether a column holds shares of a whole, which read best in percent.
pub fn is_share(column: &str) -> bool {
    column == "share" || column.ends_with("_share") || column == "p_hit" || column == "p_never"
}

/// A value in its unit; a ratio is a bare number.
pub fn amount(value: f64, unit: &str) -> String {
    let number = chart::number(value);
    match unit {
        "ratio" | "" => number,
        "people" if number == "1" => "1 person".to_owned(),
        _ if number == "1" => format!("1 {}", unit.strip_suffix('s').unwrap_or(unit)),
        _ => format!("{number} {unit}"),
    }
}

/// `3 weeks`, `1 week`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", chart::number(n as f64), if n == 1 { one } else { many })
}

/// `4 min ago`; the future is now.
pub fn ago(span: TimeDelta) -> String {
    match span.num_minutes() {
        ..1 => "just now".to_owned(),
        minutes @ 1..90 => format!("{minutes} min ago"),
        minutes @ 90..2880 => format!("{} h ago", minutes / 60),
        minutes => format!("{} days ago", minutes / 1440),
    }
}

/// With a capital and a full stop, as errors are not.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// `response_hours` as `response hours`.
pub fn plain(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', " ")) } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_headings() {
        for (column, expect) in [
            ("open_per_reviewer", "Open per reviewer"),
            ("response_p50_hours", "Response P50, h"),
            ("slip_days", "Slip, days"),
            ("due_on", "Due"),
            ("hhi", "HHI"),
            ("p_hit", "P(hit)"),
            ("_on", " on"),
            ("n", "N"),
        ] {
            assert_eq!(heading(column), expect);
        }
    }

    #[test]
    fn shares_are_percents() {
        for (share, expect) in
            [(0.0, "0%"), (0.003, "under 1%"), (0.5714, "57%"), (0.999, "over 99%"), (1.0, "100%")]
        {
            assert_eq!(percent(share), expect);
        }
    }

    #[test]
    fn amounts_have_units() {
        assert_eq!(amount(1.0, "reviews"), "1 review");
        assert_eq!(amount(2.5, "days"), "2.5 days");
        assert_eq!(amount(1.0, "people"), "1 person");
        assert_eq!(amount(0.25, "ratio"), "0.25");
        assert_eq!(count(1, "week", "weeks"), "1 week");
    }

    #[test]
    fn sentences_begin_and_end() {
        assert_eq!(sentence("no metric named 'x'"), "No metric named 'x'.");
        assert_eq!(sentence(""), ".");
        assert_eq!(ago(TimeDelta::seconds(-5)), "just now");
        assert_eq!(ago(TimeDelta::hours(49)), "2 days ago");
    }
}

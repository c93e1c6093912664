//! Dates, numbers and names as they are said in a sentence.
//!
//! Deliberately absent: other languages than English, and judgement; tones are given where sentences are made.

use chrono::{Datelike, NaiveDate};

pub use surface::number::percent;

/// Stands where there is no value.
pub const NOTHING: &str = "–";
/// What metrics call the people without a team.
pub const NO_TEAM: &str = "(none)";

/// `9 November`
pub fn day(date: NaiveDate) -> String {
    format!("{} {}", date.day(), date.format("%B"))
}

/// `9 November 2026`
pub fn day_and_year(date: NaiveDate) -> String {
    format!("{} {}", day(date), date.year())
}

/// With the year where it is not that of `now`.
pub fn near(date: NaiveDate, now: NaiveDate) -> String {
    if date.year() == now.year() { day(date) } else { day_and_year(date) }
}

/// `9 Nov`, for tables; with the year where it is not that of `now`.
pub fn short(date: Option<NaiveDate>, now: NaiveDate) -> String {
    match date {
        None => NOTHING.to_owned(),
        Some(date) if date.year() == now.year() => format!("{} {}", date.day(), date.format("%b")),
        Some(date) => format!("{} {} {}", date.day(), date.format("%b"), date.year()),
    }
}

/// `1 day`, `9 days`
pub fn count(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(n as f64), if n == 1 { one } else { many })
}

pub fn days(n: i64) -> String {
    count(n, "day", "days")
}

/// `once`, `twice`, `3 times`
pub fn times(n: i64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => count(n, "time", "times"),
    }
}

/// Small whole numbers at the beginning of a sentence are words.
pub fn capital_count(n: usize, one: &str, many: &str) -> String {
    const WORDS: [&str; 10] = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let said = WORDS.get(n).map_or_else(|| n.to_string(), |word| (*word).to_owned());
    format!("{said} {}", if n == 1 { one } else { many })
}

/// At most one decimal, and none that is zero.
pub fn number(value: f64) -> String {
    surface::number::decimal((value * 10.0).round() / 10.0, 1)
}

/// `a`, `a and b`, `a, b and c`
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A team as a sentence calls it: its id, with a capital where it is a plain word.
pub fn team(id: &str) -> String {
    if id == NO_TEAM {
        return "Outside the teams".to_owned();
    }
    let plain = id.chars().all(|c| c.is_lowercase());
    let mut letters = id.chars();
    match letters.next() {
        Some(first) if plain => first.to_uppercase().chain(letters).collect(),
        Some(_) | None => id.to_owned(),
    }
}

/// A title, or the id of what has none.
pub fn title(title: Option<&str>, id: &str) -> String {
    match title.map(str::trim) {
        Some(title) if !title.is_empty() => title.to_owned(),
        Some(_) | None => id.to_owned(),
    }
}

/// `9 days after its date`, `on its date`; negative is before.
pub fn against_date(days_late: i64) -> String {
    match days_late {
        0 => "on its date".to_owned(),
        late if late > 0 => format!("{} after its date", days(late)),
        early => format!("{} before its date", days(-early)),
    }
}

/// The first letter made a capital.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said() {
        for (value, expect) in [(3.0, "3"), (3.04, "3"), (3.06, "3.1"), (1234.0, "1,234"), (-0.04, "0")] {
            assert_eq!(number(value), expect, "{value}");
        }
        for (share, expect) in
            [(0.0, "0%"), (0.001, "under 1%"), (0.854, "85%"), (0.996, "over 99%"), (1.0, "100%")]
        {
            assert_eq!(percent(share), expect);
        }
        assert_eq!(count(1_234_567, "day", "days"), "1,234,567 days");
        assert_eq!(capital_count(2, "team", "teams"), "Two teams");
        assert_eq!(capital_count(12, "team", "teams"), "12 teams");
    }

    #[test]
    fn names_are_said() {
        for (id, expect) in [("payments", "Payments"), ("team-a", "team-a"), ("(none)", "Outside the teams")]
        {
            assert_eq!(team(id), expect);
        }
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(
            (against_date(9), against_date(-1)),
            ("9 days after its date".into(), "1 day before its date".into())
        );
        assert_eq!(title(Some(" "), "M1"), "M1");
    }
}

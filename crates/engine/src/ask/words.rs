//! A change in words that are read aloud: how much, and what happened meanwhile.
//!
//! Deliberately absent: any judgement, names of people, and other languages than English.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

/// Kinds of events that a sentence names; the others are counted together.
const KINDS_MAX: usize = 4;
/// Moves of a date that a sentence names one by one.
const MOVES_MAX: usize = 3;

/// One entry of a milestone's ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    pub what: String,
    pub on: NaiveDate,
    pub from_on: Option<NaiveDate>,
    pub to_on: Option<NaiveDate>,
}

/// How a value changed: `+9 days`, `new: 4 reviews`, `gone, was 4 reviews`. `None`: the row is not there;
/// `Some(None)`: it has no value.
pub fn headline(unit: &str, before: Option<Option<f64>>, after: Option<Option<f64>>) -> String {
    let said = |value: Option<f64>| value.map_or_else(|| "no value".to_owned(), |value| amount(value, unit));
    match (before, after) {
        (None, value) => format!("new: {}", said(value.flatten())),
        (Some(value), None) => format!("gone, was {}", said(value)),
        (Some(Some(before)), Some(Some(after))) if before == after => {
            format!("{} as before", amount(after, unit))
        }
        (Some(Some(before)), Some(Some(after))) => {
            let sign = if after > before { "+" } else { "-" };
            format!("{sign}{}", amount((after - before).abs(), unit))
        }
        (Some(None), Some(None)) => "no value as before".to_owned(),
        (Some(before), Some(after)) => format!("from {} to {}", said(before), said(after)),
    }
}

/// A headline and its causes as one sentence.
pub fn sentence(headline: &str, causes: &[String]) -> String {
    match causes {
        [] => format!("{headline}: no event of its own, time passed"),
        causes => format!("{headline}: {}", causes.join(", ")),
    }
}

fn amount(value: f64, unit: &str) -> String {
    let number = number(value);
    match unit {
        "ratio" => number,
        _ if number == "1" => format!("1 {}", singular(unit)),
        _ => format!("{number} {unit}"),
    }
}

/// At most three decimals, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn singular(unit: &str) -> &str {
    if unit == "people" { "person" } else { unit.strip_suffix('s').unwrap_or(unit) }
}

/// What changed a milestone's plan: `6 tickets added`, `2 re-estimated`, `due date moved by 7 days on 3 March`.
pub fn plan(entries: &[LedgerEntry]) -> Vec<String> {
    let mut causes = Vec::new();
    let count = |what: &str| entries.iter().filter(|entry| entry.what == what).count();
    for what in ["added", "removed", "re-estimated"] {
        match count(what) {
            0 => {}
            n if causes.is_empty() => {
                causes.push(format!("{n} {} {what}", if n == 1 { "ticket" } else { "tickets" }))
            }
            n => causes.push(format!("{n} {what}")),
        }
    }
    for what in ["due date", "baseline"] {
        let moves: Vec<&LedgerEntry> = entries.iter().filter(|entry| entry.what == what).collect();
        match moves.as_slice() {
            [first, .., last] if moves.len() > MOVES_MAX => {
                causes.push(format!("{what} changed {} times, {}", moves.len(), span(first, last)));
            }
            moves => causes.extend(moves.iter().map(|entry| moved(entry))),
        }
    }
    causes
}

fn span(first: &LedgerEntry, last: &LedgerEntry) -> String {
    match (first.from_on, last.to_on) {
        (Some(from), Some(to)) => format!("from {} to {}", day(from), day(to)),
        (None, Some(to)) => format!("in the end to {}", day(to)),
        (_, None) => "in the end taken away".to_owned(),
    }
}

fn moved(entry: &LedgerEntry) -> String {
    let (what, on) = (&entry.what, day(entry.on));
    match (entry.from_on, entry.to_on) {
        (Some(from), Some(to)) => {
            let days = (to - from).num_days();
            let how = if days < 0 { "brought forward" } else { "moved" };
            let unit = if days.abs() == 1 { "day" } else { "days" };
            format!("{what} {how} by {} {unit} on {on}", days.abs())
        }
        (None, Some(to)) => format!("{what} set to {} on {on}", day(to)),
        (_, None) => format!("{what} taken away on {on}"),
    }
}

/// `3 March`: the year is that of the question.
fn day(date: NaiveDate) -> String {
    format!("{} {}", date.day(), date.format("%B"))
}

/// Events by type in words, the most frequent first: `3 reviews requested`, `1 submitted`.
pub fn counts(by_type: &BTreeMap<String, usize>) -> Vec<String> {
    let mut kinds: Vec<(&str, usize)> = by_type.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let (named, others) = kinds.split_at(kinds.len().min(KINDS_MAX));
    let mut causes = Vec::new();
    let mut last = "";
    for &(name, n) in named {
        let (one, many, done) = said(name);
        let noun = if n == 1 { one } else { many };
        causes.push(if many == last { format!("{n} {done}") } else { format!("{n} {noun} {done}") });
        last = many;
    }
    let others: usize = others.iter().map(|(_, n)| n).sum();
    if others > 0 {
        causes.push(format!("{others} other {}", if others == 1 { "event" } else { "events" }));
    }
    causes
}

/// What a type of event is about, one and many, and what was done.
fn said(name: &str) -> (&str, &str, &str) {
    match name {
        "review.request_removed" => ("review request", "review requests", "taken back"),
        "review.commented" => ("review comment", "review comments", "made"),
        "change.ready" => ("change", "changes", "made ready"),
        "change.drafted" => ("change", "changes", "made a draft"),
        "team.member_added" => ("team member", "team members", "added"),
        "team.member_removed" => ("team member", "team members", "removed"),
        "calendar.hours_set" => ("calendar", "calendars", "set"),
        "calendar.leave_added" => ("leave", "leaves", "added"),
        "calendar.leave_removed" => ("leave", "leaves", "taken back"),
        "calendar.capacity_set" => ("capacity", "capacities", "set"),
        "person.linked" => ("identity", "identities", "linked"),
        "person.unlinked" => ("identity", "identities", "unlinked"),
        other => {
            let (entity, done) = other.split_once('.').unwrap_or((other, "happened"));
            let nouns = match entity {
                "commit" => ("commit", "commits"),
                "repository" => ("repository", "repositories"),
                "change" => ("change", "changes"),
                "review" => ("review", "reviews"),
                "ticket" => ("ticket", "tickets"),
                "milestone" => ("milestone", "milestones"),
                "person" => ("person", "people"),
                "team" => ("team", "teams"),
                "report" => ("report", "reports"),
                _ => ("event", "events"),
            };
            (nouns.0, nouns.1, done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn entry(what: &str, from: Option<&str>, to: Option<&str>) -> LedgerEntry {
        LedgerEntry {
            what: what.into(),
            on: date("2026-03-03"),
            from_on: from.map(date),
            to_on: to.map(date),
        }
    }

    #[test]
    fn a_plan_reads_aloud() {
        let scope = |what: &str, n: usize| vec![entry(what, None, None); n];
        let mut entries = [scope("re-estimated", 2), scope("added", 6)].concat();
        entries.push(entry("due date", Some("2026-03-24"), Some("2026-03-31")));
        let headline = headline("days", Some(Some(3.0)), Some(Some(12.0)));
        assert_eq!(
            sentence(&headline, &plan(&entries)),
            "+9 days: 6 tickets added, 2 re-estimated, due date moved by 7 days on 3 March"
        );
        for (entries, expect) in [
            (vec![entry("due date", None, Some("2026-03-24"))], "due date set to 24 March on 3 March"),
            (vec![entry("due date", Some("2026-03-24"), None)], "due date taken away on 3 March"),
            (
                vec![entry("baseline", Some("2026-03-24"), Some("2026-03-23"))],
                "baseline brought forward by 1 day on 3 March",
            ),
            (scope("removed", 1), "1 ticket removed"),
            (
                [("01", "02"), ("02", "03"), ("03", "04"), ("04", "09")]
                    .map(|(a, b)| {
                        entry("due date", Some(&format!("2026-05-{a}")), Some(&format!("2026-05-{b}")))
                    })
                    .to_vec(),
                "due date changed 4 times, from 1 May to 9 May",
            ),
        ] {
            assert_eq!(plan(&entries).join(", "), expect);
        }
    }

    #[test]
    fn values_read_aloud() {
        for (unit, before, after, expect) in [
            ("reviews", Some(Some(5.0)), Some(Some(4.0)), "-1 review"),
            ("ratio", Some(Some(0.25)), Some(Some(0.375)), "+0.125"),
            ("people", None, Some(Some(1.0)), "new: 1 person"),
            ("days", Some(Some(2.5)), None, "gone, was 2.5 days"),
            ("days", Some(None), Some(Some(2.0)), "from no value to 2 days"),
            ("days", Some(Some(2.0)), Some(Some(2.0)), "2 days as before"),
            ("days", Some(None), Some(None), "no value as before"),
        ] {
            assert_eq!(headline(unit, before, after), expect);
        }
    }

    #[test]
    fn events_are_counted_in_words() {
        let check = |of: &[(&str, usize)], expect: &str| {
            let by_type = of.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
            assert_eq!(counts(&by_type).join(", "), expect);
        };
        check(&[("review.submitted", 1), ("review.requested", 3)], "3 reviews requested, 1 submitted");
        check(
            &[("team.member_added", 1), ("review.request_removed", 2)],
            "2 review requests taken back, 1 team member added",
        );
        check(
            &[
                ("ticket.closed", 9),
                ("ticket.created", 8),
                ("change.merged", 7),
                ("change.opened", 6),
                ("commit.pushed", 2),
                ("person.linked", 1),
            ],
            "9 tickets closed, 8 created, 7 changes merged, 6 opened, 3 other events",
        );
        check(&[], "");
    }

    /// A type that is new has words.
    #[test]
    fn every_type_has_words() {
        for name in event::EVENT_TYPES.iter().map(|kind| kind.name) {
            let (one, many, done) = said(name);
            assert!(
                one != "event" && many != one && !done.contains(['.', '_']),
                "{name}: {one} {many} {done}"
            );
        }
    }
}

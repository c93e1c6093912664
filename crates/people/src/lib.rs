//! People, teams and calendars as somebody declares them, and what that changes.
//!
//! A file (`files`, `mailmap`, `ical`, `owners`) becomes a [`Declared`]; `difference` holds it against what the
//! tables say (`known`) and gives the events that are missing; `suggest` finds who may be one person; `forget` takes one out of texts.
//! Invariant: declaring the same thing twice gives no event, and nothing that came from elsewhere is withdrawn.
//! Deliberately absent: tables of its own. Facts about people are events like any other.

mod files;
mod ical;
mod mailmap;
mod owners;

mod difference;
mod known;
mod statement;

mod forget;
mod suggest;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use difference::{Difference, SOURCE, difference};
pub use files::{Wrong, calendars as read_calendars, people as read_people, teams as read_teams, zone};
pub use forget::Forget;
pub use ical::read as read_ical;
pub use known::{Known, rows};
pub use mailmap::read as read_mailmap;
pub use owners::read as read_owners;
pub use statement::{Beginning, Statement, entries};
pub use suggest::{Seen, Suggestion, suggest};

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// What a file of facts about people is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    People,
    Mailmap,
    Teams,
    Owners,
    Calendars,
    Ical,
}

impl Kind {
    /// By name, and for other `.toml` files by the tables in them.
    pub fn of(path: &Path, text: &str) -> Option<Kind> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let has = |table: &str| text.lines().any(|line| line.trim_start().starts_with(table));
        match name.as_str() {
            ".mailmap" | "mailmap" => Some(Kind::Mailmap),
            "codeowners" => Some(Kind::Owners),
            _ if name.ends_with(".mailmap") => Some(Kind::Mailmap),
            _ if name.ends_with(".ics") || text.starts_with("BEGIN:VCALENDAR") => Some(Kind::Ical),
            _ if !name.ends_with(".toml") => None,
            _ if has("[[person]]") || has("[bots]") => Some(Kind::People),
            _ if has("[[team]]") => Some(Kind::Teams),
            _ if has("[[calendar]]") => Some(Kind::Calendars),
            "people.toml" => Some(Kind::People),
            "teams.toml" => Some(Kind::Teams),
            "calendars.toml" => Some(Kind::Calendars),
            _ => None,
        }
    }
}

/// The facts of one file.
#[derive(Debug, Default, PartialEq)]
pub struct Declared {
    pub people: Vec<Person>,
    pub links: Vec<Link>,
    pub teams: Vec<Team>,
    pub stays: Vec<Stay>,
    pub hours: Vec<Hours>,
    pub leave: Vec<Leave>,
    pub capacities: Vec<Capacity>,
    /// Names, and patterns with `*`, of accounts that are bots.
    pub bots: Vec<String>,
    /// Fills only what nobody else said: names of a `.mailmap`.
    pub weak: bool,
    /// Things worth a line that are no error, such as a rule of a calendar that is not understood.
    pub notes: Vec<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Person {
    pub person: String,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub timezone: Option<String>,
    pub capacity: Option<f64>,
}

/// `identity` is `person`, from the beginning of time or from `since`.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub person: String,
    pub identity: String,
    pub since: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Team {
    pub team: String,
    pub name: Option<String>,
    pub lead: Option<String>,
    pub parent: Option<String>,
    pub timezone: Option<String>,
    pub areas: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    pub team: String,
    pub person: String,
    pub role: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// Whose calendar a fact is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Whose {
    Person(String),
    /// Everybody who is in the team.
    Team(String),
}

#[derive(Debug, PartialEq)]
pub struct Hours {
    pub whose: Whose,
    pub timezone: Option<String>,
    /// Weekday to `[from, to]`.
    pub hours: Option<Value>,
    pub since: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq)]
pub struct Leave {
    pub whose: Whose,
    pub kind: String,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq)]
pub struct Capacity {
    pub whose: Whose,
    pub share: f64,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// The name that tables have for whom a file calls `text`.
pub fn name(text: &str) -> String {
    event::person_name(text.trim()).into_owned()
}

/// Whether `pattern`, in which `*` stands for anything, is all of `text`; case does not matter.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// The line of a byte, from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        for (name, text, kind) in [
            ("people.toml", "", Some(Kind::People)),
            ("org/all.toml", "[[team]]\nid = \"a\"", Some(Kind::Teams)),
            ("x.toml", "a = 1", None),
            (".mailmap", "", Some(Kind::Mailmap)),
            ("ada.ics", "", Some(Kind::Ical)),
            (".github/CODEOWNERS", "", Some(Kind::Owners)),
            ("export", "BEGIN:VCALENDAR\n", Some(Kind::Ical)),
            ("notes.txt", "", None),
        ] {
            assert_eq!(Kind::of(Path::new(name), text), kind, "{name}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expect) in [
            ("*-ci", "acme-ci", true),
            ("*-ci", "acme-cis", false),
            ("ci", "ci", true),
            ("ci", "cid", false),
            ("a*b*c", "aXXbYc", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
            ("Renovate*", "renovate[bot]", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
        }
    }
}

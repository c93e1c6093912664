//! People, teams and calendars as somebody declares them, and what that changes.
//!
//! A file (`files`, `mailmap`, `ical`, `owners`) becomes a [`Declaration`]; `difference` holds it against what the
//! tables say (`known`) and gives the events that are missing; `suggest` finds who may be one person; `forget` takes one
//! out of texts, with `seen` for those that nobody can read.
//! Invariant: declaring the same thing twice gives no event, and nothing that came from elsewhere is withdrawn.
//! Deliberately absent: tables of its own. Facts about people are events like any other.

mod declared;
mod files;
mod ical;
mod mailmap;
mod names;
mod owners;

mod difference;
mod known;
mod spelling;
mod statement;

mod forget;
mod seen;
mod suggest;
mod zones;

use std::path::Path;

pub use declared::{Capacity, Declaration, Hours, Leave, Link, Person, Stay, Team, Whose};
pub use difference::{Difference, SOURCE, difference};
pub use files::{Wrong, calendars as read_calendars, people as read_people, teams as read_teams, zone};
pub use forget::Forget;
pub use ical::read as read_ical;
pub use known::{Known, rows};
pub use mailmap::read as read_mailmap;
pub use names::{matches, name};
pub use owners::read as read_owners;
pub use statement::{Beginning, Statement, entries};
pub use suggest::{Sighting, Suggestion, suggest};

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
}

//! `people.toml`, `teams.toml` and `calendars.toml`.
//!
//! Invariant: what is not understood is an error with file and line: unknown keys, dates, time zones, weekdays.
//! Days without a time begin at midnight in the time zone that the entry names, else in UTC.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use toml::Spanned;

use super::declared::{Capacity, Declaration, Hours, Leave, Link, Person, Stay, Team, Whose};
use super::names::name;

/// What is wrong with a file, and in which line.
#[derive(Debug, PartialEq)]
pub struct Wrong {
    pub line: usize,
    pub message: String,
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const KINDS: [&str; 3] = ["human", "bot", "ai"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleFile {
    #[serde(default)]
    person: Vec<PersonEntry>,
    #[serde(default)]
    bots: Bots,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bots {
    names: Vec<String>,
    patterns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    id: Spanned<String>,
    name: Option<String>,
    kind: Option<String>,
    timezone: Option<String>,
    #[serde(default)]
    identities: Vec<NameOr<IdentityEntry>>,
    capacity: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityEntry {
    identity: String,
    since: Option<Day>,
}

impl From<String> for IdentityEntry {
    fn from(identity: String) -> Self {
        Self { identity, since: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TeamsFile {
    #[serde(default)]
    team: Vec<TeamEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TeamEntry {
    id: Spanned<String>,
    name: Option<String>,
    lead: Option<String>,
    parent: Option<String>,
    timezone: Option<String>,
    #[serde(default)]
    members: Vec<NameOr<MemberEntry>>,
    areas: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberEntry {
    person: String,
    role: Option<String>,
    since: Option<Day>,
    until: Option<Day>,
}

impl From<String> for MemberEntry {
    fn from(person: String) -> Self {
        Self { person, role: None, since: None, until: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarsFile {
    #[serde(default)]
    calendar: Vec<Spanned<CalendarEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarEntry {
    person: Option<String>,
    team: Option<String>,
    timezone: Option<String>,
    hours: Option<BTreeMap<String, (String, String)>>,
    since: Option<Day>,
    #[serde(default)]
    leave: Vec<LeaveEntry>,
    #[serde(default)]
    holidays: Vec<Day>,
    #[serde(default)]
    capacity: Vec<CapacityEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaveEntry {
    #[serde(default = "vacation")]
    kind: String,
    since: Day,
    until: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapacityEntry {
    share: f64,
    since: Option<Day>,
    until: Option<Day>,
}

fn vacation() -> String {
    "vacation".to_owned()
}

/// A date or a time, quoted or not.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a date such as 2026-03-02, or an rfc 3339 time")]
enum Day {
    Text(String),
    Toml(toml::value::Datetime),
}

/// A plain string, or a table that starts from one.
struct NameOr<T>(T);

impl<'de, T: DeserializeOwned + From<String>> Deserialize<'de> for NameOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned + From<String>> Visitor<'de> for Either<T> {
            type Value = NameOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a table")
            }

            fn visit_str<E>(self, text: &str) -> Result<NameOr<T>, E> {
                Ok(NameOr(T::from(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NameOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(NameOr)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

pub fn people(text: &str) -> Result<Declaration, Wrong> {
    let file: PeopleFile = parse(text)?;
    let mut declared = Declaration::default();
    for entry in file.person {
        let at = |message: String| wrong(text, &entry.id, message);
        let person = id(text, &entry.id)?;
        if let Some(kind) = &entry.kind
            && !KINDS.contains(&kind.as_str())
        {
            return Err(at(format!("kind is {kind:?}; give human, bot or ai")));
        }
        let zone = zone(entry.timezone.as_deref()).map_err(&at)?;
        let capacity = entry.capacity.map(share).transpose().map_err(&at)?;
        for NameOr(link) in entry.identities {
            let identity = name(&link.identity);
            if identity.is_empty() {
                return Err(at("an identity is empty".to_owned()));
            }
            let since = link.since.map(|day| moment(&day, zone)).transpose().map_err(&at)?;
            if identity != person {
                declared.links.push(Link { person: person.clone(), identity, since });
            }
        }
        let (name, kind, timezone) = (entry.name, entry.kind, entry.timezone);
        declared.people.push(Person { person, name, kind, timezone, capacity });
    }
    declared.bots = [file.bots.names, file.bots.patterns].concat();
    no_twice(text, declared.people.iter().map(|person| &person.person), "person")?;
    Ok(declared)
}

pub fn teams(text: &str) -> Result<Declaration, Wrong> {
    let file: TeamsFile = parse(text)?;
    let mut declared = Declaration::default();
    for entry in file.team {
        let at = |message: String| wrong(text, &entry.id, message);
        let team = entry.id.get_ref().trim().to_owned();
        if team.is_empty() {
            return Err(at("a team needs an id".to_owned()));
        }
        let zone = zone(entry.timezone.as_deref()).map_err(&at)?;
        for NameOr(member) in entry.members {
            let since = member.since.map(|day| moment(&day, zone)).transpose().map_err(&at)?;
            let until = member.until.map(|day| moment(&day, zone)).transpose().map_err(&at)?;
            let person = name(&member.person);
            if person.is_empty() {
                return Err(at("a member has no name".to_owned()));
            }
            if until.is_some() && until <= since {
                return Err(at(format!(
                    "{person} stops being a member before they start; until must be later than since"
                )));
            }
            declared.stays.push(Stay { team: team.clone(), person, role: member.role, since, until });
        }
        declared.teams.push(Team {
            team,
            name: entry.name,
            lead: entry.lead.as_deref().map(name),
            parent: entry.parent,
            timezone: entry.timezone,
            areas: entry.areas,
        });
    }
    no_twice(text, declared.teams.iter().map(|team| &team.team), "team")?;
    Ok(declared)
}

pub fn calendars(text: &str) -> Result<Declaration, Wrong> {
    let file: CalendarsFile = parse(text)?;
    let mut declared = Declaration::default();
    for entry in file.calendar {
        let line = line_of(text, entry.span().start);
        calendar(entry.into_inner(), &mut declared).map_err(|message| Wrong { line, message })?;
    }
    Ok(declared)
}

fn calendar(entry: CalendarEntry, declared: &mut Declaration) -> Result<(), String> {
    let whose = match (entry.person.as_deref().map(name), entry.team) {
        (Some(person), None) if !person.is_empty() => Whose::Person(person),
        (None, Some(team)) if !team.is_empty() => Whose::Team(team),
        _ => return Err("a calendar belongs to a person or a team; name one of them".to_owned()),
    };
    let zone = zone(entry.timezone.as_deref())?;
    let day = |day: Day| moment(&day, zone);
    let hours = entry.hours.map(|week| hours(&week)).transpose()?;
    if hours.is_some() || entry.timezone.is_some() {
        let since = entry.since.map(day).transpose()?;
        declared.hours.push(Hours { whose: whose.clone(), timezone: entry.timezone.clone(), hours, since });
    }
    for leave in entry.leave {
        let (since, until) = (day(leave.since)?, leave.until.map(day).transpose()?);
        if until.is_some_and(|until| until <= since) {
            return Err("leave ends before it begins; until is the first day back".to_owned());
        }
        declared.leave.push(Leave { whose: whose.clone(), kind: leave.kind, since, until });
    }
    for holiday in entry.holidays {
        let date = date(&holiday)?;
        let next = date.succ_opt().ok_or("a holiday is too far in the future")?;
        let (since, until) = (midnight(date, zone), Some(midnight(next, zone)));
        declared.leave.push(Leave { whose: whose.clone(), kind: "holiday".to_owned(), since, until });
    }
    for capacity in entry.capacity {
        let (since, until) = (capacity.since.map(day).transpose()?, capacity.until.map(day).transpose()?);
        let share = share(capacity.share)?;
        declared.capacities.push(Capacity { whose: whose.clone(), share, since, until });
    }
    Ok(())
}

fn hours(week: &BTreeMap<String, (String, String)>) -> Result<serde_json::Value, String> {
    for (weekday, (from, to)) in week {
        if !WEEKDAYS.contains(&weekday.as_str()) {
            return Err(format!("{weekday:?} is not a weekday; give {}", WEEKDAYS.join(", ")));
        }
        let minutes = |text: &str| match NaiveTime::parse_from_str(text, "%H:%M") {
            Ok(time) => Ok(time.num_seconds_from_midnight() / 60),
            Err(_) if text == "24:00" => Ok(24 * 60),
            Err(_) => Err(format!("{text:?} is not a time of day; give one such as 09:00")),
        };
        if minutes(to)? <= minutes(from)? {
            return Err(format!("{weekday} ends at {to}, not after {from}"));
        }
    }
    Ok(json!(week))
}

fn share(value: f64) -> Result<f64, String> {
    if (0.0..=2.0).contains(&value) {
        return Ok(value);
    }
    Err(format!("capacity is {value}; give a share of full time such as 0.8, from 0 to 2"))
}

pub fn zone(name: Option<&str>) -> Result<Tz, String> {
    name.map_or(Ok(Tz::UTC), |name| {
        name.parse().map_err(|_| {
            format!("timezone {name:?} is not an iana time zone; give one such as Europe/Berlin")
        })
    })
}

/// The first moment of a day; where the clock jumps over midnight, the first one after it.
pub fn midnight(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN);
    (0..24)
        .find_map(|hours| zone.from_local_datetime(&(local + chrono::Duration::hours(hours))).earliest())
        .map_or_else(|| Utc.from_utc_datetime(&local), |time| time.with_timezone(&Utc))
}

fn date(day: &Day) -> Result<NaiveDate, String> {
    let text = text_of(day);
    NaiveDate::parse_from_str(&text, "%Y-%m-%d")
        .map_err(|_| format!("{text:?} is not a date; give one such as 2026-12-25"))
}

fn moment(day: &Day, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text_of(day);
    match date(day) {
        Ok(date) => Ok(midnight(date, zone)),
        Err(_) => DateTime::parse_from_rfc3339(&text)
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| format!("{text:?} is not a date; give one such as 2026-03-02, or an rfc 3339 time")),
    }
}

fn text_of(day: &Day) -> String {
    match day {
        Day::Text(text) => text.trim().to_owned(),
        Day::Toml(time) => time.to_string(),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    toml::from_str(text).map_err(|error| Wrong {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        message: error.message().to_lowercase(),
    })
}

fn id(text: &str, given: &Spanned<String>) -> Result<String, Wrong> {
    let id = name(given.get_ref());
    if id.is_empty() { Err(wrong(text, given, "a person needs an id".to_owned())) } else { Ok(id) }
}

fn wrong(text: &str, place: &Spanned<String>, message: String) -> Wrong {
    Wrong { line: line_of(text, place.span().start), message: format!("{}: {message}", place.get_ref()) }
}

fn no_twice<'a>(text: &str, ids: impl Iterator<Item = &'a String>, what: &str) -> Result<(), Wrong> {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            let quoted = format!("\"{id}\"");
            let line = text.match_indices(&quoted).nth(1).map_or(1, |(at, _)| line_of(text, at));
            return Err(Wrong { line, message: format!("{what} {id} appears twice; put it into one entry") });
        }
    }
    Ok(())
}

/// The line of a byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_without_an_end_is_refused() {
        for text in ["a = ".to_owned() + &"[".repeat(100_000), "a = ".to_owned() + &"{a=".repeat(100_000)] {
            assert!(people(&text).is_err() && teams(&text).is_err() && calendars(&text).is_err());
        }
        let dotted = format!("{}a = 1\n", "a.".repeat(100_000));
        assert!(people(&dotted).is_err());
    }

    #[test]
    fn every_key_is_read() {
        let declared = people(
            r#"
[[person]]
id = "ada"
name = "Ada Lovelace"
kind = "human"
timezone = "Europe/Berlin"
identities = ["Ada@Acme.Example", "ada", { identity = "a.l@acme.example", since = "2026-04-01" }]
capacity = 0.8
[bots]
names = ["renovate"]
patterns = ["*-ci"]
"#,
        )
        .unwrap();
        assert_eq!(declared.links.len(), 2, "one's own name is no link");
        assert_eq!(declared.links[0].identity, "ada@acme.example");
        assert_eq!(declared.links[1].since.unwrap().to_rfc3339(), "2026-03-31T22:00:00+00:00");
        assert_eq!(declared.people[0].capacity, Some(0.8));
        assert_eq!(declared.bots, ["renovate", "*-ci"]);
        let declared = calendars(
            r#"
[[calendar]]
person = "ada"
timezone = "Europe/Berlin"
hours = { mon = ["09:00", "17:00"] }
leave = [{ kind = "vacation", since = 2026-08-03, until = "2026-08-17" }]
holidays = ["2026-12-25"]
capacity = [{ share = 0.5, since = "2026-03-01" }]
"#,
        )
        .unwrap();
        assert_eq!(declared.leave[1].until.unwrap().to_rfc3339(), "2026-12-25T23:00:00+00:00");
        assert_eq!(declared.leave[0].since.to_rfc3339(), "2026-08-02T22:00:00+00:00");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        type Read = fn(&str) -> Result<Declaration, Wrong>;
        for (read, text, line, expect) in [
            (people as Read, "[[person]]\nid = \"a\"\nnick = \"b\"", 3, "nick"),
            (people, "[[person]]\nname = \"a\"", 1, "id"),
            (people, "\n[[person]]\nid = \"a\"\nkind = \"robot\"", 3, "human, bot or ai"),
            (people, "[[person]]\nid = \"a\"\ntimezone = \"Berlin\"", 2, "iana"),
            (people, "[[person]]\nid = \"a\"\nidentities = [{ identity = \"b\", form = 1 }]", 3, "form"),
            (people, "[[person]]\nid = \"a\"\nidentities = [{ identity = \"b\", since = \"x\" }]", 2, "date"),
            (people, "[[person]]\nid = \"a\"\n[[person]]\nid = \"a\"", 4, "twice"),
            (people, "[[person]]\nid = \"a\"\ncapacity = 80", 2, "share"),
            (teams, "[[team]]\nid = \"a\"\nmembers = [{ name = \"b\" }]", 3, "name"),
            (calendars, "\n[[calendar]]\nholidays = []", 2, "person or a team"),
            (
                calendars,
                "[[calendar]]\nperson = \"a\"\nhours = { Monday = [\"9:00\", \"17:00\"] }",
                1,
                "weekday",
            ),
            (calendars, "[[calendar]]\nperson = \"a\"\nhours = { mon = [\"17:00\", \"09:00\"] }", 1, "ends"),
            (calendars, "[[calendar]]\nperson = \"a\"\nholidays = [\"25.12.2026\"]", 1, "2026-12-25"),
        ] {
            let wrong = read(text).expect_err(text);
            assert!(wrong.message.contains(expect), "{text}: {}", wrong.message);
            assert_eq!(wrong.line, line, "{text}: {}", wrong.message);
        }
    }
}

//! What the tables say about people, teams and calendars now, and who said it.
//!
//! Invariant: read through the same views as every metric, so a difference is one that a metric would see.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Engine, Error};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use surface::output::{self, Encoding};
use surface::own_rows;

/// The state that a declaration is held against.
#[derive(Debug, Default)]
pub struct Known {
    /// Every event about a person, a team or a calendar, in event order.
    pub said: Vec<KnownEvent>,
    pub people: BTreeMap<String, KnownPerson>,
    pub teams: BTreeMap<String, KnownTeam>,
    pub stays: Vec<KnownStay>,
    pub leave: Vec<KnownLeave>,
    /// Identity to the person at the end of its links.
    pub person_of: BTreeMap<String, String>,
    /// Names that events call people by; only where they are asked for.
    pub names: BTreeSet<String>,
}

/// One event; times are microseconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KnownEvent {
    pub r#type: String,
    pub source: String,
    pub entity_id: String,
    pub at: i64,
    pub person: Option<String>,
    pub identity: Option<String>,
    pub name: Option<String>,
    pub person_kind: Option<String>,
    pub timezone: Option<String>,
    pub lead: Option<String>,
    pub parent: Option<String>,
    pub kind: Option<String>,
    pub hours: Option<String>,
    pub since: Option<i64>,
    pub until: Option<i64>,
    pub capacity: Option<i64>,
    pub has_areas: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KnownPerson {
    pub person: String,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub timezone: Option<String>,
    pub capacity: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KnownTeam {
    pub team: String,
    pub name: Option<String>,
    pub lead: Option<String>,
    pub parent: Option<String>,
    pub timezone: Option<String>,
    pub areas: Option<Vec<String>>,
    pub deleted: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct KnownStay {
    pub team: String,
    pub person: String,
    pub role: Option<String>,
    pub since: i64,
    pub until: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct KnownLeave {
    pub person: String,
    pub kind: Option<String>,
    pub since: i64,
    pub until: Option<i64>,
}

#[derive(Deserialize)]
struct Pair {
    identity: String,
    person: String,
}

const SAID: &str = "SELECT type, source, entity_id, CAST(effective_at AS BIGINT) AS at, person, identity, name, \
    person_kind, timezone, lead, parent, kind, hours, CAST(since_at AS BIGINT) AS since, \
    CAST(until_at AS BIGINT) AS until, capacity_hundredths AS capacity, areas IS NOT NULL AS has_areas \
    FROM directory WHERE entity IN ('person', 'team', 'calendar') ORDER BY effective_at, seq, event_id";
const PEOPLE: &str =
    "SELECT person, name, kind, timezone, capacity_hundredths AS capacity FROM person WHERE NOT deleted";
const TEAMS: &str = "SELECT team, name, lead, parent, timezone, areas, deleted FROM team";
const STAYS: &str = "SELECT team, person, role, CAST(from_at AS BIGINT) AS since, CAST(to_at AS BIGINT) AS until \
    FROM membership ORDER BY team, person, from_at";
const LEAVE: &str = "SELECT person, kind, CAST(from_at AS BIGINT) AS since, CAST(to_at AS BIGINT) AS until \
    FROM absence ORDER BY person, from_at";
const LINKS: &str = "SELECT identity, person FROM person_of ORDER BY identity";
const NAMES: &str = "SELECT DISTINCT identity, identity AS person FROM name_seen";

impl Known {
    /// `with_names` reads every event table for the names in them.
    pub async fn read(engine: &Engine, with_names: bool) -> Result<Known, Error> {
        let pairs: Vec<Pair> = rows(engine, LINKS).await?;
        let people: Vec<KnownPerson> = rows(engine, PEOPLE).await?;
        let teams: Vec<KnownTeam> = rows(engine, TEAMS).await?;
        let names: Vec<Pair> = if with_names { rows(engine, NAMES).await? } else { Vec::new() };
        Ok(Known {
            said: rows(engine, SAID).await?,
            people: people.into_iter().map(|person| (person.person.clone(), person)).collect(),
            teams: teams.into_iter().map(|team| (team.team.clone(), team)).collect(),
            stays: rows(engine, STAYS).await?,
            leave: rows(engine, LEAVE).await?,
            person_of: pairs.into_iter().map(|pair| (pair.identity, pair.person)).collect(),
            names: names.into_iter().map(|pair| pair.identity).collect(),
        })
    }

    /// The person that `name` stands for.
    pub fn person<'a>(&'a self, name: &'a str) -> &'a str {
        self.person_of.get(name).map_or(name, String::as_str)
    }

    /// The times at which the link now holding between `person` and `identity` was stated, earliest first, and
    /// who said the last of them; `None` where they are not linked.
    pub fn link(&self, person: &str, identity: &str) -> Option<(Vec<i64>, &str)> {
        let mut times: Vec<i64> = Vec::new();
        let mut last = None;
        for said in self
            .said
            .iter()
            .filter(|said| said.entity_id == person && said.identity.as_deref() == Some(identity))
        {
            match said.r#type.as_str() {
                "person.linked" => {
                    if times.last() != Some(&said.at) {
                        times.push(said.at);
                    }
                    last = Some(said.source.as_str());
                }
                "person.unlinked" => times.clear(),
                _ => {}
            }
        }
        if times.is_empty() { None } else { last.map(|source| (times, source)) }
    }
}

/// The rows of a statement as values of `T`.
pub async fn rows<T: DeserializeOwned>(engine: &Engine, sql: &str) -> Result<Vec<T>, Error> {
    #[derive(Deserialize)]
    struct Answer<T> {
        rows: Vec<T>,
    }
    let batch = engine.ask(sql).await?;
    let unreadable = |error: &dyn std::fmt::Display| Error::Internal {
        message: format!("could not read {sql:?}: {error}"),
    };
    let bytes = output::rows(&own_rows(batch), Encoding::Json, false).map_err(|error| unreadable(&error))?;
    let answer: Answer<T> = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
    Ok(answer.rows)
}

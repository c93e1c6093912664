//! What a file says about people, teams and calendars.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The facts of one file.
#[derive(Debug, Default, PartialEq)]
pub struct Declaration {
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

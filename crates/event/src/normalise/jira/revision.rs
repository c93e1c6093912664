//! What a changelog entry changed, and the event that says so.
//!
//! Invariant: an event's `changes` are the difference between the data before and after it, so that the
//! two can never disagree.
//! Deliberately absent: who changed it; tickets have no field for that.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::state::{Sprint, State, sprints};
use super::{Draft, Site, about};
use crate::normalise::body::{at, flag, id, list, person, text};
use crate::reject::Reject;

/// What a changelog entry is about, as far as tickets have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangelogField {
    Assignee,
    Component,
    Due,
    Key,
    Kind,
    Labels,
    Parent,
    Points,
    Priority,
    Reporter,
    Resolution,
    Sprint,
    Start,
    Status,
    Title,
    Version,
}

/// Names of the number fields that hold an estimate, in lower case.
const POINTS: [&str; 3] = ["story points", "story point estimate", "storypoints"];
const START: &str = "start date";

/// What a field's id, or else its name, says in lower case.
fn field_of(name: &str) -> Option<ChangelogField> {
    Some(match name {
        "assignee" => ChangelogField::Assignee,
        "component" | "components" | "component/s" => ChangelogField::Component,
        "duedate" | "due date" => ChangelogField::Due,
        "key" => ChangelogField::Key,
        "issuetype" | "issue type" => ChangelogField::Kind,
        "labels" => ChangelogField::Labels,
        "parent" | "epic link" | "issueparentassociation" => ChangelogField::Parent,
        "priority" => ChangelogField::Priority,
        "reporter" => ChangelogField::Reporter,
        "resolution" => ChangelogField::Resolution,
        "sprint" => ChangelogField::Sprint,
        "status" => ChangelogField::Status,
        "summary" => ChangelogField::Title,
        "fix version" | "fixversions" | "fix version/s" => ChangelogField::Version,
        START => ChangelogField::Start,
        _ if POINTS.contains(&name) => ChangelogField::Points,
        _ => return None,
    })
}

/// One side of a change: what the field held, by id and as people read it. Neither means nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub raw: Option<String>,
    pub shown: Option<String>,
}

impl Side {
    fn new(raw: Option<String>, shown: Option<&str>) -> Side {
        let shown = shown.filter(|text| !text.is_empty()).map(str::to_owned);
        Side { raw: raw.filter(|text| !text.is_empty()), shown }
    }

    /// As people read it, else by id.
    pub fn text(&self) -> Option<&str> {
        self.shown.as_deref().or(self.raw.as_deref())
    }
}

/// One field's change.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub field: ChangelogField,
    /// The id of a custom field.
    custom: Option<String>,
    pub from: Side,
    pub to: Side,
}

impl Entry {
    /// The changes of a list that tickets have fields for.
    pub fn items(value: &Value, path: &str) -> Result<Vec<Entry>, Reject> {
        let items = list(value, path)?.unwrap_or_default();
        items.iter().map(Entry::of).filter_map(Result::transpose).collect()
    }

    fn of(item: &Value) -> Result<Option<Entry>, Reject> {
        let (field_id, name) = (text(item, "fieldId")?, text(item, "field")?);
        let by = |name: Option<&str>| name.and_then(|name| field_of(&name.to_lowercase()));
        let Some(field) = by(field_id).or_else(|| by(name)) else {
            return Ok(None);
        };
        let side = |raw: &str, account: &str, shown: &str| -> Result<Side, Reject> {
            let raw = match id(item, account)? {
                Some(account) => Some(account),
                None => id(item, raw)?,
            };
            Ok(Side::new(raw, text(item, shown)?))
        };
        Ok(Some(Entry {
            field,
            custom: field_id.filter(|id| id.starts_with("customfield_")).map(str::to_owned),
            from: side("from", "tmpFromAccountId", "fromString")?,
            to: side("to", "tmpToAccountId", "toString")?,
        }))
    }
}

/// What is needed to read an issue and its changes: who people are, what statuses mean, which custom
/// fields are which, and which versions are out.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// From each name that a person goes by to the person.
    people: HashMap<String, Value>,
    /// From the id, or the name in lower case, of a status to its category.
    statuses: HashMap<String, &'static str>,
    pub points: Vec<String>,
    pub starts: Vec<String>,
    /// From a version's id to the day on which it came out.
    pub released: HashMap<String, String>,
    /// The sprints that the issue shows, by id.
    pub sprints: HashMap<String, Sprint>,
}

impl Reading {
    pub fn new(body: &Value, issue: &Value, entries: &[Entry], statuses: &Value) -> Result<Reading, Reject> {
        let mut reading = Reading::default();
        for name in ["fields.assignee", "fields.reporter", "fields.creator"] {
            reading.meet(at(issue, name))?;
        }
        reading.meet(at(body, "user"))?;
        for history in list(issue, "changelog.histories")?.unwrap_or_default() {
            reading.meet(at(history, "author"))?;
        }
        for status in statuses.as_array().into_iter().flatten() {
            reading.learn(status)?;
        }
        if let Some(status) = at(issue, "fields.status") {
            reading.learn(status)?;
        }
        for version in list(issue, "fields.fixVersions")?.unwrap_or_default() {
            if let (Some(id), Some(true)) = (id(version, "id")?, flag(version, "released")?) {
                reading.released.insert(id, text(version, "releaseDate")?.unwrap_or_default().to_owned());
            }
        }
        reading.sprints = sprints(issue)?.into_iter().map(|sprint| (sprint.id.clone(), sprint)).collect();
        let custom = |wanted: ChangelogField| {
            let named = entries.iter().filter(move |entry| entry.field == wanted);
            named.filter_map(|entry| entry.custom.clone())
        };
        reading.points.extend(custom(ChangelogField::Points));
        reading.starts.extend(custom(ChangelogField::Start));
        for (field, name) in at(issue, "names").and_then(Value::as_object).into_iter().flatten() {
            match name.as_str().and_then(|name| field_of(&name.to_lowercase())) {
                Some(ChangelogField::Points) => reading.points.push(field.clone()),
                Some(ChangelogField::Start) => reading.starts.push(field.clone()),
                _ => {}
            }
        }
        Ok(reading)
    }

    fn meet(&mut self, user: Option<&Value>) -> Result<(), Reject> {
        let Some(user) = user else { return Ok(()) };
        if let Some(person) = person_of(user)? {
            for name in ["accountId", "name", "key"] {
                if let Some(name) = text(user, name)? {
                    self.people.entry(name.to_owned()).or_insert_with(|| person.clone());
                }
            }
        }
        Ok(())
    }

    /// Who has the issue now is whom its last change of assignee named, even where the account goes by
    /// another name since.
    pub fn meet_holder(&mut self, issue: &Value, entries: &[Entry]) -> Result<(), Reject> {
        let last = entries.iter().rev().find(|entry| entry.field == ChangelogField::Assignee);
        let raw = last.and_then(|entry| entry.to.raw.clone());
        let holder = at(issue, "fields.assignee").map_or(Ok(None), person_of)?;
        if let Some((raw, holder)) = raw.zip(holder) {
            self.people.entry(raw).or_insert(holder);
        }
        Ok(())
    }

    fn learn(&mut self, status: &Value) -> Result<(), Reject> {
        let category = match text(status, "statusCategory.key")? {
            Some("new") => "todo",
            Some("indeterminate") => "in_progress",
            Some("done") => "done",
            _ => return Ok(()),
        };
        let name = text(status, "name")?.map(str::to_lowercase);
        for name in [id(status, "id")?, name].into_iter().flatten() {
            self.statuses.insert(name, category);
        }
        Ok(())
    }

    /// The person on one side of a change: somebody met, else who the change names.
    pub fn person(&self, side: &Side) -> Option<Value> {
        let raw = side.raw.as_deref();
        match raw.and_then(|raw| self.people.get(raw)) {
            Some(person) => Some(person.clone()),
            None => person(side.shown.as_deref(), None, raw),
        }
    }

    /// What a status means: as the site says, else by the names that Jira comes with; a status that
    /// nothing tells about is work under way, unless the issue is resolved.
    pub fn category(&self, status: &Side, resolved: bool) -> Option<&'static str> {
        let name = status.text()?.to_lowercase();
        let known = status.raw.as_ref().and_then(|raw| self.statuses.get(raw));
        if let Some(category) = known.or_else(|| self.statuses.get(&name)) {
            return Some(category);
        }
        Some(match name.as_str() {
            "to do" | "open" | "reopened" | "new" | "backlog" | "selected for development" => "todo",
            "done" | "resolved" | "closed" => "done",
            _ if resolved => "done",
            _ => "in_progress",
        })
    }
}

/// A user as our events name a person: by the account that never changes, else by user name.
pub(super) fn person_of(user: &Value) -> Result<Option<Value>, Reject> {
    let login = match text(user, "accountId")? {
        Some(account) => Some(account),
        None => text(user, "name")?.or(text(user, "key")?),
    };
    // Hidden addresses are not left out but filled with something else.
    let email = text(user, "emailAddress")?.filter(|email| email.contains('@'));
    Ok(person(text(user, "displayName")?, email, login))
}

/// An issue before and after one entry of its changelog.
pub(super) struct Revision<'s> {
    /// The entry's id.
    pub id: String,
    pub time: String,
    pub before: &'s State,
    pub after: &'s State,
}

impl Revision<'_> {
    pub fn event(self, site: &Site, issue: &Value, reading: &Reading) -> Result<Draft, Reject> {
        let before = self.before.data(&self.time, reading);
        let after = self.after.data(&self.time, reading);
        let done = |data: &Map<String, Value>| data.get("status_category").map(|category| category == "done");
        let kind = match (done(&before), done(&after)) {
            (Some(false) | None, Some(true)) => "ticket.closed",
            (Some(true), Some(false)) => "ticket.reopened",
            _ => "ticket.updated",
        };
        let changes = changes(&before, &after);
        let mut event = about(site, issue, kind, &format!("history:{}", self.id), self.time)?;
        event.data.extend(after);
        // Entries that share a time keep the order in which Jira numbered them.
        event.sequence = number(&self.id);
        Ok(if changes.is_empty() { event } else { event.with("changes", changes) })
    }
}

/// A changelog entry's place among those of the same time.
pub(super) fn number(id: &str) -> i64 {
    id.parse().unwrap_or(0)
}

/// The fields that differ, as `{"from", "to"}`; the category follows from the status.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let names = after.keys().chain(gone).filter(|name| *name != "status_category");
    names
        .map(|name| (name, before.get(name), after.get(name)))
        .filter(|(_, from, to)| from.unwrap_or(&Value::Null) != to.unwrap_or(&Value::Null))
        .map(|(name, from, to)| (name.clone(), json!({"from": plain(from), "to": plain(to)})))
        .collect()
}

/// A value with people by what rows call them.
fn plain(value: Option<&Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::Array(items)) => items.iter().map(|item| plain(Some(item))).collect(),
        Some(Value::Object(person)) => {
            let part = |name| person.get(name).and_then(Value::as_str);
            let email = || part("email").map(str::to_lowercase);
            part("login").map(str::to_owned).or_else(email).or_else(|| part("name").map(str::to_owned)).into()
        }
        Some(value) => value.clone(),
    }
}

//! The fields of an issue at one moment, and how a change moves them back and forth.
//!
//! Invariant: undoing a change and doing it again gives the state after it; a field that the body does
//! not show stays absent until a change tells it.
//! Deliberately absent: custom fields, except sprints, points and start dates.

use serde_json::{Map, Value, json};

use super::revision::{ChangelogField, Entry, Reading, Side, number, person_of};
use crate::normalise::body::{at, id, is_null, list, text, time_us};
use crate::reject::Reject;
use crate::time::parse_date;

/// Where servers print a sprint's members instead of giving an object.
const SPRINT_PRINTED: &str = "com.atlassian.greenhopper.service.sprint.Sprint";

/// Something with an id and a name that an issue has several of.
#[derive(Debug, Clone, PartialEq)]
struct IssuePart {
    id: String,
    name: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The fields that need no thought, by our names.
    data: Map<String, Value>,
    status: Side,
    /// The resolution's name, of an issue that has one.
    resolution: Option<String>,
    components: Option<Vec<IssuePart>>,
    versions: Option<Vec<IssuePart>>,
    /// Ids of the sprints it is or was in, once anything tells of them.
    sprints: Option<Vec<String>>,
}

impl State {
    /// The issue as the body shows it.
    pub fn of(issue: &Value, reading: &Reading) -> Result<State, Reject> {
        let mut state = State { data: plain_fields(issue)?, ..State::default() };
        state.status = Side {
            raw: id(issue, "fields.status.id")?,
            shown: text(issue, "fields.status.name")?.map(str::to_owned),
        };
        state.resolution = match text(issue, "fields.resolution.name")? {
            Some(name) => Some(name.to_owned()),
            None => at(issue, "fields.resolution").map(|_| RESOLVED.to_owned()),
        };
        state.components = named(issue, "fields.components")?;
        state.versions = named(issue, "fields.fixVersions")?;
        let sprints = sprints(issue)?;
        state.sprints = (!sprints.is_empty()).then(|| sprints.into_iter().map(|sprint| sprint.id).collect());
        let custom =
            |names: &[String]| names.iter().find_map(|name| at(issue, &format!("fields.{name}")).cloned());
        if let Some(points) = custom(&reading.points).filter(Value::is_number) {
            state.data.insert("points".to_owned(), points);
        }
        if let Some(start) = custom(&reading.starts).and_then(|start| date(start.as_str()?)) {
            state.data.insert("start_on".to_owned(), start);
        }
        Ok(state)
    }

    pub fn undo(&mut self, entry: &Entry, reading: &Reading) {
        self.step(entry.field, &entry.to, &entry.from, reading);
    }

    pub fn redo(&mut self, entry: &Entry, reading: &Reading) {
        self.step(entry.field, &entry.from, &entry.to, reading);
    }

    /// Moves one field from a value to another.
    fn step(&mut self, field: ChangelogField, from: &Side, to: &Side, reading: &Reading) {
        let text = || json!(to.text());
        let (name, value) = match field {
            ChangelogField::Component => return replace(self.components.get_or_insert_default(), from, to),
            ChangelogField::Version => return replace(self.versions.get_or_insert_default(), from, to),
            ChangelogField::Status => {
                self.status = to.clone();
                return;
            }
            ChangelogField::Resolution => {
                self.resolution = to.text().map(str::to_owned);
                return;
            }
            ChangelogField::Sprint => {
                let ids = to.raw.as_deref().unwrap_or_default().split(',').map(str::trim);
                self.sprints = Some(ids.filter(|id| !id.is_empty()).map(str::to_owned).collect());
                return;
            }
            ChangelogField::Key => {
                let project = to.text().and_then(|key| key.rsplit_once('-')).map(|(project, _)| project);
                self.data.insert("project".to_owned(), json!(project));
                ("key", text())
            }
            ChangelogField::Assignee => ("assignees", reading.person(to).into_iter().collect()),
            ChangelogField::Reporter => ("reporter", json!(reading.person(to))),
            ChangelogField::Title => ("title", text()),
            ChangelogField::Kind => ("kind", json!(to.text().map(str::to_lowercase))),
            ChangelogField::Priority => ("priority", text()),
            ChangelogField::Labels => ("labels", to.text().unwrap_or_default().split_whitespace().collect()),
            ChangelogField::Parent => ("parent", json!(to.raw)),
            ChangelogField::Points => ("points", json!(to.text().and_then(|text| text.parse::<f64>().ok()))),
            ChangelogField::Due => ("due_on", json!(day(to))),
            ChangelogField::Start => ("start_on", json!(day(to))),
        };
        self.data.insert(name.to_owned(), value);
    }

    /// The ticket's data, read at a time: which versions were out then decides the milestone.
    pub fn data(&self, time: &str, reading: &Reading) -> Map<String, Value> {
        let mut data = self.data.clone();
        let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
        if let Some(status) = self.status.text() {
            put("status", json!(status));
        }
        if let Some(category) = self.category(reading) {
            put("status_category", json!(category));
        }
        if let Some(resolution) = &self.resolution {
            put("resolution", json!(resolution));
        }
        if let Some(components) = &self.components {
            put("components", components.iter().map(|component| component.name.as_str()).collect());
        }
        if self.versions.is_some() {
            put("milestone", json!(self.version(time, reading)));
        }
        if self.sprints.is_some() {
            put("sprint", json!(self.sprint(time, reading)));
        }
        data
    }

    /// What the status means.
    pub fn category(&self, reading: &Reading) -> Option<&'static str> {
        reading.category(&self.status, self.resolution.is_some())
    }

    /// Takes the status and the resolution out: nothing is known of them until [`State::end`].
    pub fn unend(&mut self) -> Ending {
        Ending { status: std::mem::take(&mut self.status), resolution: self.resolution.take() }
    }

    /// Puts a status and a resolution back; a resolution that was told meanwhile stays.
    pub fn end(&mut self, ending: Ending) {
        self.status = ending.status;
        self.resolution = self.resolution.take().or(ending.resolution);
    }

    /// Of the versions to be fixed in, the first that was not out yet, else the last: by number, which is the order of
    /// creation.
    fn version(&self, time: &str, reading: &Reading) -> Option<String> {
        let ids = self.versions.iter().flatten().map(|version| version.id.as_str());
        let out = |id: &&str| reading.released.get(*id).is_some_and(|day| day.as_str() <= time);
        let open = ids.clone().filter(|id| !out(id)).min_by_key(by_number);
        open.or_else(|| ids.max_by_key(by_number)).map(|id| format!("version/{id}"))
    }

    /// Of the sprints that it is or was in, the one that is active at that time, else the next, else the last. A sprint
    /// that only the changelog names is taken for a later one than those that are closed.
    fn sprint(&self, time: &str, reading: &Reading) -> Option<String> {
        let at_us = time_us(time).unwrap_or(i64::MAX);
        let rank = |id: &&String| {
            let known = reading.sprints.get(*id);
            let phase = known.map_or(Phase::Unknown, |sprint| sprint.phase(at_us));
            // The next one is the first to begin, of the others the one that was made last counts.
            let order = match phase {
                Phase::Next => (known.and_then(|sprint| sprint.start_us).unwrap_or(i64::MAX), number(id)),
                Phase::Active | Phase::Unknown | Phase::Closed => (-number(id), 0),
            };
            (phase, order, (*id).clone())
        };
        self.sprints.iter().flatten().min_by_key(rank).map(|id| format!("sprint/{id}"))
    }
}

/// A status and a resolution that were taken out of a state.
#[derive(Debug)]
pub(super) struct Ending {
    status: Side,
    resolution: Option<String>,
}

/// What a resolution is called that has no name.
const RESOLVED: &str = "Resolved";

/// Where a sprint stands at some time, in the order in which one of several is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Active,
    Next,
    Unknown,
    Closed,
}

/// A sprint as an issue shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sprint {
    pub id: String,
    /// In lower case: `future`, `active` or `closed`.
    state: String,
    start_us: Option<i64>,
    complete_us: Option<i64>,
}

impl Sprint {
    /// By its times; where they are not told, as it is now.
    fn phase(&self, at_us: i64) -> Phase {
        match (self.state.as_str(), self.start_us, self.complete_us) {
            (_, _, Some(complete)) if complete <= at_us => Phase::Closed,
            (_, Some(start), _) if start > at_us => Phase::Next,
            // A future sprint's start is a plan that nobody has carried out.
            ("future", ..) => Phase::Next,
            (_, Some(_), Some(_)) | ("active", ..) => Phase::Active,
            ("closed", ..) => Phase::Closed,
            _ => Phase::Unknown,
        }
    }
}

fn by_number(id: &&str) -> (i64, String) {
    (number(id), (*id).to_owned())
}

/// The fields that are the same in our events but for their names.
fn plain_fields(issue: &Value) -> Result<Map<String, Value>, Reject> {
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        value.map(|value| data.insert(name.to_owned(), value));
    };
    // What the vendor shows as null is known to be nothing.
    let or_null =
        |path: &str, value: Option<Value>| value.or_else(|| is_null(issue, path).then_some(Value::Null));
    let person = |path: &str| match at(issue, path) {
        Some(user) => person_of(user),
        None => Ok(None),
    };
    put("key", text(issue, "key")?.map(Value::from));
    put("project", text(issue, "fields.project.key")?.map(Value::from));
    put("title", text(issue, "fields.summary")?.map(Value::from));
    put("kind", text(issue, "fields.issuetype.name")?.map(|name| json!(name.to_lowercase())));
    put("parent", id(issue, "fields.parent.id")?.map(Value::from));
    let assignee = person("fields.assignee")?.map(|person| json!([person]));
    put("assignees", assignee.or_else(|| is_null(issue, "fields.assignee").then(|| json!([]))));
    put("reporter", or_null("fields.reporter", person("fields.reporter")?));
    put("priority", or_null("fields.priority", text(issue, "fields.priority.name")?.map(Value::from)));
    put("due_on", or_null("fields.duedate", text(issue, "fields.duedate")?.and_then(date)));
    let labels = list(issue, "fields.labels")?;
    put("labels", labels.map(|labels| labels.iter().filter(|label| label.is_string()).cloned().collect()));
    Ok(data)
}

fn named(issue: &Value, path: &str) -> Result<Option<Vec<IssuePart>>, Reject> {
    let Some(items) = list(issue, path)? else { return Ok(None) };
    let one = |item: &Value| -> Result<Option<IssuePart>, Reject> {
        let name = text(item, "name")?.unwrap_or_default().to_owned();
        Ok(id(item, "id")?.map(|id| IssuePart { id, name }))
    };
    items.iter().map(one).filter_map(Result::transpose).collect::<Result<_, _>>().map(Some)
}

/// Takes one out of a list, puts another in.
fn replace(list: &mut Vec<IssuePart>, from: &Side, to: &Side) {
    if let Some(id) = &from.raw {
        list.retain(|item| item.id != *id);
    }
    if let Some(id) = to.raw.clone().filter(|id| list.iter().all(|item| item.id != *id)) {
        list.push(IssuePart { name: to.text().unwrap_or_default().to_owned(), id });
    }
}

/// The sprints of an issue: they are in a custom field, known by what it holds.
pub(super) fn sprints(issue: &Value) -> Result<Vec<Sprint>, Reject> {
    let fields = at(issue, "fields").and_then(Value::as_object).into_iter().flatten();
    let mut sprints = Vec::new();
    for value in fields.filter(|(name, _)| name.starts_with("customfield_")).map(|(_, value)| value) {
        for item in value.as_array().into_iter().flatten() {
            match item {
                Value::String(printed) if printed.starts_with(SPRINT_PRINTED) => {
                    sprints.extend(printed_sprint(printed));
                }
                Value::Object(sprint)
                    if ["id", "name", "state", "boardId"].iter().all(|name| sprint.contains_key(*name)) =>
                {
                    let time = |name: &str| -> Result<Option<i64>, Reject> {
                        Ok(text(item, name)?.and_then(time_us))
                    };
                    let start_us = match time("activatedDate")? {
                        Some(start) => Some(start),
                        None => time("startDate")?,
                    };
                    let state = text(item, "state")?.unwrap_or_default().to_lowercase();
                    let complete_us = time("completeDate")?;
                    sprints.extend(id(item, "id")?.map(|id| Sprint { id, state, start_us, complete_us }));
                }
                _ => {}
            }
        }
    }
    Ok(sprints)
}

/// A sprint as servers print it: `...Sprint@1f[id=9,state=CLOSED,name=S 9,startDate=...,completeDate=<null>]`.
fn printed_sprint(printed: &str) -> Option<Sprint> {
    let member = |name: &str| {
        let mut parts = printed.split(['[', ',']).map(|part| part.trim_end_matches(']'));
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let time = |name: &str| member(name).and_then(time_us);
    Some(Sprint {
        id: member("id")?.to_owned(),
        state: member("state").unwrap_or_default().to_lowercase(),
        start_us: time("activatedDate").or_else(|| time("startDate")),
        complete_us: time("completeDate"),
    })
}

/// The day on one side of a change: Jira gives it by itself, as people read it, or with a midnight.
fn day(side: &Side) -> Option<Value> {
    side.raw.as_deref().and_then(date).or_else(|| side.shown.as_deref().and_then(date))
}

/// A date that starts a text.
fn date(text: &str) -> Option<Value> {
    text.get(..10).filter(|day| parse_date(day).is_some()).map(Value::from)
}

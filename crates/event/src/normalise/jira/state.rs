//! The fields of an issue at one moment, and how a change moves them back and forth.
//!
//! Invariant: undoing a change and doing it again gives the state after it; a field that the body does
//! not show stays absent until a change tells it.
//! Deliberately absent: custom fields, except sprints, points and start dates.

use serde_json::{Map, Value, json};

use super::revision::{ChangelogField, Entry, Reading, Side, number, person_of};
use crate::normalise::body::{at, id, is_null, list, text};
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
    resolved: bool,
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
        state.resolved = at(issue, "fields.resolution").is_some();
        state.components = named(issue, "fields.components")?;
        state.versions = named(issue, "fields.fixVersions")?;
        state.sprints = sprints(issue)?;
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
                self.resolved = to.text().is_some();
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
        if let Some(category) = reading.category(&self.status, self.resolved) {
            put("status_category", json!(category));
        }
        if let Some(components) = &self.components {
            put("components", components.iter().map(|component| component.name.as_str()).collect());
        }
        if self.versions.is_some() {
            put("milestone", json!(self.version(time, reading)));
        }
        if let Some(sprints) = &self.sprints {
            put("sprint", json!(sprint(sprints)));
        }
        data
    }

    /// Of the versions to be fixed in, the first that was not out yet, else the last: by number, which is the order of
    /// creation.
    fn version(&self, time: &str, reading: &Reading) -> Option<String> {
        let ids = self.versions.iter().flatten().map(|version| version.id.as_str());
        let out = |id: &&str| reading.released.get(*id).is_some_and(|day| day.as_str() <= time);
        let open = ids.clone().filter(|id| !out(id)).min_by_key(by_number);
        open.or_else(|| ids.max_by_key(by_number)).map(|id| format!("version/{id}"))
    }
}

/// The latest sprint, by number.
fn sprint(ids: &[String]) -> Option<String> {
    ids.iter().map(String::as_str).max_by_key(by_number).map(|id| format!("sprint/{id}"))
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

/// Ids of the sprints of an issue: they are in a custom field, known by what it holds.
fn sprints(issue: &Value) -> Result<Option<Vec<String>>, Reject> {
    let fields = at(issue, "fields").and_then(Value::as_object).into_iter().flatten();
    let mut ids = Vec::new();
    for value in fields.filter(|(name, _)| name.starts_with("customfield_")).map(|(_, value)| value) {
        for item in value.as_array().into_iter().flatten() {
            match item {
                Value::String(printed) if printed.starts_with(SPRINT_PRINTED) => {
                    let id = printed.split(['[', ',']).find_map(|part| part.strip_prefix("id="));
                    ids.extend(id.map(|id| id.trim_end_matches(']').to_owned()));
                }
                Value::Object(sprint)
                    if ["id", "name", "state", "boardId"].iter().all(|name| sprint.contains_key(*name)) =>
                {
                    ids.extend(id(item, "id")?);
                }
                _ => {}
            }
        }
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// The day on one side of a change: Jira gives it by itself, as people read it, or with a midnight.
fn day(side: &Side) -> Option<Value> {
    side.raw.as_deref().and_then(date).or_else(|| side.shown.as_deref().and_then(date))
}

/// A date that starts a text.
fn date(text: &str) -> Option<Value> {
    text.get(..10).filter(|day| parse_date(day).is_some()).map(Value::from)
}

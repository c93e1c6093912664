//! Issues and other work items.
//!
//! A ticket's id is `group/project#12`: what commits and merge requests call it, so that these join.
//! Invariant: of a confidential issue no title leaves this file, neither as a field nor as a change.
//! Deliberately absent: epics above issues, which the bodies name only by number.

use serde_json::{Value, json};

use super::{GitLabHook, changes, labels, milestone_of, user};
use crate::normalise::Draft;
use crate::normalise::body::{at, digest, id, is_null, list, need_id, need_object, text};
use crate::reject::Reject;

/// Fields of an issue that our events have, by GitLab's names and ours.
const FIELDS: [(&str, &str); 7] = [
    ("title", "title"),
    ("labels", "labels"),
    ("assignees", "assignees"),
    ("milestone_id", "milestone"),
    ("due_date", "due_on"),
    ("start_date", "start_on"),
    ("weight", "points"),
];

/// The events of a body; `None` for an action that nobody here has heard of.
pub(super) fn events(action: &str, hook: &GitLabHook<'_>) -> Result<Option<Vec<Draft>>, Reject> {
    let issue = need_object(hook.body, "object_attributes")?;
    let ticket = format!("{}#{}", hook.repo, need_id(issue, "iid")?);
    let (kind, word, paths): (_, _, &[&str]) = match action {
        "open" => ("ticket.created", "opened", &["created_at"]),
        "close" => ("ticket.closed", "closed", &["closed_at", "updated_at"]),
        "reopen" => ("ticket.reopened", "reopened", &["updated_at"]),
        // Bodies without an action come from servers that tell of no other kind of change.
        "update" | "" => ("ticket.updated", "updated", &["updated_at"]),
        _ => return Ok(None),
    };
    let mut changes = changes(hook, &FIELDS);
    if hook.confidential {
        changes.remove("title");
    }
    match kind {
        "ticket.closed" => {
            drop(changes.insert("status".to_owned(), json!({"from": "opened", "to": "closed"})))
        }
        "ticket.reopened" => {
            drop(changes.insert("status".to_owned(), json!({"from": "closed", "to": "opened"})))
        }
        "ticket.created" => changes.clear(),
        _ => {}
    }
    let when = hook.when(paths)?;
    let fact = match word {
        "opened" => word.to_owned(),
        "updated" => format!("{word}:{}:{}", when.tag, digest(&json!(changes))),
        _ => format!("{word}:{}", when.tag),
    };
    let (status, category) = status(issue)?;
    let draft = hook
        .draft(kind, &ticket, &fact, when.time)
        .with("ticket", ticket.as_str())
        .with("key", ticket.as_str())
        .with("repo", hook.repo)
        .with("project", hook.repo)
        .with_some("kind", text(issue, "type")?.map(str::to_lowercase))
        .with_some("title", text(issue, "title")?.filter(|_| !hook.confidential))
        .with_some("url", text(issue, "url")?)
        .with_some("status", status)
        .with_some("status_category", category)
        .with_some("ending", ending(issue)?.filter(|_| category == Some("done")))
        .with_some("assignees", assignees(hook)?)
        .with_some("reporter", reporter(hook, issue)?)
        .with_some("points", or_null(issue, "weight", points(issue)))
        .with_some("due_on", or_null(issue, "due_date", text(issue, "due_date")?))
        .with_some("start_on", or_null(issue, "start_date", text(issue, "start_date")?))
        .with_some("milestone", milestone_of(issue)?)
        .with_some("labels", issue_labels(hook, issue)?);
    let changes = (!changes.is_empty()).then_some(Value::Object(changes));
    Ok(Some(vec![draft.with_some("changes", changes)]))
}

fn points(issue: &Value) -> Option<Value> {
    at(issue, "weight").filter(|weight| weight.is_number()).cloned()
}

/// A field that the body shows as null is known to hold nothing.
fn or_null<V: Into<Value>>(issue: &Value, path: &str, value: Option<V>) -> Option<Value> {
    value.map(Into::into).or_else(|| is_null(issue, path).then_some(Value::Null))
}

fn status(issue: &Value) -> Result<(Option<&str>, Option<&'static str>), Reject> {
    let state = text(issue, "state")?;
    let category = match state {
        Some("opened" | "reopened") => Some("todo"),
        Some("closed") => Some("done"),
        _ => None,
    };
    Ok((state, category))
}

/// How it ended, where that is told: as a duplicate of another one, or moved to another project.
fn ending(issue: &Value) -> Result<Option<&'static str>, Reject> {
    let told = |path: &str| -> Result<bool, Reject> { Ok(id(issue, path)?.is_some()) };
    Ok(if told("duplicated_to_id")? {
        Some("duplicate")
    } else if told("moved_to_id")? {
        Some("moved")
    } else {
        None
    })
}

/// The list, else the one that older servers tell. Without either the number alone says that there is none.
fn assignees(hook: &GitLabHook<'_>) -> Result<Option<Vec<Value>>, Reject> {
    if let Some(people) = list(hook.body, "assignees")? {
        return people.iter().map(user).filter_map(Result::transpose).collect::<Result<_, _>>().map(Some);
    }
    if let Some(person) = at(hook.body, "assignee") {
        return Ok(user(person)?.map(|person| vec![person]));
    }
    Ok(is_null(hook.body, "object_attributes.assignee_id").then(Vec::new))
}

fn reporter(hook: &GitLabHook<'_>, issue: &Value) -> Result<Option<Value>, Reject> {
    match id(issue, "author_id")? {
        Some(author) => hook.user_numbered(&author),
        None => Ok(None),
    }
}

fn issue_labels(hook: &GitLabHook<'_>, issue: &Value) -> Result<Option<Vec<String>>, Reject> {
    match labels(issue, "labels")? {
        Some(labels) => Ok(Some(labels)),
        None => labels(hook.body, "labels"),
    }
}

//! Milestones of projects and groups.
//!
//! Invariant: an update carries the dates as they are now; what they were, its body does not tell.
//! Deliberately absent: deletions, which GitLab does not send.

use serde_json::{Value, json};

use super::{GitLabHook, changes, milestone_id};
use crate::normalise::Draft;
use crate::normalise::body::{digest, is_null, need_id, need_object, text};
use crate::reject::Reject;

/// The events of a body; `None` for an action that nobody here has heard of.
pub(super) fn events(action: &str, hook: &GitLabHook<'_>) -> Result<Option<Vec<Draft>>, Reject> {
    let milestone = need_object(hook.body, "object_attributes")?;
    let id = milestone_id(&need_id(milestone, "id")?);
    let (kind, word, path) = match action {
        "create" => ("milestone.created", "created", "created_at"),
        "update" => ("milestone.updated", "updated", "updated_at"),
        "close" => ("milestone.closed", "closed", "updated_at"),
        "reopen" | "activate" => ("milestone.reopened", "reopened", "updated_at"),
        _ => return Ok(None),
    };
    let when = hook.when(&[path])?;
    let fact = match word {
        "created" => word.to_owned(),
        "updated" => format!("{word}:{}:{}", when.tag, digest(milestone)),
        _ => format!("{word}:{}", when.tag),
    };
    let day = |path: &str| -> Result<Option<Value>, Reject> {
        let day = text(milestone, path)?.map(|day| json!(day));
        Ok(day.or_else(|| is_null(milestone, path).then_some(Value::Null)))
    };
    let changes = changes(hook, &[("title", "title"), ("due_date", "due_on"), ("start_date", "start_on")]);
    let draft = hook
        .draft(kind, &id, &fact, when.time)
        .with("milestone", id.as_str())
        .with("repo", hook.repo)
        .with("project", hook.repo)
        .with_some("title", text(milestone, "title")?)
        .with_some("status", text(milestone, "state")?)
        .with_some("due_on", day("due_date")?)
        .with_some("start_on", day("start_date")?)
        .with_some("changes", (!changes.is_empty()).then_some(Value::Object(changes)));
    Ok(Some(vec![draft]))
}

//! Versions and sprints as milestones.
//!
//! Invariant: the due date is a plan. Releasing a version writes the day of the release over the planned
//! one, so a version that is out tells no due date.
//! Deliberately absent: the project of a version, which Jira tells only by a number that tickets lack.

use serde_json::{Value, json};

use super::{Delivery, Draft, Site};
use crate::normalise::body::{at, flag, missing, moment, need_id, need_text, text, when};
use crate::reject::Reject;
use crate::time::parse_date;

/// The event that this kind tells; `None` for a kind that tells none.
pub(super) fn event(kind: &str, delivery: &Delivery<'_>, body: &Value) -> Result<Option<Draft>, Reject> {
    let (noun, verb) = kind.trim_start_matches("jira:").split_once('_').unwrap_or_default();
    let type_ = match (noun, verb) {
        (_, "created") => "milestone.created",
        (_, "updated") | ("sprint", "started") => "milestone.updated",
        ("version", "released") | ("sprint", "closed") => "milestone.closed",
        ("version", "unreleased") => "milestone.reopened",
        (_, "deleted") => "milestone.deleted",
        _ => return Ok(None),
    };
    let item = at(body, noun).ok_or_else(|| missing(noun))?;
    let site = Site::of(need_text(item, "self")?);
    let milestone = format!("{noun}/{}", need_id(item, "id")?);
    let when = when(moment(body, "timestamp")?, delivery.received_us, body)?;
    let tail = match verb {
        "created" | "deleted" => verb.to_owned(),
        _ => format!("{verb}:{}", when.tag),
    };
    let id = site.id(&format!("{milestone}:{tail}"));
    let mut event = Draft::new(type_, id, site.source(), when.time, milestone.clone())
        .with("milestone", milestone)
        .with_some("title", text(item, "name")?);
    if verb == "deleted" {
        return Ok(Some(event));
    }
    for (name, path) in dates(noun, item)? {
        event = match day(item, path)? {
            Some(day) => event.with(name, day),
            // These bodies leave out what is not set, so a date that an update lacks was taken away.
            None if verb == "updated" => event.with(name, Value::Null),
            None => event,
        };
    }
    Ok(Some(event.with_some("project", text(item, "project")?)))
}

/// Our names of the dates that hold, and where they are.
fn dates(noun: &str, item: &Value) -> Result<Vec<(&'static str, &'static str)>, Reject> {
    let released = flag(item, "released")? == Some(true);
    Ok(match noun {
        "version" if released => vec![("start_on", "startDate")],
        "version" => vec![("start_on", "startDate"), ("due_on", "releaseDate")],
        _ => vec![("start_on", "startDate"), ("due_on", "endDate")],
    })
}

/// A day, or the day in UTC of a time.
fn day(item: &Value, path: &str) -> Result<Option<Value>, Reject> {
    match text(item, path)? {
        Some(day) if parse_date(day).is_some() => Ok(Some(json!(day))),
        Some("") => Ok(None),
        _ => Ok(moment(item, path)?.map(|time| json!(time[..10]))),
    }
}

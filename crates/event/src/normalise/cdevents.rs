//! CDEvents about changes and tickets, by themselves or inside a CloudEvent.
//!
//! Invariant: the producer's event id and source are the event's id: CDEvents gives a fact no other.
//! Deliberately absent: reviews, of which CDEvents tells neither who nor what, and events about builds,
//! tests and deployments.

use serde_json::Value;

use super::body::{at, list, missing, moment, need_id, need_text, text};
use super::{Delivery, Draft, Normalised};
use crate::reject::Reject;
use crate::trace::clip;

const PREFIX: &str = "dev.cdevents.";

/// Subjects that CDEvents defines and that no table holds.
const SILENT: [&str; 15] = [
    "approval",
    "artifact",
    "branch",
    "build",
    "environment",
    "incident",
    "pipelinerun",
    "repository",
    "service",
    "taskrun",
    "testcase",
    "testcaserun",
    "testoutput",
    "testsuite",
    "testsuiterun",
];

pub(super) fn normalise(_delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    // Inside a CloudEvent the event is its data.
    let event = match at(body, "data.context") {
        Some(_) => &body["data"],
        None => body,
    };
    let Some(type_) = text(event, "context.type")? else {
        return Ok(Normalised::unknown(clip(text(body, "type")?.unwrap_or("unknown"))));
    };
    let mut parts = type_.strip_prefix(PREFIX).unwrap_or_default().split('.');
    let (noun, verb) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let name = format!("{}.{}", clip(noun), clip(verb));
    let kind = match (noun, verb) {
        ("change", "created") => "change.opened",
        ("change", "updated") => "change.updated",
        ("change", "merged") => "change.merged",
        ("change", "abandoned") => "change.closed",
        ("change", "reviewed") => return Ok(Normalised::known(name, Vec::new())),
        ("ticket", "created") => "ticket.created",
        ("ticket", "updated") => "ticket.updated",
        ("ticket", "closed") => "ticket.closed",
        _ if SILENT.contains(&noun) => return Ok(Normalised::known(name, Vec::new())),
        _ if noun.is_empty() => return Ok(Normalised::unknown(clip(type_))),
        _ => return Ok(Normalised::unknown(name)),
    };
    let draft = if noun == "change" { change(kind, event)? } else { ticket(kind, event)? };
    Ok(Normalised::known(name, vec![draft]))
}

fn draft(kind: &'static str, event: &Value, subject: String) -> Result<Draft, Reject> {
    let (source, id) = (need_text(event, "context.source")?, need_id(event, "context.id")?);
    let time = moment(event, "context.timestamp")?.ok_or_else(|| missing("context.timestamp"))?;
    Ok(Draft::new(kind, format!("cdevents:{source}:{id}"), format!("cdevents:{source}"), time, subject))
}

fn change(kind: &'static str, event: &Value) -> Result<Draft, Reject> {
    let change = need_id(event, "subject.id")?;
    // Without a repository, as the first drafts of CDEvents have it, a change belongs to its source.
    let repo = match text(event, "subject.content.repository.id")? {
        Some(repo) if !repo.is_empty() => repo,
        _ => need_text(event, "context.source")?,
    };
    Ok(draft(kind, event, format!("{repo}#{change}"))?.with("repo", repo).with("change", change))
}

fn ticket(kind: &'static str, event: &Value) -> Result<Draft, Reject> {
    let ticket = need_id(event, "subject.id")?;
    let content = at(event, "subject.content").unwrap_or(&Value::Null);
    // The group, the ticket's project or team, and the milestone are plain names.
    let category = match kind {
        "ticket.created" => Some("todo"),
        "ticket.closed" => Some("done"),
        _ => None,
    };
    let resolution = text(content, "resolution")?.filter(|_| kind == "ticket.closed");
    let names = |path: &str| -> Result<Option<Vec<&str>>, Reject> {
        let items = list(content, path)?;
        Ok(items
            .map(|items| items.iter().filter_map(Value::as_str).filter(|name| !name.is_empty()).collect()))
    };
    let filled = |path: &str| -> Result<Option<&str>, Reject> {
        Ok(text(content, path)?.filter(|text| !text.is_empty()))
    };
    Ok(draft(kind, event, ticket.clone())?
        .with("ticket", ticket)
        .with_some("title", text(content, "summary")?)
        .with_some("kind", text(content, "ticketType")?)
        .with_some("url", text(content, "uri")?)
        .with_some("status", resolution)
        .with_some("status_category", category)
        .with_some("assignees", names("assignees")?)
        .with_some("reporter", filled("creator")?)
        .with_some("priority", text(content, "priority")?)
        .with_some("labels", names("labels")?)
        .with_some("milestone", filled("milestone")?)
        .with_some("project", text(content, "group")?))
}

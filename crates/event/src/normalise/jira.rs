//! Jira bodies (cloud, server, old servers) and whole issues with their changelog into ticket and
//! milestone events.
//!
//! Invariants: a change has one id, that of its changelog entry, whether a webhook or the issue's history
//! told it; an event's data is the issue right after that change, not the issue of today.
//! Deliberately absent: comments, work logs and links, which are no part of a ticket here, and custom
//! fields whose name no body tells.

mod milestone;
mod revision;
mod state;

use serde_json::Value;

use super::body::{
    at, digest, epoch_us, id, list, missing, moment, need_id, need_text, rfc3339, text, time_us, when,
};
use super::{Account, Delivery, Draft, Normalised};
use crate::reject::{Reason, Reject};
use crate::trace::clip;
use revision::{ChangelogField, Entry, Reading, Revision};
use state::{Ending, State};

/// What events are about that say nothing about tickets or milestones, as their names start.
const QUIET: [&str; 17] = [
    "attachment_",
    "board_",
    "comment_",
    "component_",
    "entity_property_",
    "filter_",
    "issue_property_",
    "issuelink_",
    "issuetype_",
    "jira:issuetype_",
    "jira:version_moved",
    "jira:worklog_",
    "jira_expression_",
    "option_",
    "project_",
    "user_",
    "worklog_",
];

pub(super) fn normalise(delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    let Some(kind) = text(body, "webhookEvent")? else {
        return unnamed(body);
    };
    let events = match kind {
        "jira:issue_created" => created(body)?,
        "jira:issue_updated" => updated(body)?.into_iter().collect(),
        "jira:issue_deleted" => vec![deleted(delivery, body)?],
        _ if kind.starts_with("jira:version_") || kind.starts_with("sprint_") => {
            match milestone::event(kind, delivery, body)? {
                Some(event) => vec![event],
                None if QUIET.contains(&kind) => Vec::new(),
                None => return Ok(Normalised::unknown(clip(kind))),
            }
        }
        _ if QUIET.iter().any(|start| kind.starts_with(start)) => Vec::new(),
        _ => return Ok(Normalised::unknown(clip(kind))),
    };
    Ok(Normalised::known(clip(kind), with_machines(events, body, at(body, "issue"))?))
}

/// With the machines among the accounts of a body that says something.
fn with_machines(mut events: Vec<Draft>, body: &Value, issue: Option<&Value>) -> Result<Vec<Draft>, Reject> {
    if !events.is_empty() {
        events.extend(machines(body, issue)?);
    }
    Ok(events)
}

/// Accounts that are apps of the site, or whose name or address is a machine's.
fn machines(body: &Value, issue: Option<&Value>) -> Result<Vec<Draft>, Reject> {
    let fields = ["fields.assignee", "fields.reporter", "fields.creator"];
    let of_issue = issue.into_iter().flat_map(|issue| fields.iter().filter_map(|name| at(issue, name)));
    let histories = issue.map_or(Ok(None), |issue| list(issue, "changelog.histories"))?.unwrap_or_default();
    let authors = histories.iter().filter_map(|history| at(history, "author"));
    let mut machines = Vec::new();
    for user in at(body, "user").into_iter().chain(of_issue).chain(authors) {
        let Some(person) = revision::person_of(user)? else { continue };
        let Some(key) = person["login"].as_str().map(str::to_owned) else { continue };
        let service = text(user, "accountType")? == Some("app");
        let beside = [text(user, "displayName")?, text(user, "emailAddress")?];
        machines.extend(Account { person, key, beside, service }.machine("jira"));
    }
    machines.sort_by(|a, b| a.id.cmp(&b.id));
    machines.dedup_by(|a, b| a.id == b.id);
    Ok(machines)
}

/// A body that does not say what it is: an issue with its history, or the change of an old server.
fn unnamed(body: &Value) -> Result<Normalised, Reject> {
    if at(body, "fields").is_some() {
        let site = Site::of(need_text(body, "self")?);
        return Ok(Normalised::known("issue", issue_history(&site.url, body, &Value::Null)?));
    }
    match at(body, "issue") {
        Some(issue) => {
            let events = updated(body)?.into_iter().collect();
            Ok(Normalised::known("jira:issue_updated", with_machines(events, body, Some(issue))?))
        }
        None => Ok(Normalised::unknown("unknown")),
    }
}

/// A Jira site.
#[derive(Debug, Clone)]
struct Site {
    /// Scheme, host and path, without a slash at the end.
    url: String,
}

impl Site {
    /// The site of a resource, by the resource's own address.
    fn of(link: &str) -> Site {
        let url = link.find("/rest/").map_or(link, |end| &link[..end]);
        Site { url: url.trim_end_matches('/').to_owned() }
    }

    fn source(&self) -> String {
        format!("jira:{}", self.url)
    }

    /// The id of a fact on this site.
    fn id(&self, tail: &str) -> String {
        let host = self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host);
        format!("jira:{host}:{tail}")
    }
}

/// An event about an issue, without the issue's fields.
fn about(site: &Site, issue: &Value, kind: &'static str, tail: &str, time: String) -> Result<Draft, Reject> {
    let (ticket, key) = (need_id(issue, "id")?, text(issue, "key")?);
    let subject = key.unwrap_or(&ticket).to_owned();
    let id = site.id(&format!("{ticket}:{tail}"));
    let event = Draft::new(kind, id, site.source(), time, subject)
        .with("ticket", ticket)
        .with_some("url", key.map(|key| format!("{}/browse/{key}", site.url)));
    Ok(event)
}

/// When the issue was last changed, in microseconds: of two readings of a change the later knows more. Jira counts
/// milliseconds, so that there is room for what this code reads: of two readings of one state the one that tells more
/// goes before.
fn reading_version(issue: &Value) -> Result<i64, Reject> {
    Ok(text(issue, "fields.updated")?.and_then(time_us).unwrap_or(0) + READER)
}

/// Raised when bodies are read for more than before: 1 reads resolutions.
const READER: i64 = 1;

fn created(body: &Value) -> Result<Vec<Draft>, Reject> {
    let issue = at(body, "issue").ok_or_else(|| missing("issue"))?;
    let site = Site::of(need_text(issue, "self")?);
    let time = match moment(issue, "fields.created")? {
        Some(time) => time,
        None => need_timestamp(body)?,
    };
    let entries = Entry::items(body, "changelog.items")?;
    let reading = Reading::new(body, issue, &entries, &Value::Null)?;
    let mut state = State::of(issue, &reading)?;
    let born_done = BornDone::of(issue, &time, &mut state, None, &reading)?;
    let mut event = about(&site, issue, "ticket.created", "created", time.clone())?;
    event.data.extend(state.data(&time, &reading));
    let mut events = vec![event];
    if let Some(born_done) = born_done {
        events.push(born_done.close(&site, issue, &mut state, &reading)?);
    }
    let version = reading_version(issue)?;
    events.iter_mut().for_each(|event| event.source_version = version);
    Ok(events)
}

/// The end of an issue that was done when it was created, as far as its changelog tells: it came from another tracker, or
/// the entry that closed it was lost. Jira itself says when it was resolved.
struct BornDone {
    at_us: i64,
    time: String,
    ending: Ending,
}

impl BornDone {
    /// Takes the end out of the state at the creation. `status_us` is when the changelog first tells of the status.
    fn of(
        issue: &Value,
        created: &str,
        state: &mut State,
        status_us: Option<i64>,
        reading: &Reading,
    ) -> Result<Option<BornDone>, Reject> {
        if state.category(reading) != Some("done") {
            return Ok(None);
        }
        let Some(time) = moment(issue, "fields.resolutiondate")? else { return Ok(None) };
        let at_us = time_us(&time).unwrap_or(0);
        let after_creation = time_us(created).is_some_and(|created_us| created_us < at_us);
        if !after_creation || status_us.is_some_and(|status_us| status_us <= at_us) {
            return Ok(None);
        }
        Ok(Some(BornDone { at_us, time, ending: state.unend() }))
    }

    /// The closing, with the issue as it is then.
    fn close(
        self,
        site: &Site,
        issue: &Value,
        state: &mut State,
        reading: &Reading,
    ) -> Result<Draft, Reject> {
        let before = state.clone();
        state.end(self.ending);
        let id = "resolved".to_owned();
        Revision { id, time: self.time, before: &before, after: state }.event(site, issue, reading)
    }
}

/// The change that a webhook tells; `None` where only a comment or the like was changed.
fn updated(body: &Value) -> Result<Option<Draft>, Reject> {
    let issue = at(body, "issue").ok_or_else(|| missing("issue"))?;
    let Some(changelog) = at(body, "changelog") else {
        return Ok(None);
    };
    let site = Site::of(need_text(issue, "self")?);
    let time = match moment(issue, "fields.updated")? {
        Some(time) => time,
        None => need_timestamp(body)?,
    };
    let items = Entry::items(body, "changelog.items")?;
    let reading = Reading::new(body, issue, &items, &Value::Null)?;
    // The issue was read a little after the change, perhaps after a further one: what this change says
    // about its fields goes before what was read.
    let mut before = State::of(issue, &reading)?;
    items.iter().rev().for_each(|item| before.undo(item, &reading));
    let mut after = before.clone();
    items.iter().for_each(|item| after.redo(item, &reading));
    let revision = Revision { id: entry_id(changelog, &time)?, time, before: &before, after: &after };
    let mut event = revision.event(&site, issue, &reading)?;
    event.source_version = reading_version(issue)?;
    Ok(Some(event))
}

/// The number of a changelog entry; where a server leaves it out, its time and what it says.
fn entry_id(changelog: &Value, time: &str) -> Result<String, Reject> {
    Ok(id(changelog, "id")?.unwrap_or_else(|| format!("{time}:{}", digest(changelog))))
}

fn deleted(delivery: &Delivery<'_>, body: &Value) -> Result<Draft, Reject> {
    let issue = at(body, "issue").ok_or_else(|| missing("issue"))?;
    let site = Site::of(need_text(issue, "self")?);
    let when = when(moment(body, "timestamp")?, delivery.received_us, body)?;
    Ok(about(&site, issue, "ticket.deleted", "deleted", when.time)?
        .with_some("key", text(issue, "key")?)
        .with_some("project", text(issue, "fields.project.key")?))
}

fn need_timestamp(body: &Value) -> Result<String, Reject> {
    let us = at(body, "timestamp").and_then(Value::as_i64).and_then(epoch_us);
    us.and_then(rfc3339).ok_or_else(|| Reject::new(Reason::BadTime, "the body has no time"))
}

/// The history of an issue, as events with their own times: its creation with the values of then, and
/// one event for each entry of its changelog.
///
/// `base` is the site's address. `issue` is the issue as the site's REST interface gives it with its
/// changelog, and with the names of its fields where points and start dates are wanted (`expand` of
/// `changelog` and `names`). `statuses` is the site's list of statuses, which tells what each one means,
/// or null: then the default names and the resolution tell. Where the changelog is cut off, the creation
/// says only what never changes.
///
/// # Errors
///
/// An issue without id, fields or creation time, or with a member of the wrong type.
pub fn issue_history(base: &str, issue: &Value, statuses: &Value) -> Result<Vec<Draft>, Reject> {
    let site = Site::of(base);
    let histories = histories(issue)?;
    let entries: Vec<Entry> = histories.iter().flat_map(|history| history.items.iter().cloned()).collect();
    let mut reading = Reading::new(issue, issue, &entries, statuses)?;
    reading.meet_holder(issue, &entries)?;
    let reading = reading;
    let version = reading_version(issue)?;
    // Back to the creation, and forth again as each entry says, which is what its webhook said.
    let mut state = State::of(issue, &reading)?;
    entries.iter().rev().for_each(|entry| state.undo(entry, &reading));
    let created = moment(issue, "fields.created")?.ok_or_else(|| missing("fields.created"))?;
    let of_status =
        |history: &&History| history.items.iter().any(|entry| entry.field == ChangelogField::Status);
    let status_us = histories.iter().find(of_status).map(|history| history.at_us);
    let mut born_done = BornDone::of(issue, &created, &mut state, status_us, &reading)?;
    let mut events = vec![creation(&site, issue, created, &state, &reading)?];
    let mut bytes = 0;
    for History { id, time, items, at_us } in histories {
        if let Some(closing) = born_done.take_if(|closing| closing.at_us < at_us) {
            events.push(closing.close(&site, issue, &mut state, &reading)?);
        }
        let before = state.clone();
        items.iter().for_each(|item| state.redo(item, &reading));
        let event = Revision { id, time, before: &before, after: &state }.event(&site, issue, &reading)?;
        bytes += event.to_json().len();
        if bytes > HISTORY_BYTES_MAX {
            let detail = format!("a history of more than {HISTORY_BYTES_MAX} bytes");
            return Err(Reject::new(Reason::ValueTooLarge, detail));
        }
        events.push(event);
    }
    if let Some(closing) = born_done {
        events.push(closing.close(&site, issue, &mut state, &reading)?);
    }
    events.iter_mut().for_each(|event| event.source_version = version);
    // The last event stays the one that tells the issue as it is now.
    let mut all = machines(issue, Some(issue))?;
    all.append(&mut events);
    Ok(all)
}

/// The issue as it is now, as an update at the time of its last change; `base` and `statuses` are those of
/// [`issue_history`]. What was changed without an entry in the changelog (a status that was renamed or given another
/// meaning, a version that was deleted, a type that was renamed) only this tells.
///
/// # Errors
///
/// As [`issue_history`]; and an issue that tells no last change.
pub fn issue_now(base: &str, issue: &Value, statuses: &Value) -> Result<Draft, Reject> {
    let site = Site::of(base);
    let entries: Vec<Entry> = histories(issue)?.into_iter().flat_map(|history| history.items).collect();
    let reading = Reading::new(issue, issue, &entries, statuses)?;
    let time = moment(issue, "fields.updated")?.ok_or_else(|| missing("fields.updated"))?;
    let data = State::of(issue, &reading)?.data(&time, &reading);
    let mut event = about(&site, issue, "ticket.updated", "now", time)?;
    event.data.extend(data);
    event.source_version = reading_version(issue)?;
    Ok(event)
}

/// What all events of an issue's history together may weigh: each carries the whole issue.
const HISTORY_BYTES_MAX: usize = 64 << 20;

/// The creation, with the state that the whole changelog leads back to. One that is cut off leads to some
/// later state: then only what is no part of it is told.
fn creation(
    site: &Site,
    issue: &Value,
    time: String,
    state: &State,
    reading: &Reading,
) -> Result<Draft, Reject> {
    let listed = list(issue, "changelog.histories")?.map_or(0, <[Value]>::len);
    let total = at(issue, "changelog.total").and_then(Value::as_u64).unwrap_or(0);
    let mut data = state.data(&time, reading);
    if total > listed as u64 {
        data.retain(|name, _| name == "key" || name == "project");
    }
    let mut created = about(site, issue, "ticket.created", "created", time)?;
    created.data.extend(data);
    Ok(created)
}

/// One entry of a changelog.
struct History {
    at_us: i64,
    time: String,
    id: String,
    items: Vec<Entry>,
}

/// The entries of an issue's changelog, oldest first.
fn histories(issue: &Value) -> Result<Vec<History>, Reject> {
    let mut histories = Vec::new();
    for history in list(issue, "changelog.histories")?.unwrap_or_default() {
        let time = moment(history, "created")?.ok_or_else(|| missing("created"))?;
        let at_us = time_us(&time).unwrap_or(0);
        histories.push(History {
            at_us,
            time,
            id: need_id(history, "id")?,
            items: Entry::items(history, "items")?,
        });
    }
    histories
        .sort_by_cached_key(|history| (history.at_us, revision::number(&history.id), history.id.clone()));
    Ok(histories)
}

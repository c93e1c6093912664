//! Pollers: what GitHub, GitLab and Jira tell over their REST interfaces, as the events that their webhooks
//! would have been.
//!
//! Invariants: each fact goes through the same normaliser as the webhook of it and keeps its own time, so a
//! re-plan of last year is history and no snapshot, and a fact that came as a webhook too has one id. The
//! cursor moves only past what the log has durably; whoever is interrupted goes on from there. Each item read
//! ends with a reading: an event of its own that says what the item is now, so that wherever the events before
//! it said something else, they are corrected and the difference can be counted.
//! Deliberately lacking: writing to the tools, and any schedule: who wants to poll again runs it again.

mod changed;
mod client;
mod cursor;
mod github;
mod gitlab;
mod jira;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;

use std::path::Path;

use event::{Delivery, Draft, Format, normalise};
use serde_json::Value;

use crate::bodies::BodyTotals;
use crate::{Entry, Error, Produce};

pub use client::{Login, RestClient};
pub use cursor::PollCursor;

/// Below the versions of webhooks and archives: what was told when it happened goes before what an interface
/// says later of the past. The view `reading` tells polled events by it.
const SOURCE_VERSION: i64 = -3;

/// Entries that wait for the end of their page.
const ENTRIES_MAX: usize = 10_000;
/// The order of a reading among events of its second: after whatever happened then.
const READING_SEQUENCE: i64 = 11;
/// Begins the ids of readings.
const READING: &str = "reconcile";
/// The field that marks a reading; no column takes it, so it is in `extra`.
const RECONCILED: &str = "reconciled";

/// Where to poll, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollPlan {
    pub tool: Tool,
    /// Repositories, projects, or for Jira one JQL filter each.
    pub scopes: Vec<String>,
    /// RFC 3339: what was last changed before is not asked for. The cursor goes before it.
    pub since: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    GitHub,
    GitLab,
    Jira,
}

impl Tool {
    pub const fn format(self) -> Format {
        match self {
            Tool::GitHub => Format::GitHub,
            Tool::GitLab => Format::GitLab,
            Tool::Jira => Format::Jira,
        }
    }
}

/// Polls every scope to its end into the log. Blocks, for hours where a rate limit says so. `progress` hears
/// what is being read and how many items there were.
///
/// # Errors
/// The interface refuses or does not answer after some tries, or the log takes nothing: what was read before
/// is in the log, and the cursor says so.
pub fn poll(
    plan: &PollPlan,
    client: &mut RestClient,
    cursor_path: &Path,
    log: &mut dyn Produce,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<BodyTotals, Error> {
    let mut totals = BodyTotals::default();
    for scope in &plan.scopes {
        let mut cursor = PollCursor::read(cursor_path)?;
        let name = cursor::feed_name(plan.tool, client.base(), scope);
        let mut feed = Feed {
            format: plan.tool.format(),
            name,
            since: plan.since.clone(),
            cursor: &mut cursor,
            cursor_path,
            log: &mut *log,
            progress: &mut *progress,
            entries: Vec::new(),
            totals: &mut totals,
        };
        match plan.tool {
            Tool::GitHub => github::poll(scope, client, &mut feed)?,
            Tool::GitLab => gitlab::poll(scope, client, &mut feed)?,
            Tool::Jira => jira::poll(scope, client, &mut feed)?,
        }
    }
    Ok(totals)
}

/// One scope on its way into the log.
struct Feed<'f> {
    format: Format,
    /// Tool, address and scope: what the cursor knows it by.
    name: String,
    since: Option<String>,
    cursor: &'f mut PollCursor,
    cursor_path: &'f Path,
    log: &'f mut dyn Produce,
    progress: &'f mut dyn FnMut(&str, u64),
    entries: Vec<Entry>,
    totals: &'f mut BodyTotals,
}

impl Feed<'_> {
    /// From when on items of a list are asked for.
    fn start(&self, list: &str) -> Option<String> {
        self.cursor.since(&self.name, list).map(str::to_owned).or_else(|| self.since.clone())
    }

    /// Takes what a webhook of this name and body would have said.
    fn tell(&mut self, name: &str, origin: &str, body: &Value) {
        self.tell_at(name, origin, body, crate::bodies::now_us());
    }

    /// Takes what a webhook would have said at that time, where its body tells none.
    fn tell_at(&mut self, name: &str, origin: &str, body: &Value, received_us: i64) {
        let events = self.events(name, origin, body, received_us);
        self.entries.extend(events.iter().map(Entry::from));
    }

    /// Takes what an item is now, told by the body of an update, at the time of its last change.
    fn tell_reading(&mut self, name: &str, origin: &str, body: &Value) {
        let events = self.events(name, origin, body, crate::bodies::now_us());
        let own = events.into_iter().filter(|event| !event.kind.starts_with("person."));
        self.entries.extend(own.map(|event| Entry::from(&reading(event))));
    }

    /// Normalises and counts; a refused body goes into the log as it is.
    fn events(&mut self, name: &str, origin: &str, body: &Value, received_us: i64) -> Vec<Draft> {
        let bytes = body.to_string().into_bytes();
        let name = Some(name).filter(|_| self.format.event_header().is_some());
        let outcome = normalise(self.format, &Delivery { name, body: &bytes, received_us });
        self.totals.count_one(origin, bytes.len() as u64, &outcome);
        match outcome {
            Ok(mut normalised) => {
                normalised.events.iter_mut().for_each(|event| event.source_version += SOURCE_VERSION);
                normalised.events
            }
            Err(_) => {
                self.entries.push(crate::bodies::refused_body(self.format, name, origin, &bytes));
                Vec::new()
            }
        }
    }

    /// Takes events that a normaliser made of a whole answer.
    fn take(&mut self, events: &[Draft]) {
        self.entries.extend(events.iter().map(Entry::from));
        for event in events {
            *self.totals.events.entry(event.kind).or_default() += 1;
        }
    }

    /// Counts an item that is listed and not there.
    fn pass_over(&mut self, url: &str, detail: &str) {
        self.totals.pass_over(&format!("{url}: {detail}"));
    }

    /// Makes durable what was taken, where it is much; the cursor stays.
    fn relieve(&mut self) -> Result<(), Error> {
        if self.entries.len() < ENTRIES_MAX {
            return Ok(());
        }
        self.log.produce(std::mem::take(&mut self.entries))
    }

    /// Makes durable what was taken, then moves the cursor of `list` past it.
    fn commit(&mut self, list: &str, mark: cursor::Mark) -> Result<(), Error> {
        let entries = std::mem::take(&mut self.entries);
        if !entries.is_empty() {
            self.log.produce(entries)?;
        }
        self.cursor.set(&self.name, list, mark);
        self.cursor.write(self.cursor_path)
    }

    fn progress(&mut self, what: &str) {
        (self.progress)(what, self.totals.bodies);
    }
}

/// The event of an update as a reading: its id holds what it says and when, so that the same reading is the
/// same event, and another one of the same second is another.
fn reading(mut draft: Draft) -> Draft {
    draft.data.remove("changes");
    let text = Value::Object(draft.data.clone()).to_string();
    let digest = event::key_hash(&[&text]);
    let source = event::content_source(&draft.source);
    draft.id = format!("{READING}:{source}:{}:{digest:016x}:{}", draft.subject, draft.time);
    draft.data.insert(RECONCILED.to_owned(), true.into());
    draft.sequence = READING_SEQUENCE.max(draft.sequence + 1);
    draft
}

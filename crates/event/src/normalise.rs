//! Vendor bodies into Plimsoll's events: pure functions, one file a vendor.
//!
//! A body is what a tool sends to a webhook, puts on a topic or keeps in an archive. [`normalise`] turns
//! it into [`Draft`]s, which are ordinary CloudEvents: they go through [`decode`](crate::decode) like any
//! other, so a normaliser can neither bypass nor weaken a rule.
//! Invariants: the result depends on the body and its event name alone; the same fact gives the same
//! event id, whichever way it came; an event kind that no normaliser knows is no error.
//! Deliberately absent: signatures, HTTP, files and clocks.

mod bitbucket;
mod body;
mod cdevents;
mod gerrit;
mod gharchive;
mod gitea;
mod github;
mod gitlab;
mod jira;
mod push;

pub use jira::{issue_history as jira_issue_history, issue_now as jira_issue_now};

use serde_json::{Map, Value, json};

use crate::machine::{MachineKind, machine_kind};
use crate::model::{EventType, PREFIX, SUFFIX, Table, type_of};
use crate::reject::{Reason, Reject};

/// Events in one body. GitHub names at most 2,048 commits in a push; whatever is far beyond is no vendor's.
const EVENTS_MAX: usize = 4096;

/// Whose bodies a topic, a folder or a webhook route carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plimsoll's own CloudEvents; nothing to normalise.
    CloudEvents,
    GitHub,
    GitLab,
    Jira,
    Gerrit,
    Bitbucket,
    /// Gitea and Forgejo.
    Gitea,
    /// Lines of GH Archive.
    GhArchive,
    CdEvents,
}

impl Format {
    /// Every format, in declaration order.
    pub const ALL: [Format; 9] = [
        Format::CloudEvents,
        Format::GitHub,
        Format::GitLab,
        Format::Jira,
        Format::Gerrit,
        Format::Bitbucket,
        Format::Gitea,
        Format::GhArchive,
        Format::CdEvents,
    ];

    /// The name in configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::CloudEvents => "cloudevents",
            Format::GitHub => "github",
            Format::GitLab => "gitlab",
            Format::Jira => "jira",
            Format::Gerrit => "gerrit",
            Format::Bitbucket => "bitbucket",
            Format::Gitea => "gitea",
            Format::GhArchive => "gharchive",
            Format::CdEvents => "cdevents",
        }
    }

    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The header that names the event beside the body, where the vendor sends one. Case means nothing.
    pub const fn event_header(self) -> Option<&'static str> {
        match self {
            Format::GitHub => Some("X-GitHub-Event"),
            Format::GitLab => Some("X-Gitlab-Event"),
            Format::Bitbucket => Some("X-Event-Key"),
            Format::Gitea => Some("X-Gitea-Event"),
            Format::CloudEvents | Format::Jira | Format::Gerrit | Format::GhArchive | Format::CdEvents => {
                None
            }
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A vendor body as it came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The event name that came beside the body: `X-GitHub-Event`, `X-Gitlab-Event`, `X-Event-Key`, `X-Gitea-Event`.
    pub name: Option<&'a str>,
    pub body: &'a [u8],
    /// When it was received, in microseconds UTC: the event's time where the body tells none.
    /// Negative where nobody knows.
    pub received_us: i64,
}

/// What a body says.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The vendor's name of what happened: `pull_request.opened`, `merge_request.update`.
    pub kind: String,
    /// Whether a normaliser knows this kind. A known kind may still say nothing of interest.
    pub known: bool,
    pub events: Vec<Draft>,
    /// Characters that the body had and no text may hold: U+0000 and halves of surrogate pairs, which were taken out.
    pub cleaned: u64,
}

impl Normalised {
    /// A kind that is understood, with what it says.
    fn known(kind: impl Into<String>, events: Vec<Draft>) -> Normalised {
        Normalised { kind: kind.into(), known: true, events, cleaned: 0 }
    }

    /// A kind that no normaliser has heard of.
    fn unknown(kind: impl Into<String>) -> Normalised {
        Normalised { kind: kind.into(), known: false, events: Vec::new(), cleaned: 0 }
    }
}

/// One of our events, before it is written to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The short type name: `change.opened`.
    pub kind: &'static str,
    pub id: String,
    /// `github:acme/api`, `jira:https://tickets.acme.example`.
    pub source: String,
    /// RFC 3339.
    pub time: String,
    pub subject: String,
    /// Orders events of the same time; 0 where the vendor tells nothing.
    pub sequence: i64,
    /// Of two bodies under one id the higher version wins; 0 where the vendor tells nothing.
    pub source_version: i64,
    pub data: Map<String, Value>,
}

impl Draft {
    /// An event without data, in its causal place among events of the same time.
    fn new(kind: &'static str, id: String, source: String, time: String, subject: String) -> Draft {
        let sequence = causal_order(kind);
        Draft { kind, id, source, time, subject, sequence, source_version: 0, data: Map::new() }
    }

    /// Sets a data field.
    fn with(mut self, name: &str, value: impl Into<Value>) -> Draft {
        self.data.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a data field, unless there is nothing to say.
    fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Draft {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The event as a CloudEvent in structured mode.
    pub fn to_json(&self) -> String {
        // The type goes before the data, so that the decoder reads the data in place.
        let mut text = format!(
            r#"{{"specversion":"1.0","id":{},"source":{},"type":"{PREFIX}{}{SUFFIX}","time":{},"subject":{}"#,
            json!(self.id),
            json!(self.source),
            self.kind,
            json!(self.time),
            json!(self.subject),
        );
        if self.sequence != 0 {
            text.push_str(&format!(r#","sequence":{}"#, self.sequence));
        }
        if self.source_version != 0 {
            text.push_str(&format!(r#","sourceversion":{}"#, self.source_version));
        }
        match serde_json::to_string(&self.data) {
            Ok(data) => text.push_str(&format!(r#","data":{data}}}"#)),
            Err(error) => unreachable!("a map with text keys serialises: {error}"),
        }
        text
    }

    /// The record key, which keeps all events of one subject in one partition: a commit's repository,
    /// as the git ingestor has it, else the subject.
    pub fn key(&self) -> &str {
        let repo = || self.data.get("repo").and_then(Value::as_str);
        match self.table() {
            Table::Commits => repo().unwrap_or(&self.subject),
            Table::Reviews | Table::Tickets | Table::Directory | Table::DeadLetters => &self.subject,
        }
    }

    /// The table that its row goes to.
    pub fn table(&self) -> Table {
        self.event_type().entity.table()
    }

    fn event_type(&self) -> &'static EventType {
        type_of(self.kind).expect("normalisers name types of the model")
    }
}

/// A fact about an account has no time of its own; this one is before the first day of every vendor, so that it holds for
/// all that the account ever did, and the same account always gives the same event.
const BEFORE_ALL: &str = "2008-01-01T00:00:00Z";

/// An account and what is said beside its name.
struct Account<'a> {
    /// The person as other events name it.
    person: Value,
    /// What tells accounts apart, and is in the id.
    key: String,
    /// The display name and the address, which may be a machine's where the key is nobody's.
    beside: [Option<&'a str>; 2],
    /// Whether the vendor itself calls it a machine.
    service: bool,
}

impl Account<'_> {
    /// The event that says that this is a machine; `None` for a human, and where the key alone says so.
    fn machine(&self, vendor: &str) -> Option<Draft> {
        let known = machine_kind(&self.key);
        if known.is_some() && !self.service {
            return None;
        }
        let kind = known.or_else(|| self.beside.iter().flatten().find_map(|name| machine_kind(name)));
        let kind = kind.or_else(|| self.service.then_some(MachineKind::Bot))?.as_str();
        let (id, time) = (format!("{vendor}:{kind}:{}", self.key), BEFORE_ALL.to_owned());
        Some(
            Draft::new("person.updated", id, vendor.to_owned(), time, self.key.clone())
                .with("person", self.person.clone())
                .with("person_kind", kind),
        )
    }
}

/// Vendors tell whole seconds. Of events that share one, what causes goes before what follows from it:
/// a request after the opening, a merge after the approval.
const fn causal_order(kind: &str) -> i64 {
    match kind.as_bytes() {
        b"change.reopened" | b"ticket.reopened" | b"milestone.reopened" => 1,
        b"change.updated" | b"ticket.updated" | b"milestone.updated" => 2,
        b"change.ready" | b"change.drafted" => 3,
        b"review.requested" => 4,
        b"review.request_removed" => 5,
        b"review.commented" => 6,
        b"review.submitted" => 7,
        b"review.dismissed" => 8,
        b"commit.removed" => 1,
        b"commit.restored" => 2,
        b"change.closed" | b"change.merged" | b"ticket.closed" | b"milestone.closed" => 9,
        b"ticket.deleted" | b"milestone.deleted" => 10,
        _ => 0,
    }
}

/// What the vendor's body says, as our events.
///
/// # Errors
///
/// A body that is broken, or that lacks what its kind always has. A body of [`Format::CloudEvents`] is
/// refused as well: it needs no normaliser.
pub fn normalise(format: Format, delivery: &Delivery<'_>) -> Result<Normalised, Reject> {
    let (body, cleaned) = body::parse(delivery.body)?;
    let mut normalised = match format {
        Format::CloudEvents => {
            let detail = "a cloudevent is decoded, not normalised";
            return Err(Reject::new(Reason::UnsupportedContent, detail));
        }
        Format::GitHub => github::normalise(delivery, &body)?,
        Format::GitLab => gitlab::normalise(delivery, &body)?,
        Format::Jira => jira::normalise(delivery, &body)?,
        Format::Gerrit => gerrit::normalise(delivery, &body)?,
        Format::Bitbucket => bitbucket::normalise(delivery, &body)?,
        Format::Gitea => gitea::normalise(delivery, &body)?,
        Format::GhArchive => gharchive::normalise(delivery, &body)?,
        Format::CdEvents => cdevents::normalise(delivery, &body)?,
    };
    let found = normalised.events.len();
    if found > EVENTS_MAX {
        let detail = format!("{found} events in one body, the limit is {EVENTS_MAX}");
        return Err(Reject::new(Reason::ValueTooLarge, detail));
    }
    normalised.cleaned = cleaned;
    Ok(normalised)
}

//! One log record into a typed event, or a reject.
//!
//! Invariant: the result depends on the record alone, and the fields of an [`Event`] hold what their
//! [`Kind`](crate::model::Kind) promises: required fields are there, times are in the calendar.
//! Deliberately absent: the JSON itself (`envelope`, `data`, `value`) and rows (`columns`).

use std::borrow::Cow;

use crate::data::require;
use crate::envelope::{self, Attributes};
use crate::hash::{Payload, key_hash};
use crate::model::{Entity, EventType, SLOTS, Table, fields, slot_of, slots_by_column};
use crate::record::{Limits, Record};
use crate::reject::{Reason, Reject};
use crate::time;
use crate::value::Value;

/// What a record is, when it is no dead letter.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every record is an event, and it lives for one call")]
pub enum Decoded<'a> {
    Event(Event<'a>),
    /// A well-formed CloudEvent of a type that is not Plimsoll's.
    Unknown {
        type_: Cow<'a, str>,
    },
    /// A null value: the log's way to delete a key.
    Tombstone,
}

/// A decoded event.
#[derive(Debug)]
pub struct Event<'a> {
    pub kind: &'static EventType,
    pub id: Cow<'a, str>,
    pub source: Cow<'a, str>,
    pub subject: Option<Cow<'a, str>>,
    /// When it happened, in microseconds UTC.
    pub occurred_at: i64,
    /// When the fact became known, in microseconds UTC.
    pub observed_at: i64,
    pub seq: i64,
    pub source_version: i64,
    /// It claims to have happened more than a day after the log recorded it.
    pub future: bool,
    /// Unknown data fields, as one canonical JSON object.
    pub extra: Option<String>,
    /// How many unknown data fields there are.
    pub unknown_fields: u32,
    /// One value for each field of its table, in the order of [`fields`].
    pub(crate) values: [Value<'a>; SLOTS],
}

/// For commits that name nobody, as `ingest git` has it.
const NOBODY: &str = "unknown";
/// How far past the log's time an event may be dated before it is flagged.
const FUTURE_US: i64 = 24 * 3600 * 1_000_000;

/// Decodes `record` with the default limits.
pub fn decode<'a>(record: &Record<'a>) -> Result<Decoded<'a>, Reject> {
    decode_with(record, &Limits::default())
}

/// Decodes `record`: CloudEvents 1.0 in structured or binary mode.
pub fn decode_with<'a>(record: &Record<'a>, limits: &Limits) -> Result<Decoded<'a>, Reject> {
    let Some(value) = record.value else {
        return Ok(Decoded::Tombstone);
    };
    weigh(record, value, limits)?;
    let text = text(value)?;
    let mut attributes = envelope::read(record.headers, text, limits)?;
    let Some(kind) = attributes.kind else {
        return Ok(Decoded::Unknown { type_: attributes.type_ });
    };
    // Nobody is named where a commit is taken away; its row has an author like any other.
    if kind.entity == Entity::Commit
        && !kind.required.contains(&"author")
        && let Some(author) = slot_of(Entity::Commit, "author").map(|slot| &mut attributes.values[slot])
        && !author.is_given()
    {
        *author = Value::Text(Cow::Borrowed(NOBODY));
    }
    let event = settle(kind, attributes, record.timestamp_us)?;
    require(kind, &event.values)?;
    Ok(Decoded::Event(event))
}

pub(crate) fn weigh(record: &Record<'_>, value: &[u8], limits: &Limits) -> Result<(), Reject> {
    let over = |reason, what: &str, found: usize, limit: usize| {
        Err(Reject::new(reason, format!("{what} of {found} bytes, the limit is {limit}")))
    };
    let key_bytes = record.key.map_or(0, <[u8]>::len);
    let header_bytes = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if value.is_empty() {
        return Err(Reject::new(Reason::EmptyValue, "the value has no bytes"));
    }
    if value.len() > limits.value_bytes {
        return over(Reason::ValueTooLarge, "a value", value.len(), limits.value_bytes);
    }
    if key_bytes > limits.key_bytes {
        return over(Reason::KeyTooLarge, "a key", key_bytes, limits.key_bytes);
    }
    if header_bytes > limits.header_bytes {
        return over(Reason::HeadersTooLarge, "headers", header_bytes, limits.header_bytes);
    }
    if record.headers.len() > limits.headers {
        let detail = format!("{} headers, the limit is {}", record.headers.len(), limits.headers);
        return Err(Reject::new(Reason::HeadersTooLarge, detail));
    }
    Ok(())
}

pub(crate) fn text(value: &[u8]) -> Result<&str, Reject> {
    let text = std::str::from_utf8(value).map_err(|error| {
        Reject::new(Reason::InvalidUtf8, format!("byte {} of the value is not utf-8", error.valid_up_to()))
    })?;
    if text.starts_with('\u{feff}') {
        return Err(Reject::new(Reason::ByteOrderMark, "the value starts with a byte order mark"));
    }
    Ok(text)
}

/// Fills in what the log knows where the event does not say.
fn settle<'a>(
    kind: &'static EventType,
    attributes: Attributes<'a>,
    logged_us: i64,
) -> Result<Event<'a>, Reject> {
    let logged_at = (0..=time::MAX_US).contains(&logged_us).then_some(logged_us);
    // CloudEvents leaves `time` to the sender; without one it is when the log took the event.
    let occurred_at = attributes.time.or(logged_at).ok_or_else(|| {
        Reject::new(Reason::MissingAttribute, "the event has no `time`, and its log has none for it")
    })?;
    Ok(Event {
        kind,
        id: attributes.id,
        source: attributes.source,
        subject: attributes.subject,
        occurred_at,
        observed_at: attributes.observed_at.or(logged_at).unwrap_or(occurred_at),
        seq: attributes.seq,
        source_version: attributes.source_version,
        future: logged_at.is_some_and(|logged_at| occurred_at > logged_at.saturating_add(FUTURE_US)),
        extra: attributes.extra,
        unknown_fields: attributes.unknown_fields,
        values: attributes.values,
    })
}

impl<'a> Event<'a> {
    pub fn table(&self) -> Table {
        self.kind.entity.table()
    }

    /// When it counts: the earlier of when it happened and when it became known.
    pub fn effective_at(&self) -> i64 {
        self.occurred_at.min(self.observed_at)
    }

    /// The value of a data field by its JSON name; `Absent` for a name that this event's table lacks.
    pub fn get(&self, name: &str) -> &Value<'a> {
        slot_of(self.kind.entity, name).map_or(&Value::Absent, |slot| &self.values[slot])
    }

    /// The JSON names of known fields that were given as null.
    pub fn cleared(&self) -> impl Iterator<Item = &'static str> + '_ {
        let named = fields(self.table()).iter().zip(&self.values);
        named
            .filter(|(field, value)| matches!(value, Value::Null) && !field.name.is_empty())
            .map(|(field, _)| field.name)
    }

    /// The id of what the event is about: change or sha, change, ticket, milestone, person, team.
    pub fn entity_id(&self) -> &str {
        let entity = self.kind.entity;
        match entity {
            Entity::Commit => self.get("change").as_text().or(self.get("sha").as_text()),
            _ => self.get(entity.id_field()).as_text(),
        }
        .unwrap_or_default()
    }

    /// Clusters the rows of one subject; see the table of keys in `docs/events.md`.
    pub fn key_hash(&self) -> i64 {
        let id = self.entity_id();
        match self.kind.entity {
            Entity::Commit | Entity::Change => {
                key_hash(&["change", self.get("repo").as_text().unwrap_or_default(), id])
            }
            entity => key_hash(&[entity.as_str(), id]),
        }
    }

    /// Hash of the content: type, source, subject, time, sequence and data, in a canonical form that
    /// knows neither key order nor whitespace, nor the columns' order. Where and when the record was
    /// delivered (`observedat`, position) and `sourceversion` are no content.
    pub fn payload_hash(&self) -> i64 {
        let mut payload = Payload::new();
        payload.text(self.kind.name);
        payload.text(&content_source(&self.source));
        payload.text(self.subject.as_deref().unwrap_or_default());
        payload.int(self.occurred_at);
        payload.int(self.seq);
        payload.text(self.extra.as_deref().unwrap_or_default());
        for &slot in slots_by_column(self.table()) {
            // The number names the same repository as its name does.
            let said = !matches!(self.values[slot], Value::Absent);
            if said && fields(self.table())[slot].column != "repo_id" {
                payload.text(fields(self.table())[slot].column);
                self.values[slot].hash(&mut payload);
            }
        }
        payload.finish()
    }
}

/// A source as content: that it names the site of a forge is newer than many events of today's ids.
pub fn content_source(source: &str) -> Cow<'_, str> {
    let Some((tool, address)) = source.split_once(":https://").or_else(|| source.split_once(":http://"))
    else {
        return Cow::Borrowed(source);
    };
    match (tool, address.split_once('/')) {
        ("git" | "github" | "gitlab" | "bitbucket", Some((_, repo))) => Cow::Owned(format!("{tool}:{repo}")),
        _ => Cow::Borrowed(source),
    }
}
